//! What must hold of every decoder, whatever bytes it is given.
//!
//! One function per decoder: it takes bytes, and panics where something does not hold. Two things drive them: the
//! targets of `cargo fuzz` under `tests/fuzz`, and the test `corpus`, which gives them the seeds kept there and
//! mutations of those. Beyond "never panics" each function says what the decoded value must be like.
//!
//! Decoders that believe nothing before a checksum holds are given every input twice, the second time with its checksums
//! mended: bytes from nowhere would hardly ever come past them.

mod catalogue;
mod click_id;
mod edge;
mod fields;
mod links;
mod places;
mod postback;
mod proxy;
mod record;
mod settings;
mod spool;
mod values;

pub use catalogue::catalogue;
pub use click_id::click_id;
pub use edge::{click_query, consent, referrer, request_head, visitor_cookie};
pub use fields::{fetch_fields, user_agent};
pub use links::{deep_link, template};
pub use places::places;
pub use postback::postback;
pub use proxy::proxy_header;
pub use record::record;
pub use settings::{cidr, config};
pub use spool::{dead_letters, segment, shipped_mark};
pub use values::{money, report_query};

/// A target's name and function.
pub type Target = (&'static str, fn(&[u8]));

/// Every target; its seeds lie in the folder of its name.
pub const TARGETS: [Target; 22] = [
    ("catalogue", catalogue),
    ("cidr", cidr),
    ("click_id", click_id),
    ("click_query", click_query),
    ("config", config),
    ("consent", consent),
    ("dead_letters", dead_letters),
    ("deep_link", deep_link),
    ("fetch_fields", fetch_fields),
    ("money", money),
    ("places", places),
    ("postback", postback),
    ("proxy_header", proxy_header),
    ("record", record),
    ("referrer", referrer),
    ("report_query", report_query),
    ("request_head", request_head),
    ("segment", segment),
    ("shipped_mark", shipped_mark),
    ("template", template),
    ("user_agent", user_agent),
    ("visitor_cookie", visitor_cookie),
];

/// The first and the rest; zeros where there are too few.
fn take<const N: usize>(data: &[u8]) -> ([u8; N], &[u8]) {
    match data.split_first_chunk::<N>() {
        Some((first, rest)) => (*first, rest),
        None => {
            let mut first = [0; N];
            first[..data.len()].copy_from_slice(data);
            (first, &[])
        }
    }
}
