//! Facts: rows by their id, and their sums by the hour on both bases of time.

use hopline_click_store::Fact;
use hopline_types::UnixMillis;
use rusqlite::{Connection, Transaction, params};

use crate::fault::Fault;
use crate::raw;

/// `fact_hours.basis` of sums by the click's time.
pub(crate) const BY_CLICK: i64 = 1;
/// `fact_hours.basis` of sums by the conversion's own time.
pub(crate) const BY_CONVERSION: i64 = 2;

pub(crate) fn store(main: &mut Connection, facts: &[Fact]) -> Result<u64, Fault> {
    let transaction = main.transaction()?;
    let mut stored = 0;
    for fact in facts {
        if insert(&transaction, fact)? {
            stored += 1;
            add(&transaction, BY_CLICK, fact.click_basis_at(), fact)?;
            add(&transaction, BY_CONVERSION, fact.converted_at, fact)?;
        }
    }
    transaction.commit()?;
    Ok(stored)
}

/// False where a fact of this id is stored already.
fn insert(main: &Transaction<'_>, fact: &Fact) -> Result<bool, Fault> {
    let (dims, deltas) = (&fact.dims, &fact.deltas);
    let [s1, s2, s3, s4, s5, s6, s7, s8, s9, s10] = &dims.subs;
    let changed = main
        .prepare_cached(
            "INSERT INTO facts VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, \
             ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33, ?34, ?35, \
             ?36, ?37, ?38, ?39, ?40, ?41, ?42, ?43, ?44, ?45, ?46, ?47) ON CONFLICT DO NOTHING",
        )?
        .execute(params![
            fact.fact_id,
            fact.conversion.get(),
            fact.booked_at.get(),
            fact.converted_at.get(),
            fact.click_basis_at().get(),
            fact.clicked_at.is_some(),
            fact.advertiser.get(),
            fact.offer.get(),
            fact.goal.get(),
            fact.goal_key,
            fact.goal_kind.code(),
            raw::number(fact.affiliate),
            raw::number(fact.link),
            fact.status.code(),
            fact.currency.code(),
            fact.coupon,
            s1,
            s2,
            s3,
            s4,
            s5,
            s6,
            s7,
            s8,
            s9,
            s10,
            dims.source,
            dims.country,
            dims.region,
            dims.device,
            dims.os,
            dims.browser,
            dims.referrer_host,
            dims.landing_page,
            dims.creative,
            deltas.conversions,
            deltas.events,
            deltas.sales,
            deltas.leads,
            deltas.installs,
            deltas.approved,
            deltas.rejected,
            deltas.reversed,
            deltas.revenue_minor,
            deltas.payout_minor,
            deltas.gross_sales_minor,
            deltas.refunds_minor,
        ])?;
    Ok(changed > 0)
}

fn add(main: &Transaction<'_>, basis: i64, at: UnixMillis, fact: &Fact) -> Result<(), Fault> {
    let deltas = &fact.deltas;
    main.prepare_cached(
        "INSERT INTO fact_hours VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, \
         ?17, ?18, ?19, ?20, ?21)
         ON CONFLICT DO UPDATE SET
             conversions = conversions + excluded.conversions,
             events = events + excluded.events,
             sales = sales + excluded.sales,
             leads = leads + excluded.leads,
             installs = installs + excluded.installs,
             approved = approved + excluded.approved,
             rejected = rejected + excluded.rejected,
             reversed = reversed + excluded.reversed,
             revenue_minor = revenue_minor + excluded.revenue_minor,
             payout_minor = payout_minor + excluded.payout_minor,
             gross_sales_minor = gross_sales_minor + excluded.gross_sales_minor,
             refunds_minor = refunds_minor + excluded.refunds_minor",
    )?
    .execute(params![
        basis,
        at.hour().get(),
        fact.advertiser.get(),
        fact.offer.get(),
        fact.goal.get(),
        raw::number(fact.affiliate),
        raw::number(fact.link),
        fact.status.code(),
        fact.currency.code(),
        deltas.conversions,
        deltas.events,
        deltas.sales,
        deltas.leads,
        deltas.installs,
        deltas.approved,
        deltas.rejected,
        deltas.reversed,
        deltas.revenue_minor,
        deltas.payout_minor,
        deltas.gross_sales_minor,
        deltas.refunds_minor,
    ])?;
    Ok(())
}
