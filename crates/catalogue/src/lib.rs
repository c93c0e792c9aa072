//! What an edge must know to answer: links, offers, keys, as one immutable snapshot.
//!
//! [`data::CatalogueData`] is the plain form (what the control store hands out, what the snapshot file holds);
//! [`Catalogue::compile`] checks all of it, names every problem at once, and makes the form that answers: templates
//! cut into segments, hosts normalised, keys hashed in, links packed. Compiling or decoding is done away from the
//! serving threads; serving threads only swap a pointer.
//!
//! # Look-ups
//!
//! - [`Catalogue::link`]: code to link, offer, affiliate, advertiser. One hash, one probe of a table of 32-bit
//!   indices, one comparison of the code.
//! - [`Catalogue::pair`]: the same for `/c?offer=&aff=`, without a link.
//! - [`Catalogue::offer`], [`Catalogue::advertiser`], [`Catalogue::advertiser_by_token`]: postbacks.
//! - [`Catalogue::domain`]: hosts of links beside the edge's own.
//!
//! # From a click to its page
//!
//! 1. [`Target::judge`]: standing, times, closures, the visitor ([`targeting`]). For an offer without rules the last
//!    two cost one branch.
//! 2. [`ClickCounters::reached`], and for unique clicks [`ClickCounters::try_take`] ([`caps`]).
//! 3. Who is refused goes on with [`Catalogue::fallback_target`] at 1, while there is one; then to
//!    [`Catalogue::fallback`] of the offer that was clicked.
//! 4. Who is taken lands on [`Offer::page_named`] ([`rotation`]), or on a deep link ([`allowed_deep_link`]), with or
//!    without a cookie ([`Offer::sets_cookie`]).
//!
//! Judging, counting and choosing a page allocate nothing, but for a count's first click in a period.
//!
//! # Memory
//!
//! A link takes 20 bytes, its code's own bytes, and 8 to 16 bytes of index: 1,000,000 links with codes of 8 characters
//! take 36 MB ([`Catalogue::link_bytes`] counts them). Offers take about 1 kB each, affiliates 32 bytes. Rules come on
//! top: about 200 bytes and the listed values for targeting, 56 bytes for a cap, about 300 bytes for a landing page, about
//! 150 for a domain; and about 100 bytes for each count of clicks that is going on.
//!
//! # Checks before saving
//!
//! [`check_rules`] (or its parts [`check_targeting`], [`check_landing_pages`], [`check_caps`]), [`check_chain`],
//! [`Domain::compile`] and [`check_domain_host`] name every wrong field of what is about to be saved, by the same code that
//! compiling uses: what they accept never keeps a catalogue from being used, if the ids that it names are there.
//!
//! # Templates
//!
//! See [`template`]: macros, their spellings, how values are encoded, what a URL must be.
//!
//! # Snapshot file
//!
//! See [`snapshot`]: byte layout, what a damaged or newer file is refused with.

pub mod caps;
mod catalogue;
mod check;
pub mod data;
mod deep_link;
mod domains;
mod fallback;
mod links;
mod list;
mod problem;
pub mod pseudonym;
pub mod rotation;
pub mod snapshot;
pub mod targeting;
pub mod template;
mod zone;

pub use caps::{Cap, ClickCounters, Share};
pub use catalogue::{Advertiser, Affiliate, Catalogue, Offer, Target};
pub use check::{
    CAPS_MAX, FieldError, LANDING_PAGES_MAX, WEIGHT_MAX, check_caps, check_domain_host, check_landing_pages,
    check_rules,
};
pub use deep_link::{allowed_deep_link, append_parameter, append_query};
pub use domains::{Domain, without_port};
pub use fallback::{CHAIN_MAX, ChainError, check_chain};
pub use links::LinkView;
pub use problem::Problem;
pub use rotation::Page;
pub use targeting::{Refused, Visitor, Wanted, check_targeting};
pub use template::{Macro, Template, TemplateError, Warning, check_template};
