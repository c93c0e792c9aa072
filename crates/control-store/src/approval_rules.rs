//! Which conversions of an offer are approved, left to a person or rejected without one: the first rule that fits says.

use std::collections::{BTreeMap, BTreeSet};

use hopline_types::{AffiliateId, OfferId, UnixMillis};
use serde::{Deserialize, Serialize};

use crate::{ErrorKind, Row, Scope, StoreError, Tx, Value};

/// What a rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Approves.
    Approve,
    /// Leaves it to a person.
    Pending,
    /// Rejects.
    Reject,
}

impl Action {
    /// All of them, by their words.
    pub const WORDS: [(&'static str, Self); 3] =
        [("approve", Self::Approve), ("pending", Self::Pending), ("reject", Self::Reject)];

    /// The word used in text forms.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Pending => "pending",
            Self::Reject => "reject",
        }
    }
}

/// What must be true of a conversion; what is absent does not matter.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conditions {
    /// Its goal is one of these, by key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub goals: Option<Vec<String>>,
    /// Its amount is at least this, in minor units of the offer's currency.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount_from: Option<i64>,
    /// Its amount is below this, in minor units of the offer's currency.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount_below: Option<i64>,
    /// Its click came from one of these countries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub countries: Option<Vec<String>>,
    /// Its affiliate is one of these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub affiliates: Option<Vec<AffiliateId>>,
    /// Its affiliate was entered at least so many days before the conversion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub affiliate_days: Option<i64>,
    /// Whether a check has flagged it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flagged: Option<bool>,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalRule {
    /// What people call it; shown where it has decided.
    pub name: String,
    /// What it does.
    pub action: Action,
    /// How long what it approves is held; `None`: as the offer says.
    pub hold_days: Option<i64>,
    /// When it fits.
    pub conditions: Conditions,
}

fn rule(row: &Row) -> Result<(OfferId, ApprovalRule), StoreError> {
    let broken = |what: String| StoreError::new(ErrorKind::Broken, format!("approval_rules.{what}"));
    let word = row.text(2)?;
    let action = Action::WORDS.into_iter().find(|(known, _)| *known == word);
    let rule = ApprovalRule {
        name: row.text(1)?.to_owned(),
        action: action.ok_or_else(|| broken(format!("action: {word:?}")))?.1,
        hold_days: row.int_or_null(3)?,
        conditions: serde_json::from_str(row.text(4)?)
            .map_err(|error| broken(format!("conditions: {error}")))?,
    };
    Ok((row.id(0)?, rule))
}

/// Replaces the rules of an offer, in order.
///
/// # Errors
/// `Reference` where there is no such offer; those of the store.
pub fn replace(tx: &mut dyn Tx, offer: OfferId, rules: &[ApprovalRule]) -> Result<(), StoreError> {
    tx.execute("DELETE FROM approval_rules WHERE offer_id = $1", &[offer.into()])?;
    let row = |(position, rule): (i64, &ApprovalRule)| {
        let conditions = serde_json::to_string(&rule.conditions).expect("conditions are plain data");
        vec![
            offer.into(),
            position.into(),
            (&rule.name).into(),
            rule.action.as_str().into(),
            rule.hold_days.into(),
            conditions.into(),
        ]
    };
    let rows: Vec<Vec<Value>> = (1..).zip(rules).map(row).collect();
    tx.execute_many(
        "INSERT INTO approval_rules (offer_id, position, name, action, hold_days, conditions) \
         VALUES ($1, $2, $3, $4, $5, $6)",
        &rows,
    )
    .map(drop)
}

/// The rules of an offer, in order: operators' and the advertiser's own.
///
/// # Errors
/// The store fails.
pub fn of_offer(tx: &mut dyn Tx, scope: Scope, offer: OfferId) -> Result<Vec<ApprovalRule>, StoreError> {
    let rows = tx.query(
        "SELECT offer_id, name, action, hold_days, conditions FROM approval_rules WHERE ($1 = 'all' OR \
         ($1 = 'advertiser' AND EXISTS (SELECT 1 FROM offers WHERE offers.id = offer_id AND offers.advertiser_id = $2))) \
         AND offer_id = $3 ORDER BY position",
        &scope.bind([offer.into()]),
    )?;
    rows.iter().map(|row| Ok(rule(row)?.1)).collect()
}

/// The rules of offers, in order.
///
/// # Errors
/// The store fails.
pub fn of_offers(
    tx: &mut dyn Tx,
    offers: impl IntoIterator<Item = OfferId>,
) -> Result<BTreeMap<OfferId, Vec<ApprovalRule>>, StoreError> {
    let offers: BTreeSet<OfferId> = offers.into_iter().collect();
    let rows: Vec<Vec<Value>> = offers.into_iter().map(|offer| vec![offer.into()]).collect();
    let found = tx.query_many(
        "SELECT offer_id, name, action, hold_days, conditions FROM approval_rules WHERE offer_id = $1 ORDER BY position",
        &rows,
    )?;
    let mut rules: BTreeMap<OfferId, Vec<ApprovalRule>> = BTreeMap::new();
    for row in found.iter().flatten() {
        let (offer, rule) = rule(row)?;
        rules.entry(offer).or_default().push(rule);
    }
    Ok(rules)
}

/// When affiliates were entered.
///
/// # Errors
/// The store fails.
pub fn entered_at(
    tx: &mut dyn Tx,
    affiliates: impl IntoIterator<Item = AffiliateId>,
) -> Result<BTreeMap<AffiliateId, UnixMillis>, StoreError> {
    let affiliates: BTreeSet<AffiliateId> = affiliates.into_iter().collect();
    let rows: Vec<Vec<Value>> = affiliates.into_iter().map(|id| vec![id.into()]).collect();
    let found = tx.query_many("SELECT id, created_at FROM affiliates WHERE id = $1", &rows)?;
    found.iter().flatten().map(|row| Ok((row.id(0)?, row.time(1)?))).collect()
}
