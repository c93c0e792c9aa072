//! How soon installs follow their clicks, per offer and affiliate: counts by spans of time, flags with their reasons.
//!
//! A flag is a sign for a person to look at, never a verdict: no install is rejected by it. Real installs come soon: as a rule of thumb
//! 75 % within an hour of the click and 94 % within a day. Two sorts of fraud look different:
//!
//! | flag | what it looks like | flagged when |
//! | --- | --- | --- |
//! | `injection` | an app on the device sees an install begin and sends a click just before | 5 % and 3 of at least 30 installs come within 10 s of their click, at least twice the share of the others |
//! | `flooding` | clicks are sent for everybody, so that installs come whenever people install anyway | a quarter of at least 30 installs within a day come in hours 2 to 24, at least twice the share of the others, and evenly over these hours |
//!
//! The others are all other affiliates of the offer in the same period, where they have 30 installs; else a sign must do
//! without them: 10 % within 10 s, or half of the day in hours 2 to 24. Against the others the difference must be
//! [`crate::Z_BOUND`] standard errors, as for other signals.
//!
//! Even: no hour's share says otherwise by the chi-square test for 22 hours at 5 % (32.67), or the deviation is below a tenth of what
//! is counted. All of it is integer arithmetic. Source: C-15.

use std::collections::BTreeMap;

use hopline_types::{AffiliateId, OfferId};

use crate::Ratio;
use crate::signals::far_above;

/// Version of the rules and thresholds of this module.
pub const TIMING_VERSION: u32 = 1;
/// Installs below which nothing is flagged and nothing is compared with.
pub const INSTALLS_MIN: u64 = 30;
/// Spans of time after the click: see [`SPAN_SECONDS`].
pub const SPANS: usize = 28;
/// Seconds after the click at which each span begins: 0, 10 s, 1 min, 10 min, then every hour from 1 to 24.
pub const SPAN_SECONDS: [u32; SPANS] = {
    let mut seconds = [0; SPANS];
    seconds[1] = 10;
    seconds[2] = 60;
    seconds[3] = 600;
    let mut span = 4;
    let mut at = 3_600;
    while span < SPANS {
        seconds[span] = at;
        at += 3_600;
        span += 1;
    }
    seconds
};

const WITHIN_HOUR: usize = 4;
const WITHIN_DAY: usize = 27;
/// The span of the hour that begins two hours after the click.
const SECOND_HOUR: usize = 5;
/// 32.67 times 100.
const CHI_SQUARE: u128 = 3_267;

/// Installs of one affiliate on one offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimingInput {
    /// The offer.
    pub offer: OfferId,
    /// The affiliate.
    pub affiliate: AffiliateId,
    /// Installs by span.
    pub spans: [u64; SPANS],
}

/// What a flag is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TimingSign {
    /// Clicks right before installs.
    Injection,
    /// Clicks for everybody.
    Flooding,
}

impl TimingSign {
    /// The name in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Injection => "injection",
            Self::Flooding => "flooding",
        }
    }
}

/// A sign, not a verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimingFlag {
    /// What it is about.
    pub sign: TimingSign,
    /// What was found, in words.
    pub reason: String,
}

/// Shares of installs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Shares {
    /// Within ten seconds, of all.
    pub within_ten_seconds: Ratio,
    /// Within an hour, of all.
    pub within_hour: Ratio,
    /// Within a day, of all.
    pub within_day: Ratio,
    /// In hours 2 to 24, of those within a day.
    pub later_that_day: Ratio,
}

/// One row of the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimingRow {
    /// What was counted.
    pub input: TimingInput,
    /// Its shares.
    pub own: Shares,
    /// Those of all other affiliates of the offer.
    pub norm: Shares,
    /// What stands out.
    pub flags: Vec<TimingFlag>,
}

/// Judges each affiliate against the others of its offer; rows by offer and affiliate, each pair given once.
///
/// Give all affiliates of an offer, even if only one is asked for: the norm is made of the others.
#[must_use]
pub fn judge_timing(inputs: &[TimingInput]) -> Vec<TimingRow> {
    let mut sums = BTreeMap::<OfferId, [u64; SPANS]>::new();
    for input in inputs {
        let sum = sums.entry(input.offer).or_insert([0; SPANS]);
        for (sum, own) in sum.iter_mut().zip(input.spans) {
            *sum = sum.saturating_add(own);
        }
    }
    let mut rows: Vec<TimingRow> = inputs
        .iter()
        .map(|input| {
            let mut others = sums.get(&input.offer).copied().unwrap_or([0; SPANS]);
            for (other, own) in others.iter_mut().zip(input.spans) {
                *other = other.saturating_sub(own);
            }
            let (own, norm) = (Shares::of(&input.spans), Shares::of(&others));
            TimingRow { input: *input, own, norm, flags: flags(&input.spans, own, norm) }
        })
        .collect();
    rows.sort_by_key(|row| (row.input.offer, row.input.affiliate));
    rows
}

fn sum(spans: &[u64]) -> u64 {
    spans.iter().fold(0, |sum, installs| sum.saturating_add(*installs))
}

impl Shares {
    fn of(spans: &[u64; SPANS]) -> Self {
        let (all, day) = (sum(spans), sum(&spans[..WITHIN_DAY]));
        let ratio = |part, whole| Ratio { part, whole };
        Self {
            within_ten_seconds: ratio(spans[0], all),
            within_hour: ratio(sum(&spans[..WITHIN_HOUR]), all),
            within_day: ratio(day, all),
            later_that_day: ratio(sum(&spans[SECOND_HOUR..WITHIN_DAY]), day),
        }
    }
}

/// Whether a share is at least so many percent.
const fn reaches(ratio: Ratio, percent: u64) -> bool {
    ratio.part.saturating_mul(100) >= ratio.whole.saturating_mul(percent)
}

fn flags(spans: &[u64; SPANS], own: Shares, norm: Shares) -> Vec<TimingFlag> {
    let mut flags = Vec::new();
    let mut flag = |sign, what: &str, own: Ratio, norm: Ratio| {
        let others = if norm.whole >= INSTALLS_MIN {
            format!(", against {} of {} of the other affiliates", norm.part, norm.whole)
        } else {
            String::new()
        };
        flags.push(TimingFlag {
            sign,
            reason: format!("{} of {} installs {what}{others}", own.part, own.whole),
        });
    };
    let (quick, quick_norm) = (own.within_ten_seconds, norm.within_ten_seconds);
    if quick.part >= 3 && stands_out(quick, quick_norm, 5, 10) {
        flag(TimingSign::Injection, "came within 10 s of their click", quick, quick_norm);
    }
    let (later, later_norm) = (own.later_that_day, norm.later_that_day);
    if stands_out(later, later_norm, 25, 50) && is_even(&spans[SECOND_HOUR..WITHIN_DAY]) {
        flag(
            TimingSign::Flooding,
            "within a day came 2 to 24 hours after their click, evenly",
            later,
            later_norm,
        );
    }
    flags
}

/// Reaches the share and is far above the others; without enough others it must reach `alone`.
fn stands_out(own: Ratio, norm: Ratio, percent: u64, alone: u64) -> bool {
    if own.whole < INSTALLS_MIN {
        return false;
    }
    if norm.whole < INSTALLS_MIN {
        return reaches(own, alone);
    }
    reaches(own, percent) && far_above(own, norm, 2)
}

/// Whether what is counted is spread evenly.
fn is_even(hours: &[u64]) -> bool {
    let all = u128::from(sum(hours));
    let count = u128::try_from(hours.len()).unwrap_or(1);
    let squares: u128 = hours.iter().map(|hour| u128::from(*hour).saturating_mul(u128::from(*hour))).sum();
    // chi² = n · Σo² / N - N, times N.
    let deviation = squares.saturating_mul(count).saturating_sub(all.saturating_mul(all));
    deviation.saturating_mul(100) <= CHI_SQUARE.saturating_mul(all)
        || deviation.saturating_mul(10) <= all.saturating_mul(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(affiliate: i64, spans: [u64; SPANS]) -> TimingInput {
        TimingInput {
            offer: OfferId::new(1).unwrap(),
            affiliate: AffiliateId::new(affiliate).unwrap(),
            spans,
        }
    }

    /// As real installs come: 78 % within an hour, 95 % within a day.
    fn real(times: u64) -> [u64; SPANS] {
        let mut spans = [0; SPANS];
        spans[1] = 20;
        spans[2] = 40;
        spans[3] = 18;
        for (span, installs) in (4..).zip([6, 3, 2, 1, 1, 1, 1, 1, 1]) {
            spans[span] = installs;
        }
        spans[27] = 5;
        spans.map(|installs| installs * times)
    }

    fn signs(inputs: &[TimingInput], affiliate: i64) -> Vec<TimingSign> {
        let rows = judge_timing(inputs);
        let row = rows.iter().find(|row| row.input.affiliate.get() == affiliate).unwrap();
        row.flags.iter().map(|flag| flag.sign).collect()
    }

    #[test]
    fn spans_begin_where_they_are_said_to() {
        assert_eq!(SPAN_SECONDS[..6], [0, 10, 60, 600, 3_600, 7_200]);
        assert_eq!(SPAN_SECONDS[27], 86_400);
    }

    // C-15
    #[test]
    fn c_15_installs_as_they_really_come_are_not_flagged() {
        assert_eq!(signs(&[input(1, real(1)), input(2, real(40))], 1), []);
        assert_eq!(signs(&[input(1, real(100))], 1), [], "also without others");
    }

    // C-15
    #[test]
    fn c_15_installs_right_after_their_click_are_a_sign_of_injection() {
        let mut spans = real(1);
        spans[0] = 30;
        assert_eq!(signs(&[input(1, spans), input(2, real(10))], 1), [TimingSign::Injection]);
        assert_eq!(signs(&[input(1, spans)], 1), [TimingSign::Injection]);
        let mut few = [0; SPANS];
        few[0] = INSTALLS_MIN - 1;
        assert_eq!(signs(&[input(1, few)], 1), [], "too few to say anything");
        let both = [input(1, spans), input(2, spans)];
        assert_eq!(signs(&both, 1), [], "it is the offer's norm, such as an app that opens at once");
    }

    // C-15
    #[test]
    fn c_15_installs_spread_over_the_day_are_a_sign_of_flooding() {
        let mut spans = [0; SPANS];
        for (number, span) in (0..).zip(5..27) {
            spans[span] = 10 + number % 3;
        }
        spans[3] = 20;
        assert_eq!(signs(&[input(1, spans), input(2, real(10))], 1), [TimingSign::Flooding]);
        assert_eq!(signs(&[input(1, spans)], 1), [TimingSign::Flooding]);
        let mut evening = [0; SPANS];
        evening[3] = 20;
        evening[12] = 200;
        assert_eq!(signs(&[input(1, evening)], 1), [], "a peak has another reason, such as a mail");
    }
}
