//! Values of metrics.

use std::cmp::Ordering;

/// An exact decimal: `mantissa` / 10^`places`, printed with all its places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exact {
    /// The digits.
    pub mantissa: i128,
    /// How many of them stand behind the point.
    pub places: u8,
}

impl std::fmt::Display for Exact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let places = usize::from(self.places);
        let sign = if self.mantissa < 0 { "-" } else { "" };
        let digits = self.mantissa.unsigned_abs().to_string();
        if places == 0 {
            return write!(f, "{sign}{digits}");
        }
        let digits = format!("{digits:0>width$}", width = places + 1);
        let (whole, behind) = digits.split_at(digits.len() - places);
        write!(f, "{sign}{whole}.{behind}")
    }
}

/// The value of a metric in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cell {
    /// Undefined: division by zero, or money of several currencies.
    Null,
    /// A count.
    Count(i64),
    /// Money or a rate.
    Decimal(Exact),
}

impl Cell {
    /// Smaller first; undefined values last whichever way.
    #[must_use]
    pub fn order(&self, other: &Self, descending: bool) -> Ordering {
        let ordering = match (self.as_exact(), other.as_exact()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Greater,
            (Some(_), None) => return Ordering::Less,
            (Some(left), Some(right)) => compare(left, right),
        };
        if descending { ordering.reverse() } else { ordering }
    }

    fn as_exact(&self) -> Option<Exact> {
        match self {
            Self::Null => None,
            Self::Count(count) => Some(Exact { mantissa: i128::from(*count), places: 0 }),
            Self::Decimal(exact) => Some(*exact),
        }
    }
}

fn compare(left: Exact, right: Exact) -> Ordering {
    let places = left.places.max(right.places);
    let at = |number: Exact| {
        let factor = 10_i128.checked_pow(u32::from(places - number.places))?;
        number.mantissa.checked_mul(factor)
    };
    match (at(left), at(right)) {
        (Some(left), Some(right)) => left.cmp(&right),
        // Too large for the common scale: whole parts decide.
        _ => {
            let whole = |number: Exact| number.mantissa / 10_i128.pow(u32::from(number.places));
            whole(left).cmp(&whole(right))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_print_all_their_places() {
        let print = |mantissa, places| Exact { mantissa, places }.to_string();
        assert_eq!(print(5, 2), "0.05");
        assert_eq!(print(-5, 2), "-0.05");
        assert_eq!(print(123_456, 4), "12.3456");
        assert_eq!(print(0, 3), "0.000");
        assert_eq!(print(-7, 0), "-7");
    }

    #[test]
    fn undefined_values_come_last_whichever_way() {
        for descending in [false, true] {
            assert_eq!(Cell::Null.order(&Cell::Count(1), descending), Ordering::Greater);
            assert_eq!(Cell::Count(1).order(&Cell::Null, descending), Ordering::Less);
        }
        let half = Cell::Decimal(Exact { mantissa: 5, places: 1 });
        assert_eq!(half.order(&Cell::Count(1), false), Ordering::Less);
        assert_eq!(half.order(&Cell::Count(1), true), Ordering::Greater);
    }
}
