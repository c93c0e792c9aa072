//! The same id again: a repetition or a conflict (L-03).

use crate::{Draft, Stored};

/// The first field in which a request differs from what is booked under its id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("transaction {id} is booked with another {field}: booked {booked}, asked {asked}")]
pub struct FirstDifference {
    /// The id of both.
    pub id: String,
    /// The field, such as `kind` or `postings[1].amount_minor`.
    pub field: String,
    /// Its booked value.
    pub booked: String,
    /// Its value in the request.
    pub asked: String,
}

/// Compares a request with the transaction that is booked under its id. A request that came after its period was closed
/// is compared as it was moved then (L-12).
///
/// # Errors
/// They differ: names the first field, in the order of the hashed bytes.
pub fn same_content(existing: &Stored, asked: &Draft) -> Result<(), FirstDifference> {
    let booked = &existing.draft;
    if booked.late().is_some_and(|late| late.happened_at == asked.effective_at) {
        return compare(booked, &asked.clone().not_before(booked.effective_at));
    }
    compare(booked, asked)
}

fn compare(booked: &Draft, asked: &Draft) -> Result<(), FirstDifference> {
    let differ = Compare { id: booked.id.as_str() };
    differ.field("id", booked.id.as_str(), asked.id.as_str())?;
    differ.field("effective_at", booked.effective_at.get(), asked.effective_at.get())?;
    differ.field("kind", booked.kind, asked.kind)?;
    differ.option("subject.conversion", booked.subject.conversion, asked.subject.conversion)?;
    differ.option("subject.affiliate", booked.subject.affiliate, asked.subject.affiliate)?;
    differ.option("subject.payout", booked.subject.payout, asked.subject.payout)?;
    differ.option("corrects", booked.corrects.as_ref(), asked.corrects.as_ref())?;
    differ.option("reason", booked.reason.as_ref(), asked.reason.as_ref())?;
    differ.field("postings.length", booked.postings.len(), asked.postings.len())?;
    for (index, (booked, asked)) in booked.postings.iter().zip(&asked.postings).enumerate() {
        differ.field(&format!("postings[{index}].account"), booked.account, asked.account)?;
        differ.field(&format!("postings[{index}].amount_minor"), booked.amount_minor, asked.amount_minor)?;
        differ.field(&format!("postings[{index}].currency"), booked.currency, asked.currency)?;
    }
    Ok(())
}

struct Compare<'a> {
    id: &'a str,
}

impl Compare<'_> {
    fn field<T: PartialEq + std::fmt::Display>(
        &self,
        field: &str,
        booked: T,
        asked: T,
    ) -> Result<(), FirstDifference> {
        if booked == asked {
            Ok(())
        } else {
            Err(self.difference(field, booked.to_string(), asked.to_string()))
        }
    }

    fn option<T: PartialEq + std::fmt::Display>(
        &self,
        field: &str,
        booked: Option<T>,
        asked: Option<T>,
    ) -> Result<(), FirstDifference> {
        let text = |value: &Option<T>| value.as_ref().map_or("none".into(), T::to_string);
        if booked == asked { Ok(()) } else { Err(self.difference(field, text(&booked), text(&asked))) }
    }

    fn difference(&self, field: &str, booked: String, asked: String) -> FirstDifference {
        FirstDifference { id: self.id.into(), field: field.into(), booked, asked }
    }
}
