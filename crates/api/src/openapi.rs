//! The OpenAPI document, made from the code that answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Required};
use utoipa::{IntoResponses, Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::books::{
    balances, holds, journal, ledger, payout_batches, payout_forms, payout_minimums, payout_results,
    payout_schedules, periods, settlements, statements,
};
use crate::conversions::{judge, life};
use crate::resources::links::qr;
use crate::resources::{
    advertisers, affiliates, approval_rules, bonuses, click_findings, coupons, domains, exchange_rates,
    goals, groups, install_mappings, install_sources, installs, keys, landing_pages, links, offers,
    payout_currency, qualifications, terms, users,
};
use crate::{audit, clicks, conversions, reports};

/// The refusals that every operation may answer with.
pub(crate) struct Problems;

impl IntoResponses for Problems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let each = [
            ("400", "The request cannot be read, or a parameter is wrong"),
            ("401", "No credential, or one that is not valid"),
            ("403", "The role may not do this"),
            ("404", "There is no such thing for this caller"),
            ("405", "The method is not allowed here"),
            ("408", "The request took too long to arrive"),
            ("409", "The state of things stands against it"),
            ("413", "The request is too large"),
            ("415", "The content type is not supported"),
            ("422", "Some fields are not valid; they are listed, up to 100 of them"),
            ("500", "Something went wrong here"),
            ("503", "Not available at the moment"),
        ];
        let response = |text: &str| {
            let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
            ResponseBuilder::new().description(text).content("application/problem+json", content).build()
        };
        each.into_iter().map(|(status, text)| (status.to_owned(), RefOr::T(response(text)))).collect()
    }
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Hopline",
        description = "Affiliate and referral tracking: links, conversions, commissions, payouts, reports. Money is a \
                       decimal text with its currency, times are RFC 3339 in UTC, errors are RFC 9457 problems that \
                       name every bad field. An Idempotency-Key is honoured on every POST and PATCH that says so, and \
                       kept for seven days.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
        contact()
    ),
    servers((url = "/", description = "This installation")),
    components(schemas(
        crate::problem::Problem,
        crate::problem::FieldProblem,
        crate::forms::ConversionForm,
        crate::forms::CouponForm,
        crate::forms::RateForm,
        crate::forms::Status,
        crate::forms::LinkStatus,
        crate::forms::ErrorCorrection,
        crate::forms::ConversionStatus,
        crate::forms::InstallStateName,
        crate::forms::MeasurementProvider,
        crate::forms::TransactionKind,
        crate::forms::ReportBasis,
        crate::forms::ReportFormat,
        crate::forms::ClickFormat,
        crate::forms::ExportFormat,
        crate::conversions::ConversionView,
        crate::conversions::ItemResults
    )),
    security(("bearer" = [])),
    tags(
        (name = "advertisers", description = "Who pays for conversions"),
        (name = "offers", description = "What is advertised"),
        (name = "goals", description = "Paid events of offers"),
        (name = "terms", description = "What goals pay, in versions"),
        (name = "affiliates", description = "Who embeds links and is paid"),
        (name = "links", description = "Tracking links"),
        (name = "affiliate_groups", description = "Affiliates that terms are made for together"),
        (name = "bonuses", description = "Ladders, sign-up bonuses, contests"),
        (name = "coupons", description = "Codes whose use names an affiliate"),
        (name = "landing_pages", description = "Where visitors land beside an offer's own page"),
        (name = "domains", description = "Hosts of links beside the edge's own"),
        (name = "keys", description = "API keys"),
        (name = "users", description = "People who sign in"),
        (name = "click_findings", description = "Clicks that were found to be invalid later"),
        (name = "installs", description = "What reports of installs became"),
        (name = "install_sources", description = "Whose campaigns Apple's postbacks name"),
        (name = "install_mappings", description = "How postbacks of mobile measurement are read"),
        (name = "conversions", description = "What visitors did"),
        (name = "exchange_rates", description = "What a currency is in another"),
        (name = "approval_rules", description = "Which conversions are approved without a person"),
        (name = "qualifications", description = "Leads that wait until they are qualified"),
        (name = "payout_currency", description = "Being paid in another currency than was earned"),
        (name = "books", description = "Balances, ledger, audit log"),
        (name = "payouts", description = "Paying affiliates"),
        (name = "reports", description = "Counting")
    ),
    modifiers(&Bearer)
)]
struct Document;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("hl_…")
            .description(Some("An API key, made with `hopline key create` or POST /v1/keys."))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

/// All operations, and the document that describes them.
pub(crate) fn operations() -> (axum::Router<Arc<App>>, utoipa::openapi::OpenApi) {
    let (router, mut document) = described().split_for_parts();
    for item in document.paths.paths.values_mut() {
        let changes = [&mut item.post, &mut item.patch].into_iter().flatten();
        for operation in changes {
            let parameters = operation.parameters.get_or_insert_default();
            if operation.operation_id.as_deref() != Some(UNKEPT) {
                parameters.push(RefOr::T(idempotency_key()));
            }
        }
        for operation in
            [&mut item.get, &mut item.post, &mut item.patch, &mut item.delete].into_iter().flatten()
        {
            for parameter in operation.parameters.iter_mut().flatten() {
                if let RefOr::T(parameter) = parameter {
                    bound_id(parameter);
                }
            }
            // Handlers are named within their module: `list` becomes `offers_list`.
            let tag = operation.tags.as_ref().and_then(|tags| tags.first()).map_or("", String::as_str);
            operation.operation_id = operation.operation_id.as_ref().map(|id| format!("{tag}_{id}"));
        }
    }
    (router, document)
}

/// Settling clicks twice settles nothing twice: its answer is not kept.
const UNKEPT: &str = "settle_clicks";

fn idempotency_key() -> Parameter {
    let text = "Chosen by the client. The same request under the same key is carried out once; its repetition gets the first \
                answer, with Idempotency-Replayed: true.";
    let schema = ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(255))
        .pattern(Some("^[!#-~]+$"));
    ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(text))
        .schema(Some(schema))
        .build()
}

/// Ids count from 1.
fn bound_id(parameter: &mut Parameter) {
    if parameter.name != "id" && parameter.name != "affiliate" && !parameter.name.ends_with("_id") {
        return;
    }
    if let Some(RefOr::T(Schema::Object(schema))) = &mut parameter.schema
        && schema.format == Some(SchemaFormat::KnownFormat(KnownFormat::Int64))
    {
        schema.minimum = Some(1.into());
    }
}

fn described() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(advertisers::list, advertisers::create))
        .routes(routes!(advertisers::get, advertisers::update))
        .routes(routes!(offers::list, offers::create))
        .routes(routes!(offers::get, offers::update))
        .routes(routes!(goals::list))
        .routes(routes!(goals::get))
        .routes(routes!(goals::versions, goals::add_version))
        .routes(routes!(goals::version))
        .routes(routes!(groups::list, groups::create))
        .routes(routes!(groups::get))
        .routes(routes!(groups::membership_of, groups::put))
        .routes(routes!(groups::recruiter, groups::set_recruiter))
        .routes(routes!(bonuses::list, bonuses::create))
        .routes(routes!(bonuses::get))
        .routes(routes!(bonuses::end))
        .routes(routes!(bonuses::leaderboard))
        .routes(routes!(terms::preview))
        .routes(routes!(terms::dry_run))
        .routes(routes!(affiliates::list, affiliates::create))
        .routes(routes!(affiliates::get, affiliates::update))
        .routes(routes!(links::list, links::create))
        .routes(routes!(links::get, links::update))
        .routes(routes!(qr::svg))
        .routes(routes!(qr::png))
        .routes(routes!(landing_pages::list, landing_pages::create))
        .routes(routes!(landing_pages::get, landing_pages::update))
        .routes(routes!(coupons::list, coupons::create))
        .routes(routes!(coupons::get, coupons::archive))
        .routes(routes!(domains::list, domains::create))
        .routes(routes!(domains::get, domains::update, domains::remove))
        .routes(routes!(keys::list, keys::create))
        .routes(routes!(keys::get, keys::revoke))
        .routes(routes!(users::list, users::create))
        .routes(routes!(users::get, users::disable))
        .routes(routes!(install_sources::list, install_sources::create))
        .routes(routes!(install_sources::get, install_sources::remove))
        .routes(routes!(install_mappings::list, install_mappings::create))
        .routes(routes!(install_mappings::get, install_mappings::remove))
        .routes(routes!(installs::list))
        .routes(routes!(installs::get))
        .routes(routes!(installs::judge))
        .routes(routes!(conversions::list, conversions::create))
        .routes(routes!(conversions::get))
        .routes(routes!(conversions::explain))
        .routes(routes!(judge::refund))
        .routes(routes!(judge::approve))
        .routes(routes!(judge::reject))
        .routes(routes!(life::chargeback))
        .routes(routes!(life::undo))
        .routes(routes!(life::judge_many))
        .routes(routes!(exchange_rates::list, exchange_rates::enter))
        .routes(routes!(exchange_rates::import))
        .routes(routes!(exchange_rates::missing))
        .routes(routes!(exchange_rates::policy, exchange_rates::set_policy))
        .routes(routes!(approval_rules::list, approval_rules::replace))
        .routes(routes!(qualifications::get, qualifications::set, qualifications::remove))
        .routes(routes!(payout_currency::get, payout_currency::set))
        .routes(routes!(holds::holds))
        .routes(routes!(balances::balances))
        .routes(routes!(ledger::transactions))
        .routes(routes!(ledger::accounts))
        .routes(routes!(ledger::trial_balance))
        .routes(routes!(journal::export))
        .routes(routes!(periods::list))
        .routes(routes!(periods::close))
        .routes(routes!(statements::get))
        .routes(routes!(payout_batches::list, payout_batches::draft))
        .routes(routes!(payout_batches::get))
        .routes(routes!(payout_batches::approve))
        .routes(routes!(payout_batches::cancel))
        .routes(routes!(payout_batches::export))
        .routes(routes!(payout_batches::settle))
        .routes(routes!(payout_results::list, payout_results::upload))
        .routes(routes!(payout_forms::templates, payout_forms::save_template))
        .routes(routes!(payout_forms::mappings, payout_forms::save_mapping))
        .routes(routes!(payout_minimums::of_methods, payout_minimums::set_of_method))
        .routes(routes!(payout_minimums::of_affiliate, payout_minimums::set_of_affiliate))
        .routes(routes!(payout_schedules::list, payout_schedules::create))
        .routes(routes!(payout_schedules::get, payout_schedules::update))
        .routes(routes!(affiliates::payout_method))
        .routes(routes!(settlements::settle))
        .routes(routes!(click_findings::list, click_findings::create))
        .routes(routes!(click_findings::get))
        .routes(routes!(reports::report))
        .routes(routes!(reports::signals::signals))
        .routes(routes!(reports::installs::installs))
        .routes(routes!(reports::models::models))
        .routes(routes!(clicks::clicks))
        .routes(routes!(audit::list))
}
