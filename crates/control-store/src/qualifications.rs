//! Goals whose conversions wait until they are qualified: by the advertiser, or by a later conversion of another goal for the
//! same customer or order. What waits and what may qualify is written down with the decisions; [`news`] says where nobody has
//! looked yet.

use std::collections::{BTreeMap, BTreeSet};

use hopline_types::{ConversionId, GoalId, UnixMillis};

use crate::{ErrorKind, Row, Scope, StoreError, Tx, Value};

/// What becomes of a conversion that nothing has qualified in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtDeadline {
    /// It is rejected.
    Reject,
    /// It is approved.
    Approve,
}

impl AtDeadline {
    /// All of them, by their words.
    pub const WORDS: [(&'static str, Self); 2] = [("reject", Self::Reject), ("approve", Self::Approve)];

    /// The word used in text forms.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reject => "reject",
            Self::Approve => "approve",
        }
    }
}

/// How conversions of a goal are qualified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Qualification {
    /// The goal.
    pub goal: GoalId,
    /// A later conversion of this goal qualifies; none: only the advertiser does.
    pub by_goal: Option<GoalId>,
    /// How long it may take, in days; none: as long as it takes.
    pub within_days: Option<i64>,
    /// What happens then.
    pub at_deadline: AtDeadline,
}

fn qualification(row: &Row) -> Result<Qualification, StoreError> {
    let word = row.text(3)?;
    let known = AtDeadline::WORDS.into_iter().find(|(known, _)| *known == word);
    let broken = || StoreError::new(ErrorKind::Broken, format!("qualifications.at_deadline: {word:?}"));
    Ok(Qualification {
        goal: row.id(0)?,
        by_goal: row.id_or_null(1)?,
        within_days: row.int_or_null(2)?,
        at_deadline: known.ok_or_else(broken)?.1,
    })
}

/// Sets how conversions of a goal are qualified. What waits already goes on as before.
///
/// # Errors
/// `Reference` where there is no such goal; those of the store.
pub fn set(tx: &mut dyn Tx, new: &Qualification) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO qualifications (goal_id, by_goal_id, within_days, at_deadline) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (goal_id) DO UPDATE SET by_goal_id = excluded.by_goal_id, within_days = excluded.within_days, \
         at_deadline = excluded.at_deadline",
        &[new.goal.into(), new.by_goal.into(), new.within_days.into(), new.at_deadline.as_str().into()],
    )
    .map(drop)
}

/// From now on conversions of a goal need not be qualified. Says whether they had to be.
///
/// # Errors
/// The store fails.
pub fn remove(tx: &mut dyn Tx, goal: GoalId) -> Result<bool, StoreError> {
    Ok(tx.execute("DELETE FROM qualifications WHERE goal_id = $1", &[goal.into()])? == 1)
}

/// How conversions of a goal are qualified: operators' and the advertiser's own.
///
/// # Errors
/// The store fails.
pub fn get(tx: &mut dyn Tx, scope: Scope, goal: GoalId) -> Result<Option<Qualification>, StoreError> {
    let row = tx.first(
        "SELECT q.goal_id, q.by_goal_id, q.within_days, q.at_deadline FROM qualifications q \
         JOIN goals g ON g.id = q.goal_id JOIN offers o ON o.id = g.offer_id \
         WHERE ($1 = 'all' OR ($1 = 'advertiser' AND o.advertiser_id = $2)) AND q.goal_id = $3",
        &scope.bind([goal.into()]),
    )?;
    row.as_ref().map(qualification).transpose()
}

/// What goals have to do with qualification: how their conversions are qualified, and whether they qualify others.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OfGoals {
    /// How the conversions of goals are qualified.
    pub needed: BTreeMap<GoalId, Qualification>,
    /// Goals whose conversions qualify others.
    pub qualifying: BTreeSet<GoalId>,
}

/// What goals have to do with qualification.
///
/// # Errors
/// The store fails.
pub fn of_goals(tx: &mut dyn Tx, goals: impl IntoIterator<Item = GoalId>) -> Result<OfGoals, StoreError> {
    let goals: BTreeSet<GoalId> = goals.into_iter().collect();
    let rows: Vec<Vec<Value>> = goals.iter().map(|goal| vec![(*goal).into()]).collect();
    let found = tx.query_many(
        "SELECT goal_id, by_goal_id, within_days, at_deadline FROM qualifications WHERE goal_id = $1 OR by_goal_id = $1",
        &rows,
    )?;
    let mut of = OfGoals::default();
    for row in found.iter().flatten() {
        let qualification = qualification(row)?;
        of.qualifying.extend(qualification.by_goal.filter(|goal| goals.contains(goal)));
        if goals.contains(&qualification.goal) {
            of.needed.insert(qualification.goal, qualification);
        }
    }
    Ok(of)
}

/// A conversion that waits to be qualified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingLead {
    /// The conversion.
    pub conversion: ConversionId,
    /// Its goal.
    pub goal: GoalId,
    /// The advertiser's id of its customer.
    pub customer: Option<String>,
    /// The advertiser's order id.
    pub order: Option<String>,
    /// When it happened.
    pub converted_at: UnixMillis,
    /// Until when; none: as long as it takes.
    pub deadline_at: Option<UnixMillis>,
}

/// A conversion that may qualify others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Qualifier {
    /// The conversion.
    pub conversion: ConversionId,
    /// Its goal.
    pub goal: GoalId,
    /// The advertiser's id of its customer.
    pub customer: Option<String>,
    /// The advertiser's order id.
    pub order: Option<String>,
    /// When it happened.
    pub converted_at: UnixMillis,
}

/// Notes conversions that wait; those noted before stay as they are.
///
/// # Errors
/// The store fails.
pub fn note_waiting(tx: &mut dyn Tx, leads: &[WaitingLead]) -> Result<(), StoreError> {
    let row = |lead: &WaitingLead| {
        vec![
            lead.conversion.into(),
            lead.goal.into(),
            lead.customer.as_deref().into(),
            lead.order.as_deref().into(),
            lead.converted_at.into(),
            lead.deadline_at.into(),
        ]
    };
    let rows: Vec<Vec<Value>> = leads.iter().map(row).collect();
    tx.execute_many(
        "INSERT INTO waiting_leads (conversion_id, goal_id, customer_id, order_id, converted_at, deadline_at, is_new) \
         VALUES ($1, $2, $3, $4, $5, $6, 1) ON CONFLICT (conversion_id) DO NOTHING",
        &rows,
    )
    .map(drop)
}

/// Notes conversions that may qualify others; those noted before stay as they are.
///
/// # Errors
/// The store fails.
pub fn note_qualifiers(tx: &mut dyn Tx, qualifiers: &[Qualifier]) -> Result<(), StoreError> {
    let row = |qualifier: &Qualifier| {
        vec![
            qualifier.conversion.into(),
            qualifier.goal.into(),
            qualifier.customer.as_deref().into(),
            qualifier.order.as_deref().into(),
            qualifier.converted_at.into(),
        ]
    };
    let rows: Vec<Vec<Value>> = qualifiers.iter().map(row).collect();
    tx.execute_many(
        "INSERT INTO qualifiers (conversion_id, goal_id, customer_id, order_id, converted_at, is_new) \
         VALUES ($1, $2, $3, $4, $5, 1) ON CONFLICT (conversion_id) DO NOTHING",
        &rows,
    )
    .map(drop)
}

/// A waiting conversion and the one that qualifies it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Match {
    /// What waits.
    pub lead: ConversionId,
    /// What qualifies it.
    pub qualifier: ConversionId,
}

/// What is new and nobody has looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct News {
    /// What waits.
    pub leads: Vec<ConversionId>,
    /// What may qualify.
    pub qualifiers: Vec<ConversionId>,
}

/// What is new, up to `limit` of each.
///
/// # Errors
/// The store fails.
pub fn news(tx: &mut dyn Tx, limit: u32) -> Result<News, StoreError> {
    let limit = [i64::from(limit).into()];
    let sql = "SELECT conversion_id FROM waiting_leads WHERE is_new = 1 ORDER BY conversion_id LIMIT $1";
    let leads = tx.query(sql, &limit)?;
    let sql = "SELECT conversion_id FROM qualifiers WHERE is_new = 1 ORDER BY conversion_id LIMIT $1";
    let qualifiers = tx.query(sql, &limit)?;
    Ok(News {
        leads: leads.iter().map(|row| row.id(0)).collect::<Result<_, _>>()?,
        qualifiers: qualifiers.iter().map(|row| row.id(0)).collect::<Result<_, _>>()?,
    })
}

/// Which of what waits is qualified by what: of several the one that happened first. It happened not before what it
/// qualifies and before its deadline, for the same customer or under the same order id.
///
/// # Errors
/// The store fails.
pub fn matches(tx: &mut dyn Tx, news: &News) -> Result<Vec<Match>, StoreError> {
    let ids = |ids: &[ConversionId]| ids.iter().map(|id| vec![(*id).into()]).collect::<Vec<Vec<Value>>>();
    let by_customer = "SELECT w.conversion_id, f.conversion_id, f.converted_at FROM waiting_leads w \
         JOIN qualifications q ON q.goal_id = w.goal_id \
         JOIN qualifiers f ON f.goal_id = q.by_goal_id AND f.customer_id = w.customer_id \
         AND f.converted_at >= w.converted_at AND f.converted_at < coalesce(w.deadline_at, 9223372036854775807) \
         WHERE w.conversion_id = $1";
    let by_order = "SELECT w.conversion_id, f.conversion_id, f.converted_at FROM waiting_leads w \
         JOIN qualifications q ON q.goal_id = w.goal_id \
         JOIN qualifiers f ON f.goal_id = q.by_goal_id AND f.order_id = w.order_id \
         AND f.converted_at >= w.converted_at AND f.converted_at < coalesce(w.deadline_at, 9223372036854775807) \
         WHERE w.conversion_id = $1";
    let of_customer = "SELECT w.conversion_id, f.conversion_id, f.converted_at FROM qualifiers f \
         JOIN qualifications q ON q.by_goal_id = f.goal_id \
         JOIN waiting_leads w ON w.goal_id = q.goal_id AND w.customer_id = f.customer_id \
         AND f.converted_at >= w.converted_at AND f.converted_at < coalesce(w.deadline_at, 9223372036854775807) \
         WHERE f.conversion_id = $1";
    let of_order = "SELECT w.conversion_id, f.conversion_id, f.converted_at FROM qualifiers f \
         JOIN qualifications q ON q.by_goal_id = f.goal_id \
         JOIN waiting_leads w ON w.goal_id = q.goal_id AND w.order_id = f.order_id \
         AND f.converted_at >= w.converted_at AND f.converted_at < coalesce(w.deadline_at, 9223372036854775807) \
         WHERE f.conversion_id = $1";
    let (leads, qualifiers) = (ids(&news.leads), ids(&news.qualifiers));
    let mut first: BTreeMap<ConversionId, (UnixMillis, ConversionId)> = BTreeMap::new();
    for (sql, rows) in
        [(by_customer, &leads), (by_order, &leads), (of_customer, &qualifiers), (of_order, &qualifiers)]
    {
        for row in tx.query_many(sql, rows)?.iter().flatten() {
            let (lead, found) = (row.id(0)?, (row.time(2)?, row.id(1)?));
            let known = first.entry(lead).or_insert(found);
            *known = (*known).min(found);
        }
    }
    Ok(first.into_iter().map(|(lead, (_, qualifier))| Match { lead, qualifier }).collect())
}

/// Notes that somebody has looked.
///
/// # Errors
/// The store fails.
pub fn looked(tx: &mut dyn Tx, news: &News) -> Result<(), StoreError> {
    let ids = |ids: &[ConversionId]| ids.iter().map(|id| vec![(*id).into()]).collect::<Vec<Vec<Value>>>();
    let sql = "UPDATE waiting_leads SET is_new = 0 WHERE conversion_id = $1";
    tx.execute_many(sql, &ids(&news.leads))?;
    let sql = "UPDATE qualifiers SET is_new = 0 WHERE conversion_id = $1";
    tx.execute_many(sql, &ids(&news.qualifiers)).map(drop)
}

/// What has waited until its deadline, and what happens then; the longest first, up to `limit`. A goal that need not be
/// qualified any more lets its conversions wait for a person.
///
/// # Errors
/// The store fails.
pub fn overdue(
    tx: &mut dyn Tx,
    now: UnixMillis,
    limit: u32,
) -> Result<Vec<(ConversionId, Qualification)>, StoreError> {
    let rows = tx.query(
        "SELECT q.goal_id, q.by_goal_id, q.within_days, q.at_deadline, w.conversion_id FROM waiting_leads w \
         JOIN qualifications q ON q.goal_id = w.goal_id WHERE w.deadline_at <= $1 \
         ORDER BY w.deadline_at, w.conversion_id LIMIT $2",
        &[now.into(), i64::from(limit).into()],
    )?;
    rows.iter().map(|row| Ok((row.id(4)?, qualification(row)?))).collect()
}

/// Conversions that wait no longer.
///
/// # Errors
/// The store fails.
pub fn forget(tx: &mut dyn Tx, conversions: &[ConversionId]) -> Result<(), StoreError> {
    let rows: Vec<Vec<Value>> = conversions.iter().map(|id| vec![(*id).into()]).collect();
    tx.execute_many("DELETE FROM waiting_leads WHERE conversion_id = $1", &rows).map(drop)
}

/// How long a conversion waits to be qualified, if it does: the inner `None` is as long as it takes.
///
/// # Errors
/// The store fails.
pub fn waits_until(
    tx: &mut dyn Tx,
    conversion: ConversionId,
) -> Result<Option<Option<UnixMillis>>, StoreError> {
    let sql = "SELECT deadline_at FROM waiting_leads WHERE conversion_id = $1";
    tx.first(sql, &[conversion.into()])?.map(|row| row.time_or_null(0)).transpose()
}
