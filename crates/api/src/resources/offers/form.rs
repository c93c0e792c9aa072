//! How offers are read.

use hopline_catalogue::check_template;
use hopline_catalogue::data::Standing;
use hopline_control_store::caps::NewCap;
use hopline_control_store::offers::{Approval, NewGoal, NewOffer, OfferSettings};
use hopline_money::Currency;
use hopline_terms::{GoalTermsForm, PriceForm};
use hopline_types::{Model, PostbackAuth, UnixMillis};
use serde_json::Value;

use super::credit::CreditChange;
use super::traffic::TrafficChange;
use crate::caller::Sides;
use crate::fields::{Fields, TEXT_CHARS_MAX};
use crate::problem::{FieldProblem, Problem};

pub(in crate::resources) const URL_CHARS_MAX: usize = 4096;
const GOALS_MAX: usize = 50;
const HOSTS_MAX: usize = 100;
const KEY_CHARS_MAX: usize = 64;
const HOLD_DAYS_MAX: i64 = 365;
const WINDOW_DAYS_DEFAULT: i64 = 30;
const DAY_SECONDS: i64 = 86_400;
const CLICK_PARAMETER: &str = "hl_click";

/// What to change; `None` leaves as it is, `Some(None)` takes away.
#[derive(Debug, Clone, Default)]
pub(super) struct OfferChange {
    name: Option<String>,
    standing: Option<Standing>,
    landing_page: Option<String>,
    fallback_url: Option<Option<String>>,
    deep_link_hosts: Option<Vec<String>>,
    click_parameter: Option<String>,
    pass_parameters: Option<bool>,
    postback_auth: Option<PostbackAuth>,
    credit: CreditChange,
    approval: Option<Approval>,
    hold_days: Option<i64>,
    starts_at: Option<Option<UnixMillis>>,
    ends_at: Option<Option<UnixMillis>>,
}

impl OfferChange {
    /// How credit is to be given.
    pub(super) const fn credit(&self) -> &CreditChange {
        &self.credit
    }

    /// The status to be set.
    pub(super) const fn standing(&self) -> Option<Standing> {
        self.standing
    }

    pub(super) fn apply(&self, settings: &mut OfferSettings) {
        fn set<T: Clone>(place: &mut T, value: Option<&T>) {
            if let Some(value) = value {
                place.clone_from(value);
            }
        }
        set(&mut settings.name, self.name.as_ref());
        set(&mut settings.standing, self.standing.as_ref());
        set(&mut settings.landing_page, self.landing_page.as_ref());
        set(&mut settings.fallback_url, self.fallback_url.as_ref());
        set(&mut settings.deep_link_hosts, self.deep_link_hosts.as_ref());
        set(&mut settings.click_parameter, self.click_parameter.as_ref());
        set(&mut settings.pass_parameters, self.pass_parameters.as_ref());
        set(&mut settings.postback_auth, self.postback_auth.as_ref());
        set(&mut settings.model, self.credit.model.as_ref());
        set(&mut settings.window_seconds, self.credit.window_seconds.as_ref());
        set(&mut settings.approval, self.approval.as_ref());
        set(&mut settings.hold_days, self.hold_days.as_ref());
        set(&mut settings.starts_at, self.starts_at.as_ref());
        set(&mut settings.ends_at, self.ends_at.as_ref());
    }
}

fn defaults() -> OfferSettings {
    OfferSettings {
        name: String::new(),
        standing: Standing::Active,
        landing_page: String::new(),
        fallback_url: None,
        deep_link_hosts: Vec::new(),
        click_parameter: CLICK_PARAMETER.to_owned(),
        pass_parameters: false,
        postback_auth: PostbackAuth::Token,
        model: Model::LastClick,
        window_seconds: WINDOW_DAYS_DEFAULT * DAY_SECONDS,
        approval: Approval::Automatic,
        hold_days: 0,
        starts_at: None,
        ends_at: None,
    }
}

/// A currency that must be there and in which can be paid.
pub(in crate::resources) fn currency(fields: &mut Fields<'_>) -> Option<Currency> {
    let code = fields.text("currency", 3);
    if code.is_empty() {
        return None;
    }
    Currency::payable(&code).map_err(|refusal| fields.refuse("currency", refusal.to_string())).ok()
}

/// Traffic rules to give an offer.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    pub(super) traffic: TrafficChange,
    /// All caps that it is to have; `None` leaves them as they are.
    pub(super) caps: Option<Vec<NewCap>>,
}

impl Rules {
    fn read(fields: &mut Fields<'_>, currency: Option<Currency>, sides: Sides) -> Self {
        Self { traffic: TrafficChange::read(fields), caps: super::caps::read(fields, currency, sides) }
    }
}

/// A form that was read, with what should be known about it.
pub(super) type Form<T> = (T, Rules, Vec<FieldProblem>);

/// Reads a new offer.
pub(super) fn new_offer(body: &Value) -> Result<(NewOffer, OfferChange, Rules, Vec<FieldProblem>), Problem> {
    let mut fields = Fields::body(body);
    let mut warnings = Vec::new();
    let advertiser_id = fields.id("advertiser_id");
    let currency = currency(&mut fields);
    for name in ["name", "landing_page"] {
        if !fields.has(name) && body.is_object() {
            fields.refuse(name, "is missing");
        }
    }
    let change = settings(&mut fields, &mut warnings);
    let goals = goals(&mut fields, currency, &mut warnings);
    let rules = Rules::read(&mut fields, currency, Sides::BOTH);
    fields.finish()?;
    let mut settings = defaults();
    change.apply(&mut settings);
    check_times(&settings)?;
    let new = NewOffer {
        advertiser_id: advertiser_id.expect("a missing advertiser was remarked on"),
        currency: currency.expect("a missing currency was remarked on"),
        settings,
        goals,
    };
    Ok((new, change, rules, warnings))
}

/// Reads what somebody who is shown these sides of the money wants to change of an offer in this currency.
pub(super) fn offer_change(
    body: &Value,
    currency: Currency,
    sides: Sides,
) -> Result<Form<OfferChange>, Problem> {
    let mut fields = Fields::body(body);
    let mut warnings = Vec::new();
    let change = settings(&mut fields, &mut warnings);
    let rules = Rules::read(&mut fields, Some(currency), sides);
    fields.finish()?;
    Ok((change, rules, warnings))
}

/// Refuses an end that does not come after the start.
pub(super) fn check_times(settings: &OfferSettings) -> Result<(), Problem> {
    match (settings.starts_at, settings.ends_at) {
        (Some(start), Some(end)) if end <= start => {
            Err(Problem::fields(vec![FieldProblem::new("ends_at", "does not come after starts_at")]))
        }
        _ => Ok(()),
    }
}

fn settings(fields: &mut Fields<'_>, warnings: &mut Vec<FieldProblem>) -> OfferChange {
    let credit = CreditChange::read(fields);
    OfferChange {
        name: fields.has("name").then(|| fields.text("name", TEXT_CHARS_MAX)),
        standing: fields.optional_word("status"),
        landing_page: fields
            .has("landing_page")
            .then(|| fields.text("landing_page", URL_CHARS_MAX))
            .filter(|url| check_url(fields, "landing_page", url, warnings)),
        fallback_url: fallback_url(fields, warnings),
        deep_link_hosts: hosts(fields),
        click_parameter: click_parameter(fields),
        pass_parameters: fields.optional_flag("pass_parameters"),
        postback_auth: fields.optional_word("postback_auth"),
        credit,
        approval: fields.optional_word("approval"),
        hold_days: fields.optional_whole("hold_days", 0, HOLD_DAYS_MAX),
        starts_at: time(fields, "starts_at"),
        ends_at: time(fields, "ends_at"),
    }
}

fn time(fields: &mut Fields<'_>, name: &'static str) -> Option<Option<UnixMillis>> {
    let time = fields.optional_time(name);
    fields.has(name).then_some(time)
}

pub(in crate::resources) fn check_url(
    fields: &mut Fields<'_>,
    name: &str,
    url: &str,
    warnings: &mut Vec<FieldProblem>,
) -> bool {
    if url.is_empty() {
        return false;
    }
    match check_template(url) {
        Ok(found) => {
            let found =
                found.iter().map(|warning| FieldProblem::new(fields.place(name), warning.to_string()));
            warnings.extend(found);
            true
        }
        Err(refusal) => {
            fields.refuse(name, refusal.to_string());
            false
        }
    }
}

fn fallback_url(fields: &mut Fields<'_>, warnings: &mut Vec<FieldProblem>) -> Option<Option<String>> {
    let url = fields.optional_text("fallback_url", URL_CHARS_MAX);
    if url.as_deref() == Some("") {
        fields.refuse("fallback_url", "is empty: leave it out or give null");
    }
    let url = url.filter(|url| check_url(fields, "fallback_url", url, warnings));
    fields.has("fallback_url").then_some(url)
}

/// Hosts in the form in which browsers compare them.
fn hosts(fields: &mut Fields<'_>) -> Option<Vec<String>> {
    let given = fields.optional_texts("deep_link_hosts", HOSTS_MAX)?;
    let mut hosts = Vec::with_capacity(given.len());
    for (index, text) in given.iter().enumerate() {
        match url::Host::parse(text) {
            Ok(url::Host::Domain(host)) if host.contains('.') && !host.ends_with('.') => hosts.push(host),
            _ => {
                let message =
                    format!("{text:?} is no host name such as shop.example, without scheme, port and path");
                fields.refuse(&format!("deep_link_hosts[{index}]"), message);
            }
        }
    }
    hosts.sort();
    hosts.dedup();
    Some(hosts)
}

fn click_parameter(fields: &mut Fields<'_>) -> Option<String> {
    let name = fields.optional_text("click_parameter", KEY_CHARS_MAX)?;
    let is_plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b));
    if !is_plain {
        fields.refuse("click_parameter", "is made of other characters than A-Z a-z 0-9 _ - and .");
    }
    Some(name)
}

fn goals(
    fields: &mut Fields<'_>,
    currency: Option<Currency>,
    warnings: &mut Vec<FieldProblem>,
) -> Vec<NewGoal> {
    let Some(items) = fields.value("goals").map(Value::as_array) else {
        fields.refuse("goals", "is missing: an offer has at least one goal");
        return Vec::new();
    };
    let Some(items) = items.filter(|items| (1..=GOALS_MAX).contains(&items.len())) else {
        fields.refuse("goals", format!("is no list of 1 to {GOALS_MAX} goals"));
        return Vec::new();
    };
    let mut goals: Vec<NewGoal> = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let place = fields.place(&format!("goals[{index}]"));
        let mut inner = Fields::at(place.clone(), item);
        let goal = goal(&mut inner, &place, currency, warnings);
        if let Some(goal) = &goal
            && goals.iter().any(|other| other.key == goal.key)
        {
            inner.refuse("key", format!("{:?} is the key of another goal of this offer", goal.key));
        }
        fields.refuse_all(inner.close());
        goals.extend(goal);
    }
    goals
}

fn goal(
    fields: &mut Fields<'_>,
    place: &str,
    currency: Option<Currency>,
    warnings: &mut Vec<FieldProblem>,
) -> Option<NewGoal> {
    let key = fields.text("key", KEY_CHARS_MAX);
    if !key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)) {
        fields.refuse("key", "is made of other characters than A-Z a-z 0-9 _ and -");
    }
    let name = fields.optional_text("name", TEXT_CHARS_MAX).filter(|name| !name.is_empty());
    let (kind, has_kind) = (fields.optional_text("kind", TEXT_CHARS_MAX), fields.value("kind").is_some());
    let (revenue, reads_revenue) = price(fields, "revenue");
    let (payout, reads_payout) = price(fields, "payout");
    let reads = reads_revenue && reads_payout && (kind.is_some() || !has_kind);
    let form = GoalTermsForm { kind, revenue, payout };
    match form.check(place, currency) {
        Ok(checked) if reads => {
            warnings.extend(checked.warnings.into_iter().map(|w| FieldProblem::new(w.field, w.message)));
            Some(NewGoal { name: name.unwrap_or_else(|| key.clone()), key, terms: checked.terms })
        }
        Ok(_) => None,
        Err(refusals) => {
            // What could not even be read has its remark already.
            let unread = |field: &str| {
                (!reads_revenue && field.starts_with(&format!("{place}.revenue")))
                    || (!reads_payout && field.starts_with(&format!("{place}.payout")))
            };
            let refusals = refusals.into_iter().filter(|refusal| !unread(&refusal.field));
            fields.refuse_all(refusals.map(|refusal| FieldProblem::new(refusal.field, refusal.message)));
            None
        }
    }
}

/// A price as texts, and whether it could be read.
pub(in crate::resources) fn price(fields: &mut Fields<'_>, name: &'static str) -> (Option<PriceForm>, bool) {
    let Some(value) = fields.value(name) else { return (None, true) };
    let mut inner = Fields::at(fields.place(name), value);
    let mut text = |name: &'static str| {
        if inner.value(name).is_some_and(Value::is_number) {
            inner.refuse(name, "is a JSON number: write decimals as text, such as \"12.5\"");
            return None;
        }
        inner.optional_text(name, TEXT_CHARS_MAX)
    };
    let form = PriceForm { percent: text("percent"), fixed: text("fixed") };
    let problems = inner.close();
    let reads = problems.is_empty();
    fields.refuse_all(problems);
    (Some(form), reads)
}
