//! A click read in place.

use crate::click::{Click, Device, Flags, PSEUDONYM, TOKEN};
use crate::fields::{self, DecodeError};

/// Bytes of the fixed part.
pub(crate) const FIXED: usize = 70;
/// Bytes of the pseudonym's field.
const PSEUDONYM_BYTES: usize = 11;

/// A click or impression in the bytes of its payload: nothing is copied. It takes what [`Click::decode`](crate::Click::decode)
/// takes.
#[derive(Debug, Clone, Copy)]
pub struct ClickView<'a> {
    fixed: &'a [u8; FIXED],
    fields: &'a [u8],
}

impl<'a> ClickView<'a> {
    /// Reads a payload and checks all of it.
    ///
    /// # Errors
    /// Names the byte at which the payload stops making sense.
    pub fn read(payload: &'a [u8]) -> Result<Self, DecodeError> {
        fields::version(payload)?;
        let Some(view) = Self::of_checked(payload) else {
            // The decoder knows which part of it is missing.
            let short = DecodeError::Truncated { at: 0, needed: FIXED };
            return Err(Click::decode(payload).err().unwrap_or(short));
        };
        // The pseudonym, which is no text, comes last.
        let mut texts_end = payload.len();
        fields::read(payload, FIXED, |field| {
            if field.tag == PSEUDONYM {
                texts_end = texts_end.min(field.at);
                field.number()?;
            }
            Ok(())
        })?;
        // What is all ASCII need not be looked at field by field.
        let is_ascii = payload.get(FIXED..texts_end).is_some_and(<[u8]>::is_ascii);
        if !is_ascii || texts_end + PSEUDONYM_BYTES < payload.len() {
            fields::read(payload, FIXED, |field| {
                if (1..PSEUDONYM).contains(&field.tag) && (field.at > texts_end || !field.value.is_ascii()) {
                    field.text()?;
                }
                Ok(())
            })?;
        }
        Ok(view)
    }

    /// A payload that [`ClickView::read`] has taken before. None where it is too short to have been.
    #[must_use]
    pub fn of_checked(payload: &'a [u8]) -> Option<Self> {
        let (fixed, fields) = payload.split_first_chunk()?;
        Some(Self { fixed, fields })
    }

    /// The click id's bytes.
    #[must_use]
    pub fn token(&self) -> &'a [u8; TOKEN] {
        self.part::<1, TOKEN>()
    }

    /// The offer's advertiser.
    #[must_use]
    pub fn advertiser(&self) -> u32 {
        u32::from_le_bytes(*self.part::<46, 4>())
    }

    /// The visitor.
    #[must_use]
    pub fn visitor_key(&self) -> u64 {
        u64::from_le_bytes(*self.part::<50, 8>())
    }

    /// Remarks.
    #[must_use]
    pub fn flags(&self) -> Flags {
        Flags(u16::from_le_bytes(*self.part::<58, 2>()))
    }

    /// HTTP status of the answer.
    #[must_use]
    pub fn status(&self) -> u16 {
        u16::from_le_bytes(*self.part::<60, 2>())
    }

    /// ISO 3166-1 alpha-2 code; empty where unknown.
    #[must_use]
    pub fn country(&self) -> &'a [u8] {
        let country = self.part::<62, 2>();
        if *country == [0; 2] { &[] } else { country }
    }

    /// Kind of machine.
    #[must_use]
    pub fn device(&self) -> Device {
        Device::from_code(self.fixed[64])
    }

    /// Version of the classification rules.
    #[must_use]
    pub fn rule_version(&self) -> u8 {
        self.fixed[65]
    }

    /// Number of the network; 0 unknown.
    #[must_use]
    pub fn network(&self) -> u32 {
        u32::from_le_bytes(*self.part::<66, 4>())
    }

    /// The fields: (tag, value), in the order in which they stand there, which is that of their tags. Tags 1 to 24 are UTF-8
    /// text ([`crate::FIELDS`]), 25 is the pseudonym (eight bytes, little endian); others are of a newer program.
    pub fn fields(&self) -> impl Iterator<Item = (u8, &'a [u8])> + use<'a> {
        let mut rest = self.fields;
        std::iter::from_fn(move || {
            let ([tag, low, high], behind) = rest.split_first_chunk()?;
            let (value, behind) = behind.split_at_checked(usize::from(u16::from_le_bytes([*low, *high])))?;
            rest = behind;
            Some((*tag, value))
        })
    }

    fn part<const AT: usize, const N: usize>(&self) -> &'a [u8; N] {
        self.fixed.get(AT..AT + N).and_then(|part| part.try_into().ok()).expect("it lies in the fixed part")
    }
}
