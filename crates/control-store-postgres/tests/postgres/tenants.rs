//! The second wall: what a narrowed transaction sees and writes, whatever its statements say (S-10).

use std::collections::BTreeMap;

use hopline_control_store::{
    Database, DatabaseExt as _, ErrorKind, Row, Scope, Scoped, StoreError, Tx, Value,
};
use hopline_control_store_postgres::PostgresDatabase;
use hopline_testkit::{PostgresDatabase as Fresh, postgres};
use hopline_types::{AdvertiserId, AffiliateId};

use crate::support::{block_on, open};

/// Two networks of one advertiser (11, 12), offer (31, 32), affiliate (21, 22) and conversion (51, 52) each; paused, so
/// that only a link shows an offer. One row or more of each in every guarded table.
const NETWORK: &[&str] = &[
    "INSERT INTO advertisers SELECT 10 + n, 'A', 'EUR', 'active', 'token' || n, 'key', 0, 0 FROM generate_series(1, 2) n",
    "INSERT INTO affiliates (id, name, email, standing, created_at, updated_at)
     SELECT 20 + n, 'B', n || '@example.com', 'active', 0, 0 FROM generate_series(1, 2) n",
    "INSERT INTO offers (id, advertiser_id, name, currency, standing, landing_page, deep_link_hosts, click_parameter,
     pass_parameters, postback_auth, model, window_seconds, approval, hold_days, created_at, updated_at)
     SELECT 30 + n, 10 + n, 'O', 'EUR', 'paused', 'https://x.example', '[]', 'c', 0, 'token', 'last_click', 1, 'manual', 0, 0, 0
     FROM generate_series(1, 2) n",
    "INSERT INTO goals SELECT 40 + n, 30 + n, 0, 'sale', 'Sale', 'pps' FROM generate_series(1, 2) n",
    "INSERT INTO terms (id, goal_id, version, effective_from, created_at) SELECT n, 40 + n, 1, 0, 0 FROM generate_series(1, 2) n",
    "INSERT INTO domains (host, affiliate_id, created_at, updated_at) SELECT 'b' || n, 20 + n, 0, 0 FROM generate_series(1, 2) n",
    "INSERT INTO domains (host, advertiser_id, created_at, updated_at) SELECT 'a' || n, 10 + n, 0, 0 FROM generate_series(1, 2) n",
    "INSERT INTO links (code, offer_id, affiliate_id, standing, created_at)
     SELECT 'l' || n, 30 + n, 20 + n, 'active', 0 FROM generate_series(1, 2) n",
    "INSERT INTO landing_pages (offer_id, name, url, weight, standing, created_at, updated_at)
     SELECT 30 + n, 'P', 'u', 1, 'active', 0, 0 FROM generate_series(1, 2) n",
    "INSERT INTO caps (id, offer_id, scope, metric, period, zone, amount, created_at)
     SELECT n, 30 + n, 'offer', 'conversions', 'day', 'UTC', 1, 0 FROM generate_series(1, 2) n",
    "INSERT INTO cap_sums (cap_id, affiliate_id, period_start, taken) SELECT n, 0, 0, 1 FROM generate_series(1, 2) n",
    "INSERT INTO cap_sums (cap_id, affiliate_id, period_start, taken) SELECT n, 20 + n, 0, 1 FROM generate_series(1, 2) n",
    "INSERT INTO api_keys (public_id, name, role, affiliate_id, key_sha256, created_at)
     SELECT 'b' || n, 'K', 'affiliate', 20 + n, 'b' || n, 0 FROM generate_series(1, 2) n",
    "INSERT INTO api_keys (public_id, name, role, advertiser_id, key_sha256, created_at)
     SELECT 'a' || n, 'K', 'advertiser', 10 + n, 'a' || n, 0 FROM generate_series(1, 2) n",
    "INSERT INTO users (id, email, role, affiliate_id, password_phc, created_at)
     SELECT 60 + n, 'b' || n, 'affiliate', 20 + n, '$', 0 FROM generate_series(1, 2) n",
    "INSERT INTO users (id, email, role, advertiser_id, password_phc, created_at)
     SELECT 70 + n, 'a' || n, 'advertiser', 10 + n, '$', 0 FROM generate_series(1, 2) n",
    "INSERT INTO sessions SELECT 's' || u + n, u + n, 0, 0, 9 FROM generate_series(1, 2) n, generate_series(60, 70, 10) u",
    "INSERT INTO conversions (id, event_id, advertiser_id, offer_id, goal_id, goal_key, idempotency, source, quantity,
     currency, converted_at, received_at, repeats, affiliate_id)
     SELECT 50 + n, 'e' || n, 10 + n, 30 + n, 40 + n, 'sale', 'i', 'api', 1, 'EUR', 0, 0, 0, 20 + n FROM generate_series(1, 2) n",
    "INSERT INTO undecided_conversions SELECT 50 + n, 10 + n FROM generate_series(1, 2) n",
    "INSERT INTO decisions SELECT 50 + n, '{}' FROM generate_series(1, 2) n",
    "INSERT INTO conversion_affiliates SELECT 20 + n, 50 + n FROM generate_series(1, 2) n",
    "INSERT INTO decision_versions SELECT 50 + n, 1, 0, 0, 'late', '{}' FROM generate_series(1, 2) n",
    "INSERT INTO reconsiderations SELECT 50 + n, 'coupon', 10 + n, 0, 0, 1 FROM generate_series(1, 2) n",
    "INSERT INTO conversion_repeats SELECT 'r' || n, 50 + n, 0, '[]' FROM generate_series(1, 2) n",
    "INSERT INTO commissions (conversion_id, affiliate_id, advertiser_id, currency, revenue_minor, payout_minor,
     reversed_revenue_minor, reversed_payout_minor, status)
     SELECT 50 + n, 20 + n, 10 + n, 'EUR', 2, 1, 0, 0, 'pending' FROM generate_series(1, 2) n",
    "INSERT INTO refunds (conversion_id, revenue_minor, payout_minor, currency, reason, actor, created_at)
     SELECT 50 + n, 1, 1, 'EUR', 'r', 'a', 0 FROM generate_series(1, 2) n",
    "INSERT INTO ledger_transactions (sequence, id, kind, effective_at, booked_at, conversion_id, previous_hash, hash)
     SELECT n, 't' || n, 'commission_pending', 0, 0, 50 + n, decode(repeat('00', 32), 'hex'), decode(repeat('00', 32), 'hex')
     FROM generate_series(1, 2) n",
    "INSERT INTO ledger_transactions (sequence, id, kind, effective_at, booked_at, affiliate_id, previous_hash, hash)
     SELECT 2 + n, 'p' || n, 'payout_reserved', 0, 0, 20 + n, decode(repeat('00', 32), 'hex'), decode(repeat('00', 32), 'hex')
     FROM generate_series(1, 2) n",
    "INSERT INTO ledger_entries SELECT n, p, CASE p WHEN 0 THEN 'advertiser:' || 10 + n || ':accrued'
     WHEN 1 THEN 'affiliate:' || 20 + n || ':pending' ELSE 'network:margin' END, 'EUR', p - 3
     FROM generate_series(1, 2) n, generate_series(0, 2) p",
    "INSERT INTO ledger_balances SELECT account, currency, 0, 0 FROM ledger_entries GROUP BY 1, 2",
    "INSERT INTO payable_items SELECT n, 1, 20 + n, 'EUR', 1, 0, 50 + n, NULL FROM generate_series(1, 2) n",
    "INSERT INTO payout_batches (id, currency, method, cutoff, minimum_minor, status, message_id, execution_date, created_at,
     created_by, refused) VALUES (1, 'EUR', 'sepa', 0, 0, 'draft', 'm', '2026-01-01', 0, 'a', '[]')",
    "INSERT INTO payouts (id, batch_id, affiliate_id, currency, amount_minor, status, payee, end_to_end_id)
     SELECT n, 1, 20 + n, 'EUR', 1, 'draft', '{}', 'x' || n FROM generate_series(1, 2) n",
    "INSERT INTO payout_lines SELECT n, n, 1, 1, 50 + n FROM generate_series(1, 2) n",
    "INSERT INTO click_settlements SELECT 40 + n, 20 + n, 0, 1, 1 FROM generate_series(1, 2) n",
    "INSERT INTO click_corrections (conversion_id, goal_id, affiliate_id, hour, clicks, reason, created_at)
     SELECT 50 + n, 40 + n, 20 + n, 0, 1, 'r', 0 FROM generate_series(1, 2) n",
    "INSERT INTO click_findings (offer_id, affiliate_id, from_at, to_at, filter, reason, remark, decided_by, decided_at)
     SELECT 30 + n, 20 + n, 0, 1, '{}', 'r', 'r', 'a', 0 FROM generate_series(1, 2) n",
    "INSERT INTO coupons (advertiser_id, code, code_key, affiliate_id, created_at)
     SELECT 10 + n, 'C', 'c', 20 + n, 0 FROM generate_series(1, 2) n",
    "INSERT INTO customers SELECT 10 + n, 'c', 20 + n, 50 + n, 0 FROM generate_series(1, 2) n",
    "INSERT INTO customer_conversions SELECT 10 + n, 'c', 0, 50 + n, 1, NULL FROM generate_series(1, 2) n",
    "INSERT INTO affiliate_groups (id, name, created_at) SELECT n, 'G' || n, 0 FROM generate_series(1, 2) n",
    "INSERT INTO affiliate_group_members SELECT 20 + n, n, 0 FROM generate_series(1, 2) n",
    "INSERT INTO bonuses (offer_id, name, bonus, created_at) SELECT 30 + n, 'B', '{}', 0 FROM generate_series(1, 2) n",
    "INSERT INTO period_settlements SELECT 'tiers:' || 40 + n, 20 + n, 0, 1 FROM generate_series(1, 2) n",
    "INSERT INTO held_conversions SELECT 50 + n, 'USD', 'EUR', 0 FROM generate_series(1, 2) n",
    "INSERT INTO payout_currencies SELECT 20 + n, 'USD', 'a', 0 FROM generate_series(1, 2) n",
    "INSERT INTO payout_exchanges SELECT n, 'USD', 1, 1, '{}', 'x' || n FROM generate_series(1, 2) n",
    "INSERT INTO judgements (conversion_id, what, actor, at) SELECT 50 + n, 'approved', 'a', 0 FROM generate_series(1, 2) n",
    "INSERT INTO approval_rules SELECT 30 + n, 0, 'R', 'approve', NULL, '{}' FROM generate_series(1, 2) n",
    "INSERT INTO qualifications SELECT 40 + n, NULL, NULL, 'reject' FROM generate_series(1, 2) n",
    "INSERT INTO waiting_leads SELECT 50 + n, 40 + n, NULL, NULL, 0, NULL, 1 FROM generate_series(1, 2) n",
    "INSERT INTO qualifiers SELECT 50 + n, 40 + n, NULL, NULL, 0, 1 FROM generate_series(1, 2) n",
    "INSERT INTO holds_set_aside SELECT id, 'd', 0, 0 FROM commissions",
    "INSERT INTO install_sources (ad_network, app, offer_id, goal_id, affiliate_id, redownloads, created_at)
     SELECT 'n', n::text, 30 + n, 40 + n, 20 + n, 0, 0 FROM generate_series(1, 2) n",
    "INSERT INTO install_mappings (advertiser_id, provider, names, events, created_at)
     SELECT 10 + n, 'p', '{}', '{}', 0 FROM generate_series(1, 2) n",
    "INSERT INTO installs (event_id, source, state, advertiser_id, affiliate_id, details, report, event, received_at, judged_at)
     SELECT 'i' || n, 'play', 'kept', 10 + n, 20 + n, '{}', '', '{}', 0, 0 FROM generate_series(1, 2) n",
    "INSERT INTO payout_method_changes (affiliate_id, changed_by, changed_at) SELECT 20 + n, 'a', 0 FROM generate_series(1, 2) n",
    "INSERT INTO payout_templates (kind, name, version, content, created_at, created_by)
     SELECT 'export', 'T', n, '{}', 0, 'a' FROM generate_series(1, 2) n",
    "INSERT INTO payout_results (id, batch_id, format, sha256, received_at, received_by)
     SELECT n, 1, 'csv', n::text, 0, 'a' FROM generate_series(1, 2) n",
    "INSERT INTO payout_result_lines SELECT n, 0, 1, n, 'paid', NULL FROM generate_series(1, 2) n",
    "INSERT INTO payout_minimums SELECT 'm' || n, 'EUR', 1, 'a', 0 FROM generate_series(1, 2) n",
    "INSERT INTO affiliate_minimums SELECT 20 + n, 'EUR', 1, 'a', 0 FROM generate_series(1, 2) n",
    "INSERT INTO payout_schedules (content, is_active, next_at, created_at, changed_at, changed_by)
     SELECT '{}', 0, 0, 0, 0, 'a' FROM generate_series(1, 2) n",
];

/// Guarded tables and how many of their rows advertiser 11 and affiliate 21 see; of each there are twice as many, but for
/// the network's own accounts.
const SEEN: &[(&str, &str, i64, i64)] = &[
    ("advertisers", "SELECT count(*) FROM advertisers", 1, 0),
    ("affiliate_group_members", "SELECT count(*) FROM affiliate_group_members", 0, 1),
    ("affiliate_groups", "SELECT count(*) FROM affiliate_groups", 0, 0),
    ("affiliate_minimums", "SELECT count(*) FROM affiliate_minimums", 0, 1),
    ("affiliates", "SELECT count(*) FROM affiliates", 0, 1),
    ("api_keys", "SELECT count(*) FROM api_keys", 1, 1),
    ("approval_rules", "SELECT count(*) FROM approval_rules", 1, 0),
    ("bonuses", "SELECT count(*) FROM bonuses", 1, 1),
    ("cap_sums", "SELECT count(*) FROM cap_sums", 2, 1),
    ("caps", "SELECT count(*) FROM caps", 1, 1),
    ("click_corrections", "SELECT count(*) FROM click_corrections", 1, 1),
    ("click_findings", "SELECT count(*) FROM click_findings", 1, 1),
    ("click_settlements", "SELECT count(*) FROM click_settlements", 1, 1),
    ("commissions", "SELECT count(*) FROM commissions", 1, 1),
    ("conversion_affiliates", "SELECT count(*) FROM conversion_affiliates", 1, 1),
    ("conversion_repeats", "SELECT count(*) FROM conversion_repeats", 1, 1),
    ("conversions", "SELECT count(*) FROM conversions", 1, 1),
    ("coupons", "SELECT count(*) FROM coupons", 1, 1),
    ("customer_conversions", "SELECT count(*) FROM customer_conversions", 1, 0),
    ("customers", "SELECT count(*) FROM customers", 1, 0),
    ("decision_versions", "SELECT count(*) FROM decision_versions", 1, 1),
    ("decisions", "SELECT count(*) FROM decisions", 1, 1),
    // An affiliate may show its links on advertisers' hosts; which ones, statements say.
    ("domains", "SELECT count(*) FROM domains", 1, 3),
    ("goals", "SELECT count(*) FROM goals", 1, 1),
    ("held_conversions", "SELECT count(*) FROM held_conversions", 1, 1),
    ("holds_set_aside", "SELECT count(*) FROM holds_set_aside", 0, 0),
    ("install_mappings", "SELECT count(*) FROM install_mappings", 1, 0),
    ("install_sources", "SELECT count(*) FROM install_sources", 1, 1),
    ("installs", "SELECT count(*) FROM installs", 1, 1),
    ("judgements", "SELECT count(*) FROM judgements", 1, 1),
    ("landing_pages", "SELECT count(*) FROM landing_pages", 1, 1),
    ("ledger_balances", "SELECT count(*) FROM ledger_balances", 1, 1),
    ("ledger_entries", "SELECT count(*) FROM ledger_entries", 1, 1),
    ("ledger_transactions", "SELECT count(*) FROM ledger_transactions", 1, 2),
    ("links", "SELECT count(*) FROM links", 1, 1),
    ("offers", "SELECT count(*) FROM offers", 1, 1),
    ("payable_items", "SELECT count(*) FROM payable_items", 0, 1),
    ("payout_currencies", "SELECT count(*) FROM payout_currencies", 0, 1),
    ("payout_exchanges", "SELECT count(*) FROM payout_exchanges", 0, 1),
    ("payout_lines", "SELECT count(*) FROM payout_lines", 0, 1),
    ("payout_method_changes", "SELECT count(*) FROM payout_method_changes", 0, 1),
    ("payout_minimums", "SELECT count(*) FROM payout_minimums", 0, 0),
    ("payout_result_lines", "SELECT count(*) FROM payout_result_lines", 0, 0),
    ("payout_results", "SELECT count(*) FROM payout_results", 0, 0),
    ("payout_schedules", "SELECT count(*) FROM payout_schedules", 0, 0),
    ("payout_templates", "SELECT count(*) FROM payout_templates", 0, 0),
    ("payouts", "SELECT count(*) FROM payouts", 0, 1),
    ("period_settlements", "SELECT count(*) FROM period_settlements", 0, 1),
    ("qualifications", "SELECT count(*) FROM qualifications", 1, 0),
    ("qualifiers", "SELECT count(*) FROM qualifiers", 1, 0),
    ("reconsiderations", "SELECT count(*) FROM reconsiderations", 1, 0),
    ("refunds", "SELECT count(*) FROM refunds", 1, 1),
    ("sessions", "SELECT count(*) FROM sessions", 1, 1),
    ("terms", "SELECT count(*) FROM terms", 1, 1),
    ("undecided_conversions", "SELECT count(*) FROM undecided_conversions", 1, 0),
    ("users", "SELECT count(*) FROM users", 1, 1),
    ("waiting_leads", "SELECT count(*) FROM waiting_leads", 1, 0),
];

fn network() -> (Fresh, PostgresDatabase) {
    let fresh = postgres();
    let database = open(&fresh.url());
    let entered = database.write(|tx| {
        for statement in NETWORK {
            tx.execute(statement, &[])?;
        }
        Ok::<_, StoreError>(())
    });
    block_on(entered).unwrap();
    (fresh, database)
}

fn advertiser() -> Scope {
    Scope::Advertiser(AdvertiserId::new(11).unwrap())
}

fn affiliate() -> Scope {
    Scope::Affiliate(AffiliateId::new(21).unwrap())
}

fn counts(database: &dyn Database) -> BTreeMap<&'static str, i64> {
    let count = |tx: &mut dyn Tx| {
        SEEN.iter()
            .map(|(table, sql, ..)| Ok((*table, tx.one(sql, &[])?.int(0)?)))
            .collect::<Result<_, StoreError>>()
    };
    block_on(database.read(count)).unwrap()
}

// S-10
#[test]
fn s_10_a_statement_that_forgets_its_scope_sees_its_tenants_rows_only() {
    let (fresh, database) = network();
    let guarded = fresh
        .query("SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity ORDER BY relname")
        .unwrap();
    assert_eq!(guarded.lines().collect::<Vec<_>>(), SEEN.iter().map(|seen| seen.0).collect::<Vec<_>>());

    let all = counts(&database);
    assert!(all.values().all(|count| *count >= 2), "{all:?}");
    let seen = counts(&Scoped::new(&database, advertiser()));
    assert_eq!(seen, SEEN.iter().map(|(table, _, advertiser, _)| (*table, *advertiser)).collect());
    let seen = counts(&Scoped::new(&database, affiliate()));
    assert_eq!(seen, SEEN.iter().map(|(table, .., affiliate)| (*table, *affiliate)).collect());
    let seen = counts(&Scoped::new(&database, Scope::Nothing));
    assert!(seen.values().all(|count| *count == 0), "{seen:?}");
    // The next transaction on the same connections is not narrowed.
    assert_eq!(counts(&database), all);
    assert_eq!(counts(&Scoped::new(&database, Scope::All)), all);
}

// S-10
#[test]
fn s_10_a_statement_that_forgets_its_scope_writes_its_tenants_rows_only() {
    let (_fresh, database) = network();
    let write = |scope, sql: &'static str| {
        let scoped = Scoped::new(&database, scope);
        block_on(scoped.write(move |tx| tx.execute(sql, &[])))
    };
    for (sql, advertisers, affiliates) in [
        ("UPDATE offers SET name = 'mine'", 1, 0),
        ("UPDATE affiliates SET name = 'mine'", 0, 1),
        ("UPDATE advertisers SET name = 'mine'", 1, 0),
        ("UPDATE links SET standing = 'paused'", 0, 1),
        ("UPDATE landing_pages SET name = 'mine'", 1, 0),
        ("UPDATE conversions SET reason = 'mine'", 1, 1),
        ("UPDATE commissions SET status = 'approved'", 1, 1),
        ("DELETE FROM api_keys", 1, 1),
        ("DELETE FROM domains", 1, 1),
        ("DELETE FROM cap_sums", 2, 0),
    ] {
        assert_eq!(write(advertiser(), sql), Ok(advertisers), "{sql}");
        assert_eq!(write(affiliate(), sql), Ok(affiliates), "{sql}");
        assert_eq!(write(Scope::Nothing, sql), Ok(0), "{sql}");
    }
    for sql in [
        "INSERT INTO links (code, offer_id, affiliate_id, standing, created_at) VALUES ('x', 32, 22, 'active', 0)",
        "INSERT INTO landing_pages (offer_id, name, url, weight, standing, created_at, updated_at)
         VALUES (32, 'P', 'u', 1, 'active', 0, 0)",
        "INSERT INTO api_keys (public_id, name, role, key_sha256, created_at) VALUES ('x', 'K', 'operator', 'x', 0)",
        "UPDATE conversions SET affiliate_id = 22, advertiser_id = 12",
        "INSERT INTO conversion_repeats VALUES ('x', 52, 0, '[]')",
        "INSERT INTO payouts (batch_id, affiliate_id, currency, amount_minor, status, payee, end_to_end_id)
         VALUES (1, 22, 'EUR', 1, 'draft', '{}', 'x')",
    ] {
        for scope in [advertiser(), affiliate(), Scope::Nothing] {
            let refused = write(scope, sql);
            let is_refused = refused.as_ref().is_err_and(|refused| refused.kind == ErrorKind::Constraint);
            // Nobody's transaction finds nothing to change.
            assert!(
                is_refused || (scope == Scope::Nothing && refused == Ok(0)),
                "{scope:?}, {sql}: {refused:?}"
            );
        }
    }
}

// S-10
#[test]
fn s_10_all_who_share_a_conversion_see_it_but_only_their_own_bookings_of_it() {
    let (_fresh, database) = network();
    let other = Scope::Affiliate(AffiliateId::new(22).unwrap());
    for sql in [
        "INSERT INTO conversion_affiliates VALUES (22, 51)",
        "INSERT INTO ledger_transactions (sequence, id, kind, effective_at, booked_at, conversion_id, affiliate_id,
         previous_hash, hash) VALUES (9, 't9', 'commission_pending', 0, 0, 51, 21, decode(repeat('00', 32), 'hex'),
         decode(repeat('00', 32), 'hex'))",
    ] {
        assert_eq!(block_on(database.write(move |tx| tx.execute(sql, &[]))), Ok(1), "{sql}");
    }
    for (sql, seen) in [
        ("SELECT count(*) FROM conversions", 2),
        ("SELECT count(*) FROM conversion_affiliates", 2),
        ("SELECT count(*) FROM decisions", 2),
        ("SELECT count(*) FROM commissions", 1),
        ("SELECT count(*) FROM ledger_transactions WHERE conversion_id = 51 AND affiliate_id IS NOT NULL", 0),
        ("SELECT count(*) FROM ledger_entries", 1),
    ] {
        let scoped = Scoped::new(&database, other);
        let found = block_on(scoped.read(move |tx| tx.one(sql, &[])?.int(0)));
        assert_eq!(found, Ok(seen), "{sql}");
    }
    let scoped = Scoped::new(&database, other);
    let sql = "UPDATE conversions SET reason = 'mine' WHERE id = 51";
    assert_eq!(block_on(scoped.write(move |tx| tx.execute(sql, &[]))), Ok(0));
}

// S-10
#[test]
fn s_10_what_books_may_widen_its_transaction_and_narrow_it_again() {
    let (_fresh, database) = network();
    let scoped = Scoped::new(&database, advertiser());
    let count = |tx: &mut dyn Tx| tx.one("SELECT count(*) FROM payable_items", &[]);
    let counted = block_on(scoped.book(move |tx| {
        let before = count(tx)?;
        tx.narrow(Scope::All)?;
        let open = count(tx)?;
        tx.narrow(affiliate())?;
        Ok::<_, StoreError>([before, open, count(tx)?])
    }));
    assert_eq!(counted.unwrap(), [0, 2, 1].map(|count| Row(vec![Value::Int(count)])));
}
