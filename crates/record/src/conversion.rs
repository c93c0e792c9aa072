//! A conversion as it was reported at the edge: authenticated and well-formed, not yet judged.

use hopline_types::{ConversionSource, UnixMillis};

use crate::fields::{self, DecodeError};

const FIXED: usize = 26;

/// The status that the advertiser asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
#[repr(u8)]
pub enum RequestedStatus {
    /// None: the offer's rule decides.
    #[default]
    Unstated = 0,
    /// Wait for a decision.
    Pending = 1,
    /// Approved.
    Approved = 2,
    /// Rejected.
    Rejected = 3,
}

impl RequestedStatus {
    /// The number in binary forms.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// Reads the number of binary forms.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Unstated),
            1 => Some(Self::Pending),
            2 => Some(Self::Approved),
            3 => Some(Self::Rejected),
            _ => None,
        }
    }
}

/// One reported conversion. Empty text means absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversionEvent {
    /// How it came in.
    pub source: ConversionSource,
    /// What the advertiser asks for.
    pub requested_status: RequestedStatus,
    /// Who reported it (proved by token, signature, or the click id's offer where none is demanded).
    pub advertiser: u32,
    /// The offer, from the click id or named by the advertiser; 0 = not known.
    pub offer: u32,
    /// When the edge got it.
    pub received_at: UnixMillis,
    /// When it happened, as the advertiser says; else when received.
    pub at: UnixMillis,
    /// The click id as sent; its signature has been checked.
    pub click_id: String,
    /// The goal's key.
    pub event: String,
    /// The advertiser's order id.
    pub order_id: String,
    /// Decimal amount, checked against the currency.
    pub amount: String,
    /// ISO 4217 code.
    pub currency: String,
    /// Coupon code.
    pub coupon: String,
    /// The advertiser's id of its customer.
    pub customer_id: String,
    /// Line items, JSON.
    pub items: String,
    /// `adv1` to `adv10`.
    pub adv: [String; 10],
}

impl ConversionEvent {
    fn texts(&self) -> [(u8, &str); 8] {
        [
            (11, &self.click_id),
            (12, &self.event),
            (13, &self.order_id),
            (14, &self.amount),
            (15, &self.currency),
            (16, &self.coupon),
            (17, &self.customer_id),
            (18, &self.items),
        ]
    }

    /// Appends the payload to `buffer`.
    pub fn encode(&self, buffer: &mut Vec<u8>) {
        buffer.extend_from_slice(&[crate::VERSION, self.source.code(), self.requested_status.code(), 0]);
        buffer.extend_from_slice(&self.advertiser.to_le_bytes());
        buffer.extend_from_slice(&self.offer.to_le_bytes());
        buffer.extend_from_slice(&self.received_at.get().to_le_bytes());
        // A time that 48 bits cannot say is the time of receipt.
        let at = Some(self.at.get()).filter(|at| (0..1 << 48).contains(at)).unwrap_or(0).to_le_bytes();
        buffer.extend_from_slice(&at[..6]);
        for (tag, adv) in (1..).zip(&self.adv) {
            fields::put(buffer, tag, adv);
        }
        for (tag, text) in self.texts() {
            fields::put(buffer, tag, text);
        }
    }

    /// Reads a payload.
    ///
    /// # Errors
    /// Names the byte at which the payload stops making sense.
    pub fn decode(payload: &[u8]) -> Result<Self, DecodeError> {
        fields::version(payload)?;
        let [source, status, _reserved] = fields::bytes(payload, 1)?;
        let received_at = UnixMillis(i64::from_le_bytes(fields::bytes(payload, 12)?));
        let low: [u8; 6] = fields::bytes(payload, 20)?;
        let at = i64::from_le_bytes([low[0], low[1], low[2], low[3], low[4], low[5], 0, 0]);
        let mut event = Self {
            source: ConversionSource::from_code(source)
                .ok_or(DecodeError::Invalid { at: 1, what: "conversion source" })?,
            requested_status: RequestedStatus::from_code(status)
                .ok_or(DecodeError::Invalid { at: 2, what: "requested status" })?,
            advertiser: u32::from_le_bytes(fields::bytes(payload, 4)?),
            offer: u32::from_le_bytes(fields::bytes(payload, 8)?),
            received_at,
            at: if at == 0 { received_at } else { UnixMillis(at) },
            click_id: String::new(),
            event: String::new(),
            order_id: String::new(),
            amount: String::new(),
            currency: String::new(),
            coupon: String::new(),
            customer_id: String::new(),
            items: String::new(),
            adv: Default::default(),
        };
        fields::read(payload, FIXED, |field| {
            let text = match field.tag {
                1..=10 => &mut event.adv[usize::from(field.tag) - 1],
                11 => &mut event.click_id,
                12 => &mut event.event,
                13 => &mut event.order_id,
                14 => &mut event.amount,
                15 => &mut event.currency,
                16 => &mut event.coupon,
                17 => &mut event.customer_id,
                18 => &mut event.items,
                _ => return Ok(()),
            };
            field.text()?.clone_into(text);
            Ok(())
        })?;
        Ok(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    // Found by fuzzing: it was read back as the latest time that fits.
    #[test]
    fn a_time_that_48_bits_cannot_say_is_the_time_of_receipt() {
        let mut payload = vec![crate::VERSION, ConversionSource::Postback.code(), 0, 0];
        payload.extend_from_slice(&[0; 8]);
        payload.extend_from_slice(&(1_i64 << 50).to_le_bytes());
        payload.extend_from_slice(&[0; 6]);
        let event = ConversionEvent::decode(&payload).unwrap();
        assert_eq!(event.at, UnixMillis(1 << 50));
        let mut again = Vec::new();
        event.encode(&mut again);
        assert_eq!(again, payload);
    }

    proptest! {
        #[test]
        fn a_conversion_event_reads_back_as_written(
            order_id in ".{0,60}", amount in "[0-9]{1,6}\\.[0-9]{2}", adv in proptest::array::uniform10(".{0,20}"),
            at in 1_i64..1 << 47, advertiser: u32, offer: u32,
        ) {
            let event = ConversionEvent {
                source: ConversionSource::Postback,
                requested_status: RequestedStatus::Approved,
                advertiser,
                offer,
                received_at: UnixMillis(1_790_000_000_000),
                at: UnixMillis(at),
                click_id: "x".repeat(60),
                event: "sale".into(),
                order_id,
                amount,
                currency: "EUR".into(),
                coupon: String::new(),
                customer_id: "c-1".into(),
                items: "[]".into(),
                adv,
            };
            let mut payload = Vec::new();
            event.encode(&mut payload);
            prop_assert_eq!(ConversionEvent::decode(&payload), Ok(event));
        }
    }
}
