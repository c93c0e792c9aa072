//! Terms as they are written in JSON: texts that may be wrong.

use hopline_money::{Currency, Decimal};
use hopline_types::GoalKind;
use serde::{Deserialize, Serialize};

use crate::check::{Fields, check_parts, check_price, warn_of_loss};
use crate::line::plain;
use crate::{Checked, FieldError, GoalTerms, Price, Side};

/// A goal's terms as written. Missing parts are allowed here, so that [`GoalTermsForm::check`] can name them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct GoalTermsForm {
    /// `pps`, `ppl`, `ppc` or `ppi`.
    pub kind: Option<String>,
    /// What the advertiser pays.
    pub revenue: Option<PriceForm>,
    /// What the affiliate gets.
    pub payout: Option<PriceForm>,
}

/// A price as written.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PriceForm {
    /// Percent of the order's amount.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percent: Option<String>,
    /// Amount per piece in units of the offer's currency.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixed: Option<String>,
}

impl GoalTermsForm {
    /// Reads the texts and applies the rules. `path` names this object within the request, such as `goals[0]` (empty
    /// for the request itself). Give no currency where the request's currency is itself wrong: what depends on it is
    /// then left unchecked.
    ///
    /// # Errors
    /// All bad fields, each with its path.
    pub fn check(&self, path: &str, currency: Option<Currency>) -> Result<Checked, Vec<FieldError>> {
        self.check_allowing(path, currency, false)
    }

    /// The same; percentages above 100 are accepted where they are meant.
    ///
    /// # Errors
    /// All bad fields, each with its path.
    pub fn check_allowing(
        &self,
        path: &str,
        currency: Option<Currency>,
        above_100: bool,
    ) -> Result<Checked, Vec<FieldError>> {
        let mut fields = Fields::new(path);
        let kind = self.read_kind(&mut fields);
        let revenue = self.read_price(Side::Revenue, (kind, currency, above_100), &mut fields);
        let payout = self.read_price(Side::Payout, (kind, currency, above_100), &mut fields);
        fields.finish()?;
        let kind = kind.expect("a kind that cannot be read is listed");
        let terms = GoalTerms { kind, revenue, payout };
        let warnings = warn_of_loss(path, &terms);
        Ok(Checked { terms, warnings })
    }

    /// Reads and checks one price; parts that cannot be read are listed and left out.
    fn read_price(
        &self,
        side: Side,
        (kind, currency, above_100): (Option<GoalKind>, Option<Currency>, bool),
        fields: &mut Fields,
    ) -> Price {
        let Some(form) = self.price(side) else {
            fields.add(side.as_str(), "is missing");
            return Price::default();
        };
        if let Some(kind) = kind {
            check_parts(kind, side, form.percent.is_some(), form.fixed.is_some(), fields);
        }
        let mut read = |name: &str, text: &Option<String>| match text.as_deref().map(Decimal::parse) {
            None => None,
            Some(Ok(decimal)) => Some(decimal),
            Some(Err(error)) => {
                fields.add(&format!("{side}.{name}"), error);
                None
            }
        };
        let price = Price { percent: read("percent", &form.percent), fixed: read("fixed", &form.fixed) };
        check_price(kind, side, &price, currency, above_100, fields);
        price
    }

    fn price(&self, side: Side) -> Option<&PriceForm> {
        match side {
            Side::Revenue => self.revenue.as_ref(),
            Side::Payout => self.payout.as_ref(),
        }
    }

    fn read_kind(&self, fields: &mut Fields) -> Option<GoalKind> {
        let Some(kind) = &self.kind else {
            fields.add("kind", "is missing: expected pps, ppl, ppc or ppi");
            return None;
        };
        kind.parse().map_err(|error| fields.add("kind", error)).ok()
    }
}

impl GoalTerms {
    /// The terms as written in answers: fixed prices with at least the places of the currency, as in `3.00`.
    #[must_use]
    pub fn form(&self, currency: Currency) -> GoalTermsForm {
        GoalTermsForm {
            kind: Some(self.kind.as_str().to_owned()),
            revenue: Some(self.revenue.form(currency)),
            payout: Some(self.payout.form(currency)),
        }
    }
}

impl Price {
    /// The price as written in answers.
    #[must_use]
    pub fn form(&self, currency: Currency) -> PriceForm {
        let fixed = |fixed: Decimal| plain(fixed.mantissa(), fixed.scale().into(), currency);
        PriceForm { percent: self.percent.map(|percent| percent.to_string()), fixed: self.fixed.map(fixed) }
    }
}
