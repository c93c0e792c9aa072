//! What is wrong with a payment file.

/// A rule of the scheme, or of the file's form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// The text is no pain.001 document, or an element of it is missing or stands twice.
    Form,
    /// The declared version and the content agree.
    Version,
    /// At least one payment.
    NoPayments,
    /// 1 to 35 characters, no `/` at the ends, no `//`.
    Identifier,
    /// Every payment of a file has an end-to-end id of its own.
    DuplicateEndToEndId,
    /// A date, or a date and time, of ISO 8601.
    Date,
    /// `NbOfTxs` equals the number of payments.
    Count,
    /// `CtrlSum` equals the sum of the payments.
    ControlSum,
    /// A name has 1 to 70 characters.
    Name,
    /// In euro.
    Currency,
    /// From 0.01 to 999999999.99, with two decimals at most.
    Amount,
    /// ISO 13616: length and structure of the country, check digits.
    Iban,
    /// ISO 9362.
    Bic,
    /// The account's bank can be reached by SEPA credit transfer.
    OutsideSepa,
    /// Payment method `TRF`.
    PaymentMethod,
    /// Service level `SEPA`.
    ServiceLevel,
    /// Charge bearer `SLEV`, or none.
    ChargeBearer,
    /// One remittance text of at most 140 characters.
    Remittance,
    /// Only characters of the SEPA set.
    Characters,
    /// An account number's length or characters.
    Account,
    /// ABA: nine digits whose check digit fits.
    Routing,
    /// A record's length, or a field of it that has one right content or form.
    Record,
    /// Records stand in the scheme's order.
    RecordOrder,
    /// Records are filled up to a multiple of ten.
    Blocking,
    /// The class of a batch fits its entries and its control.
    ServiceClass,
    /// The sum of routings.
    Hash,
    /// Trace numbers start with the originating bank and ascend.
    Trace,
    /// Addenda follow the entries that announce them.
    Addenda,
    /// A service's own rule.
    Service,
    /// Town and country are given; at most two free lines of 70 characters; each field within its length.
    Address,
}

/// One broken rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{at}{}: {detail}", payee.as_ref().map(|name| format!(" ({name})")).unwrap_or_default())]
pub struct SchemeFault {
    /// The rule.
    pub rule: Rule,
    /// Where: a field such as `payments[2].name`, or an element such as `PmtInf[1]/CdtTrfTxInf[2]/Cdtr/Nm`.
    pub at: String,
    /// Whom the payment is for, as given, where it concerns one payment.
    pub payee: Option<String>,
    /// What was expected and what was given.
    pub detail: String,
}

/// Faults as they are found.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    pub(crate) found: Vec<SchemeFault>,
    /// The payee of the faults to come.
    pub(crate) payee: Option<String>,
}

impl Faults {
    pub(crate) fn add(&mut self, rule: Rule, at: impl Into<String>, detail: impl Into<String>) {
        self.found.push(SchemeFault {
            rule,
            at: at.into(),
            payee: self.payee.clone(),
            detail: detail.into(),
        });
    }

    pub(crate) fn into_result(self) -> Result<(), Vec<SchemeFault>> {
        if self.found.is_empty() { Ok(()) } else { Err(self.found) }
    }
}
