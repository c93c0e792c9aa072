//! The account formats of the countries that use IBANs.
//!
//! Facts of the IBAN registry (ISO 13616). A format is written as runs of one kind of character after the
//! country and the check digits: `n` digits, `a` letters, `c` letters or digits, each with its length.

/// How one country writes its accounts.
#[derive(Debug)]
pub(super) struct Country {
    /// ISO 3166 code (and `XK`).
    pub(super) code: &'static str,
    /// Runs such as `a4 n14`.
    pub(super) bban: &'static str,
    /// Whether its banks can be reached by SEPA credit transfer.
    pub(super) sepa: bool,
}

impl Country {
    /// The runs as kind and length.
    pub(super) fn runs(&self) -> impl Iterator<Item = (char, usize)> {
        self.bban.split(' ').map(|run| {
            let (kind, length) = run.split_at(1);
            let kind = kind.chars().next().expect("a run starts with its kind");
            (kind, length.parse().expect("a run ends with its length"))
        })
    }

    /// Characters of the whole IBAN.
    pub(super) fn length(&self) -> usize {
        4 + self.runs().map(|(_, length)| length).sum::<usize>()
    }
}

/// The country of a code.
pub(super) fn country(code: &str) -> Option<&'static Country> {
    let place = COUNTRIES.binary_search_by(|country| country.code.cmp(code)).ok()?;
    COUNTRIES.get(place)
}

const fn sepa(code: &'static str, bban: &'static str) -> Country {
    Country { code, bban, sepa: true }
}

const fn other(code: &'static str, bban: &'static str) -> Country {
    Country { code, bban, sepa: false }
}

/// Ordered by code.
#[rustfmt::skip]
const COUNTRIES: &[Country] = &[
    sepa("AD", "n8 c12"), other("AE", "n19"), sepa("AL", "n8 c16"), sepa("AT", "n16"),
    other("AZ", "a4 c20"), other("BA", "n16"), sepa("BE", "n12"), sepa("BG", "a4 n6 c8"),
    other("BH", "a4 c14"), other("BI", "n23"), other("BR", "n23 a1 c1"), other("BY", "c4 n4 c16"),
    sepa("CH", "n5 c12"), other("CR", "n18"), sepa("CY", "n8 c16"), sepa("CZ", "n20"), sepa("DE", "n18"),
    other("DJ", "n23"), sepa("DK", "n14"), other("DO", "c4 n20"), sepa("EE", "n16"), other("EG", "n25"),
    sepa("ES", "n20"), sepa("FI", "n14"), other("FK", "a2 n12"), other("FO", "n14"),
    sepa("FR", "n10 c11 n2"), sepa("GB", "a4 n14"), other("GE", "a2 n16"), sepa("GI", "a4 c15"),
    other("GL", "n14"), sepa("GR", "n7 c16"), other("GT", "c24"), other("HN", "a4 n20"), sepa("HR", "n17"),
    sepa("HU", "n24"), sepa("IE", "a4 n14"), other("IL", "n19"), other("IQ", "a4 n15"), sepa("IS", "n22"),
    sepa("IT", "a1 n10 c12"), other("JO", "a4 n4 c18"), other("KW", "a4 c22"), other("KZ", "n3 c13"),
    other("LB", "n4 c20"), other("LC", "a4 c24"), sepa("LI", "n5 c12"), sepa("LT", "n16"),
    sepa("LU", "n3 c13"), sepa("LV", "a4 c13"), other("LY", "n21"), sepa("MC", "n10 c11 n2"),
    sepa("MD", "c20"), sepa("ME", "n18"), sepa("MK", "n3 c10 n2"), other("MN", "n16"), other("MR", "n23"),
    sepa("MT", "a4 n5 c18"), other("MU", "a4 n19 a3"), other("NI", "a4 n20"), sepa("NL", "a4 n10"),
    sepa("NO", "n11"), other("OM", "n3 c16"), other("PK", "a4 c16"), sepa("PL", "n24"),
    other("PS", "a4 c21"), sepa("PT", "n21"), other("QA", "a4 c21"), sepa("RO", "a4 c16"),
    sepa("RS", "n18"), other("RU", "n14 c15"), other("SA", "n2 c18"), other("SC", "a4 n20 a3"),
    other("SD", "n14"), sepa("SE", "n20"), sepa("SI", "n15"), sepa("SK", "n20"), sepa("SM", "a1 n10 c12"),
    other("SO", "n19"), other("ST", "n21"), other("SV", "a4 n20"), other("TL", "n19"), other("TN", "n20"),
    other("TR", "n6 c16"), other("UA", "n6 c19"), sepa("VA", "n18"), other("VG", "a4 n16"),
    other("XK", "n16"), other("YE", "a4 n4 c18"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_ordered_and_every_format_can_be_read() {
        assert!(COUNTRIES.is_sorted_by(|a, b| a.code < b.code));
        for country in COUNTRIES {
            assert!((15..=34).contains(&country.length()), "{country:?}");
            assert!(country.runs().all(|(kind, length)| "nac".contains(kind) && length > 0), "{country:?}");
        }
    }
}
