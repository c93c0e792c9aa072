//! Identifiers, times and small vocabularies that every crate shares.
//!
//! Nothing here does I/O, reads a clock or draws randomness. Ids are positive integers chosen by the
//! control store; each kind has its own type, so that an affiliate's id cannot be used where an offer's is
//! meant. Times are UTC milliseconds since the Unix epoch ([`UnixMillis`]); a time zone is applied only at
//! the edge of a report.

mod code;
mod filter;
mod ids;
mod time;
mod vocabulary;

/// The largest order in minor units. Sums of all orders ever taken are kept in 64 bits: this leaves room for nine
/// million of the largest, so that a few absurd reports cannot bring booking to a halt.
pub const ORDER_MINOR_MAX: i64 = 1_000_000_000_000;

pub use code::{LinkCode, LinkCodeError};
pub use filter::ClickFilter;
pub use ids::{
    AdvertiserId, AffiliateId, BatchId, BonusId, CapId, CommissionId, ConversionId, CouponId, DomainId,
    FindingId, GoalId, GroupId, IdError, InstallId, InstallMappingId, InstallSourceId, KeyId, LandingPageId,
    LinkId, OfferId, PayoutId, TermsId, UserId,
};
pub use time::{HOUR_MS, MINUTE_MS, SECOND_MS, UnixMillis};
pub use vocabulary::{
    Class, CommissionStatus, ConversionSource, GoalKind, InstallState, Model, PayoutMethod, PostbackAuth,
    Reason, Role, UnknownWord, Verdict,
};
