//! What the edge writes into the spool: clicks, impressions and conversion events, byte by byte.
//!
//! The spool stores frames of (record id, kind, payload); this crate owns the payloads. A payload is a fixed
//! part followed by *fields*: tag (u8), length (u16, little endian), bytes. Only fields that are present are
//! written, in ascending order of their tags. A reader skips tags that it does not know, so fields can be
//! added without a new version; the fixed part changes only with [`VERSION`].
//!
//! | kind | payload | type |
//! | --- | --- | --- |
//! | 1 | click | [`Click`] |
//! | 2 | impression | [`Click`] (same layout; the token names the impression) |
//! | 3 | conversion event | [`ConversionEvent`] |
//!
//! Fixed part of kinds 1 and 2 (70 bytes, integers little endian): 0 version; 1..46 the 45 bytes of the
//! click id before base64 (its time, offer, affiliate, link, unique number and verdict live in there);
//! 46..50 advertiser id; 50..58 visitor key; 58..60 flags; 60..62 HTTP status of the answer; 62..64 country
//! (two letters or zeros); 64 device; 65 rule version; 66..70 number of the network (autonomous system), zero where unknown.
//! Field 25 is the pseudonym: eight bytes, little endian; all other fields are UTF-8 text.
//!
//! Fixed part of kind 3 (26 bytes): 0 version; 1 source; 2 requested status; 3 reserved, zero; 4..8 advertiser id;
//! 8..12 offer id; 12..20 received at (ms); 20..26 happened at (48 bits of ms, 0 = when received).
//!
//! A report of an install (sources 6 to 9) is a record of kind 3 too. What was sent stands in its `items` and, where that is not
//! enough, goes on in `adv1` to `adv10` ([`ConversionEvent::of_report`]).

mod click;
mod conversion;
mod fields;
mod report;
mod view;

pub use click::{Click, Device, Flags, SUB_COUNT};
pub use conversion::{ConversionEvent, RequestedStatus};
pub use fields::DecodeError;
pub use report::REPORT_BYTES_MAX;
pub use view::ClickView;

/// The version of the fixed parts written by this program.
pub const VERSION: u8 = 1;

/// A field's text is at most this many bytes; the edge cuts (and flags) or refuses before it gets here.
pub const FIELD_BYTES_MAX: usize = 4096;

/// The names of the text fields of a click, by their tags, which begin with 1.
pub const FIELDS: [&str; 24] = [
    "sub1",
    "sub2",
    "sub3",
    "sub4",
    "sub5",
    "sub6",
    "sub7",
    "sub8",
    "sub9",
    "sub10",
    "code",
    "source",
    "landing_page",
    "creative",
    "ext",
    "email_hash",
    "referrer_host",
    "os",
    "browser",
    "language",
    "region",
    "detail",
    "deep_link",
    "consent",
];

/// The kind of a spool frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A redirect asked for.
    Click = 1,
    /// A banner shown.
    Impression = 2,
    /// A conversion reported at the edge.
    Conversion = 3,
}

impl Kind {
    /// The number in the frame.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// Reads the number; none for kinds of a newer version.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Click),
            2 => Some(Self::Impression),
            3 => Some(Self::Conversion),
            _ => None,
        }
    }
}

/// A decoded record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// Kind 1.
    Click(Click),
    /// Kind 2.
    Impression(Click),
    /// Kind 3.
    Conversion(ConversionEvent),
}

impl Record {
    /// Decodes the payload of a frame.
    ///
    /// # Errors
    /// Names the byte at which the payload stops making sense, or the newer version or kind it has.
    pub fn decode(kind: u8, payload: &[u8]) -> Result<Self, DecodeError> {
        match Kind::from_code(kind) {
            Some(Kind::Click) => Click::decode(payload).map(Self::Click),
            Some(Kind::Impression) => Click::decode(payload).map(Self::Impression),
            Some(Kind::Conversion) => ConversionEvent::decode(payload).map(Self::Conversion),
            None => Err(DecodeError::UnknownKind { kind }),
        }
    }
}
