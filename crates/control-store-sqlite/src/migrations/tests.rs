use super::*;
use crate::open;

const NOW: UnixMillis = UnixMillis(1_700_000_000_000);
const ONE: Migration = Migration { number: 1, name: "0001_one", sql: "CREATE TABLE one (a INTEGER) STRICT;" };
const TWO: Migration = Migration { number: 2, name: "0002_two", sql: "CREATE TABLE two (a INTEGER) STRICT;" };

fn migrate(path: &Path, known: &[Migration]) -> Result<Vec<&'static str>, OpenError> {
    open::writer(path, known, NOW).map(|(_, migrated)| migrated)
}

#[test]
fn numbers_count_from_one_without_gaps() {
    for (number, migration) in (1..).zip(MIGRATIONS) {
        assert_eq!(migration.number, number);
        assert!(migration.name.starts_with(&format!("{number:04}_")), "{}", migration.name);
    }
}

#[test]
fn each_migration_is_applied_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("control.db");
    assert_eq!(migrate(&path, &[ONE]).unwrap(), ["0001_one"]);
    assert_eq!(migrate(&path, &[ONE]).unwrap(), Vec::<&str>::new());
    assert_eq!(migrate(&path, &[ONE, TWO]).unwrap(), ["0002_two"]);
    let connection = open::reader(&path).unwrap();
    let rows: Vec<(i64, String, i64)> = connection
        .prepare("SELECT number, name, applied_at FROM migrations ORDER BY number")
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(rows, [(1, "0001_one".into(), NOW.get()), (2, "0002_two".into(), NOW.get())]);
}

#[test]
fn a_database_of_a_newer_version_is_refused_and_not_touched() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("control.db");
    migrate(&path, &[ONE, TWO]).unwrap();
    let before = std::fs::read(&path).unwrap();
    let refusal = migrate(&path, &[ONE]).unwrap_err();
    assert!(
        matches!(&refusal, OpenError::Newer { number: 2, name, known: 1, .. } if name == "0002_two"),
        "{refusal}"
    );
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_migration_that_was_changed_afterwards_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("control.db");
    migrate(&path, &[ONE]).unwrap();
    let edited = Migration { sql: "CREATE TABLE one (a TEXT) STRICT;", ..ONE };
    let refusal = migrate(&path, &[edited]).unwrap_err();
    assert!(matches!(refusal, OpenError::Changed { number: 1, name: "0001_one", .. }), "{refusal}");
}

#[test]
fn a_migration_that_fails_leaves_nothing_of_itself() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("control.db");
    let broken =
        Migration { sql: "CREATE TABLE two (a INTEGER) STRICT; CREATE TABLE one (a INTEGER);", ..TWO };
    let refusal = migrate(&path, &[ONE, broken]).unwrap_err();
    assert!(matches!(refusal, OpenError::Migration { name: "0002_two", .. }), "{refusal}");
    assert_eq!(migrate(&path, &[ONE, TWO]).unwrap(), ["0002_two"]);
}

#[test]
fn a_database_of_another_program_is_refused_and_not_touched() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("control.db");
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE cookies (a)").unwrap();
    let before = std::fs::read(&path).unwrap();
    let refusal = migrate(&path, &[ONE]).unwrap_err();
    assert!(matches!(refusal, OpenError::Foreign { .. }), "{refusal}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_file_that_is_no_database_is_refused_and_not_touched() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("control.db");
    std::fs::write(&path, "these are my notes, not a database".repeat(40)).unwrap();
    let refusal = migrate(&path, &[ONE]).unwrap_err();
    assert!(matches!(refusal, OpenError::Sqlite { .. }), "{refusal}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "these are my notes, not a database".repeat(40));
}

#[test]
fn two_that_open_a_new_database_at_once_apply_each_migration_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("control.db");
    let applied: Vec<&str> = std::thread::scope(|scope| {
        let openers: Vec<_> = (0..4).map(|_| scope.spawn(|| migrate(&path, &[ONE, TWO]).unwrap())).collect();
        openers.into_iter().flat_map(|opener| opener.join().unwrap()).collect()
    });
    assert_eq!(applied.len(), 2, "{applied:?}");
}

/// One row in every table that 0002 alters or points at, written by the first version.
const OLD_ROWS: &str = "
    INSERT INTO advertisers VALUES (1, 'Acme', 'EUR', 'active', 'token', 'key', 1, 1);
    INSERT INTO affiliates VALUES (1, 'Blog', 'blog@example.com', 'active', NULL, NULL, NULL, 1, 1);
    INSERT INTO offers VALUES (1, 1, 'Shoes', 'EUR', 'active', 'https://shop.example/', NULL, '[]', 'hl_click', 0,
        'token', 'last_click', 86400, 'automatic', 0, NULL, NULL, 1, 1);
    INSERT INTO links VALUES (1, 'spring', 1, 1, 'active', 1);";

#[test]
fn a_database_of_the_first_version_keeps_its_rows_and_learns_the_traffic_rules() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("control.db");
    let (old, _) = open::writer(&path, &MIGRATIONS[..1], NOW).unwrap();
    old.execute_batch(OLD_ROWS).unwrap();
    drop(old);
    assert_eq!(
        migrate(&path, MIGRATIONS).unwrap(),
        [
            "0002_traffic_rules",
            "0003_click_findings",
            "0004_leases",
            "0005_cap_refusals",
            "0006_decisions",
            "0007_attribution",
            "0008_terms",
            "0009_rates",
            "0010_installs",
            "0011_payout_files",
            "0012_late_facts",
            "0013_books",
        ]
    );
    assert_eq!(migrate(&path, MIGRATIONS).unwrap(), Vec::<&str>::new());

    let database = crate::SqliteDatabase::open(&path, NOW).unwrap();
    let load = hopline_control_store::DatabaseExt::read(&database, |tx| {
        hopline_control_store::catalogue::load(tx, NOW)
    });
    let data = tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(load).unwrap();
    assert_eq!((data.offers.len(), data.links.len(), data.affiliates.len()), (1, 1, 1));
    assert_eq!(data.offers[0].rules, Default::default());
    assert_eq!((data.domains, data.closures), (vec![], vec![]));
}
