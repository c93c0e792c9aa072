//! What people and rules have judged of conversions, with reason and time. Nothing is changed here: a judgement that was a
//! mistake is followed by another one.

use hopline_types::{ConversionId, UnixMillis};

use crate::{ErrorKind, StoreError, Tx};

/// What was judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judged {
    /// Approved.
    Approved,
    /// Rejected.
    Rejected,
    /// The approval was a mistake.
    ApprovalUndone,
    /// The rejection was a mistake.
    RejectionUndone,
}

impl Judged {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Approved, Self::Rejected, Self::ApprovalUndone, Self::RejectionUndone];

    /// The word used in text forms.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::ApprovalUndone => "approval_undone",
            Self::RejectionUndone => "rejection_undone",
        }
    }
}

/// One judgement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// Its number; given by the store.
    pub id: i64,
    /// The conversion.
    pub conversion: ConversionId,
    /// What was judged.
    pub what: Judged,
    /// Why.
    pub reason: Option<String>,
    /// Who.
    pub actor: String,
    /// When.
    pub at: UnixMillis,
}

/// Writes a judgement down (its `id` is given by the store) and gives back its number.
///
/// # Errors
/// The store fails.
pub fn insert(tx: &mut dyn Tx, judgement: &Judgement) -> Result<i64, StoreError> {
    tx.one(
        "INSERT INTO judgements (conversion_id, what, reason, actor, at) VALUES ($1, $2, $3, $4, $5) RETURNING id",
        &[
            judgement.conversion.into(),
            judgement.what.as_str().into(),
            judgement.reason.as_deref().into(),
            (&judgement.actor).into(),
            judgement.at.into(),
        ],
    )?
    .int(0)
}

/// What was judged of a conversion, oldest first.
///
/// # Errors
/// The store fails.
pub fn of_conversion(tx: &mut dyn Tx, conversion: ConversionId) -> Result<Vec<Judgement>, StoreError> {
    let rows = tx.query(
        "SELECT id, conversion_id, what, reason, actor, at FROM judgements WHERE conversion_id = $1 ORDER BY id",
        &[conversion.into()],
    )?;
    let each = rows.iter().map(|row| {
        let word = row.text(2)?;
        let what = Judged::ALL.into_iter().find(|judged| judged.as_str() == word);
        Ok(Judgement {
            id: row.int(0)?,
            conversion: row.id(1)?,
            what: what.ok_or_else(|| {
                StoreError::new(ErrorKind::Broken, format!("judgements.what: {word:?} is no judgement"))
            })?,
            reason: row.text_or_null(3)?.map(str::to_owned),
            actor: row.text(4)?.to_owned(),
            at: row.time(5)?,
        })
    });
    each.collect()
}
