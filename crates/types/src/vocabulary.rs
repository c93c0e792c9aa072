//! Words that are the same in code, SQL, API, metrics and documents.

use serde::{Deserialize, Serialize};

/// A word outside its vocabulary.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is not one of {expected}")]
pub struct UnknownWord {
    /// What was given.
    pub given: String,
    /// What would have been accepted, separated by commas.
    pub expected: String,
}

macro_rules! words {
    ($($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $code:literal => $word:literal,)* })*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "&'static str")]
        #[repr(u8)]
        pub enum $name { $($(#[$vmeta])* $variant = $code,)* }

        impl $name {
            /// All of them, in order of their codes.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word used in text forms.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// The number used in binary forms; it never changes its meaning.
            #[must_use]
            pub const fn code(self) -> u8 {
                match self { $(Self::$variant => $code,)* }
            }

            /// Reads the number of a binary form.
            #[must_use]
            pub const fn from_code(code: u8) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)* _ => None }
            }
        }

        impl std::str::FromStr for $name {
            type Err = UnknownWord;
            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                match text {
                    $($word => Ok(Self::$variant),)*
                    _ => Err(UnknownWord { given: text.into(), expected: [$($word,)*].join(", ") }),
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = UnknownWord;
            fn try_from(text: String) -> Result<Self, UnknownWord> {
                text.parse()
            }
        }

        impl From<$name> for &'static str {
            fn from(word: $name) -> &'static str {
                word.as_str()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    )*};
}

words! {
    /// What a goal pays for.
    GoalKind {
        /// Pay per sale: a percentage and/or a fixed amount of an order.
        Pps = 1 => "pps",
        /// Pay per lead: a fixed amount.
        Ppl = 2 => "ppl",
        /// Pay per click: a fixed amount per unique valid click, settled by the hour.
        Ppc = 3 => "ppc",
        /// Pay per install: a fixed amount.
        Ppi = 4 => "ppi",
    }

    /// Who a person or key acts as.
    Role {
        /// Runs the installation: may do everything but approve its own payout batches.
        Operator = 1 => "operator",
        /// Pays affiliates.
        Finance = 2 => "finance",
        /// Sees and changes what belongs to one advertiser.
        Advertiser = 3 => "advertiser",
        /// Sees and changes what belongs to one affiliate.
        Affiliate = 4 => "affiliate",
    }

    /// How a click counts (IAB/MRC: all are kept, each exclusion with its reason).
    Class {
        /// Counted, and paid where clicks are paid.
        Unique = 0 => "unique",
        /// The same visitor on the same offer within the duplicate window: followed, not paid.
        Duplicate = 1 => "duplicate",
        /// Not a countable click: see the reason.
        Invalid = 2 => "invalid",
    }

    /// Why a click is invalid (or, for `Flag*`-free rows, `none`).
    Reason {
        /// Nothing against it.
        None = 0 => "none",
        /// A declared bot, spider, tool or headless browser.
        Bot = 1 => "bot",
        /// From a data-centre network.
        Datacenter = 2 => "datacenter",
        /// A speculative fetch: answered 503 so that the browser asks again when the person clicks.
        Prefetch = 3 => "prefetch",
        /// Asked for with HEAD.
        Head = 4 => "head",
        /// Loaded as image, frame, script or fetch instead of being navigated to.
        Stuffing = 5 => "stuffing",
        /// The visitor's country is not served.
        Geo = 6 => "geo",
        /// The visitor's device, system, browser or language is not served.
        Device = 7 => "device",
        /// The offer's or affiliate's cap is reached.
        Cap = 8 => "cap",
        /// The offer or link is paused.
        Paused = 9 => "paused",
        /// The offer is over or not begun.
        Expired = 10 => "expired",
        /// The affiliate is not active, or may not run this offer.
        Blocked = 11 => "blocked",
        /// No such link, offer or affiliate.
        Unknown = 12 => "unknown",
        /// Outside the hours at which the offer is served.
        Schedule = 13 => "schedule",
    }

    /// How credit is given among touches.
    Model {
        /// All to the last click.
        LastClick = 1 => "last_click",
        /// All to the first click.
        FirstClick = 2 => "first_click",
        /// All to the last touch that is not direct.
        LastNonDirect = 3 => "last_non_direct",
        /// The same to each.
        Linear = 4 => "linear",
        /// 40 % first, 40 % last, 20 % between.
        PositionBased = 5 => "position_based",
        /// Halving every seven days of age.
        TimeDecay = 6 => "time_decay",
    }

    /// Where a commission stands; derived from the ledger's entries.
    CommissionStatus {
        /// Booked, waiting for approval.
        Pending = 1 => "pending",
        /// Approved, waiting for its hold to end (contract section 4).
        Approved = 2 => "approved",
        /// Free to be paid.
        Payable = 3 => "payable",
        /// Part of a settled payout.
        Paid = 4 => "paid",
        /// Refused before payment.
        Rejected = 5 => "rejected",
        /// Taken back after approval or payment.
        Reversed = 6 => "reversed",
        /// Kept without an affiliate; can be claimed later.
        Unattributed = 7 => "unattributed",
    }

    /// How a conversion came in.
    ConversionSource {
        /// Server-to-server call at the edge.
        Postback = 1 => "postback",
        /// Browser pixel or script.
        Pixel = 2 => "pixel",
        /// `POST /v1/conversions`.
        Api = 3 => "api",
        /// Uploaded file.
        Import = 4 => "import",
        /// The hourly settlement of paid clicks.
        Settlement = 5 => "settlement",
        /// Apple's SKAdNetwork.
        Skadnetwork = 6 => "skadnetwork",
        /// Apple's AdAttributionKit.
        Adattributionkit = 7 => "adattributionkit",
        /// Google Play's install referrer, handed over by the app.
        Play = 8 => "play",
        /// A mobile measurement company.
        Measurement = 9 => "measurement",
        /// What tiers and bonuses bring for a period.
        Period = 10 => "period",
    }

    /// What became of a report of an install.
    InstallState {
        /// It is a conversion.
        Counted = 1 => "counted",
        /// It is genuine, and nothing that counts.
        Kept = 2 => "kept",
        /// It would count if it were known whose it is.
        Waiting = 3 => "waiting",
        /// It is not believed, or not possible.
        Refused = 4 => "refused",
    }

    /// What a postback must prove.
    PostbackAuth {
        /// Nothing.
        Open = 1 => "none",
        /// The advertiser's postback token.
        Token = 2 => "token",
        /// An HMAC over the query with the advertiser's signing key.
        Hmac = 3 => "hmac",
    }

    /// How an affiliate is paid.
    PayoutMethod {
        /// SEPA credit transfer to an IBAN.
        Sepa = 1 => "sepa",
        /// US bank transfer.
        Ach = 2 => "ach",
        /// PayPal account.
        Paypal = 3 => "paypal",
        /// Wise account.
        Wise = 4 => "wise",
        /// Paid by hand from a list.
        Manual = 5 => "manual",
        /// A bank account of any country, paid by a file of the payer's own form.
        Bank = 6 => "bank",
    }
}

impl ConversionSource {
    /// Whether it is no event of a visitor, but what a period has brought.
    #[must_use]
    pub const fn is_settlement(self) -> bool {
        matches!(self, Self::Settlement | Self::Period)
    }

    /// Whether it is a report of an install, whose content is read at the intake.
    #[must_use]
    pub const fn is_install(self) -> bool {
        matches!(self, Self::Skadnetwork | Self::Adattributionkit | Self::Play | Self::Measurement)
    }
}

/// Class and reason of a click in one byte, as signed into the click id: 0 unique, 1 duplicate,
/// 2 + reason code for invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Verdict {
    /// How the click counts.
    pub class: Class,
    /// Why, where it is invalid; else [`Reason::None`].
    pub reason: Reason,
}

impl Verdict {
    /// A countable click.
    pub const UNIQUE: Self = Self { class: Class::Unique, reason: Reason::None };
    /// A repeated click.
    pub const DUPLICATE: Self = Self { class: Class::Duplicate, reason: Reason::None };

    /// An invalid click.
    #[must_use]
    pub const fn invalid(reason: Reason) -> Self {
        Self { class: Class::Invalid, reason }
    }

    /// The byte of binary forms.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self.class {
            Class::Unique => 0,
            Class::Duplicate => 1,
            Class::Invalid => 2 + self.reason.code(),
        }
    }

    /// Reads the byte of binary forms.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::UNIQUE),
            1 => Some(Self::DUPLICATE),
            invalid => match Reason::from_code(invalid - 2) {
                Some(reason) => Some(Self::invalid(reason)),
                None => None,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back_as_themselves() {
        for kind in GoalKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(*kind));
            assert_eq!(GoalKind::from_code(kind.code()), Some(*kind));
        }
        let refused = "PPS".parse::<GoalKind>().unwrap_err();
        assert_eq!(refused.to_string(), "\"PPS\" is not one of pps, ppl, ppc, ppi");
    }

    #[test]
    fn verdicts_read_back_as_themselves() {
        let verdicts = [Verdict::UNIQUE, Verdict::DUPLICATE]
            .into_iter()
            .chain(Reason::ALL.iter().map(|reason| Verdict::invalid(*reason)));
        for verdict in verdicts {
            assert_eq!(Verdict::from_code(verdict.code()), Some(verdict));
        }
        assert_eq!(Verdict::from_code(255), None);
    }
}
