//! ISO 20022 customer credit transfer initiation, `pain.001.001.09` and `.03`, as SEPA uses it.

mod document;
mod lexical;
mod values;
mod write;

pub use document::check_pain001;

use crate::{BatchFile, FileOut, SchemeFault, batch};

pub(crate) use values::payment_faults;

/// The namespace of version 09.
pub const NAMESPACE_V09: &str = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09";
/// The namespace of version 03.
pub const NAMESPACE_V03: &str = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.03";

/// A version of the message. They differ here in the form of the execution date and in the name of a bank's element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pain001Version {
    /// Of 2009, on its way out (P-06).
    V03,
    /// Of 2019.
    V09,
}

impl Pain001Version {
    const fn namespace(self) -> &'static str {
        match self {
            Self::V03 => NAMESPACE_V03,
            Self::V09 => NAMESPACE_V09,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::V03 => "pain.001.001.03",
            Self::V09 => "pain.001.001.09",
        }
    }
}

/// The file of a batch in version 09: see [`pain001`].
///
/// # Errors
/// All faults at once, each with its place and payee; then nothing is written.
pub fn pain001_v09(file: &BatchFile) -> Result<FileOut, Vec<SchemeFault>> {
    pain001(file, Pain001Version::V09)
}

/// The file of a batch.
///
/// Texts are transliterated (P-04), every value is checked against the scheme's rules (P-02), and the finished
/// document is read again by [`check_pain001`]. The same batch gives the same bytes (P-03). A batch has the same message id in
/// every version, so that a bank that gets two of them pays once.
///
/// # Errors
/// All faults at once, each with its place and payee; then nothing is written.
pub fn pain001(file: &BatchFile, version: Pain001Version) -> Result<FileOut, Vec<SchemeFault>> {
    let ready = values::ready(file)?;
    let bytes = write::document(&ready, version);
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
        file_name: batch::file_name(&format!("{}-{}", ready.message_id, version.name()), "xml"),
    })
}
