//! Which plans are accepted: what can never apply, leaves a gap or contradicts itself is refused, with both sides named.

use hopline_money::{Currency, Decimal};
use hopline_types::GoalKind;

use crate::check::{Fields, check_parts, check_price};
use crate::plan::{Condition, Plan, Rate};
use crate::tiers::whole;
use crate::{FieldError, LevelOf, Measure, Mode, Price, Side, Tiers};

/// The most rates of a plan.
pub const RATES_MAX: usize = 200;
/// The most tiers.
pub const TIERS_MAX: usize = 50;
/// The most levels above the affiliate.
pub const LEVELS_MAX: usize = 10;

impl Plan {
    /// Whether it can be meant, for a goal of this kind.
    ///
    /// # Errors
    /// All bad fields, each with its path.
    pub fn check(&self, path: &str, kind: GoalKind, currency: Currency) -> Result<(), Vec<FieldError>> {
        let mut fields = Fields::new(path);
        let mut checked =
            Checked { kind, currency, allow_above_100: self.allow_above_100, fields: &mut fields };
        checked.rates(&self.rates);
        checked.orders(self);
        checked.renewals(self);
        if let Some(tiers) = &self.tiers {
            checked.tiers(tiers);
        }
        checked.levels(self);
        if kind == GoalKind::Ppc && !self.is_empty() {
            checked.only_click_rates(self);
        }
        fields.finish()
    }
}

struct Checked<'a> {
    kind: GoalKind,
    currency: Currency,
    allow_above_100: bool,
    fields: &'a mut Fields,
}

impl Checked<'_> {
    fn price(&mut self, path: &str, side: Side, price: Option<&Price>) {
        let Some(price) = price else { return };
        let mut own = Fields::new(path);
        check_parts(self.kind, side, price.percent.is_some(), price.fixed.is_some(), &mut own);
        check_price(Some(self.kind), side, price, Some(self.currency), self.allow_above_100, &mut own);
        if let Err(errors) = own.finish() {
            for error in errors {
                self.fields.add(&error.field, error.message);
            }
        }
    }

    fn amount(&mut self, name: &str, amount: Option<&Decimal>) {
        if let Some(amount) = amount
            && (amount.is_negative() || amount.scale() > self.currency.exponent())
        {
            let Self { currency, .. } = self;
            let message =
                format!("{amount} is no amount of {currency}: expected 0 or more, with its decimal places");
            self.fields.add(name, message);
        }
    }

    fn rates(&mut self, rates: &[Rate]) {
        if rates.len() > RATES_MAX {
            self.fields.add("rates", format!("has {} entries, expected at most {RATES_MAX}", rates.len()));
        }
        for (place, rate) in rates.iter().take(RATES_MAX).enumerate() {
            let path = format!("rates[{place}]");
            if rate.revenue.is_none() && rate.payout.is_none() {
                self.fields.add(&path, "has neither revenue nor payout: it would change nothing");
            }
            self.price(&path, Side::Revenue, rate.revenue.as_ref());
            self.price(&path, Side::Payout, rate.payout.as_ref());
            self.condition(&path, &rate.when);
            let earlier = rates.iter().take(place).enumerate();
            for (other, known) in earlier {
                if known.when.covers(&rate.when) {
                    let message = format!(
                        "{path} can never apply: rates[{other}] comes first and fits whatever it fits; put the narrower \
                         one first"
                    );
                    self.fields.add(&format!("{path}.when"), message);
                    break;
                }
                if known.when.overlaps(&rate.when) {
                    let message = format!(
                        "{path} overlaps rates[{other}]: both fit orders from {} and below {}; end one where the other begins",
                        larger(known.when.amount_from, rate.when.amount_from),
                        smaller(known.when.amount_below, rate.when.amount_below),
                    );
                    self.fields.add(&format!("{path}.when.amount_from"), message);
                    break;
                }
            }
        }
    }

    fn condition(&mut self, path: &str, when: &Condition) {
        if *when == Condition::default() {
            self.fields.add(&format!("{path}.when"), "is empty: what always fits is the goal's own price");
        }
        self.amount(&format!("{path}.when.amount_from"), when.amount_from.as_ref());
        self.amount(&format!("{path}.when.amount_below"), when.amount_below.as_ref());
        if let (Some(from), Some(below)) = (when.amount_from, when.amount_below)
            && below <= from
        {
            let message = format!("{below} is not above amount_from, {from}: no order fits");
            self.fields.add(&format!("{path}.when.amount_below"), message);
        }
        for country in &when.country {
            if country.len() != 2 || !country.bytes().all(|byte| byte.is_ascii_uppercase()) {
                let message =
                    format!("{country:?} is no country code: expected two capital letters, such as DE");
                self.fields.add(&format!("{path}.when.country"), message);
            }
        }
        for name in when.field.keys() {
            let numbered = |prefix: &str| {
                name.strip_prefix(prefix).is_some_and(|number| {
                    !number.starts_with('0') && number.parse::<u8>().is_ok_and(|n| (1..=10).contains(&n))
                })
            };
            if !(name == "coupon" || name == "source" || numbered("adv") || numbered("sub")) {
                let message = format!("{name:?} is not one of coupon, source, adv1 to adv10, sub1 to sub10");
                self.fields.add(&format!("{path}.when.field"), message);
            }
        }
        if when.is_about_items() && self.kind != GoalKind::Pps {
            let message = format!("is about items, which only orders have: this goal is {}", self.kind);
            self.fields.add(&format!("{path}.when"), message);
        }
    }

    fn orders(&mut self, plan: &Plan) {
        self.amount("order_min", plan.order_min.as_ref());
        self.amount("order_max", plan.order_max.as_ref());
        if let (Some(least), Some(most)) = (plan.order_min, plan.order_max)
            && most < least
        {
            self.fields.add("order_max", format!("{most} is below order_min, {least}: no order would earn"));
        }
    }

    fn renewals(&mut self, plan: &Plan) {
        let Some(recurring) = &plan.recurring else { return };
        if recurring.payments == Some(0) || recurring.months == Some(0) {
            self.fields.add("recurring", "pays nothing at all: expected at least 1 payment and 1 month");
        }
        for (place, then) in recurring.then.iter().enumerate() {
            let path = format!("recurring.then[{place}]");
            self.price(&path, Side::Revenue, then.revenue.as_ref());
            self.price(&path, Side::Payout, then.payout.as_ref());
            let before = place.checked_sub(1).and_then(|before| recurring.then.get(before));
            if then.after == 0 {
                self.fields
                    .add(&format!("{path}.after"), "is 0: the first payment is at the goal's own price");
            }
            if let Some(before) = before.filter(|before| before.after >= then.after) {
                let message = format!(
                    "{} is not above recurring.then[{}].after, {}",
                    then.after,
                    place - 1,
                    before.after
                );
                self.fields.add(&format!("{path}.after"), message);
            }
            if let Some(payments) = recurring.payments.filter(|payments| then.after >= *payments) {
                let message = format!("{} is never reached: recurring.payments is {payments}", then.after);
                self.fields.add(&format!("{path}.after"), message);
            }
        }
    }

    fn tiers(&mut self, tiers: &Tiers) {
        let Tiers { by, mode, steps, .. } = tiers;
        if steps.is_empty() || steps.len() > TIERS_MAX {
            self.fields.add("tiers.steps", format!("has {} entries, expected 1 to {TIERS_MAX}", steps.len()));
        }
        if let Some(first) = steps.first().filter(|first| !first.from.is_zero()) {
            let message =
                format!("{} leaves a gap: what lies between 0 and it has no price; begin at 0", first.from);
            self.fields.add("tiers.steps[0].from", message);
        }
        for side in Side::ALL {
            let has = |step: &crate::Step| step.price(side).is_some();
            if let (Some(with), Some(without)) =
                (steps.iter().position(has), steps.iter().position(|step| !has(step)))
            {
                let message = format!("is missing: tiers.steps[{with}] has one; each step needs it, or none");
                self.fields.add(&format!("tiers.steps[{without}].{side}"), message);
            }
        }
        if steps.iter().all(|step| step.revenue.is_none() && step.payout.is_none()) {
            self.fields.add("tiers.steps", "price neither revenue nor payout");
        }
        for (place, step) in steps.iter().enumerate().take(TIERS_MAX) {
            let path = format!("tiers.steps[{place}]");
            self.price(&path, Side::Revenue, step.revenue.as_ref());
            self.price(&path, Side::Payout, step.payout.as_ref());
            match by {
                Measure::Count if whole(&step.from).is_none_or(|from| from < 0) => {
                    let message = format!("{} is no count: expected a whole number", step.from);
                    self.fields.add(&format!("{path}.from"), message);
                }
                Measure::Count => {}
                Measure::Amount => self.amount(&format!("{path}.from"), Some(&step.from)),
            }
            let before = place.checked_sub(1).and_then(|before| steps.get(before));
            if let Some(before) = before.filter(|before| before.from >= step.from) {
                let message =
                    format!("{} is not above tiers.steps[{}].from, {}", step.from, place - 1, before.from);
                self.fields.add(&format!("{path}.from"), message);
            }
            let is_fixed =
                Side::ALL.into_iter().filter_map(|side| step.price(side)).any(|price| price.fixed.is_some());
            if *mode == Mode::Marginal && *by == Measure::Amount && is_fixed {
                let message = "has a fixed amount: marginal tiers by amount divide conversions, so they take a percentage";
                self.fields.add(&path, message);
            }
        }
    }

    fn levels(&mut self, plan: &Plan) {
        if plan.levels.len() > LEVELS_MAX {
            let message = format!("has {} entries, expected at most {LEVELS_MAX}", plan.levels.len());
            self.fields.add("levels", message);
        }
        for (place, level) in plan.levels.iter().take(LEVELS_MAX).enumerate() {
            let path = format!("levels[{place}]");
            if level.percent.is_none() && level.fixed.is_none() {
                self.fields.add(&path, "needs percent, fixed or both");
            }
            if level.percent.is_some() && level.of == LevelOf::Order && self.kind != GoalKind::Pps {
                self.fields.add(&format!("{path}.of"), format!("is the order, but {} has none", self.kind));
            }
            self.amount(&format!("{path}.fixed"), level.fixed.as_ref());
            if let Some(percent) = level.percent
                && (percent.is_negative() || (!self.allow_above_100 && percent > crate::check::hundred()))
            {
                self.fields
                    .add(&format!("{path}.percent"), format!("{percent} is out of range: expected 0 to 100"));
            }
        }
    }

    /// Clicks are settled by the hour, at one price.
    fn only_click_rates(&mut self, plan: &Plan) {
        let parts = [
            ("rates", plan.rates.is_empty()),
            ("without", plan.without.is_empty()),
            ("order_min", plan.order_min.is_none()),
            ("order_max", plan.order_max.is_none()),
            ("recurring", plan.recurring.is_none()),
            ("tiers", plan.tiers.is_none()),
            ("levels", plan.levels.is_empty()),
        ];
        for (name, _) in parts.into_iter().filter(|(_, is_absent)| !is_absent) {
            self.fields.add(
                name,
                "does not go with ppc: counted clicks are settled by the hour at the goal's price",
            );
        }
    }
}

fn larger(one: Option<Decimal>, two: Option<Decimal>) -> String {
    one.max(two).map_or_else(|| "0".to_owned(), |amount| amount.to_string())
}

fn smaller(one: Option<Decimal>, two: Option<Decimal>) -> String {
    match (one, two) {
        (None, None) => "any".to_owned(),
        (Some(one), Some(two)) => one.min(two).to_string(),
        (Some(one), None) | (None, Some(one)) => one.to_string(),
    }
}
