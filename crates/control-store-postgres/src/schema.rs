//! What the migrations make of a database, compared with what is there.
//!
//! `migrations/schema.txt` lists columns, constraints, indexes, triggers and policies, as [`LIST`] finds them after all
//! migrations (a test compares). Whatever is missing or different was changed by hand; so is a column too many. Indexes
//! and the like that somebody added are left alone.

use std::collections::BTreeSet;

use crate::OpenError;
use crate::migrations::column;
use crate::open::Place;

/// What the migrations make, sorted.
pub(crate) const EXPECTED: &str = include_str!("../migrations/schema.txt");
/// The most differences that are told.
const TOLD_MAX: usize = 10;

/// What there is, sorted. Names and types only: how the server prints expressions differs between versions.
pub(crate) const LIST: &str = "
    WITH ours AS (
        SELECT oid, relname, relrowsecurity AND relforcerowsecurity AS guarded FROM pg_class
        WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r')
    SELECT line FROM (
        SELECT 'column ' || relname || '.' || attname || ' ' || format_type(atttypid, atttypmod)
            || CASE WHEN attcollation = 950 THEN ' bytewise' ELSE '' END
            || CASE WHEN attnotnull THEN ' not null' ELSE '' END
            || CASE WHEN attidentity <> '' THEN ' identity' ELSE '' END
        FROM ours JOIN pg_attribute ON attrelid = ours.oid AND attnum > 0 AND NOT attisdropped
        UNION ALL SELECT 'constraint ' || relname || '.' || conname FROM ours JOIN pg_constraint ON conrelid = ours.oid
        WHERE contype IN ('p', 'u', 'f', 'c') AND convalidated
        UNION ALL SELECT 'index ' || relname || '.' || (SELECT i.relname FROM pg_class i WHERE i.oid = indexrelid)
        FROM ours JOIN pg_index ON indrelid = ours.oid WHERE indisvalid
        UNION ALL SELECT 'trigger ' || relname || '.' || tgname FROM ours JOIN pg_trigger ON tgrelid = ours.oid
        WHERE NOT tgisinternal AND tgenabled IN ('O', 'A')
        UNION ALL SELECT 'policy ' || relname || '.' || polname FROM ours JOIN pg_policy ON polrelid = ours.oid
        UNION ALL SELECT 'row security ' || relname FROM ours WHERE guarded
    ) AS found (line) ORDER BY line COLLATE \"C\"";

/// What is there, line by line.
pub(crate) async fn list(place: &Place<'_>) -> Result<Vec<String>, OpenError> {
    column(place, LIST).await
}

/// Compares what is there with what should be.
pub(crate) async fn check(place: &Place<'_>) -> Result<(), OpenError> {
    let found = list(place).await?;
    let told = differences(EXPECTED, &found);
    if told.is_empty() {
        return Ok(());
    }
    let more = told.len().saturating_sub(TOLD_MAX);
    let mut differences = told.into_iter().take(TOLD_MAX).collect::<Vec<_>>().join("; ");
    if more > 0 {
        differences = format!("{differences}; and {more} more");
    }
    Err(OpenError::Altered { server: place.server.clone(), differences })
}

fn differences(expected: &str, found: &[String]) -> Vec<String> {
    let found: BTreeSet<&str> = found.iter().map(String::as_str).collect();
    let expected: BTreeSet<&str> = expected.lines().filter(|line| !line.is_empty()).collect();
    // column advertisers.name text: what it is called is told from what it is.
    let name = |line: &str| line.splitn(3, ' ').take(2).collect::<Vec<_>>().join(" ");
    let tables: BTreeSet<&str> = expected.iter().filter_map(|line| table(line)).collect();
    let mut told = Vec::new();
    for line in expected.difference(&found) {
        let is = found.iter().find(|other| line.starts_with("column ") && name(other) == name(line));
        told.push(match is {
            Some(is) => format!("{is}, expected {line}"),
            None => format!("{line} is missing"),
        });
    }
    for line in found.difference(&expected) {
        let is_ours = table(line).is_some_and(|table| tables.contains(table));
        let is_known = expected.iter().any(|other| name(other) == name(line));
        if line.starts_with("column ") && is_ours && !is_known {
            told.push(format!("{line} is not this program's"));
        }
    }
    told
}

/// The table of a column's line.
fn table(line: &str) -> Option<&str> {
    line.strip_prefix("column ")?.split_once('.').map(|(table, _)| table)
}

/// Whether the role may read and write what the program reads and writes.
pub(crate) async fn check_rights(place: &Place<'_>) -> Result<(), OpenError> {
    let tables: BTreeSet<&str> = EXPECTED.lines().filter_map(table).collect();
    let listed: Vec<String> = tables.into_iter().map(|table| format!("'{table}'")).collect();
    // Of what is only ever added to nobody needs to change or delete anything.
    let lacking = column(
        place,
        &format!(
            "SELECT name || ' (' || needed || ')' FROM unnest(ARRAY[{}]) AS name, LATERAL (SELECT \
             CASE WHEN name = 'hopline_migrations' THEN 'SELECT' \
             WHEN name IN ('audit_log', 'ledger_transactions', 'ledger_entries', 'click_corrections') \
             THEN 'SELECT, INSERT' WHEN name = 'click_findings' THEN 'SELECT, INSERT, UPDATE' \
             ELSE 'SELECT, INSERT, UPDATE, DELETE' END AS needed) AS each_one \
             WHERE EXISTS (SELECT 1 FROM unnest(string_to_array(needed, ', ')) AS one \
             WHERE NOT has_table_privilege(quote_ident(current_schema()) || '.' || quote_ident(name), one))",
            listed.join(", ")
        ),
    )
    .await?;
    if lacking.is_empty() {
        return Ok(());
    }
    let role = place.text("SELECT quote_ident(current_user)").await?.unwrap_or_default();
    Err(OpenError::Rights {
        server: place.server.clone(),
        on: lacking.join(", "),
        remedy: format!("GRANT what is missing ON these TO {role}, or connect as their owner"),
    })
}

#[cfg(test)]
mod tests {
    use super::differences;

    #[test]
    fn what_was_changed_by_hand_is_named() {
        let expected = "column t.a bigint not null\ncolumn t.b text bytewise\nindex t.t_pkey\n";
        let found = |lines: &[&str]| -> Vec<String> { lines.iter().map(|line| (*line).to_owned()).collect() };
        let same = found(&["column t.a bigint not null", "column t.b text bytewise", "index t.t_pkey"]);
        assert_eq!(differences(expected, &same), Vec::<String>::new());
        let added = found(&[
            "column t.a bigint not null",
            "column t.b text bytewise",
            "index t.t_pkey",
            "index t.mine",
            "column u.a text",
        ]);
        assert_eq!(differences(expected, &added), Vec::<String>::new());
        let changed = found(&["column t.a integer", "column t.c text", "index t.t_pkey"]);
        assert_eq!(
            differences(expected, &changed),
            [
                "column t.a integer, expected column t.a bigint not null",
                "column t.b text bytewise is missing",
                "column t.c text is not this program's",
            ]
        );
        let dropped = found(&["column t.a bigint not null", "column t.b text bytewise"]);
        assert_eq!(differences(expected, &dropped), ["index t.t_pkey is missing"]);
    }
}
