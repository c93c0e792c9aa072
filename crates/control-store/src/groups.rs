//! Groups of affiliates, for which terms may be overridden, and who recruited whom.
//!
//! An affiliate is in at most one group: two groups could contradict each other. Recruiting makes no circle.

use std::collections::{BTreeMap, BTreeSet};

use hopline_types::{AffiliateId, GroupId, UnixMillis};

use crate::{ErrorKind, Row, StoreError, Tx, Value};

/// A group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its id.
    pub id: GroupId,
    /// What people call it.
    pub name: String,
    /// When it was entered.
    pub created_at: UnixMillis,
    /// Who is in it, ascending.
    pub members: Vec<AffiliateId>,
}

/// Enters a group without members.
///
/// # Errors
/// `Conflict` where the name is taken; those of the store.
pub fn create(tx: &mut dyn Tx, name: &str, now: UnixMillis) -> Result<Group, StoreError> {
    let sql = "INSERT INTO affiliate_groups (name, created_at) VALUES ($1, $2) RETURNING id";
    let id = tx.one(sql, &[name.into(), now.into()])?.id(0)?;
    Ok(Group { id, name: name.to_owned(), created_at: now, members: Vec::new() })
}

fn read(tx: &mut dyn Tx, row: &Row) -> Result<Group, StoreError> {
    let id: GroupId = row.id(0)?;
    let sql = "SELECT affiliate_id FROM affiliate_group_members WHERE group_id = $1 ORDER BY affiliate_id";
    let members = tx.query(sql, &[id.into()])?.iter().map(|row| row.id(0)).collect::<Result<_, _>>()?;
    Ok(Group { id, name: row.text(1)?.to_owned(), created_at: row.time(2)?, members })
}

/// One group.
///
/// # Errors
/// Those of the store.
pub fn get(tx: &mut dyn Tx, id: GroupId) -> Result<Option<Group>, StoreError> {
    let row = tx.first("SELECT id, name, created_at FROM affiliate_groups WHERE id = $1", &[id.into()])?;
    row.map(|row| read(tx, &row)).transpose()
}

/// All groups, by name.
///
/// # Errors
/// Those of the store.
pub fn list(tx: &mut dyn Tx) -> Result<Vec<Group>, StoreError> {
    let rows = tx.query("SELECT id, name, created_at FROM affiliate_groups ORDER BY name", &[])?;
    rows.iter().map(|row| read(tx, row)).collect()
}

/// Puts an affiliate into a group, out of the one that it was in.
///
/// # Errors
/// `Reference` where there is no such group or affiliate; those of the store.
pub fn put(
    tx: &mut dyn Tx,
    group: GroupId,
    affiliate: AffiliateId,
    now: UnixMillis,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO affiliate_group_members (affiliate_id, group_id, added_at) VALUES ($1, $2, $3) \
         ON CONFLICT (affiliate_id) DO UPDATE SET group_id = excluded.group_id, added_at = excluded.added_at",
        &[affiliate.into(), group.into(), now.into()],
    )
    .map(drop)
}

/// Takes an affiliate out of a group; says whether it was in it.
///
/// # Errors
/// Those of the store.
pub fn take_out(tx: &mut dyn Tx, group: GroupId, affiliate: AffiliateId) -> Result<bool, StoreError> {
    let sql = "DELETE FROM affiliate_group_members WHERE affiliate_id = $1 AND group_id = $2";
    Ok(tx.execute(sql, &[affiliate.into(), group.into()])? == 1)
}

/// The groups of affiliates that are in one.
///
/// # Errors
/// Those of the store.
pub fn of_affiliates(
    tx: &mut dyn Tx,
    affiliates: impl IntoIterator<Item = AffiliateId>,
) -> Result<BTreeMap<AffiliateId, GroupId>, StoreError> {
    let affiliates: BTreeSet<AffiliateId> = affiliates.into_iter().collect();
    let values: Vec<Vec<Value>> = affiliates.iter().map(|id| vec![(*id).into()]).collect();
    let found = tx.query_many(
        "SELECT affiliate_id, group_id FROM affiliate_group_members WHERE affiliate_id = $1",
        &values,
    )?;
    found.iter().flatten().map(|row| Ok((row.id(0)?, row.id(1)?))).collect()
}

/// Who recruited an affiliate.
///
/// # Errors
/// Those of the store.
pub fn recruiter(tx: &mut dyn Tx, affiliate: AffiliateId) -> Result<Option<AffiliateId>, StoreError> {
    let sql = "SELECT recruited_by FROM affiliates WHERE id = $1";
    tx.first(sql, &[affiliate.into()])?.map_or(Ok(None), |row| row.id_or_null(0))
}

/// Says who recruited an affiliate.
///
/// # Errors
/// `Constraint` where that would make a circle; `Reference` where there is no such recruiter; those of the store.
pub fn set_recruiter(
    tx: &mut dyn Tx,
    affiliate: AffiliateId,
    recruiter: Option<AffiliateId>,
) -> Result<(), StoreError> {
    let mut above = recruiter;
    let mut seen = BTreeSet::new();
    while let Some(one) = above.filter(|one| seen.insert(*one)) {
        if one == affiliate {
            let detail = format!(
                "affiliate {affiliate} would have recruited itself, by way of {} others",
                seen.len() - 1
            );
            return Err(StoreError::new(ErrorKind::Constraint, detail));
        }
        above = self::recruiter(tx, one)?;
    }
    let sql = "UPDATE affiliates SET recruited_by = $2 WHERE id = $1";
    tx.execute(sql, &[affiliate.into(), recruiter.into()]).map(drop)
}

/// The recruiters of affiliates, each its own first, up to `levels`.
///
/// # Errors
/// Those of the store.
pub fn recruiters(
    tx: &mut dyn Tx,
    affiliates: impl IntoIterator<Item = AffiliateId>,
    levels: usize,
) -> Result<BTreeMap<AffiliateId, Vec<AffiliateId>>, StoreError> {
    let mut chains: BTreeMap<AffiliateId, Vec<AffiliateId>> =
        affiliates.into_iter().map(|affiliate| (affiliate, Vec::new())).collect();
    let mut above: BTreeMap<AffiliateId, Option<AffiliateId>> = BTreeMap::new();
    for level in 0..levels {
        let asked: BTreeSet<AffiliateId> = chains
            .iter()
            .filter(|(_, chain)| chain.len() == level)
            .map(|(affiliate, chain)| *chain.last().unwrap_or(affiliate))
            .filter(|affiliate| !above.contains_key(affiliate))
            .collect();
        let values: Vec<Vec<Value>> = asked.iter().map(|id| vec![(*id).into()]).collect();
        let found = tx.query_many("SELECT recruited_by FROM affiliates WHERE id = $1", &values)?;
        for (affiliate, rows) in asked.into_iter().zip(&found) {
            above.insert(affiliate, rows.first().map_or(Ok(None), |row| row.id_or_null(0))?);
        }
        let mut is_longer = false;
        for (affiliate, chain) in chains.iter_mut().filter(|(_, chain)| chain.len() == level) {
            let next = above.get(chain.last().unwrap_or(affiliate)).copied().flatten();
            is_longer |= next.is_some();
            chain.extend(next);
        }
        if !is_longer {
            break;
        }
    }
    Ok(chains)
}
