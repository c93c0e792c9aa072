//! Forms of CSV files, by name, in versions. A version is never changed.

use hopline_types::UnixMillis;

use crate::{Row, StoreError, Tx};

/// What a template is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TemplateKind {
    /// Files that go out.
    Export,
    /// Files that come in.
    Result,
}

impl TemplateKind {
    /// The word in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Export => "export",
            Self::Result => "result",
        }
    }
}

/// A version of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateRow {
    /// Its name.
    pub name: String,
    /// From 1.
    pub version: i64,
    /// JSON.
    pub content: String,
    /// When it was saved.
    pub created_at: UnixMillis,
    /// Who has saved it.
    pub created_by: String,
}

fn read(row: &Row) -> Result<TemplateRow, StoreError> {
    Ok(TemplateRow {
        name: row.text(0)?.to_owned(),
        version: row.int(1)?,
        content: row.text(2)?.to_owned(),
        created_at: row.time(3)?,
        created_by: row.text(4)?.to_owned(),
    })
}

/// Saves a new version; the same content again changes nothing.
///
/// # Errors
/// The store fails.
pub fn save_template(
    tx: &mut dyn Tx,
    kind: TemplateKind,
    name: &str,
    content: &str,
    by: &str,
    now: UnixMillis,
) -> Result<TemplateRow, StoreError> {
    let newest = newest_template(tx, kind, name)?;
    if let Some(same) = newest.as_ref().filter(|newest| newest.content == content) {
        return Ok(same.clone());
    }
    let row = TemplateRow {
        name: name.to_owned(),
        version: newest.map_or(0, |newest| newest.version) + 1,
        content: content.to_owned(),
        created_at: now,
        created_by: by.to_owned(),
    };
    tx.execute(
        "INSERT INTO payout_templates (kind, name, version, content, created_at, created_by) VALUES ($1, $2, $3, $4, $5, $6)",
        &[kind.as_str().into(), name.into(), row.version.into(), content.into(), now.into(), by.into()],
    )?;
    Ok(row)
}

/// The newest version of a name.
///
/// # Errors
/// The store fails.
pub fn newest_template(
    tx: &mut dyn Tx,
    kind: TemplateKind,
    name: &str,
) -> Result<Option<TemplateRow>, StoreError> {
    let sql = "SELECT name, version, content, created_at, created_by FROM payout_templates \
               WHERE kind = $1 AND name = $2 ORDER BY version DESC LIMIT 1";
    tx.first(sql, &[kind.as_str().into(), name.into()])?.as_ref().map(read).transpose()
}

/// The version of a name that was the newest at a time; where there was none yet, the first one. So the same question always
/// has the same answer (P-03).
///
/// # Errors
/// The store fails.
pub fn template_as_of(
    tx: &mut dyn Tx,
    kind: TemplateKind,
    name: &str,
    at: UnixMillis,
) -> Result<Option<TemplateRow>, StoreError> {
    let sql = "SELECT name, version, content, created_at, created_by FROM payout_templates \
               WHERE kind = $1 AND name = $2 AND (version = 1 OR created_at <= $3) ORDER BY version DESC LIMIT 1";
    tx.first(sql, &[kind.as_str().into(), name.into(), at.into()])?.as_ref().map(read).transpose()
}

/// The newest versions of all names.
///
/// # Errors
/// The store fails.
pub fn list_templates(tx: &mut dyn Tx, kind: TemplateKind) -> Result<Vec<TemplateRow>, StoreError> {
    let sql = "SELECT t.name, t.version, t.content, t.created_at, t.created_by FROM payout_templates t \
               WHERE t.kind = $1 AND t.version = (SELECT max(n.version) FROM payout_templates n \
               WHERE n.kind = t.kind AND n.name = t.name) ORDER BY t.name";
    tx.query(sql, &[kind.as_str().into()])?.iter().map(read).collect()
}
