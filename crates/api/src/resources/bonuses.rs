//! `/v1/bonuses`: ladders, sign-up bonuses, contests.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use hopline_control_store::bonuses::{self, PeriodFilter, StoredBonus};
use hopline_control_store::offers::{self, Offer};
use hopline_control_store::{DatabaseExt, Scope, Tx, affiliates};
use hopline_money::Amount;
use hopline_terms::{Bonus, Volume, ranked};
use hopline_types::{AffiliateId, BonusId, OfferId};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::no_such;
use crate::app::App;
use crate::caller::Caller;
use crate::fields::{Fields, TEXT_CHARS_MAX};
use crate::openapi::Problems;
use crate::problem::{FieldProblem, Problem};
use crate::query::Query;
use crate::request::{Change, Id};
use crate::view::Time;
use crate::work::{self, Done, Tell};

const COLLECTION: &str = "/v1/bonuses";

/// Money for something else than single conversions.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BonusView {
    #[schema(minimum = 1)]
    id: i64,
    offer_id: i64,
    name: String,
    /// What it pays for: an object with `kind`.
    #[schema(value_type = Object)]
    bonus: Value,
    /// What happened before does not count.
    created_at: Time,
    /// What happens from then on does not count.
    ended_at: Option<Time>,
}

impl BonusView {
    fn of(bonus: &StoredBonus) -> Self {
        Self {
            id: bonus.id.get(),
            offer_id: bonus.offer.get(),
            name: bonus.name.clone(),
            bonus: shown(&bonus.bonus),
            created_at: Time(bonus.created_at),
            ended_at: bonus.ended_at.map(Time),
        }
    }

    fn log(bonus: &StoredBonus) -> Option<Value> {
        serde_json::to_value(Self::of(bonus)).ok()
    }
}

/// As it is entered: times are RFC 3339.
fn shown(bonus: &Bonus) -> Value {
    let mut value = serde_json::to_value(bonus).unwrap_or_default();
    if let Bonus::Contest { from, to, .. } = bonus {
        value["from"] = json!(Time(*from));
        value["to"] = json!(Time(*to));
    }
    value
}

fn read(fields: &mut Fields<'_>) -> Option<Bonus> {
    let Some(given) = fields.value("bonus") else {
        fields.missing("bonus");
        return None;
    };
    let mut value = given.clone();
    if value["kind"] == "contest" {
        let mut times = Fields::at("bonus".to_owned(), given);
        let (from, to) = (times.optional_time("from"), times.optional_time("to"));
        for (name, time) in [("from", from), ("to", to)] {
            match time {
                Some(time) => value[name] = json!(time),
                None if given.get(name).is_none() => times.missing(name),
                None => {}
            }
        }
        let problems = times.close_lenient();
        if !problems.is_empty() {
            fields.refuse_all(problems);
            return None;
        }
    }
    match serde_json::from_value(value) {
        Ok(bonus) => Some(bonus),
        Err(refusal) => {
            fields.refuse("bonus", format!("cannot be read: {refusal}"));
            None
        }
    }
}

/// Enter a bonus of an offer. What happens from now on counts. It is settled as its volume is reached, as the difference to what
/// it has paid before; a contest after its end.
#[utoipa::path(post, path = COLLECTION, tag = "bonuses",
    request_body = crate::forms::BonusForm,
    responses((status = 201, body = BonusView), Problems))]
pub(crate) async fn create(State(app): State<Arc<App>>, change: Change) -> Result<Response, Problem> {
    let mut fields = Fields::body(&change.body);
    let offer = fields.id::<OfferId>("offer_id");
    let name = fields.text("name", TEXT_CHARS_MAX);
    let bonus = read(&mut fields);
    fields.finish()?;
    let (offer, bonus) =
        offer.zip(bonus).ok_or_else(|| Problem::fields(vec![FieldProblem::new("bonus", "is missing")]))?;
    work::run(&app, &change, Tell::Nobody, move |work| {
        let found = offers::get(work.tx, work.caller.scope, offer)?;
        let currency = found.ok_or_else(|| no_such("offer_id", "offer", offer))?.currency;
        if let Err(refused) = bonus.check("bonus", currency) {
            let refused = refused.into_iter();
            let problems = refused.map(|refusal| FieldProblem::new(refusal.field, refusal.message));
            return Err(Problem::fields(problems.collect()));
        }
        if let Bonus::Contest { to, .. } = &bonus
            && *to <= work.now
        {
            return Err(Problem::fields(vec![FieldProblem::new("bonus.to", "is in the past")]));
        }
        let made = bonuses::create(work.tx, offer, &name, &bonus, work.now)?;
        work.audit("bonus.create", format!("bonus:{}", made.id), None, BonusView::log(&made))?;
        Ok(Done::created(COLLECTION, BonusView::of(&made)))
    })
    .await
}

/// Bonuses of offers that may be seen, oldest first.
fn visible(
    tx: &mut dyn Tx,
    scope: Scope,
    found: impl IntoIterator<Item = StoredBonus>,
) -> Result<Vec<(StoredBonus, Offer)>, Problem> {
    let mut offers: BTreeMap<OfferId, Option<Offer>> = BTreeMap::new();
    let mut kept = Vec::new();
    for bonus in found {
        if let std::collections::btree_map::Entry::Vacant(entry) = offers.entry(bonus.offer) {
            entry.insert(offers::get(tx, scope, bonus.offer)?);
        }
        if let Some(Some(offer)) = offers.get(&bonus.offer) {
            kept.push((bonus, offer.clone()));
        }
    }
    Ok(kept)
}

/// List bonuses, oldest first: an affiliate's are those of offers that it may see.
#[utoipa::path(get, path = COLLECTION, tag = "bonuses",
    params(("offer_id" = Option<i64>, Query, description = "Only of this offer")),
    responses((status = 200, body = crate::forms::Page<BonusView>), Problems))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    mut query: Query,
) -> Result<Json<Value>, Problem> {
    let offer = query.id("offer_id");
    query.finish()?;
    let scope = caller.scope;
    let database = app.services.database_for(scope);
    let found = database.read(move |tx| {
        let all = bonuses::list(tx, Scope::All, offer)?;
        visible(tx, scope, all)
    });
    let items: Vec<BonusView> = found.await?.iter().map(|(bonus, _)| BonusView::of(bonus)).collect();
    Ok(Json(json!({"items": items, "next_cursor": null})))
}

fn find(tx: &mut dyn Tx, scope: Scope, id: BonusId) -> Result<(StoredBonus, Offer), Problem> {
    let found = bonuses::get(tx, Scope::All, id)?;
    let mut found = visible(tx, scope, found)?;
    found.pop().ok_or_else(|| Problem::not_found(format!("there is no bonus {id}")))
}

/// Get a bonus.
#[utoipa::path(get, path = "/v1/bonuses/{id}", tag = "bonuses",
    params(("id" = i64, Path)),
    responses((status = 200, body = BonusView), Problems))]
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<BonusId>,
) -> Result<Json<BonusView>, Problem> {
    let scope = caller.scope;
    let found = app.services.database_for(scope).read(move |tx| find(tx, scope, id)).await;
    Ok(Json(BonusView::of(&found?.0)))
}

/// End a bonus: what happens from now on does not count. A contest is settled by what it held until now.
#[utoipa::path(post, path = "/v1/bonuses/{id}/end", tag = "bonuses",
    params(("id" = i64, Path)),
    responses((status = 200, body = BonusView), Problems))]
pub(crate) async fn end(
    State(app): State<Arc<App>>,
    Id(id): Id<BonusId>,
    change: Change,
) -> Result<Response, Problem> {
    Fields::body(&change.body).finish()?;
    work::run(&app, &change, Tell::Nobody, move |work| {
        let (before, _) = find(work.tx, work.caller.scope, id)?;
        if !bonuses::end(work.tx, id, work.now)? {
            return Err(Problem::conflict(format!("bonus {id} has ended already")));
        }
        let after = StoredBonus { ended_at: Some(work.now), ..before.clone() };
        work.audit("bonus.end", format!("bonus:{id}"), BonusView::log(&before), BonusView::log(&after))?;
        Ok(Done::ok(BonusView::of(&after)))
    })
    .await
}

/// A place of a contest.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PlaceView {
    /// From 1; equal volumes share one.
    rank: usize,
    /// Null: somebody else's, as affiliates see it.
    affiliate_id: Option<i64>,
    name: Option<String>,
    conversions: u64,
    /// What counts of their orders.
    #[schema(value_type = Object)]
    amount: Amount,
    /// What it wins, as things stand.
    #[schema(value_type = Object)]
    prize: Amount,
}

/// How a contest stands.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LeaderboardView {
    bonus_id: i64,
    name: String,
    from: Time,
    to: Time,
    has_ended: bool,
    places: Vec<PlaceView>,
}

/// How a contest stands, best first. An affiliate sees every rank and volume, and of the places only its own named.
#[utoipa::path(get, path = "/v1/bonuses/{id}/leaderboard", tag = "bonuses",
    params(("id" = i64, Path)),
    responses((status = 200, body = LeaderboardView), Problems))]
pub(crate) async fn leaderboard(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<BonusId>,
    query: Query,
) -> Result<Json<LeaderboardView>, Problem> {
    query.finish()?;
    let (scope, now) = (caller.scope, app.services.clock.now());
    let database = app.services.database_for(scope);
    let shown = database.read(move |tx| {
        let (bonus, offer) = find(tx, scope, id)?;
        let Bonus::Contest { by, from, to, prizes } = &bonus.bonus else {
            return Err(Problem::conflict(format!("bonus {id} is no contest: it has no leaderboard")));
        };
        // Ranks are made of all affiliates' volumes; what is told of others is below.
        tx.narrow(Scope::All)?;
        let to = bonus.ended_at.map_or(*to, |ended| ended.min(*to));
        let filter = PeriodFilter { offer: offer.id, goal: None, affiliate: None, from: *from, to };
        let mut scores: BTreeMap<AffiliateId, Volume> = BTreeMap::new();
        for one in bonuses::standing(tx, &filter)? {
            let volume = scores.entry(one.affiliate).or_default();
            volume.count += 1;
            volume.counted_minor = volume.counted_minor.saturating_add(one.piece.counted_minor);
        }
        let scores: Vec<(AffiliateId, Volume)> = scores.into_iter().collect();
        let ranked = ranked(&scores, *by, prizes, offer.currency)
            .map_err(|error| Problem::conflict(format!("bonus {id} comes to no amount: {error}")))?;
        let mut places = Vec::with_capacity(ranked.len());
        for place in ranked {
            let is_named = match scope {
                Scope::All => true,
                Scope::Affiliate(own) => own == place.who,
                _ => false,
            };
            let named = if is_named { affiliates::get(tx, Scope::All, place.who)? } else { None };
            places.push(PlaceView {
                rank: place.rank,
                affiliate_id: is_named.then(|| place.who.get()),
                name: named.map(|affiliate| affiliate.name),
                conversions: place.volume.count,
                amount: Amount::new(place.volume.counted_minor, offer.currency),
                prize: place.prize,
            });
        }
        let has_ended = to <= now;
        let (from, to) = (Time(*from), Time(to));
        Ok::<_, Problem>(LeaderboardView {
            bonus_id: id.get(),
            name: bonus.name,
            from,
            to,
            has_ended,
            places,
        })
    });
    Ok(Json(shown.await?))
}
