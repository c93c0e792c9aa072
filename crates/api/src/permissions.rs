//! Which role may do what: one row per operation. What is not here is refused to everybody.
//!
//! Roles decide whether an operation may be asked for at all; the caller's scope, bound into every statement, decides
//! what it then finds. Another tenant's object is not found.

use hopline_types::Role;
use hopline_types::Role::{Advertiser, Affiliate, Finance, Operator};

const ALL: &[Role] = &[Operator, Finance, Advertiser, Affiliate];
const NETWORK: &[Role] = &[Operator, Finance];
const OPERATOR: &[Role] = &[Operator];
const WITH_ADVERTISER: &[Role] = &[Operator, Finance, Advertiser];
const WITH_AFFILIATE: &[Role] = &[Operator, Finance, Affiliate];
const NOT_FINANCE: &[Role] = &[Operator, Advertiser, Affiliate];
const OR_ADVERTISER: &[Role] = &[Operator, Advertiser];
const OR_AFFILIATE: &[Role] = &[Operator, Affiliate];

/// Method, path and roles of every operation that needs a credential.
#[rustfmt::skip]
pub(crate) const TABLE: &[(&str, &str, &[Role])] = &[
    ("GET",    "/v1/advertisers",                     WITH_ADVERTISER),
    ("POST",   "/v1/advertisers",                     OPERATOR),
    ("GET",    "/v1/advertisers/{id}",                WITH_ADVERTISER),
    ("PATCH",  "/v1/advertisers/{id}",                OPERATOR),
    ("GET",    "/v1/offers",                          ALL),
    ("POST",   "/v1/offers",                          OPERATOR),
    ("GET",    "/v1/offers/{id}",                     ALL),
    ("PATCH",  "/v1/offers/{id}",                     OR_ADVERTISER),
    ("GET",    "/v1/goals",                           ALL),
    ("GET",    "/v1/goals/{id}",                      ALL),
    ("GET",    "/v1/goals/{id}/terms",                WITH_ADVERTISER),
    ("POST",   "/v1/goals/{id}/terms",                OPERATOR),
    ("GET",    "/v1/terms/{id}",                      WITH_ADVERTISER),
    ("POST",   "/v1/terms/preview",                   NETWORK),
    ("POST",   "/v1/terms/dry_run",                   NETWORK),
    ("GET",    "/v1/affiliates",                      WITH_AFFILIATE),
    ("POST",   "/v1/affiliates",                      OPERATOR),
    ("GET",    "/v1/affiliates/{id}",                 WITH_AFFILIATE),
    ("PATCH",  "/v1/affiliates/{id}",                 OR_AFFILIATE),
    ("GET",    "/v1/affiliates/{id}/group",           WITH_AFFILIATE),
    ("POST",   "/v1/affiliates/{id}/group",           OPERATOR),
    ("GET",    "/v1/affiliates/{id}/recruiter",       WITH_AFFILIATE),
    ("POST",   "/v1/affiliates/{id}/recruiter",       OPERATOR),
    ("GET",    "/v1/affiliate_groups",                NETWORK),
    ("POST",   "/v1/affiliate_groups",                OPERATOR),
    ("GET",    "/v1/affiliate_groups/{id}",           NETWORK),
    ("GET",    "/v1/bonuses",                         WITH_AFFILIATE),
    ("POST",   "/v1/bonuses",                         OPERATOR),
    ("GET",    "/v1/bonuses/{id}",                    WITH_AFFILIATE),
    ("POST",   "/v1/bonuses/{id}/end",                OPERATOR),
    ("GET",    "/v1/bonuses/{id}/leaderboard",        WITH_AFFILIATE),
    ("GET",    "/v1/links",                           ALL),
    ("POST",   "/v1/links",                           OR_AFFILIATE),
    ("GET",    "/v1/links/{id}",                      ALL),
    ("PATCH",  "/v1/links/{id}",                      OR_AFFILIATE),
    ("GET",    "/v1/links/{id}/qr.svg",               ALL),
    ("GET",    "/v1/links/{id}/qr.png",               ALL),
    ("GET",    "/v1/landing_pages",                   ALL),
    ("POST",   "/v1/landing_pages",                   OR_ADVERTISER),
    ("GET",    "/v1/landing_pages/{id}",              ALL),
    ("PATCH",  "/v1/landing_pages/{id}",              OR_ADVERTISER),
    ("GET",    "/v1/coupons",                         ALL),
    ("POST",   "/v1/coupons",                         OR_ADVERTISER),
    ("GET",    "/v1/coupons/{id}",                    ALL),
    ("DELETE", "/v1/coupons/{id}",                    OR_ADVERTISER),
    ("GET",    "/v1/domains",                         ALL),
    ("POST",   "/v1/domains",                         OPERATOR),
    ("GET",    "/v1/domains/{id}",                    ALL),
    ("PATCH",  "/v1/domains/{id}",                    OPERATOR),
    ("DELETE", "/v1/domains/{id}",                    OPERATOR),
    ("GET",    "/v1/keys",                            NOT_FINANCE),
    ("POST",   "/v1/keys",                            NOT_FINANCE),
    ("GET",    "/v1/keys/{id}",                       NOT_FINANCE),
    ("DELETE", "/v1/keys/{id}",                       NOT_FINANCE),
    ("GET",    "/v1/users",                           OPERATOR),
    ("POST",   "/v1/users",                           OPERATOR),
    ("GET",    "/v1/users/{id}",                      OPERATOR),
    ("DELETE", "/v1/users/{id}",                      OPERATOR),
    ("GET",    "/v1/install_sources",                 ALL),
    ("POST",   "/v1/install_sources",                 OPERATOR),
    ("GET",    "/v1/install_sources/{id}",            ALL),
    ("DELETE", "/v1/install_sources/{id}",            OPERATOR),
    ("GET",    "/v1/install_mappings",                WITH_ADVERTISER),
    ("POST",   "/v1/install_mappings",                OR_ADVERTISER),
    ("GET",    "/v1/install_mappings/{id}",           WITH_ADVERTISER),
    ("DELETE", "/v1/install_mappings/{id}",           OR_ADVERTISER),
    ("GET",    "/v1/installs",                        ALL),
    ("GET",    "/v1/installs/{id}",                   ALL),
    ("POST",   "/v1/installs/{id}/judge",             OR_ADVERTISER),
    ("GET",    "/v1/conversions",                     ALL),
    ("POST",   "/v1/conversions",                     OR_ADVERTISER),
    ("GET",    "/v1/conversions/{id}",                ALL),
    ("GET",    "/v1/conversions/{id}/explain",        ALL),
    ("POST",   "/v1/conversions/{id}/refund",         OR_ADVERTISER),
    ("POST",   "/v1/conversions/{id}/approve",        OR_ADVERTISER),
    ("POST",   "/v1/conversions/{id}/reject",         OR_ADVERTISER),
    ("POST",   "/v1/conversions/{id}/chargeback",     OR_ADVERTISER),
    ("POST",   "/v1/conversions/{id}/undo",           OPERATOR),
    ("POST",   "/v1/conversions/judge",               OR_ADVERTISER),
    ("GET",    "/v1/exchange_rates",                  NETWORK),
    ("POST",   "/v1/exchange_rates",                  NETWORK),
    ("POST",   "/v1/exchange_rates/import",           NETWORK),
    ("GET",    "/v1/exchange_rates/missing",          NETWORK),
    ("GET",    "/v1/exchange_rates/policy",           NETWORK),
    ("PATCH",  "/v1/exchange_rates/policy",           OPERATOR),
    ("GET",    "/v1/offers/{id}/approval_rules",      WITH_ADVERTISER),
    ("POST",   "/v1/offers/{id}/approval_rules",      OR_ADVERTISER),
    ("GET",    "/v1/goals/{id}/qualification",        WITH_ADVERTISER),
    ("POST",   "/v1/goals/{id}/qualification",        OR_ADVERTISER),
    ("DELETE", "/v1/goals/{id}/qualification",        OR_ADVERTISER),
    ("GET",    "/v1/affiliates/{id}/payout_currency", WITH_AFFILIATE),
    ("POST",   "/v1/affiliates/{id}/payout_currency", OR_AFFILIATE),
    ("GET",    "/v1/set_aside_holds",                 NETWORK),
    ("GET",    "/v1/balances",                        WITH_AFFILIATE),
    ("GET",    "/v1/ledger/transactions",             NETWORK),
    ("GET",    "/v1/ledger/accounts",                 NETWORK),
    ("GET",    "/v1/ledger/trial_balance",            NETWORK),
    ("GET",    "/v1/ledger/export",                   NETWORK),
    ("GET",    "/v1/ledger/periods",                  NETWORK),
    ("POST",   "/v1/ledger/periods/{month}/close",    NETWORK),
    ("GET",    "/v1/payout_batches",                  NETWORK),
    ("POST",   "/v1/payout_batches",                  NETWORK),
    ("GET",    "/v1/payout_batches/{id}",             NETWORK),
    ("POST",   "/v1/payout_batches/{id}/approve",     NETWORK),
    ("POST",   "/v1/payout_batches/{id}/cancel",      NETWORK),
    ("GET",    "/v1/payout_batches/{id}/export",      NETWORK),
    ("POST",   "/v1/payout_batches/{id}/settle",      NETWORK),
    ("GET",    "/v1/payout_batches/{id}/results",     NETWORK),
    ("POST",   "/v1/payout_batches/{id}/results",     NETWORK),
    ("GET",    "/v1/payout_templates",                NETWORK),
    ("POST",   "/v1/payout_templates",                NETWORK),
    ("GET",    "/v1/payout_result_mappings",          NETWORK),
    ("POST",   "/v1/payout_result_mappings",          NETWORK),
    ("GET",    "/v1/payout_minimums",                 NETWORK),
    ("POST",   "/v1/payout_minimums",                 NETWORK),
    ("GET",    "/v1/payout_schedules",                NETWORK),
    ("POST",   "/v1/payout_schedules",                NETWORK),
    ("GET",    "/v1/payout_schedules/{id}",           NETWORK),
    ("PATCH",  "/v1/payout_schedules/{id}",           NETWORK),
    ("GET",    "/v1/affiliates/{id}/payout_method",   WITH_AFFILIATE),
    ("GET",    "/v1/affiliates/{id}/payout_minimums", WITH_AFFILIATE),
    ("GET",    "/v1/affiliates/{id}/statements/{month}", WITH_AFFILIATE),
    ("POST",   "/v1/affiliates/{id}/payout_minimums", WITH_AFFILIATE),
    ("POST",   "/v1/click_settlements",               NETWORK),
    ("GET",    "/v1/click_findings",                  ALL),
    ("POST",   "/v1/click_findings",                  OPERATOR),
    ("GET",    "/v1/click_findings/{id}",             ALL),
    ("GET",    "/v1/reports",                         ALL),
    ("GET",    "/v1/reports/signals",                 WITH_ADVERTISER),
    ("GET",    "/v1/reports/installs",                WITH_ADVERTISER),
    ("GET",    "/v1/reports/models",                  WITH_ADVERTISER),
    ("GET",    "/v1/clicks",                          ALL),
    ("GET",    "/v1/audit_log",                       NETWORK),
];

/// The roles that may ask for an operation; none where it is not in the table. HEAD is GET.
pub(crate) fn roles(method: &str, path: &str) -> &'static [Role] {
    let method = if method == "HEAD" { "GET" } else { method };
    TABLE.iter().find(|row| row.0 == method && row.1 == path).map_or(&[], |row| row.2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_table_does_not_name_is_refused_to_everybody() {
        assert!(roles("DELETE", "/v1/offers/{id}").is_empty());
        assert!(roles("GET", "/v1/unheard-of").is_empty());
        assert_eq!(roles("HEAD", "/v1/offers"), roles("GET", "/v1/offers"));
    }

    // S-11
    #[test]
    fn the_table_names_exactly_the_operations_that_exist() {
        let document: serde_json::Value = serde_json::from_str(&crate::openapi_json()).unwrap();
        let mut there: Vec<(String, String)> = Vec::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            let methods = item.as_object().unwrap().keys().map(|method| method.to_uppercase());
            there.extend(methods.map(|method| (method, path.clone())));
        }
        let mut named: Vec<_> = TABLE.iter().map(|row| (row.0.to_owned(), row.1.to_owned())).collect();
        there.sort();
        named.sort();
        assert_eq!(named, there);
    }

    #[test]
    fn no_operation_stands_in_the_table_twice() {
        for (at, row) in TABLE.iter().enumerate() {
            assert!(
                !TABLE[..at].iter().any(|other| (other.0, other.1) == (row.0, row.1)),
                "{} {}",
                row.0,
                row.1
            );
        }
    }
}
