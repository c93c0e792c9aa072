//! `/v1/install_mappings`.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use hopline_control_store::installs::mappings::{self, InstallMapping, NewInstallMapping};
use hopline_control_store::{DatabaseExt, advertisers};
use hopline_installs::measurement::{Field, Provider};
use hopline_types::{AdvertiserId, InstallMappingId};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{no_such, taken};
use crate::app::App;
use crate::caller::Caller;
use crate::fields::Fields;
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::query::Query;
use crate::request::{Change, Id};
use crate::view::Time;
use crate::work::{self, Done, Tell};

const COLLECTION: &str = "/v1/install_mappings";
/// The most names of a field, and the most events.
const ENTRIES_MAX: usize = 50;
const NAME_CHARS_MAX: usize = 200;

/// What an advertiser's mobile measurement calls our fields.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InstallMappingView {
    #[schema(minimum = 1)]
    id: i64,
    advertiser_id: i64,
    /// Whose usual names are read behind those entered.
    #[schema(examples("appsflyer"))]
    provider: String,
    /// Our field to their names.
    names: BTreeMap<String, Vec<String>>,
    /// Their event to a goal's key.
    events: BTreeMap<String, String>,
    created_at: Time,
}

impl InstallMappingView {
    fn of(mapping: &InstallMapping) -> Self {
        let what = &mapping.what;
        Self {
            id: mapping.id.get(),
            advertiser_id: what.advertiser_id.get(),
            provider: what.provider.clone(),
            names: what.names.clone(),
            events: what.events.clone(),
            created_at: Time(mapping.created_at),
        }
    }

    fn log(mapping: &InstallMapping) -> Option<Value> {
        serde_json::to_value(Self::of(mapping)).ok()
    }
}

fn is_name(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.is_empty() && text.chars().count() <= NAME_CHARS_MAX)
}

fn names(fields: &mut Fields<'_>) -> BTreeMap<String, Vec<String>> {
    let mut names = BTreeMap::new();
    let Some(value) = fields.value("names") else { return names };
    let Some(object) = value.as_object() else {
        fields.refuse("names", "is no object of our fields and lists of their names");
        return names;
    };
    for (field, given) in object {
        let place = format!("names.{}", field.chars().take(40).collect::<String>());
        if Field::from_name(field).is_none() {
            let known = Field::ALL.map(Field::as_str).join(", ");
            fields.refuse(&place, format!("is none of our fields: {known}"));
            continue;
        }
        match given.as_array() {
            Some(list) if (1..=ENTRIES_MAX).contains(&list.len()) && list.iter().all(is_name) => {
                let list = list.iter().filter_map(Value::as_str).map(str::to_owned);
                names.insert(field.clone(), list.collect());
            }
            _ => fields.refuse(&place, format!("is no list of 1 to {ENTRIES_MAX} names")),
        }
    }
    names
}

fn events(fields: &mut Fields<'_>) -> BTreeMap<String, String> {
    let mut events = BTreeMap::new();
    let Some(value) = fields.value("events") else { return events };
    let Some(object) = value.as_object().filter(|object| object.len() <= ENTRIES_MAX) else {
        fields.refuse("events", format!("is no object of up to {ENTRIES_MAX} events and keys of goals"));
        return events;
    };
    for (event, goal) in object {
        if event.is_empty() || event.chars().count() > NAME_CHARS_MAX || !is_name(goal) {
            fields.refuse("events", "names an event or a goal that is empty, no text, or too long");
            return events;
        }
        events.insert(event.clone(), goal.as_str().unwrap_or_default().to_owned());
    }
    events
}

/// Enter how an advertiser's mobile measurement is read. Its postbacks go to the edge's `/installs/measurement` with the
/// advertiser's postback token; see deploy/INSTALLS.md.
#[utoipa::path(post, path = COLLECTION, tag = "install_mappings",
    request_body = crate::forms::InstallMappingForm,
    responses((status = 201, body = InstallMappingView), Problems))]
pub(crate) async fn create(State(app): State<Arc<App>>, change: Change) -> Result<Response, Problem> {
    let mut fields = Fields::body(&change.body);
    let advertiser = fields.optional_id::<AdvertiserId>("advertiser_id");
    let own = change.caller.actor.advertiser;
    if advertiser.is_none() && own.is_none() && change.body.is_object() && !fields.has("advertiser_id") {
        fields.refuse("advertiser_id", "is needed from an operator");
    }
    let choices = Provider::ALL.map(|provider| (provider.as_str(), provider));
    let provider = fields.choice("provider", &choices);
    let (names, events) = (names(&mut fields), events(&mut fields));
    fields.finish()?;
    work::run(&app, &change, Tell::Nobody, move |work| {
        let scope = work.caller.scope;
        let advertiser_id = advertiser.or(own).expect("a missing advertiser was remarked on");
        if advertisers::get(work.tx, scope, advertiser_id)?.is_none() {
            return Err(no_such("advertiser_id", "advertiser", advertiser_id));
        }
        let new = NewInstallMapping {
            advertiser_id,
            provider: provider.expect("a missing provider was remarked on").as_str().to_owned(),
            names: names.clone(),
            events: events.clone(),
        };
        let mapping = mappings::create(work.tx, &new, work.now).map_err(taken("advertiser_id"))?;
        let object = format!("install_mapping:{}", mapping.id);
        work.audit("install_mapping.create", object, None, InstallMappingView::log(&mapping))?;
        Ok(Done::created(COLLECTION, InstallMappingView::of(&mapping)))
    })
    .await
}

/// List mappings of mobile measurement.
#[utoipa::path(get, path = COLLECTION, tag = "install_mappings",
    params(crate::forms::ListParameters),
    responses((status = 200, body = crate::forms::Page<InstallMappingView>), Problems))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    query: Query,
) -> Result<Json<Value>, Problem> {
    let list = query.list(&app, &caller)?;
    let (scope, page) = (caller.scope, list.page());
    let rows: Result<_, Problem> =
        app.services.database_for(caller.scope).read(move |tx| Ok(mappings::list(tx, scope, page)?)).await;
    Ok(Json(list.answer(&app, rows?, |row| row.id.get(), InstallMappingView::of)))
}

/// Get a mapping of mobile measurement.
#[utoipa::path(get, path = "/v1/install_mappings/{id}", tag = "install_mappings",
    params(("id" = i64, Path)),
    responses((status = 200, body = InstallMappingView), Problems))]
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<InstallMappingId>,
) -> Result<Json<InstallMappingView>, Problem> {
    let scope = caller.scope;
    let found: Result<_, Problem> =
        app.services.database_for(caller.scope).read(move |tx| Ok(mappings::get(tx, scope, id)?)).await;
    found?.map(|mapping| Json(InstallMappingView::of(&mapping))).ok_or_else(|| unknown(id))
}

/// Take a mapping away: common names are read from then on. To change one, take it away and enter it anew.
#[utoipa::path(delete, path = "/v1/install_mappings/{id}", tag = "install_mappings",
    params(("id" = i64, Path)),
    responses((status = 204, description = "Taken away"), Problems))]
pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    Id(id): Id<InstallMappingId>,
    change: Change,
) -> Result<Response, Problem> {
    work::run(&app, &change, Tell::Nobody, move |work| {
        let gone = mappings::get(work.tx, work.caller.scope, id)?.ok_or_else(|| unknown(id))?;
        mappings::remove(work.tx, id)?;
        let object = format!("install_mapping:{id}");
        work.audit("install_mapping.delete", object, InstallMappingView::log(&gone), None)?;
        Ok(Done::ok(Value::Null))
    })
    .await
    .map(|_| StatusCode::NO_CONTENT.into_response())
}

fn unknown(id: InstallMappingId) -> Problem {
    Problem::not_found(format!("there is no mapping of mobile measurement {id}"))
}
