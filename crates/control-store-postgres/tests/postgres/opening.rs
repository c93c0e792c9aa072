//! What stops the start, and that nothing is changed then.

use hopline_control_store::conformance::restart;
use hopline_control_store::{DatabaseExt as _, ErrorKind, StoreError, marks};
use hopline_control_store_postgres::{OpenError, PostgresDatabase};
use hopline_testkit::{PostgresDatabase as Fresh, postgres};

use crate::support::{NOW, block_on, open, options};

/// All of them, by their files.
fn migrations() -> Vec<String> {
    let folder = std::env::var("CARGO_MANIFEST_DIR").expect("cargo says it") + "/migrations";
    let names =
        std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> =
        names.filter_map(|name| name.strip_suffix(".sql").map(str::to_owned)).collect();
    names.sort();
    assert!(names.len() >= 5, "{names:?}");
    names
}

fn refusal(fresh: &Fresh) -> OpenError {
    refusal_of(&fresh.url())
}

/// Refused in the same way by the look that changes nothing.
fn refusal_of(url: &str) -> OpenError {
    let looked = PostgresDatabase::verify(&options(url)).unwrap_err();
    let opened = PostgresDatabase::open(options(url), NOW).unwrap_err();
    assert_eq!(looked.to_string(), opened.to_string());
    opened
}

fn tables(fresh: &Fresh) -> String {
    fresh.query("SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relnamespace = 'public'::regnamespace").unwrap()
}

#[test]
fn a_look_changes_nothing_and_says_what_is_missing() {
    let fresh = postgres();
    let found = PostgresDatabase::verify(&options(&fresh.url())).unwrap();
    assert_eq!(found.migrations, migrations());
    assert_eq!((found.schema.as_str(), found.is_guarded), ("public", true));
    assert_eq!(tables(&fresh), "");
    let opened = open(&fresh.url());
    assert_eq!(opened.migrated(), migrations());
    let found = PostgresDatabase::verify(&options(&fresh.url())).unwrap();
    assert_eq!(found.migrations, Vec::<&str>::new());
    assert_eq!(opened.prepared().version, found.version);
}

#[test]
fn programs_that_start_at_once_apply_each_migration_once() {
    let fresh = postgres();
    let applied: Vec<&str> = std::thread::scope(|scope| {
        let openers: Vec<_> =
            (0..4).map(|_| scope.spawn(|| open(&fresh.url()).migrated().to_vec())).collect();
        openers.into_iter().flat_map(|opener| opener.join().unwrap()).collect()
    });
    assert_eq!(applied.len(), migrations().len(), "{applied:?}");
    let kept = fresh
        .query("SELECT number, name, length(sha256), applied_at FROM hopline_migrations ORDER BY 1")
        .unwrap();
    let expected: Vec<String> =
        (1..).zip(migrations()).map(|(number, name)| format!("{number}|{name}|64|{}", NOW.get())).collect();
    assert_eq!(kept.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn two_schemas_of_one_database_are_two_stores() {
    let fresh = postgres();
    fresh.query("CREATE SCHEMA other AUTHORIZATION hopline").unwrap();
    let (one, other) =
        (open(&fresh.url()), open(&format!("{}?options=-c%20search_path%3Dother", fresh.url())));
    assert_eq!(other.prepared().schema, "other");
    block_on(one.write(|tx| marks::set(tx, "story", 1))).unwrap();
    assert_eq!(block_on(other.read(|tx| marks::get(tx, "story"))), Ok(None));
    block_on(restart::fill(&other));
}

#[test]
fn a_database_of_another_program_is_refused_and_not_touched() {
    let fresh = postgres();
    fresh.query("CREATE TABLE cookies (a int)").unwrap();
    let refused = refusal(&fresh);
    assert!(matches!(&refused, OpenError::Foreign { table, .. } if table == "cookies"), "{refused}");
    assert_eq!(tables(&fresh), "cookies");
}

#[test]
fn a_newer_a_changed_and_an_incomplete_history_are_refused() {
    let fresh = postgres();
    drop(open(&fresh.url()));
    fresh.query("INSERT INTO hopline_migrations VALUES (99, '0099_future', 'x', 0)").unwrap();
    let refused = refusal(&fresh);
    let last = i64::try_from(migrations().len()).unwrap();
    assert!(
        matches!(&refused, OpenError::Newer { number: 99, known, name, .. } if *known == last && name == "0099_future"),
        "{refused}"
    );
    fresh.query("DELETE FROM hopline_migrations WHERE number IN (2, 99)").unwrap();
    let refused = refusal(&fresh);
    assert!(matches!(refused, OpenError::Gap { count, .. } if count == last - 1), "{refused}");
    fresh.query("UPDATE hopline_migrations SET sha256 = 'other' WHERE number = 1").unwrap();
    let refused = refusal(&fresh);
    assert!(matches!(refused, OpenError::Changed { number: 1, name: "0001_begin", .. }), "{refused}");
}

#[test]
fn a_migration_that_fails_leaves_nothing_of_itself() {
    let fresh = postgres();
    // In the way of the second migration, and not a table.
    fresh.query("CREATE SEQUENCE landing_pages").unwrap();
    let refused = PostgresDatabase::open(options(&fresh.url()), NOW).unwrap_err();
    assert!(matches!(refused, OpenError::Migration { name: "0002_traffic_rules", .. }), "{refused}");
    let columns =
        "SELECT count(*) FROM pg_attribute WHERE attrelid = 'offers'::regclass AND attname = 'targeting'";
    assert_eq!(fresh.query(columns).unwrap(), "0");
    fresh.query("DROP SEQUENCE landing_pages").unwrap();
    assert_eq!(open(&fresh.url()).migrated(), &migrations()[1..]);
}

#[test]
fn a_schema_that_was_changed_by_hand_is_refused_and_the_change_is_named() {
    for (change, told) in [
        ("ALTER TABLE offers DROP COLUMN model", "column offers.model text bytewise not null is missing"),
        (
            "ALTER TABLE offers ALTER COLUMN hold_days TYPE integer",
            "column offers.hold_days integer not null, expected",
        ),
        ("ALTER TABLE links ADD COLUMN note text", "column links.note text is not this program's"),
        (
            "DROP TRIGGER ledger_entries_are_append_only ON ledger_entries",
            "trigger ledger_entries.ledger_entries_are_append_only",
        ),
        ("ALTER TABLE audit_log DISABLE TRIGGER ALL", "trigger audit_log.audit_log_is_append_only"),
        ("ALTER TABLE payouts NO FORCE ROW LEVEL SECURITY", "row security payouts is missing"),
        ("DROP POLICY tenant ON conversions", "policy conversions.tenant is missing"),
        ("DROP INDEX conversions_order", "index conversions.conversions_order is missing"),
        ("DROP TABLE refunds", "column refunds.actor"),
    ] {
        let fresh = postgres();
        drop(open(&fresh.url()));
        fresh.query(change).unwrap();
        let refused = refusal(&fresh);
        assert!(
            matches!(&refused, OpenError::Altered { differences, .. } if differences.contains(told)),
            "{refused}"
        );
    }
    let fresh = postgres();
    drop(open(&fresh.url()));
    fresh.query("CREATE INDEX mine ON offers (name); CREATE TABLE notes (a int)").unwrap();
    drop(open(&fresh.url()));
}

#[test]
fn a_wrong_address_a_wrong_password_and_missing_rights_say_what_to_do() {
    let fresh = postgres();
    let refused = refusal_of(&fresh.url_as("hopline", "wrong"));
    assert!(matches!(refused, OpenError::Connect { .. }), "{refused}");
    assert!(!format!("{refused:?} {refused}").contains(":wrong"), "{refused:?}");
    let refused = refusal_of("postgres://hopline:x@127.0.0.1:1/hopline");
    assert!(refused.to_string().contains("check that it runs"), "{refused}");
    let refused = refusal_of(&format!("{}?options=-c%20search_path%3Dnowhere", fresh.url()));
    assert!(matches!(refused, OpenError::NoSchema { .. }), "{refused}");
    let refused = refusal_of(&format!("{}?options=-c%20default_transaction_read_only%3Don", fresh.url()));
    assert!(matches!(refused, OpenError::ReadsOnly { .. }), "{refused}");

    // Another role may use the tables, but not own them.
    let role = format!("{}_app", fresh.name());
    fresh.query(&format!("CREATE ROLE {role} LOGIN PASSWORD 'secret'")).unwrap();
    let url = fresh.url_as(&role, "secret");
    let refused = PostgresDatabase::open(options(&url), NOW).unwrap_err();
    assert!(
        matches!(&refused, OpenError::Rights { remedy, .. } if remedy.contains("GRANT CREATE")),
        "{refused}"
    );
    assert_eq!(tables(&fresh), "");
    drop(open(&fresh.url()));
    let refused = refusal_of(&url);
    assert!(
        matches!(&refused, OpenError::Rights { on, .. } if on.contains("hopline_migrations")),
        "{refused}"
    );
    fresh.query(&format!("GRANT SELECT ON hopline_migrations TO {role}")).unwrap();
    let refused = refusal_of(&url);
    assert!(
        matches!(&refused, OpenError::Rights { on, .. } if on.contains("audit_log (SELECT, INSERT)")),
        "{refused}"
    );
    fresh.query(&format!(
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role};
         REVOKE UPDATE, DELETE ON audit_log, ledger_transactions, ledger_entries, click_corrections FROM {role};
         REVOKE DELETE ON click_findings FROM {role}"
    ))
    .unwrap();
    // L-05: the program's own role lacks the right, before any trigger.
    let database = open(&url);
    block_on(restart::fill(&database));
    for change in
        ["UPDATE ledger_entries SET amount_minor = 1", "DELETE FROM audit_log", "TRUNCATE audit_log"]
    {
        let refused = block_on(database.write(move |tx| tx.execute(change, &[]))).unwrap_err();
        assert!(refused.kind == ErrorKind::Broken && refused.detail.contains("42501"), "{refused}");
    }
    drop(database);
    fresh.query(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).unwrap();
}

// L-05
#[test]
fn the_owner_of_the_tables_cannot_empty_them_either() {
    let fresh = postgres();
    let database = open(&fresh.url());
    block_on(restart::fill(&database));
    for table in ["TRUNCATE audit_log", "TRUNCATE ledger_entries", "TRUNCATE ledger_transactions CASCADE"] {
        let refused = block_on(database.write(move |tx| tx.execute(table, &[]))).unwrap_err();
        assert_eq!(refused.kind, ErrorKind::Constraint, "{table}: {refused}");
    }
}

// L-14
#[test]
fn a_floating_point_number_does_not_get_out() {
    let fresh = postgres();
    let database = open(&fresh.url());
    block_on(database.write(|tx| marks::set(tx, "story", 1))).unwrap();
    for sql in ["SELECT CAST(0.5 AS double precision)", "SELECT 0.5", "SELECT sum(value) FROM marks"] {
        let read: Result<_, StoreError> = block_on(database.read(move |tx| tx.query(sql, &[])));
        assert_eq!(read.unwrap_err().kind, ErrorKind::Broken, "{sql}");
    }
}
