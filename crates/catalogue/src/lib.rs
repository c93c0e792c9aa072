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
//!
//! # Memory
//!
//! A link takes 20 bytes, its code's own bytes, and 8 to 16 bytes of index: 1,000,000 links with codes of 8 characters
//! take 36 MB ([`Catalogue::link_bytes`] counts them). Offers take about 1 kB each, affiliates 32 bytes.
//!
//! # Templates
//!
//! See [`template`]: macros, their spellings, how values are encoded, what a URL must be.
//!
//! # Snapshot file
//!
//! See [`snapshot`]: byte layout, what a damaged or newer file is refused with.

mod catalogue;
pub mod data;
mod deep_link;
mod links;
mod problem;
pub mod pseudonym;
pub mod snapshot;
pub mod template;

pub use catalogue::{Advertiser, Affiliate, Catalogue, Offer, Target};
pub use deep_link::{allowed_deep_link, append_parameter};
pub use links::LinkView;
pub use problem::Problem;
pub use template::{Macro, Template, TemplateError, Warning, check_template};
