//! Writing decisions down, and booking what follows from them.

use hopline_control_store::commissions::{self, InsertCommission};
use hopline_control_store::conversions::{self, Conversion, DecisionColumns};
use hopline_control_store::facts as outbox;
use hopline_control_store::{Tx, ledger};
use hopline_ledger::Draft;
use hopline_types::{AffiliateId, LinkId, TermsId, UnixMillis};
use serde_json::Value;

use super::{Decided, Verdict, again, overtaken};
use crate::caps::Sums;
use crate::commission::Course;
use crate::facts::{self, Labels, Picture};
use crate::{BookError, qualify};

/// What is written down of a decision besides its verdict.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) reasoning: Value,
    pub(crate) affiliate: Option<AffiliateId>,
    pub(crate) link: Option<LinkId>,
    pub(crate) clicked_at: Option<UnixMillis>,
    pub(crate) terms: Option<TermsId>,
    /// Revenue and payout.
    pub(crate) money: Option<(i64, i64)>,
    /// What is credited, in the order of the credits.
    pub(crate) courses: Vec<Course>,
}

impl Outcome {
    pub(crate) const fn nobody(reasoning: Value) -> Self {
        Self {
            reasoning,
            affiliate: None,
            link: None,
            clicked_at: None,
            terms: None,
            money: None,
            courses: Vec::new(),
        }
    }

    /// Who is concerned, each once: who is named, who has a share, who gets a level.
    pub(crate) fn concerned(&self) -> Vec<AffiliateId> {
        let credited = self.courses.iter().map(|course| course.commission().affiliate);
        let mut concerned: Vec<AffiliateId> = self.affiliate.into_iter().chain(credited).collect();
        concerned.sort_unstable();
        concerned.dedup();
        concerned
    }

    /// The ids of all transactions that are to be booked, in order.
    pub(crate) fn transactions(&self) -> Value {
        self.courses.iter().flat_map(Course::drafts).map(|draft| draft.id.as_str()).collect()
    }
}

/// A decision, ready to be written.
#[derive(Debug)]
pub(crate) struct Conclusion {
    /// Whether its visitor's clicks are to be looked for again later.
    looks: bool,
    /// As it is after the decision.
    conversion: Conversion,
    columns: DecisionColumns,
    labels: Labels,
    commissions: Vec<InsertCommission>,
    drafts: Vec<Draft>,
}

impl Conclusion {
    pub(crate) fn new(
        mut conversion: Conversion,
        labels: Labels,
        verdict: Verdict,
        mut outcome: Outcome,
        now: UnixMillis,
    ) -> Result<Self, BookError> {
        outcome.reasoning["labels"] =
            serde_json::to_value(&labels).map_err(|error| BookError::broken(format!("labels: {error}")))?;
        let (revenue_minor, payout_minor) = outcome.money.unwrap_or_default();
        let concerned = outcome.concerned();
        let columns = DecisionColumns {
            concerned,
            decided_at: now,
            affiliate: outcome.affiliate,
            link: outcome.link,
            clicked_at: outcome.clicked_at,
            terms: outcome.terms,
            revenue_minor: Some(revenue_minor),
            payout_minor: Some(payout_minor),
            status: verdict.status,
            reason: verdict.reason.map(str::to_owned),
            decision: outcome.reasoning.to_string(),
        };
        columns.apply_to(&mut conversion);
        let (commissions, drafts): (Vec<_>, Vec<_>) =
            outcome.courses.into_iter().map(Course::into_new).unzip();
        let drafts = drafts.into_iter().flatten().collect();
        Ok(Self { looks: false, conversion, columns, labels, commissions, drafts })
    }

    /// Its visitor's clicks are looked for again later.
    pub(crate) fn looks_later(self) -> Self {
        Self { looks: true, ..self }
    }

    fn facts(&self, now: UnixMillis) -> Vec<outbox::NewFact> {
        let Self { conversion, labels, .. } = self;
        let cause = format!("decided:{}", conversion.id);
        let after = Picture::of_new(conversion, labels, &self.commissions);
        facts::changes(&cause, conversion, labels, (&Picture::default(), &after), now)
    }
}

/// Writes one decision down and books what follows from it.
pub(crate) fn write_down(
    tx: &mut dyn Tx,
    conclusion: Conclusion,
    now: UnixMillis,
) -> Result<Decided, BookError> {
    super::only(write(tx, vec![conclusion], Sums::default(), now)?)
}

/// Writes decisions down, with what they take from caps, and books what follows from them; gives them back in order.
pub(super) fn write(
    tx: &mut dyn Tx,
    mut conclusions: Vec<Conclusion>,
    sums: Sums,
    now: UnixMillis,
) -> Result<Vec<Decided>, BookError> {
    let columns = conclusions.iter().map(|conclusion| (conclusion.conversion.id, &conclusion.columns));
    let undecided = conversions::record_decisions(tx, columns)?;
    if usize::try_from(undecided) != Ok(conclusions.len()) {
        return Err(overtaken(conclusions.len(), undecided));
    }
    commissions::insert(tx, conclusions.iter().flat_map(|conclusion| &conclusion.commissions))?;
    again::look_later(tx, conclusions.iter().filter(|one| one.looks).map(|one| &one.conversion), now)?;
    qualify::note(tx, conclusions.iter().map(|conclusion| &conclusion.conversion))?;
    outbox::put(tx, conclusions.iter().flat_map(|conclusion| conclusion.facts(now)).collect())?;
    sums.write(tx)?;
    let counts: Vec<usize> = conclusions.iter().map(|conclusion| conclusion.drafts.len()).collect();
    let drafts = conclusions.iter_mut().flat_map(|conclusion| std::mem::take(&mut conclusion.drafts));
    let drafts: Vec<Draft> = drafts.collect();
    let mut posted = ledger::post_many(tx, drafts, now)?.into_iter();
    let decided = conclusions.into_iter().zip(counts).map(|(conclusion, count)| {
        let own = posted.by_ref().take(count);
        let columns = conclusion.columns;
        Decided {
            conversion: conclusion.conversion.id,
            status: columns.status,
            affiliate: columns.affiliate,
            reason: columns.reason,
            transactions: own.map(|posted| u64::from(posted.is_new())).sum(),
            was_decided: false,
        }
    });
    Ok(decided.collect())
}
