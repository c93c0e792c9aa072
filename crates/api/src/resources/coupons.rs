//! `/v1/coupons`.
//!
//! A list of up to 1,000 is one transaction: all are entered, or none and every bad field is named.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use hopline_attribution::CouponRule;
use hopline_control_store::coupons::{self, Coupon, CouponFilter, NewCoupon};
use hopline_control_store::offers::{self, Offer};
use hopline_control_store::{DatabaseExt, advertisers, reconsiderations};
use hopline_types::{AdvertiserId, CouponId, OfferId};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::offers::may_name;
use crate::app::App;
use crate::caller::Caller;
use crate::fields::Fields;
use crate::openapi::Problems;
use crate::problem::{FieldProblem, Problem};
use crate::query::Query;
use crate::request::{Change, Id};
use crate::view::Time;
use crate::work::{self, Done, Tell, Work};

const COLLECTION: &str = "/v1/coupons";
/// The most coupons of a list.
const ITEMS_MAX: usize = 1_000;
const CODE_CHARS_MAX: usize = 100;

/// A code whose use names an affiliate.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CouponView {
    #[schema(minimum = 1)]
    id: i64,
    advertiser_id: i64,
    code: String,
    affiliate_id: i64,
    /// The only offer for which it counts.
    offer_id: Option<i64>,
    valid_from: Option<Time>,
    /// Not at or after this time.
    valid_until: Option<Time>,
    created_at: Time,
    /// When it was archived: conversions from then on are not its owner's.
    archived_at: Option<Time>,
}

impl CouponView {
    fn of(coupon: &Coupon) -> Self {
        let what = &coupon.what;
        Self {
            id: coupon.id.get(),
            advertiser_id: what.advertiser_id.get(),
            code: what.code.clone(),
            affiliate_id: what.affiliate_id.get(),
            offer_id: what.offer_id.map(OfferId::get),
            valid_from: what.valid_from.map(Time),
            valid_until: what.valid_until.map(Time),
            created_at: Time(coupon.created_at),
            archived_at: coupon.archived_at.map(Time),
        }
    }

    fn log(coupon: &Coupon) -> Option<Value> {
        serde_json::to_value(Self::of(coupon)).ok()
    }
}

/// Enter a coupon, or a list of up to 1,000: all or none. A code is one within the advertiser, whatever its case; to give it
/// to another affiliate, archive it and enter it anew.
#[utoipa::path(post, path = COLLECTION, tag = "coupons",
    request_body = crate::forms::CouponsBody,
    responses((status = 201, description = "Entered", body = CouponView),
        (status = 200, description = "A list was entered", body = crate::forms::Page<CouponView>), Problems))]
pub(crate) async fn create(State(app): State<Arc<App>>, change: Change) -> Result<Response, Problem> {
    let own = change.caller.actor.advertiser;
    let (items, is_list) = match &change.body {
        Value::Array(items) if items.is_empty() || items.len() > ITEMS_MAX => {
            let message = format!("the list has {} items, expected 1 to {ITEMS_MAX}", items.len());
            return Err(Problem::fields(vec![FieldProblem::new("body", message)]));
        }
        Value::Array(items) => (items.iter().collect::<Vec<_>>(), true),
        single => (vec![single], false),
    };
    let place = move |index: usize| if is_list { format!("coupons[{index}]") } else { String::new() };
    let (mut new, mut problems) = (Vec::with_capacity(items.len()), Vec::new());
    let mut codes = BTreeSet::new();
    for (index, item) in items.into_iter().enumerate() {
        let mut fields = Fields::at(place(index), item);
        let coupon = read(&mut fields, own);
        if let Some(coupon) = &coupon
            && !codes.insert((coupon.advertiser_id, coupons::key_of(&coupon.code)))
        {
            fields.refuse("code", format!("{:?} is in the list twice", coupon.code));
        }
        problems.extend(fields.close());
        new.extend(coupon);
    }
    if !problems.is_empty() {
        return Err(Problem::fields(problems));
    }
    work::run(&app, &change, Tell::Nobody, move |work| {
        let problems = check(work, &new, &place)?;
        if !problems.is_empty() {
            return Err(Problem::fields(problems));
        }
        let made = coupons::create_many(work.tx, &new, work.now)?;
        // What was decided without them.
        reconsiderations::ask_for_coupons(work.tx, &made, work.now)?;
        let views: Vec<CouponView> = made.iter().map(CouponView::of).collect();
        for coupon in &made {
            work.audit("coupon.create", format!("coupon:{}", coupon.id), None, CouponView::log(coupon))?;
        }
        match views.into_iter().next() {
            Some(view) if !is_list => Ok(Done::created(COLLECTION, view)),
            _ => {
                let views: Vec<CouponView> = made.iter().map(CouponView::of).collect();
                Ok(Done::ok(json!({"items": views, "next_cursor": null})))
            }
        }
    })
    .await
}

fn read(fields: &mut Fields<'_>, own: Option<AdvertiserId>) -> Option<NewCoupon> {
    let advertiser = match (fields.optional_id::<AdvertiserId>("advertiser_id"), own) {
        (None, None) => {
            if fields.value("advertiser_id").is_none() {
                fields.refuse("advertiser_id", "is needed from an operator");
            }
            None
        }
        (named, own) => named.or(own),
    };
    let code = fields.text("code", CODE_CHARS_MAX);
    let affiliate = fields.id("affiliate_id");
    let offer_id = fields.optional_id("offer_id");
    let (valid_from, valid_until) = (fields.optional_time("valid_from"), fields.optional_time("valid_until"));
    if let (Some(from), Some(until)) = (valid_from, valid_until)
        && until <= from
    {
        fields.refuse("valid_until", "does not come after valid_from");
    }
    let code = Some(code).filter(|code| !code.is_empty())?;
    Some(NewCoupon {
        advertiser_id: advertiser?,
        code,
        affiliate_id: affiliate?,
        offer_id,
        valid_from,
        valid_until,
    })
}

/// What others decide: whether those named are there and belong together, and whether a code is taken.
fn check(
    work: &mut Work<'_>,
    new: &[NewCoupon],
    place: &dyn Fn(usize) -> String,
) -> Result<Vec<FieldProblem>, Problem> {
    let scope = work.caller.scope;
    let mut problems = Vec::new();
    let mut refuse = |index: usize, field: &str, message: String| {
        let at = place(index);
        let name = if at.is_empty() { field.to_owned() } else { format!("{at}.{field}") };
        problems.push(FieldProblem::new(name, message));
    };
    let keys: Vec<_> = new.iter().map(|new| (new.advertiser_id, coupons::key_of(&new.code))).collect();
    let taken = coupons::of_codes(work.tx, &keys)?;
    let (mut shops, mut owners) = (BTreeMap::new(), BTreeMap::new());
    let mut known: BTreeMap<OfferId, Option<Offer>> = BTreeMap::new();
    for (index, (coupon, key)) in new.iter().zip(&keys).enumerate() {
        let shop = coupon.advertiser_id;
        if let std::collections::btree_map::Entry::Vacant(entry) = shops.entry(shop) {
            entry.insert(advertisers::get(work.tx, scope, shop)?.is_some());
        }
        if shops.get(&shop) != Some(&true) {
            refuse(index, "advertiser_id", format!("there is no advertiser {shop}"));
            continue;
        }
        let owner = coupon.affiliate_id;
        if let std::collections::btree_map::Entry::Vacant(entry) = owners.entry(owner) {
            entry.insert(may_name(work, owner)?);
        }
        if owners.get(&owner) != Some(&true) {
            refuse(index, "affiliate_id", format!("there is no affiliate {owner}"));
        }
        if let Some(id) = coupon.offer_id {
            if let std::collections::btree_map::Entry::Vacant(entry) = known.entry(id) {
                entry.insert(offers::get(work.tx, scope, id)?);
            }
            match known.get(&id).and_then(Option::as_ref).filter(|offer| offer.advertiser_id == shop) {
                None => refuse(index, "offer_id", format!("advertiser {shop} has no offer {id}")),
                Some(offer) if offer.attribution.coupon == CouponRule::Ignored => {
                    let message = format!("names offer {id}, whose attribution.coupon is ignored");
                    refuse(index, "offer_id", message);
                }
                Some(_) => {}
            }
        }
        if taken.get(key).into_iter().flatten().any(|other| other.archived_at.is_none()) {
            refuse(index, "code", format!("{:?} is taken by another coupon of the advertiser", coupon.code));
        }
    }
    Ok(problems)
}

/// List coupons: an affiliate's are its own.
#[utoipa::path(get, path = COLLECTION, tag = "coupons",
    params(crate::forms::ListParameters,
        ("advertiser_id" = Option<i64>, Query, description = "Only of this advertiser"),
        ("affiliate_id" = Option<i64>, Query, description = "Only of this affiliate"),
        ("code" = Option<String>, Query, description = "Only with this code, whatever its case"),
        ("archived" = Option<bool>, Query, description = "Only those that are archived, or only the others")),
    responses((status = 200, body = crate::forms::Page<CouponView>), Problems))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    mut query: Query,
) -> Result<Json<Value>, Problem> {
    let filter = CouponFilter {
        advertiser: query.id("advertiser_id"),
        affiliate: query.id("affiliate_id"),
        code: query.text("code"),
        archived: query.parsed("archived"),
    };
    let list = query.list(&app, &caller)?;
    let (scope, page) = (caller.scope, list.page());
    let database = app.services.database_for(caller.scope);
    let rows: Result<_, Problem> =
        database.read(move |tx| Ok(coupons::list(tx, scope, &filter, page)?)).await;
    Ok(Json(list.answer(&app, rows?, |row| row.id.get(), CouponView::of)))
}

/// Get a coupon.
#[utoipa::path(get, path = "/v1/coupons/{id}", tag = "coupons",
    params(("id" = i64, Path)),
    responses((status = 200, body = CouponView), Problems))]
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<CouponId>,
) -> Result<Json<CouponView>, Problem> {
    let scope = caller.scope;
    let found: Result<_, Problem> =
        app.services.database_for(caller.scope).read(move |tx| Ok(coupons::get(tx, scope, id)?)).await;
    found?.map(|coupon| Json(CouponView::of(&coupon))).ok_or_else(|| unknown(id))
}

/// Archive a coupon: it stays, and says whose the conversions before this moment were. Its code may be entered anew.
#[utoipa::path(delete, path = "/v1/coupons/{id}", tag = "coupons",
    params(("id" = i64, Path)),
    responses((status = 204, description = "Archived"), Problems))]
pub(crate) async fn archive(
    State(app): State<Arc<App>>,
    Id(id): Id<CouponId>,
    change: Change,
) -> Result<Response, Problem> {
    work::run(&app, &change, Tell::Nobody, move |work| {
        let before = coupons::get(work.tx, work.caller.scope, id)?.ok_or_else(|| unknown(id))?;
        if !coupons::archive(work.tx, id, work.now)? {
            return Err(Problem::conflict(format!("coupon {id} is archived already")));
        }
        let after = Coupon { archived_at: Some(work.now), ..before.clone() };
        let object = format!("coupon:{id}");
        work.audit("coupon.archive", object, CouponView::log(&before), CouponView::log(&after))?;
        Ok(Done::ok(Value::Null))
    })
    .await
    .map(|_| StatusCode::NO_CONTENT.into_response())
}

fn unknown(id: CouponId) -> Problem {
    Problem::not_found(format!("there is no coupon {id}"))
}
