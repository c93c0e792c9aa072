//! Typed ids: positive integers, one type per kind of thing.

use serde::{Deserialize, Serialize};

/// A number that is no id: ids are 1 to 2^53 - 1 (so that JSON readers keep them exact).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{given} is no id: expected a whole number from 1 to 9007199254740991")]
pub struct IdError {
    /// What was given.
    pub given: i64,
}

const ID_MAX: i64 = (1 << 53) - 1;

macro_rules! id {
    ($($(#[$meta:meta])* $name:ident;)*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "i64", into = "i64")]
        pub struct $name(i64);

        impl $name {
            /// Checks a number.
            ///
            /// # Errors
            /// Refuses anything outside 1 to 2^53 - 1.
            pub const fn new(value: i64) -> Result<Self, IdError> {
                if value >= 1 && value <= ID_MAX { Ok(Self(value)) } else { Err(IdError { given: value }) }
            }

            /// The number itself.
            #[must_use]
            pub const fn get(self) -> i64 {
                self.0
            }
        }

        impl TryFrom<i64> for $name {
            type Error = IdError;
            fn try_from(value: i64) -> Result<Self, IdError> {
                Self::new(value)
            }
        }

        impl From<$name> for i64 {
            fn from(id: $name) -> i64 {
                id.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                text.parse::<i64>().map_err(|_| IdError { given: 0 }).and_then(Self::new)
            }
        }
    )*};
}

id! {
    /// Who pays for conversions.
    AdvertiserId;
    /// Who embeds links and is paid.
    AffiliateId;
    /// What is advertised, with its goals.
    OfferId;
    /// One paid event of an offer.
    GoalId;
    /// One version of a goal's commission terms.
    TermsId;
    /// A group of affiliates.
    GroupId;
    /// A bonus.
    BonusId;
    /// One affiliate's link to one offer.
    LinkId;
    /// One of an offer's landing pages beside its default one.
    LandingPageId;
    /// A bound on what an offer takes in a period.
    CapId;
    /// A host of links beside the edge's own.
    DomainId;
    /// A later judgement of clicks.
    FindingId;
    /// One event that an advertiser reported.
    ConversionId;
    /// One report of an install.
    InstallId;
    /// Whose installs an ad network's campaign stands for.
    InstallSourceId;
    /// How an advertiser's mobile measurement is read.
    InstallMappingId;
    /// A code whose use names an affiliate.
    CouponId;
    /// One affiliate's share of one conversion.
    CommissionId;
    /// One payment to one affiliate.
    PayoutId;
    /// A set of payouts made together.
    BatchId;
    /// A person who can sign in.
    UserId;
    /// An API key.
    KeyId;
}
