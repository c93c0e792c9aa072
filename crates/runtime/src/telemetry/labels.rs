//! Closed sets of label values, and counters with one child per value.

use std::marker::PhantomData;

use prometheus::{IntCounter, IntCounterVec};

/// A closed set of values of one label.
pub trait Label: Copy + Send + Sync + 'static {
    /// Name of the label.
    const NAME: &'static str;
    /// Every value, each at the place that [`Label::index`] says.
    const ALL: &'static [Self];
    /// The value as it is shown.
    fn as_str(self) -> &'static str;
    /// Its place in [`Label::ALL`].
    fn index(self) -> usize;
}

macro_rules! outcomes {
    ($(#[$doc:meta])* $name:ident { $($(#[$value_doc:meta])* $value:ident => $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$value_doc])* $value,)+ }

        impl Label for $name {
            const NAME: &'static str = "outcome";
            const ALL: &'static [Self] = &[$(Self::$value,)+];

            fn as_str(self) -> &'static str {
                match self { $(Self::$value => $text,)+ }
            }

            fn index(self) -> usize {
                self as usize
            }
        }
    };
}

outcomes! {
    /// What became of a request to the edge.
    EdgeOutcome {
        /// Click answered with the landing page (302).
        Redirect => "redirect",
        /// Click answered with a fallback address (302).
        Fallback => "fallback",
        /// Nothing behind the path, or a click without a place to go (404).
        NotFound => "not_found",
        /// Prefetch, put off (503).
        Prefetch => "prefetch",
        /// Link loaded as image, frame or script.
        Stuffing => "stuffing",
        /// `HEAD` on a link.
        Head => "head",
        /// Impression.
        Impression => "impression",
        /// Conversion accepted.
        Accepted => "accepted",
        /// Conversion or click parameters refused (4xx).
        Refused => "refused",
        /// Click of a shop's script, answered with the click id.
        Script => "script",
        /// Click sent on without a record, because the disk is full and the settings say so (302).
        Unrecorded => "unrecorded",
        /// Script or other fixed file.
        Asset => "asset",
        /// Request that is not well-formed HTTP or too large (4xx).
        Malformed => "malformed",
        /// Could not be recorded, so it was not accepted (503).
        Unavailable => "unavailable",
    }
}

outcomes! {
    /// What became of a conversion.
    ConversionOutcome {
        /// An affiliate was credited.
        Credited => "credited",
        /// Kept; no affiliate was found.
        Unattributed => "unattributed",
        /// The same order again; nothing changed.
        Duplicate => "duplicate",
        /// Kept, but refused by a rule.
        Rejected => "rejected",
        /// Processing failed; it is tried again.
        Failed => "failed",
    }
}

outcomes! {
    /// What became of an attempt to deliver a webhook or postback.
    WebhookOutcome {
        /// The receiver took it.
        Delivered => "delivered",
        /// It failed and is tried again.
        Retried => "retried",
        /// It failed for the last time.
        GivenUp => "given_up",
        /// Not attempted: the address is private or not allowed.
        Refused => "refused",
    }
}

/// A counter for each value of a label, looked up by place.
#[derive(Debug, Clone)]
pub struct LabelledCounter<L> {
    children: Vec<IntCounter>,
    label: PhantomData<fn(L)>,
}

impl<L: Label> LabelledCounter<L> {
    pub(super) fn new(family: &IntCounterVec) -> Self {
        let children = L::ALL.iter().map(|value| family.with_label_values(&[value.as_str()])).collect();
        Self { children, label: PhantomData }
    }

    /// The counter of one value.
    #[must_use]
    pub fn of(&self, value: L) -> &IntCounter {
        self.children.get(value.index()).expect("there is a child for each value")
    }

    /// Adds one.
    pub fn inc(&self, value: L) {
        self.of(value).inc();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn check<L: Label + std::fmt::Debug>() {
        let texts: BTreeSet<_> = L::ALL.iter().map(|value| value.as_str()).collect();
        assert_eq!(texts.len(), L::ALL.len());
        for (place, value) in L::ALL.iter().enumerate() {
            assert_eq!(value.index(), place, "{value:?}");
        }
    }

    #[test]
    fn every_value_has_its_own_text_and_place() {
        check::<EdgeOutcome>();
        check::<ConversionOutcome>();
        check::<WebhookOutcome>();
    }
}
