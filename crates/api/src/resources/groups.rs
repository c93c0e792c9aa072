//! `/v1/affiliate_groups`, and an affiliate's group and recruiter.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use hopline_control_store::groups::{self, Group};
use hopline_control_store::{DatabaseExt, ErrorKind, Scope, Tx, affiliates};
use hopline_types::{AffiliateId, GroupId};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{no_such, taken};
use crate::app::App;
use crate::caller::Caller;
use crate::fields::{Fields, TEXT_CHARS_MAX};
use crate::openapi::Problems;
use crate::problem::{FieldProblem, Problem};
use crate::query::Query;
use crate::request::{Change, Id};
use crate::view::Time;
use crate::work::{self, Done, Tell};

const COLLECTION: &str = "/v1/affiliate_groups";

/// Affiliates that terms may be made for together.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GroupView {
    #[schema(minimum = 1)]
    id: i64,
    name: String,
    /// Ids of the affiliates that are in it.
    members: Vec<i64>,
    created_at: Time,
}

impl GroupView {
    fn of(group: &Group) -> Self {
        Self {
            id: group.id.get(),
            name: group.name.clone(),
            members: group.members.iter().map(|member| member.get()).collect(),
            created_at: Time(group.created_at),
        }
    }
}

/// Enter a group of affiliates.
#[utoipa::path(post, path = COLLECTION, tag = "affiliate_groups",
    request_body = crate::forms::GroupForm,
    responses((status = 201, body = GroupView), Problems))]
pub(crate) async fn create(State(app): State<Arc<App>>, change: Change) -> Result<Response, Problem> {
    let mut fields = Fields::body(&change.body);
    let name = fields.text("name", TEXT_CHARS_MAX);
    fields.finish()?;
    work::run(&app, &change, Tell::Nobody, move |work| {
        let group = groups::create(work.tx, &name, work.now).map_err(taken("name"))?;
        let log = serde_json::to_value(GroupView::of(&group)).ok();
        work.audit("affiliate_group.create", format!("affiliate_group:{}", group.id), None, log)?;
        Ok(Done::created(COLLECTION, GroupView::of(&group)))
    })
    .await
}

/// List all groups, by name.
#[utoipa::path(get, path = COLLECTION, tag = "affiliate_groups",
    responses((status = 200, body = crate::forms::Page<GroupView>), Problems))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    query: Query,
) -> Result<Json<Value>, Problem> {
    query.finish()?;
    let database = app.services.database_for(caller.scope);
    let found: Result<_, Problem> = database.read(move |tx| Ok(groups::list(tx)?)).await;
    let items: Vec<GroupView> = found?.iter().map(GroupView::of).collect();
    Ok(Json(json!({"items": items, "next_cursor": null})))
}

/// Get a group with its members.
#[utoipa::path(get, path = "/v1/affiliate_groups/{id}", tag = "affiliate_groups",
    params(("id" = i64, Path)),
    responses((status = 200, body = GroupView), Problems))]
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<GroupId>,
) -> Result<Json<GroupView>, Problem> {
    let database = app.services.database_for(caller.scope);
    let found: Result<_, Problem> = database.read(move |tx| Ok(groups::get(tx, id)?)).await;
    let group = found?.ok_or_else(|| Problem::not_found(format!("there is no affiliate group {id}")))?;
    Ok(Json(GroupView::of(&group)))
}

/// An affiliate's group.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MembershipView {
    affiliate_id: i64,
    /// Null: it is in none.
    group_id: Option<i64>,
}

/// Who recruited an affiliate.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RecruiterView {
    affiliate_id: i64,
    /// Null: nobody.
    recruited_by: Option<i64>,
}

fn visible(tx: &mut dyn Tx, scope: Scope, id: AffiliateId) -> Result<(), Problem> {
    let found = affiliates::get(tx, scope, id)?;
    found.map(drop).ok_or_else(|| Problem::not_found(format!("there is no affiliate {id}")))
}

fn group_of(tx: &mut dyn Tx, id: AffiliateId) -> Result<Option<GroupId>, Problem> {
    Ok(groups::of_affiliates(tx, [id])?.get(&id).copied())
}

fn membership(id: AffiliateId, group: Option<GroupId>) -> MembershipView {
    MembershipView { affiliate_id: id.get(), group_id: group.map(GroupId::get) }
}

/// The group that an affiliate is in.
#[utoipa::path(get, path = "/v1/affiliates/{id}/group", tag = "affiliate_groups",
    operation_id = "affiliate_groups_of",
    params(("id" = i64, Path)),
    responses((status = 200, body = MembershipView), Problems))]
pub(crate) async fn membership_of(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<AffiliateId>,
    query: Query,
) -> Result<Json<MembershipView>, Problem> {
    query.finish()?;
    let scope = caller.scope;
    let database = app.services.database_for(scope);
    let found = database.read(move |tx| {
        visible(tx, scope, id)?;
        group_of(tx, id)
    });
    Ok(Json(membership(id, found.await?)))
}

/// Put an affiliate into a group, out of the one that it was in; null takes it out. What was decided before stays.
#[utoipa::path(post, path = "/v1/affiliates/{id}/group", tag = "affiliate_groups",
    operation_id = "affiliate_groups_put",
    params(("id" = i64, Path)), request_body = crate::forms::MembershipForm,
    responses((status = 200, body = MembershipView), Problems))]
pub(crate) async fn put(
    State(app): State<Arc<App>>,
    Id(id): Id<AffiliateId>,
    change: Change,
) -> Result<Response, Problem> {
    let mut fields = Fields::body(&change.body);
    let group = fields.optional_id::<GroupId>("group_id");
    fields.finish()?;
    work::run(&app, &change, Tell::Nobody, move |work| {
        visible(work.tx, work.caller.scope, id)?;
        let before = group_of(work.tx, id)?;
        match group {
            Some(group) if groups::get(work.tx, group)?.is_none() => {
                return Err(no_such("group_id", "affiliate group", group));
            }
            Some(group) => groups::put(work.tx, group, id, work.now)?,
            None => {
                if let Some(before) = before {
                    groups::take_out(work.tx, before, id)?;
                }
            }
        }
        let told = |group: Option<GroupId>| Some(json!({ "group_id": group }));
        work.audit("affiliate.group", format!("affiliate:{id}"), told(before), told(group))?;
        Ok(Done::ok(membership(id, group)))
    })
    .await
}

fn recruited(id: AffiliateId, by: Option<AffiliateId>) -> RecruiterView {
    RecruiterView { affiliate_id: id.get(), recruited_by: by.map(AffiliateId::get) }
}

/// Who recruited an affiliate, and so gets the levels of its terms.
#[utoipa::path(get, path = "/v1/affiliates/{id}/recruiter", tag = "affiliates",
    operation_id = "affiliates_recruiter",
    params(("id" = i64, Path)),
    responses((status = 200, body = RecruiterView), Problems))]
pub(crate) async fn recruiter(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<AffiliateId>,
    query: Query,
) -> Result<Json<RecruiterView>, Problem> {
    query.finish()?;
    let scope = caller.scope;
    let database = app.services.database_for(scope);
    let found = database.read(move |tx| {
        visible(tx, scope, id)?;
        Ok::<_, Problem>(groups::recruiter(tx, id)?)
    });
    Ok(Json(recruited(id, found.await?)))
}

/// Say who recruited an affiliate; null: nobody. Nobody recruits himself, also not by way of others.
#[utoipa::path(post, path = "/v1/affiliates/{id}/recruiter", tag = "affiliates",
    operation_id = "affiliates_set_recruiter",
    params(("id" = i64, Path)), request_body = crate::forms::RecruiterForm,
    responses((status = 200, body = RecruiterView), Problems))]
pub(crate) async fn set_recruiter(
    State(app): State<Arc<App>>,
    Id(id): Id<AffiliateId>,
    change: Change,
) -> Result<Response, Problem> {
    let mut fields = Fields::body(&change.body);
    let by = fields.optional_id::<AffiliateId>("recruited_by");
    fields.finish()?;
    work::run(&app, &change, Tell::Nobody, move |work| {
        let scope = work.caller.scope;
        visible(work.tx, scope, id)?;
        if let Some(by) = by
            && affiliates::get(work.tx, scope, by)?.is_none()
        {
            return Err(no_such("recruited_by", "affiliate", by));
        }
        let before = groups::recruiter(work.tx, id)?;
        groups::set_recruiter(work.tx, id, by).map_err(|refusal| match refusal.kind {
            ErrorKind::Constraint => {
                Problem::fields(vec![FieldProblem::new("recruited_by", refusal.detail.clone())])
            }
            _ => refusal.into(),
        })?;
        let told = |by: Option<AffiliateId>| Some(json!({ "recruited_by": by }));
        work.audit("affiliate.recruiter", format!("affiliate:{id}"), told(before), told(by))?;
        Ok(Done::ok(recruited(id, by)))
    })
    .await
}
