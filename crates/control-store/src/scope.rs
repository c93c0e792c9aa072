//! Who asks, and what they may see.

use hopline_types::{AdvertiserId, AffiliateId, Role};

use crate::Value;

/// Who does something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// For the audit log and the four-eyes rule, such as `key:x7Kq2mZa` or `user:3`.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// The advertiser they act for, where the role is `advertiser`.
    pub advertiser: Option<AdvertiserId>,
    /// The affiliate they act for, where the role is `affiliate`.
    pub affiliate: Option<AffiliateId>,
}

impl Actor {
    /// A part of the program itself, such as `system:worker`.
    #[must_use]
    pub fn system(name: &str) -> Self {
        Self { name: format!("system:{name}"), role: Role::Operator, advertiser: None, affiliate: None }
    }

    /// What they may see. A tenant's role without its tenant sees nothing.
    #[must_use]
    pub fn scope(&self) -> Scope {
        match (self.role, self.advertiser, self.affiliate) {
            (Role::Operator | Role::Finance, None, None) => Scope::All,
            (Role::Advertiser, Some(advertiser), None) => Scope::Advertiser(advertiser),
            (Role::Affiliate, None, Some(affiliate)) => Scope::Affiliate(affiliate),
            (Role::Operator | Role::Finance | Role::Advertiser | Role::Affiliate, ..) => Scope::Nothing,
        }
    }
}

/// What a query may see. Comes from the credential, never from input (S-10).
///
/// Statements bind it as two values, [`word`](Scope::word) and [`tenant`](Scope::tenant), and list what each word
/// may see, so that a word they do not list sees nothing:
/// `WHERE ($1 = 'all' OR ($1 = 'affiliate' AND affiliate_id = $2))`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Everything: operator, finance, the program itself.
    All,
    /// What belongs to one advertiser.
    Advertiser(AdvertiserId),
    /// What belongs to one affiliate.
    Affiliate(AffiliateId),
    /// Nothing at all.
    Nothing,
}

impl Scope {
    /// The word that statements compare with: `all`, `advertiser`, `affiliate`, `nothing`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Advertiser(_) => "advertiser",
            Self::Affiliate(_) => "affiliate",
            Self::Nothing => "nothing",
        }
    }

    /// The tenant's number; 0, which is no id, where there is none.
    #[must_use]
    pub const fn tenant(self) -> i64 {
        match self {
            Self::Advertiser(id) => id.get(),
            Self::Affiliate(id) => id.get(),
            Self::All | Self::Nothing => 0,
        }
    }

    /// `$1` and `$2` of a scoped statement, followed by its other values.
    pub(crate) fn bind<const N: usize>(self, others: [Value; N]) -> Vec<Value> {
        [Value::from(self.word()), Value::Int(self.tenant())].into_iter().chain(others).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // S-10
    #[test]
    fn a_tenants_role_without_its_tenant_sees_nothing() {
        let mut actor = Actor::system("test");
        assert_eq!(actor.scope(), Scope::All);
        actor.role = Role::Affiliate;
        assert_eq!(actor.scope(), Scope::Nothing);
        actor.affiliate = Some(AffiliateId::new(7).unwrap());
        assert_eq!(actor.scope(), Scope::Affiliate(AffiliateId::new(7).unwrap()));
        actor.role = Role::Operator;
        assert_eq!(actor.scope(), Scope::Nothing);
    }
}
