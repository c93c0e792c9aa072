//! Leads that wait until they are qualified: by the advertiser, by a later conversion, or by nothing in time.
//!
//! With every decision it is noted what waits and what may qualify ([`note`]). [`qualify_leads`] then looks at what is new,
//! in either order of arrival: a later conversion of the named goal, for the same customer or under the same order id, that
//! happened before the deadline and was credited or credits nobody for want of a click, qualifies. What is qualified is
//! approved; what is overdue is rejected or approved, as the goal says. Whatever somebody has judged meanwhile stays.

use hopline_control_store::conversions::{self, Conversion};
use hopline_control_store::qualifications::{self, AtDeadline, News, Qualifier, WaitingLead};
use hopline_control_store::{StoreError, Tx};
use hopline_types::{CommissionStatus, ConversionId, UnixMillis};

use crate::BookError;
use crate::approval::rules::deadline;
use crate::approval::{Judge, judge_many};
use crate::explain::rfc3339;

/// Who judges leads.
const ACTOR: &str = "system:qualification";

/// What was done with leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Qualified {
    /// How many conversions and deadlines were looked at; as many as the limit: there may be more.
    pub looked_at: u64,
    /// Approved.
    pub approved: u64,
    /// Rejected.
    pub rejected: u64,
    /// Ledger transactions booked.
    pub transactions: u64,
}

/// Notes of decided conversions which wait to be qualified, and which may qualify others.
pub(crate) fn note<'a>(
    tx: &mut dyn Tx,
    decided: impl IntoIterator<Item = &'a Conversion>,
) -> Result<(), StoreError> {
    let decided: Vec<&Conversion> = decided.into_iter().collect();
    let goals = qualifications::of_goals(tx, decided.iter().map(|conversion| conversion.goal))?;
    let mut leads = Vec::new();
    let mut qualifiers = Vec::new();
    for conversion in decided {
        let Conversion { id, goal, converted_at, .. } = *conversion;
        let (customer, order) = (conversion.customer_id.clone(), conversion.order_id.clone());
        let is_pending = conversion.status == Some(CommissionStatus::Pending);
        if let Some(needed) = goals.needed.get(&goal).filter(|_| is_pending) {
            let deadline_at = deadline(conversion, needed);
            let (customer, order) = (customer.clone(), order.clone());
            leads.push(WaitingLead { conversion: id, goal, customer, order, converted_at, deadline_at });
        }
        let is_refused = conversion.status == Some(CommissionStatus::Rejected);
        if goals.qualifying.contains(&goal) && !is_refused {
            qualifiers.push(Qualifier { conversion: id, goal, customer, order, converted_at });
        }
    }
    qualifications::note_waiting(tx, &leads)?;
    qualifications::note_qualifiers(tx, &qualifiers)
}

/// Whether there is something to do for [`qualify_leads`].
///
/// # Errors
/// The store's.
pub fn leads_wait(tx: &mut dyn Tx, now: UnixMillis) -> Result<bool, BookError> {
    let News { leads, qualifiers } = qualifications::news(tx, 1)?;
    Ok(!leads.is_empty() || !qualifiers.is_empty() || !qualifications::overdue(tx, now, 1)?.is_empty())
}

/// Approves leads that are qualified and ends those that are overdue, up to `limit` of each.
///
/// # Errors
/// The store's; what the ledger refuses.
pub fn qualify_leads(tx: &mut dyn Tx, now: UnixMillis, limit: u32) -> Result<Qualified, BookError> {
    let news = qualifications::news(tx, limit)?;
    let matches = qualifications::matches(tx, &news)?;
    let overdue = qualifications::overdue(tx, now, limit)?;
    let mut qualified = Qualified {
        looked_at: u64::try_from(news.leads.len().max(news.qualifiers.len()).max(overdue.len()))
            .map_err(BookError::broken)?,
        ..Qualified::default()
    };
    let mut asked: Vec<(ConversionId, Judge)> = Vec::new();
    for found in &matches {
        let reason = format!("qualified by conversion {}", found.qualifier);
        asked.push((found.lead, Judge::Approve { reason: Some(reason) }));
    }
    for (lead, needed) in &overdue {
        if matches.iter().any(|found| found.lead == *lead) {
            continue;
        }
        let ended = qualifications::waits_until(tx, *lead)?.flatten().map(rfc3339).unwrap_or_default();
        let reason = format!("not qualified before {ended}");
        asked.push((
            *lead,
            match needed.at_deadline {
                AtDeadline::Reject => Judge::Reject { reason },
                AtDeadline::Approve => Judge::Approve { reason: Some(reason) },
            },
        ));
    }
    // What somebody has judged meanwhile is left as it is.
    let ids: Vec<ConversionId> = asked.iter().map(|(lead, _)| *lead).collect();
    let found = conversions::find_many(tx, &ids)?;
    let waits = |conversion: &Option<Conversion>| {
        conversion.as_ref().is_some_and(|lead| lead.status == Some(CommissionStatus::Pending))
    };
    let due: Vec<(ConversionId, Judge)> =
        asked.into_iter().zip(&found).filter(|(_, found)| waits(found)).map(|(asked, _)| asked).collect();
    for (answer, (_, asked)) in judge_many(tx, &due, ACTOR, now)?.into_iter().zip(&due) {
        let reviewed = answer?;
        qualified.transactions += reviewed.transactions;
        match asked {
            Judge::Approve { .. } => qualified.approved += 1,
            _ => qualified.rejected += 1,
        }
    }
    qualifications::looked(tx, &news)?;
    qualifications::forget(tx, &ids)?;
    Ok(qualified)
}
