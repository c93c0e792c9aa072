//! Versions of what a goal pays.
//!
//! A version is never changed. In force at a time is the highest version that has begun by then; version 1 is in force
//! from the beginning of time, so that every conversion of a goal has terms, whatever a clock says.
//!
//! A version may have an end; then the next lower one that is in force holds again. A version may be for one affiliate or one
//! group of affiliates only: [`applying`] takes an affiliate's own before its group's before the goal's.

use std::collections::{BTreeMap, BTreeSet};

use hopline_money::Decimal;
use hopline_terms::{GoalTerms, Plan, Price};
use hopline_types::{AffiliateId, GoalId, GroupId, OfferId, TermsId, UnixMillis};

use crate::{ErrorKind, Row, StoreError, Tx, Value};

/// One version of a goal's terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TermsVersion {
    /// Its id.
    pub id: TermsId,
    /// Its goal.
    pub goal_id: GoalId,
    /// Counts from 1 for each goal.
    pub version: i64,
    /// When it begins.
    pub effective_from: UnixMillis,
    /// When it ends; never where absent.
    pub until: Option<UnixMillis>,
    /// Whom it is for.
    pub whose: Whose,
    /// What is paid.
    pub terms: GoalTerms,
    /// What else is said of that.
    pub plan: Plan,
    /// When it was entered.
    pub created_at: UnixMillis,
}

/// Whom a version of terms is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Whose {
    /// All affiliates.
    #[default]
    All,
    /// Those of a group.
    Group(GroupId),
    /// One affiliate.
    Affiliate(AffiliateId),
}

/// A version to enter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTerms {
    /// What is paid.
    pub terms: GoalTerms,
    /// What else is said of that.
    pub plan: Plan,
    /// Whom it is for.
    pub whose: Whose,
    /// When it begins.
    pub effective_from: UnixMillis,
    /// When it ends.
    pub until: Option<UnixMillis>,
}

/// When version 1 begins.
const ALWAYS: UnixMillis = UnixMillis(0);

macro_rules! select {
    () => {
        "SELECT terms.id, terms.goal_id, terms.version, terms.effective_from, terms.created_at, goals.kind, \
         terms.revenue_percent, terms.revenue_fixed, terms.payout_percent, terms.payout_fixed, terms.plan, \
         terms.until_at, terms.affiliate_id, terms.group_id \
         FROM terms JOIN goals ON goals.id = terms.goal_id "
    };
}

fn read(row: &Row) -> Result<TermsVersion, StoreError> {
    let decimal = |column: usize| -> Result<Option<Decimal>, StoreError> {
        row.text_or_null(column)?.map(|_| row.parsed(column)).transpose()
    };
    let plan = serde_json::from_str(row.text(10)?)
        .map_err(|error| StoreError::new(ErrorKind::Broken, format!("terms.plan: {error}")))?;
    let whose = match (row.id_or_null(12)?, row.id_or_null(13)?) {
        (Some(affiliate), _) => Whose::Affiliate(affiliate),
        (None, Some(group)) => Whose::Group(group),
        (None, None) => Whose::All,
    };
    Ok(TermsVersion {
        plan,
        whose,
        until: row.time_or_null(11)?,
        id: row.id(0)?,
        goal_id: row.id(1)?,
        version: row.int(2)?,
        effective_from: row.time(3)?,
        created_at: row.time(4)?,
        terms: GoalTerms {
            kind: row.parsed(5)?,
            revenue: Price { percent: decimal(6)?, fixed: decimal(7)? },
            payout: Price { percent: decimal(8)?, fixed: decimal(9)? },
        },
    })
}

fn insert(
    tx: &mut dyn Tx,
    goal: GoalId,
    version: i64,
    new: &NewTerms,
    now: UnixMillis,
) -> Result<TermsId, StoreError> {
    let NewTerms { terms, plan, whose, effective_from, until } = new;
    let (affiliate, group) = match whose {
        Whose::All => (None, None),
        Whose::Group(group) => (None, Some(*group)),
        Whose::Affiliate(affiliate) => (Some(*affiliate), None),
    };
    let plan = serde_json::to_string(plan)
        .map_err(|error| StoreError::new(ErrorKind::Broken, format!("a plan is no JSON: {error}")))?;
    let text = |decimal: Option<Decimal>| Value::from(decimal.map(|decimal| decimal.to_string()));
    tx.one(
        "INSERT INTO terms (goal_id, version, effective_from, revenue_percent, revenue_fixed, payout_percent,
         payout_fixed, created_at, plan, until_at, affiliate_id, group_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING id",
        &[
            goal.into(),
            version.into(),
            (*effective_from).into(),
            text(terms.revenue.percent),
            text(terms.revenue.fixed),
            text(terms.payout.percent),
            text(terms.payout.fixed),
            now.into(),
            plan.into(),
            (*until).into(),
            affiliate.into(),
            group.into(),
        ],
    )?
    .id(0)
}

pub(super) fn insert_first(
    tx: &mut dyn Tx,
    goal: GoalId,
    terms: &GoalTerms,
    now: UnixMillis,
) -> Result<TermsId, StoreError> {
    insert(tx, goal, 1, &NewTerms::plain(terms, ALWAYS), now)
}

impl NewTerms {
    /// Terms for all, without a plan.
    #[must_use]
    pub fn plain(terms: &GoalTerms, effective_from: UnixMillis) -> Self {
        let (plan, whose, until) = (Plan::default(), Whose::All, None);
        Self { terms: terms.clone(), plan, whose, effective_from, until }
    }
}

/// Enters a further version for all, without a plan. The goal must exist and the terms be of its kind.
///
/// # Errors
/// As [`add`].
pub fn add_terms(
    tx: &mut dyn Tx,
    goal: GoalId,
    terms: &GoalTerms,
    effective_from: UnixMillis,
    now: UnixMillis,
) -> Result<TermsVersion, StoreError> {
    add(tx, goal, &NewTerms::plain(terms, effective_from), now)
}

/// Enters a further version. The goal must exist and the terms be of its kind.
///
/// # Errors
/// `Reference` where there is no such goal, affiliate or group, `Constraint` where the kind is another; those of the store.
pub fn add(
    tx: &mut dyn Tx,
    goal: GoalId,
    new: &NewTerms,
    now: UnixMillis,
) -> Result<TermsVersion, StoreError> {
    let Some(known) = super::goal(tx, goal)? else {
        return Err(StoreError::new(ErrorKind::Reference, format!("there is no goal {goal}")));
    };
    if known.kind != new.terms.kind {
        let detail = format!("goal {goal} is {}, the terms are {}", known.kind, new.terms.kind);
        return Err(StoreError::new(ErrorKind::Constraint, detail));
    }
    let version = tx
        .one("SELECT COALESCE(MAX(version), 0) + 1 FROM terms WHERE goal_id = $1", &[goal.into()])?
        .int(0)?;
    let id = insert(tx, goal, version, new, now)?;
    let NewTerms { terms, plan, whose, effective_from, until } = new.clone();
    Ok(TermsVersion {
        id,
        goal_id: goal,
        version,
        effective_from,
        until,
        whose,
        terms,
        plan,
        created_at: now,
    })
}

/// The terms of a goal in force at a time; `None` where there is no such goal.
///
/// # Errors
/// Those of the store.
pub fn terms_at(tx: &mut dyn Tx, goal: GoalId, at: UnixMillis) -> Result<Option<TermsVersion>, StoreError> {
    // Times before version 1 do not exist.
    let at = at.max(ALWAYS);
    tx.first(
        concat!(
            select!(),
            "WHERE terms.goal_id = $1 AND terms.effective_from <= $2 AND (terms.until_at > $2 OR terms.until_at IS NULL) \
             AND terms.affiliate_id IS NULL AND terms.group_id IS NULL ORDER BY terms.version DESC LIMIT 1"
        ),
        &[goal.into(), at.into()],
    )?
    .as_ref()
    .map(read)
    .transpose()
}

/// All versions of the terms of goals, ascending.
///
/// # Errors
/// Those of the store.
pub fn terms_of_goals(
    tx: &mut dyn Tx,
    goals: impl IntoIterator<Item = GoalId>,
) -> Result<BTreeMap<GoalId, Vec<TermsVersion>>, StoreError> {
    let goals: BTreeSet<GoalId> = goals.into_iter().collect();
    let values: Vec<Vec<Value>> = goals.iter().map(|goal| vec![(*goal).into()]).collect();
    let found =
        tx.query_many(concat!(select!(), "WHERE terms.goal_id = $1 ORDER BY terms.version"), &values)?;
    let versions = |rows: &Vec<Row>| rows.iter().map(read).collect::<Result<Vec<_>, _>>();
    goals.into_iter().zip(&found).map(|(goal, rows)| Ok((goal, versions(rows)?))).collect()
}

/// Among all versions of a goal's terms, ascending, those for all in force at a time, as [`terms_at`] says.
#[must_use]
pub fn in_force(versions: &[TermsVersion], at: UnixMillis) -> Option<&TermsVersion> {
    newest(versions, at, Whose::All)
}

/// Among all versions of a goal's terms, ascending, those that apply to an affiliate: its own, else its group's, else
/// those for all.
#[must_use]
pub fn applying(
    versions: &[TermsVersion],
    at: UnixMillis,
    affiliate: AffiliateId,
    group: Option<GroupId>,
) -> Option<&TermsVersion> {
    let own = newest(versions, at, Whose::Affiliate(affiliate));
    let groups = || group.and_then(|group| newest(versions, at, Whose::Group(group)));
    own.or_else(groups).or_else(|| in_force(versions, at))
}

fn newest(versions: &[TermsVersion], at: UnixMillis, whose: Whose) -> Option<&TermsVersion> {
    let at = at.max(ALWAYS);
    let holds = |version: &&TermsVersion| {
        version.whose == whose && version.effective_from <= at && version.until.is_none_or(|until| at < until)
    };
    versions.iter().rev().find(holds)
}

/// One version by its id.
///
/// # Errors
/// Those of the store.
pub fn terms_of(tx: &mut dyn Tx, id: TermsId) -> Result<Option<TermsVersion>, StoreError> {
    tx.first(concat!(select!(), "WHERE terms.id = $1"), &[id.into()])?.as_ref().map(read).transpose()
}

/// All versions of all goals of an offer, by goal in order, then by version.
///
/// # Errors
/// Those of the store.
pub fn terms_versions(tx: &mut dyn Tx, offer: OfferId) -> Result<Vec<TermsVersion>, StoreError> {
    tx.query(
        concat!(select!(), "WHERE goals.offer_id = $1 ORDER BY goals.position, goals.id, terms.version"),
        &[offer.into()],
    )?
    .iter()
    .map(read)
    .collect()
}
