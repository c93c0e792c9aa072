//! Which terms are accepted.

use hopline_money::{Currency, Decimal, times};
use hopline_types::GoalKind;
use serde::Serialize;

use crate::{GoalTerms, Price, Side};

/// The most decimal places of a price per click.
pub const CLICK_PLACES_MAX: u8 = 6;

/// Accepted terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The terms.
    pub terms: GoalTerms,
    /// What is allowed but probably not meant.
    pub warnings: Vec<FieldError>,
}

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{field}: {message}")]
pub struct FieldError {
    /// The path of the field, such as `goals[0].payout.percent`.
    pub field: String,
    /// What is wrong and what would be accepted.
    pub message: String,
}

/// Collects what is wrong below one path.
pub(crate) struct Fields {
    path: String,
    errors: Vec<FieldError>,
}

impl Fields {
    pub(crate) fn new(path: &str) -> Self {
        Self { path: path.to_owned(), errors: Vec::new() }
    }

    pub(crate) fn add(&mut self, name: &str, message: impl ToString) {
        self.errors.push(FieldError { field: join(&self.path, name), message: message.to_string() });
    }

    pub(crate) fn finish(self) -> Result<(), Vec<FieldError>> {
        if self.errors.is_empty() { Ok(()) } else { Err(self.errors) }
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

impl GoalTerms {
    /// Applies the rules of [`crate::GoalTermsForm::check`] to terms that are values already.
    ///
    /// # Errors
    /// All bad fields, each with its path.
    pub fn check(&self, path: &str, currency: Currency) -> Result<(), Vec<FieldError>> {
        let mut fields = Fields::new(path);
        for side in Side::ALL {
            let price = self.price(side);
            check_parts(self.kind, side, price.percent.is_some(), price.fixed.is_some(), &mut fields);
            check_values(Some(self.kind), side, price, Some(currency), &mut fields);
        }
        fields.finish()
    }
}

/// Which parts a price must and may have.
pub(crate) fn check_parts(kind: GoalKind, side: Side, percent: bool, fixed: bool, fields: &mut Fields) {
    if kind == GoalKind::Pps {
        if !percent && !fixed {
            fields.add(side.as_str(), "needs percent, fixed or both");
        }
        return;
    }
    if percent {
        let message = format!("is for pps only: {kind} is paid by a fixed amount");
        fields.add(&format!("{side}.percent"), message);
    }
    if !fixed {
        fields.add(&format!("{side}.fixed"), format!("is missing: {kind} is paid by a fixed amount"));
    }
}

/// Which values a price may have. What is not known is not checked.
pub(crate) fn check_values(
    kind: Option<GoalKind>,
    side: Side,
    price: &Price,
    currency: Option<Currency>,
    fields: &mut Fields,
) {
    check_price(kind, side, price, currency, false, fields);
}

/// The same; percentages above 100 may be meant.
pub(crate) fn check_price(
    kind: Option<GoalKind>,
    side: Side,
    price: &Price,
    currency: Option<Currency>,
    allow_above_100: bool,
    fields: &mut Fields,
) {
    if let Some(percent) = price.percent
        && (percent.is_negative() || (!allow_above_100 && percent > hundred()))
    {
        fields.add(&format!("{side}.percent"), format!("{percent} is out of range: expected 0 to 100"));
    }
    if let Some(fixed) = price.fixed
        && let Err(message) = check_fixed(kind, fixed, currency)
    {
        fields.add(&format!("{side}.fixed"), message);
    }
}

fn check_fixed(kind: Option<GoalKind>, fixed: Decimal, currency: Option<Currency>) -> Result<(), String> {
    if fixed.is_negative() {
        return Err(format!("{fixed} is negative: expected 0 or more"));
    }
    let places = fixed.scale();
    if places > CLICK_PLACES_MAX {
        return Err(format!("{fixed} has {places} decimal places: a price has at most {CLICK_PLACES_MAX}"));
    }
    let Some(currency) = currency else { return Ok(()) };
    let may_be_finer = kind.is_none_or(|kind| kind == GoalKind::Ppc);
    if places > currency.exponent() && !may_be_finer {
        let allowed = currency.exponent();
        return Err(format!(
            "{fixed} has {places} decimal places: {currency} has {allowed}, only a price per click may be finer"
        ));
    }
    times(1, &fixed, currency)
        .map_err(|_| format!("{fixed} is more than an amount of {currency} can hold"))?;
    Ok(())
}

pub(crate) fn hundred() -> Decimal {
    Decimal::whole(100).expect("100 is a decimal")
}

/// Warns where the affiliate gets more than the advertiser pays, part by part.
pub(crate) fn warn_of_loss(path: &str, terms: &GoalTerms) -> Vec<FieldError> {
    let parts = [
        ("percent", terms.payout.percent, terms.revenue.percent),
        ("fixed", terms.payout.fixed, terms.revenue.fixed),
    ];
    let mut warnings = Vec::new();
    for (name, payout, revenue) in parts {
        let (payout, revenue) = (payout.unwrap_or(Decimal::ZERO), revenue.unwrap_or(Decimal::ZERO));
        if payout > revenue {
            warnings.push(FieldError {
                field: join(path, &format!("payout.{name}")),
                message: format!("{payout} is above the revenue's {revenue}: the margin can be negative"),
            });
        }
    }
    warnings
}
