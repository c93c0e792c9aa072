//! What files need of the payer, and when it is fixed.

use hopline_control_store::Tx;
use hopline_control_store::payouts::{self, Batch};
use hopline_money::Currency;
use hopline_payfile::{
    Address, Bic, Debtor as SepaPayer, DecimalMark, Iban, NachaPayer, RoutingNumber, WISE_COLUMNS_KNOWN,
    WisePayer,
};
use hopline_types::{HOUR_MS, PayoutMethod, UnixMillis};
use serde::{Deserialize, Serialize};

use crate::{BookError, FieldError};

const DAY_MS: i64 = 24 * HOUR_MS;
/// Marks of a day's files, in order (P-20).
const MODIFIERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// The payer's own data, as set under `[payouts]`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Debtor {
    /// `debtor_name`.
    pub name: Option<String>,
    /// `debtor_iban`.
    pub iban: Option<String>,
    /// `debtor_bic`.
    pub bic: Option<String>,
    /// `debtor_country`.
    pub country: Option<String>,
    /// `debtor_town`.
    pub town: Option<String>,
    /// `nacha_…`.
    pub nacha: NachaSettings,
    /// `paypal_decimal_mark`: `point` or `comma`.
    pub paypal_decimal_mark: Option<String>,
    /// `wise_source_currency`.
    pub wise_source_currency: Option<String>,
    /// `wise_columns`: names separated by commas.
    pub wise_columns: Option<String>,
}

/// What NACHA files need, as agreed with the bank.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct NachaSettings {
    /// `nacha_destination`.
    pub destination: Option<String>,
    /// `nacha_destination_name`.
    pub destination_name: Option<String>,
    /// `nacha_origin`.
    pub origin: Option<String>,
    /// `nacha_origin_name`.
    pub origin_name: Option<String>,
    /// `nacha_originating_bank`.
    pub originating_bank: Option<String>,
    /// `nacha_company_name`.
    pub company_name: Option<String>,
    /// `nacha_company_id`.
    pub company_id: Option<String>,
    /// `nacha_description`.
    pub description: Option<String>,
}

/// What is kept with a batch.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Fixed {
    /// The payer's data as at the approval.
    debtor: Debtor,
    /// Which file of its day a NACHA file is.
    nacha_modifier: Option<char>,
    /// Formats whose data was missing at the approval and is fixed since its first file.
    late: Vec<String>,
}

impl Fixed {
    /// What is known at the approval.
    pub(super) fn at_approval(
        tx: &mut dyn Tx,
        batch: &Batch,
        debtor: &Debtor,
        now: UnixMillis,
    ) -> Result<Self, BookError> {
        let nacha_modifier = match batch.method {
            PayoutMethod::Ach => Some(modifier(tx, now)?.ok_or_else(|| BookError::State {
                what: "payout batch",
                id: batch.id.get(),
                is: batch.status.as_str().to_owned(),
                wanted: "approve it tomorrow: a bank takes 36 ACH files a day",
            })?),
            _ => None,
        };
        Ok(Self { debtor: debtor.clone(), nacha_modifier, late: Vec::new() })
    }

    /// What is kept with a batch; nothing with one that was approved before this was kept.
    pub(super) fn of(batch: &Batch) -> Result<Self, BookError> {
        match &batch.payer {
            None => Ok(Self::default()),
            Some(text) => serde_json::from_str(text).map_err(|error| {
                BookError::broken(format!("the payer of payout batch {}: {error}", batch.id))
            }),
        }
    }

    pub(super) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("settings are plain data")
    }

    /// The SEPA payer: as fixed, else as set now, which is fixed then.
    pub(super) fn sepa(&mut self, current: &Debtor) -> Result<SepaPayer, BookError> {
        let is_fixed = self.debtor.iban.is_some() && self.debtor.name.is_some();
        let payer = sepa(if is_fixed { &self.debtor } else { current })?;
        if !is_fixed {
            let Debtor { name, iban, bic, country, town, .. } = current.clone();
            self.debtor = Debtor { name, iban, bic, country, town, ..self.debtor.clone() };
        }
        Ok(payer)
    }

    /// The NACHA payer, and the file's mark of its day.
    pub(super) fn nacha(&mut self, current: &Debtor) -> Result<(NachaPayer, char), BookError> {
        let is_fixed = self.debtor.nacha != NachaSettings::default();
        let payer = nacha(if is_fixed { &self.debtor.nacha } else { &current.nacha })?;
        if !is_fixed {
            self.debtor.nacha = current.nacha.clone();
        }
        Ok((payer, self.nacha_modifier.unwrap_or('A')))
    }

    /// How PayPal reads amounts.
    pub(super) fn paypal(&mut self, current: &Debtor) -> Result<DecimalMark, BookError> {
        self.fix_late("paypal", current, |own, current| {
            own.paypal_decimal_mark = current.paypal_decimal_mark
        });
        match self.debtor.paypal_decimal_mark.as_deref() {
            None | Some("point") => Ok(DecimalMark::Point),
            Some("comma") => Ok(DecimalMark::Comma),
            Some(other) => {
                Err(setting("paypal_decimal_mark", format!("{other:?} is neither point nor comma")))
            }
        }
    }

    /// What a Wise file needs.
    pub(super) fn wise(&mut self, current: &Debtor) -> Result<WisePayer, BookError> {
        self.fix_late("wise", current, |own, current| {
            own.wise_columns = current.wise_columns;
            own.wise_source_currency = current.wise_source_currency;
        });
        let source = self.debtor.wise_source_currency.as_deref().map(Currency::payable).transpose();
        let source_currency = source.map_err(|error| setting("wise_source_currency", error))?;
        let columns = match &self.debtor.wise_columns {
            None => WisePayer::default().columns,
            Some(text) => text.split(',').map(|name| name.trim().to_owned()).collect(),
        };
        if let Some(other) = columns.iter().find(|column| !WISE_COLUMNS_KNOWN.contains(&column.as_str())) {
            let known = WISE_COLUMNS_KNOWN.join(", ");
            return Err(setting("wise_columns", format!("{other:?} is not one of {known}")));
        }
        Ok(WisePayer { source_currency, columns })
    }

    /// Settings that have defaults, for a batch that was approved before they were kept.
    fn fix_late(&mut self, format: &str, current: &Debtor, take: impl FnOnce(&mut Debtor, Debtor)) {
        let was_kept = self.debtor != Debtor::default() || self.late.iter().any(|late| late == format);
        if !was_kept {
            take(&mut self.debtor, current.clone());
            self.late.push(format.to_owned());
        }
    }
}

/// The next mark of a day; none where all are given.
fn modifier(tx: &mut dyn Tx, now: UnixMillis) -> Result<Option<char>, BookError> {
    let day = UnixMillis(now.get() - now.get().rem_euclid(DAY_MS));
    let before = payouts::count_approved(tx, PayoutMethod::Ach, day, day.plus(DAY_MS))?;
    Ok(usize::try_from(before).ok().and_then(|before| MODIFIERS.chars().nth(before)))
}

fn setting(name: &str, message: impl std::fmt::Display) -> BookError {
    BookError::Settings(vec![FieldError::new(format!("payouts.{name}"), message)])
}

fn given(text: &Option<String>) -> Option<String> {
    text.clone().filter(|text| !text.trim().is_empty())
}

fn sepa(debtor: &Debtor) -> Result<SepaPayer, BookError> {
    let mut errors = Vec::new();
    let name = given(&debtor.name);
    if name.is_none() {
        errors.push(FieldError::new("payouts.debtor_name", "is not set: the name on the account that pays"));
    }
    let iban = match given(&debtor.iban).map(|text| Iban::new(&text)) {
        None => {
            errors.push(FieldError::new("payouts.debtor_iban", "is not set: the account that pays"));
            None
        }
        Some(iban) => iban.map_err(|error| errors.push(FieldError::new("payouts.debtor_iban", error))).ok(),
    };
    let bic = given(&debtor.bic).map(|text| Bic::new(&text)).transpose();
    let bic = bic.map_err(|error| errors.push(FieldError::new("payouts.debtor_bic", error))).ok().flatten();
    let address = match (given(&debtor.town), given(&debtor.country)) {
        (Some(town), Some(country)) => {
            Some(Address { street: None, building_number: None, postcode: None, town, country })
        }
        (None, None) => None,
        (Some(_), None) => {
            errors.push(FieldError::new("payouts.debtor_country", "is not set, but payouts.debtor_town is"));
            None
        }
        (None, Some(_)) => {
            errors.push(FieldError::new("payouts.debtor_town", "is not set, but payouts.debtor_country is"));
            None
        }
    };
    match (name, iban) {
        (Some(name), Some(iban)) if errors.is_empty() => Ok(SepaPayer { name, iban, bic, address }),
        _ => Err(BookError::Settings(errors)),
    }
}

fn nacha(settings: &NachaSettings) -> Result<NachaPayer, BookError> {
    let mut errors = Vec::new();
    let mut needed = |name: &str, value: &Option<String>| {
        let value = given(value);
        if value.is_none() {
            errors.push(FieldError::new(format!("payouts.{name}"), "is not set: ACH files need it"));
        }
        value.unwrap_or_default()
    };
    let destination = needed("nacha_destination", &settings.destination);
    let destination_name = needed("nacha_destination_name", &settings.destination_name);
    let company_name = needed("nacha_company_name", &settings.company_name);
    let company_id = needed("nacha_company_id", &settings.company_id);
    let mut routing = |name: &str, text: &str| match RoutingNumber::new(text) {
        Ok(routing) => Some(routing),
        Err(_) if text.is_empty() => None,
        Err(error) => {
            errors.push(FieldError::new(format!("payouts.{name}"), error));
            None
        }
    };
    let to = routing("nacha_destination", &destination);
    let bank = match given(&settings.originating_bank) {
        None => to.clone(),
        Some(text) => routing("nacha_originating_bank", &text),
    };
    match (to, bank) {
        (Some(destination), Some(originating_bank)) if errors.is_empty() => Ok(NachaPayer {
            destination,
            destination_name,
            origin: given(&settings.origin),
            origin_name: given(&settings.origin_name).unwrap_or_else(|| company_name.clone()),
            originating_bank,
            company_name,
            company_id,
            description: given(&settings.description).unwrap_or_else(|| "PAYOUT".to_owned()),
        }),
        _ => Err(BookError::Settings(errors)),
    }
}
