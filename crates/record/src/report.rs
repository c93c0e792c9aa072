//! Reports of installs, as conversion events: what was sent, in place of line items.

use hopline_types::{ConversionSource, UnixMillis};

use crate::{ConversionEvent, FIELD_BYTES_MAX, RequestedStatus};

/// The fields that a report may fill.
const PLACES: usize = 11;
/// The most bytes of a report: each place may lose up to three bytes to a character that does not fit any more.
pub const REPORT_BYTES_MAX: usize = PLACES * (FIELD_BYTES_MAX - 3);

impl ConversionEvent {
    /// The event that carries a report of an install as it was sent; `None` where it is too long. Nothing of it is judged but
    /// that it is genuine, as far as its source can prove that.
    #[must_use]
    pub fn of_report(source: ConversionSource, report: &str, received_at: UnixMillis) -> Option<Self> {
        if report.len() > REPORT_BYTES_MAX {
            return None;
        }
        let mut rest = report;
        let mut next = || {
            let (part, behind) = rest.split_at(rest.floor_char_boundary(FIELD_BYTES_MAX));
            rest = behind;
            part.to_owned()
        };
        let items = next();
        let adv = std::array::from_fn(|_| next());
        Some(Self {
            source,
            requested_status: RequestedStatus::Unstated,
            advertiser: 0,
            offer: 0,
            received_at,
            at: received_at,
            click_id: String::new(),
            event: String::new(),
            order_id: String::new(),
            amount: String::new(),
            currency: String::new(),
            coupon: String::new(),
            customer_id: String::new(),
            items,
            adv,
        })
    }

    /// The report as it was sent.
    #[must_use]
    pub fn report(&self) -> String {
        let parts = std::iter::once(&self.items).chain(&self.adv);
        parts.map(String::as_str).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_report_that_is_too_long_is_none() {
        let at = UnixMillis(1);
        let of = |length: usize| ConversionEvent::of_report(ConversionSource::Play, &"x".repeat(length), at);
        assert!(of(REPORT_BYTES_MAX).is_some() && of(REPORT_BYTES_MAX + 1).is_none());
    }

    proptest! {
        #[test]
        fn a_report_reads_back_as_it_was_sent(part in "[a-zäß€🙂]{0,40}", times in 0_usize..400) {
            let report: String = part.repeat(times).chars().take(11_000).collect();
            let event = ConversionEvent::of_report(ConversionSource::Skadnetwork, &report, UnixMillis(1_790_000_000_000)).unwrap();
            let mut payload = Vec::new();
            event.encode(&mut payload);
            let read = ConversionEvent::decode(&payload).unwrap();
            prop_assert_eq!(read.report(), report);
            prop_assert_eq!(read, event);
        }
    }
}
