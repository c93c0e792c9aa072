//! Paying clicks by the hour.
//!
//! For every goal paid per click, affiliate and hour the count of unique valid clicks comes from the click store. What
//! was settled before is known, so each settlement books the difference, as one conversion of its own; late clicks of
//! an old hour make a further one. Rounding does not drift: a step is the worth of all clicks so far less the worth of
//! those before. While a difference is worth less than half a minor unit it waits for more clicks.

use hopline_click_store::ClickCount;
use hopline_control_store::conversions::{self, InsertConversion};
use hopline_control_store::offers::{self, Approval, Offer};
use hopline_control_store::settlements::{self, Settled};
use hopline_control_store::{Scope, Tx, affiliates};
use hopline_ledger::Share;
use hopline_types::{ConversionSource, GoalId, HOUR_MS, UnixMillis};
use serde_json::json;

use crate::BookError;
use crate::commission::{self, Begin, Bookings, Credited};
use crate::decide::{Outcome, terms_json, write_down};
use crate::explain::rfc3339;
use crate::facts::Labels;

/// What a settlement of clicks did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClicksSettled {
    /// Conversions made: one for each goal, affiliate and hour with new clicks.
    pub conversions: u64,
    /// Clicks settled now.
    pub clicks: u64,
    /// Ledger transactions booked.
    pub transactions: u64,
}

/// Settles counted clicks of hours that have ended by `until`: books the difference to what was settled before. The
/// same counts again book nothing.
///
/// # Errors
/// The store's; terms that come to no amount.
pub fn settle_clicks(
    tx: &mut dyn Tx,
    counts: &[ClickCount],
    until: UnixMillis,
    now: UnixMillis,
) -> Result<ClicksSettled, BookError> {
    let mut settled = ClicksSettled::default();
    for count in counts.iter().filter(|count| count.hour.plus(HOUR_MS) <= until) {
        let goals = settlements::click_goals(tx, count.offer)?;
        if goals.is_empty() {
            continue;
        }
        let Some(offer) = offers::get(tx, Scope::All, count.offer)? else { continue };
        if affiliates::get(tx, Scope::All, count.affiliate)?.is_none() {
            continue;
        }
        for goal in goals {
            settle_hour(tx, &offer, goal, count, &mut settled, now)?;
        }
    }
    Ok(settled)
}

fn settle_hour(
    tx: &mut dyn Tx,
    offer: &Offer,
    goal: GoalId,
    count: &ClickCount,
    settled: &mut ClicksSettled,
    now: UnixMillis,
) -> Result<(), BookError> {
    let before = settlements::so_far(tx, goal, count.affiliate, count.hour)?;
    let counted = i64::try_from(count.clicks).map_err(BookError::broken)?;
    if counted <= before.clicks {
        return Ok(());
    }
    let quantity = counted - before.clicks;
    let version = offers::terms_at(tx, goal, count.hour)?
        .ok_or_else(|| BookError::broken(format!("goal {goal} has no terms")))?;
    let counted_before = u64::try_from(before.clicks).map_err(BookError::broken)?;
    let earned =
        hopline_terms::click_settlement(&version.terms, counted_before, count.clicks, offer.currency)
            .map_err(BookError::broken)?;
    if earned.revenue.is_zero() && earned.payout.is_zero() {
        return Ok(());
    }
    let step = before.settlements + 1;
    let order_id = format!("clicks:{}:{step}", rfc3339(count.hour));
    let goal_key = offer.goals.iter().find(|known| known.id == goal).map(|known| known.key.clone());
    let conversion = conversions::insert(
        tx,
        &InsertConversion {
            event_id: format!("clicks:{goal}:{}:{}:{step}", count.affiliate, count.hour.get()),
            advertiser: offer.advertiser_id,
            offer: offer.id,
            goal,
            goal_key: goal_key.unwrap_or_default(),
            idempotency: format!("clicks:{}:{}:{step}", count.affiliate, count.hour.get()),
            source: ConversionSource::Settlement,
            requested_status: None,
            order_id: Some(order_id),
            click_id: None,
            coupon: None,
            customer_id: None,
            items: None,
            adv: None,
            quantity,
            amount: None,
            currency: offer.currency,
            converted_at: count.hour,
            received_at: now,
        },
    )?;
    let conversion = commission::conversion_of(tx, conversion)?;
    let share = Share::new(earned.revenue, earned.payout).map_err(BookError::broken)?;
    let begin = match offer.settings.approval {
        Approval::Automatic => Begin::Approved { hold_days: offer.settings.hold_days },
        Approval::Manual => Begin::Pending,
    };
    let mut bookings = Bookings::default();
    let credited = Credited { affiliate: count.affiliate, share };
    let status = commission::begin(tx, &conversion, credited, begin, &mut bookings, now)?;
    let mut outcome = Outcome::nobody(json!({
        "reason": format!("{} clicks of the hour were counted, {} of them settled before", counted, before.clicks),
        "rule": "clicks_by_the_hour",
        "hour": rfc3339(count.hour),
        "clicks_counted": counted,
        "clicks_settled_before": before.clicks,
        "touches": [],
        "terms": terms_json(&version, earned.revenue),
        "lines": earned.lines,
        "rounding": "each line once, half to even",
        "credits": [{ "affiliate_id": count.affiliate, "weight": "1", "weights_total": "1",
            "revenue": earned.revenue, "payout": earned.payout }],
        "approval": { "offer": offer.settings.approval.as_str(), "hold_days": offer.settings.hold_days },
        "transactions": bookings.ids,
    }));
    outcome.affiliate = Some(count.affiliate);
    outcome.terms = Some(version.id);
    outcome.money = Some((earned.revenue.minor, earned.payout.minor));
    outcome.transactions = bookings.new;
    // A click counts at its own hour on either basis of time.
    outcome.clicked_at = Some(count.hour);
    write_down(tx, &conversion, &Labels::default(), status, None, outcome, now)?;
    let after = Settled { clicks: counted, settlements: step };
    settlements::note(tx, goal, count.affiliate, count.hour, after)?;
    settled.conversions += 1;
    settled.clicks += u64::try_from(quantity).unwrap_or_default();
    settled.transactions += bookings.new;
    Ok(())
}
