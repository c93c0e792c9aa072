//! What an operator sets up: one module per resource, each with its operations, its shape and its reader.

pub(crate) mod advertisers;
pub(crate) mod affiliates;
pub(crate) mod approval_rules;
pub(crate) mod bonuses;
pub(crate) mod click_findings;
pub(crate) mod coupons;
pub(crate) mod domains;
pub(crate) mod exchange_rates;
pub(crate) mod goals;
pub(crate) mod groups;
pub(crate) mod install_mappings;
pub(crate) mod install_sources;
pub(crate) mod installs;
pub(crate) mod keys;
pub(crate) mod landing_pages;
pub(crate) mod links;
pub(crate) mod offers;
pub(crate) mod payout_currency;
mod payout_method;
pub(crate) mod qualifications;
pub(crate) mod terms;
pub(crate) mod users;

use hopline_control_store::{ErrorKind, StoreError};

use crate::fields::Fields;
use crate::problem::{FieldProblem, Problem};

/// The most characters of an e-mail address.
const EMAIL_CHARS_MAX: usize = 254;

/// An e-mail address that must be there.
fn email(fields: &mut Fields<'_>) -> String {
    let email = fields.text("email", EMAIL_CHARS_MAX);
    if !email.is_empty() && !looks_like_email(&email) {
        fields.refuse("email", "is no e-mail address");
    }
    email
}

fn looks_like_email(text: &str) -> bool {
    let plain = !text.contains(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '<' | '>' | '"'));
    let parts = text.split_once('@');
    plain
        && parts.is_some_and(|(local, host)| {
            let labels = host.split('.').collect::<Vec<_>>();
            !local.is_empty() && !host.contains('@') && labels.len() >= 2 && !labels.contains(&"")
        })
}

/// A store's refusal of a unique value, said of its field; every other failure as usual.
fn taken(field: &'static str) -> impl Fn(StoreError) -> Problem {
    move |failure| match failure.kind {
        ErrorKind::Conflict => Problem::conflict(format!("{field} is taken"))
            .with(vec![FieldProblem::new(field, "is taken by another")]),
        ErrorKind::Reference | ErrorKind::Constraint | ErrorKind::Unavailable | ErrorKind::Broken => {
            failure.into()
        }
    }
}

/// 422 for a field that names what is not there, or not for this caller.
fn no_such(field: &str, what: &str, id: impl std::fmt::Display) -> Problem {
    Problem::fields(vec![FieldProblem::new(field, format!("there is no {what} {id}"))])
}

/// Role and tenant of a key or user, which must go together.
#[derive(Debug, Clone, Copy)]
struct Tenancy {
    role: hopline_types::Role,
    advertiser_id: Option<hopline_types::AdvertiserId>,
    affiliate_id: Option<hopline_types::AffiliateId>,
}

impl Tenancy {
    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        use hopline_types::Role::{Advertiser, Affiliate, Finance, Operator};
        let role = fields.word::<hopline_types::Role>("role");
        let advertiser_id = fields.optional_id("advertiser_id");
        let affiliate_id = fields.optional_id("affiliate_id");
        let role = role?;
        let (has_advertiser, has_affiliate) = (fields.has("advertiser_id"), fields.has("affiliate_id"));
        match role {
            Advertiser if !has_advertiser => {
                fields.refuse("advertiser_id", "is missing: the role is advertiser")
            }
            Affiliate if !has_affiliate => fields.refuse("affiliate_id", "is missing: the role is affiliate"),
            Operator | Finance | Advertiser | Affiliate => {}
        }
        if role != Advertiser && advertiser_id.is_some() {
            fields.refuse("advertiser_id", format!("does not go with the role {role}"));
        }
        if role != Affiliate && affiliate_id.is_some() {
            fields.refuse("affiliate_id", format!("does not go with the role {role}"));
        }
        Some(Self { role, advertiser_id, affiliate_id })
    }

    /// Refuses a tenant that is not there for this caller.
    fn check(&self, work: &mut crate::work::Work<'_>) -> Result<(), Problem> {
        let scope = work.caller.scope;
        if let Some(id) = self.advertiser_id
            && hopline_control_store::advertisers::get(work.tx, scope, id)?.is_none()
        {
            return Err(no_such("advertiser_id", "advertiser", id));
        }
        if let Some(id) = self.affiliate_id
            && hopline_control_store::affiliates::get(work.tx, scope, id)?.is_none()
        {
            return Err(no_such("affiliate_id", "affiliate", id));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_an_address_is_refused() {
        for good in ["blog@example.com", "a+b@mail.example.co.uk", "ü@exämple.de"] {
            assert!(looks_like_email(good), "{good}");
        }
        for bad in ["", "blog", "@example.com", "a@b", "a@b@c.de", "a@.de", "a@b.", "a b@c.de", "<a@b.de>"] {
            assert!(!looks_like_email(bad), "{bad}");
        }
    }
}
