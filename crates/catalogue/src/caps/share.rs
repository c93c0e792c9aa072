//! One edge's part of a cap.

/// Part `part` of `of` equal ones, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    part: u16,
    of: u16,
}

/// A part that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("part {part} of {of} is no share: parts are counted from 1 to their number")]
pub struct ShareError {
    /// The part given.
    pub part: u16,
    /// The number of parts given.
    pub of: u16,
}

impl Share {
    /// All of it.
    pub const WHOLE: Self = Self { part: 1, of: 1 };

    /// Part `part` of `of`.
    ///
    /// # Errors
    /// Refuses part 0 and parts above their number.
    pub const fn new(part: u16, of: u16) -> Result<Self, ShareError> {
        if part >= 1 && part <= of { Ok(Self { part, of }) } else { Err(ShareError { part, of }) }
    }

    /// What this part may take of an amount: `floor(amount * part / of) - floor(amount * (part - 1) / of)`. The limits
    /// of all parts sum up to the amount exactly and differ by at most 1.
    #[must_use]
    pub fn limit(self, amount: i64) -> i64 {
        let up_to = |part: u16| i128::from(amount) * i128::from(part) / i128::from(self.of);
        i64::try_from(up_to(self.part) - up_to(self.part - 1)).expect("a part is no more than the whole")
    }
}

impl Default for Share {
    fn default() -> Self {
        Self::WHOLE
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parts_are_counted_from_one_to_their_number() {
        assert_eq!(Share::new(0, 3), Err(ShareError { part: 0, of: 3 }));
        assert_eq!(Share::new(4, 3), Err(ShareError { part: 4, of: 3 }));
        assert_eq!(Share::new(1, 0), Err(ShareError { part: 1, of: 0 }));
        assert_eq!(Share::new(1, 1), Ok(Share::WHOLE));
    }

    proptest! {
        #[test]
        fn the_limits_of_all_parts_sum_up_to_the_amount(amount in 1_i64..=i64::MAX, of in 1_u16..400) {
            let limits: Vec<i64> = (1..=of).map(|part| Share::new(part, of).unwrap().limit(amount)).collect();
            prop_assert_eq!(limits.iter().map(|limit| i128::from(*limit)).sum::<i128>(), i128::from(amount));
            let (least, most) = (limits.iter().min().unwrap(), limits.iter().max().unwrap());
            prop_assert!(*least >= 0 && most - least <= 1);
        }
    }
}
