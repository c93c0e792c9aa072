//! ISO 20022 customer credit transfer initiation, `pain.001.001.09`, as SEPA uses it.

mod document;
mod lexical;
mod values;
mod write;
mod xml;

pub use document::check_pain001;

use crate::{BatchFile, FileOut, SchemeFault, batch};

pub(crate) use values::payment_faults;

/// The namespace of the version that is written.
pub const NAMESPACE_V09: &str = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09";

/// The file of a batch.
///
/// Texts are transliterated (P-04), every value is checked against the scheme's rules (P-02), and the finished
/// document is read again by [`check_pain001`]. The same batch gives the same bytes (P-03).
///
/// # Errors
/// All faults at once, each with its place and payee; then nothing is written.
pub fn pain001_v09(file: &BatchFile) -> Result<FileOut, Vec<SchemeFault>> {
    let ready = values::ready(file)?;
    let bytes = write::document(&ready);
    let xml = std::str::from_utf8(&bytes).expect("the writer writes UTF-8");
    let faults = check_pain001(xml);
    if !faults.is_empty() {
        return Err(faults);
    }
    Ok(FileOut {
        bytes,
        count: ready.payments.len(),
        control_sum: ready.control_sum,
        media_type: "application/xml",
        file_name: batch::file_name(&format!("{}-pain.001.001.09", ready.message_id), "xml"),
    })
}
