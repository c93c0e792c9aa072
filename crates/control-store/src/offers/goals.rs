//! Goals: the paid events of an offer.

use hopline_terms::GoalTerms;
use hopline_types::{GoalId, GoalKind, OfferId, UnixMillis};

use super::terms;
use crate::{Row, StoreError, Tx, Value};

/// A goal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Goal {
    /// Its id.
    pub id: GoalId,
    /// Its offer.
    pub offer_id: OfferId,
    /// Its name in postbacks.
    pub key: String,
    /// Its name for people.
    pub name: String,
    /// What it pays for; never changes.
    pub kind: GoalKind,
}

/// A goal to enter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewGoal {
    /// Its name in postbacks.
    pub key: String,
    /// Its name for people.
    pub name: String,
    /// Version 1 of its terms; their kind is the goal's.
    pub terms: GoalTerms,
}

fn read(row: &Row) -> Result<Goal, StoreError> {
    Ok(Goal {
        id: row.id(0)?,
        offer_id: row.id(1)?,
        key: row.text(2)?.to_owned(),
        name: row.text(3)?.to_owned(),
        kind: row.parsed(4)?,
    })
}

pub(super) fn insert(
    tx: &mut dyn Tx,
    offer: OfferId,
    position: i64,
    goal: &NewGoal,
    now: UnixMillis,
) -> Result<GoalId, StoreError> {
    let id = tx
        .one(
            "INSERT INTO goals (offer_id, position, key, name, kind) VALUES ($1, $2, $3, $4, $5) RETURNING id",
            &[
                offer.into(),
                position.into(),
                (&goal.key).into(),
                (&goal.name).into(),
                goal.terms.kind.as_str().into(),
            ],
        )?
        .id(0)?;
    terms::insert_first(tx, id, &goal.terms, now)?;
    Ok(id)
}

/// The goals of an offer, in order.
///
/// # Errors
/// Those of the store.
pub fn goals_of(tx: &mut dyn Tx, offer: OfferId) -> Result<Vec<Goal>, StoreError> {
    tx.query(
        "SELECT id, offer_id, key, name, kind FROM goals WHERE offer_id = $1 ORDER BY position, id",
        &[offer.into()],
    )?
    .iter()
    .map(read)
    .collect()
}

/// The same for many offers, in the order asked for.
pub(super) fn goals_of_many(tx: &mut dyn Tx, offers: &[Vec<Value>]) -> Result<Vec<Vec<Goal>>, StoreError> {
    let sql = "SELECT id, offer_id, key, name, kind FROM goals WHERE offer_id = $1 ORDER BY position, id";
    tx.query_many(sql, offers)?.iter().map(|rows| rows.iter().map(read).collect()).collect()
}

/// One goal.
///
/// # Errors
/// Those of the store.
pub fn goal(tx: &mut dyn Tx, id: GoalId) -> Result<Option<Goal>, StoreError> {
    tx.first("SELECT id, offer_id, key, name, kind FROM goals WHERE id = $1", &[id.into()])?
        .as_ref()
        .map(read)
        .transpose()
}
