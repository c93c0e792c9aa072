//! The SEPA character set, and the way of other letters into it.
//!
//! The set is `a-z A-Z 0-9 / - ? : ( ) . , ' +` and space. Letters with marks lose them (ë to e), ligatures and
//! Greek and Bulgarian letters are spelled out (ß to ss, θ to th, Ж to Zh), other signs get the nearest sign of the
//! set (& to +). Each letter is written by itself, whatever stands beside it. What has no counterpart is an error: nothing is dropped in silence.

/// A character that has no counterpart in the set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{character:?} (U+{:04X}) cannot be written in the SEPA character set", u32::from(*character))]
pub struct NotTransliterable {
    /// The first such character.
    pub character: char,
}

/// Whether the set has this character.
#[must_use]
pub const fn in_sepa_set(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '?' | ':' | '(' | ')' | '.' | ',' | '\'' | '+' | ' ')
}

/// Writes a text in the set. White space is trimmed and runs of it become one space.
///
/// # Errors
/// Names the first character that cannot be written.
pub fn transliterate(text: &str) -> Result<String, NotTransliterable> {
    let mut written = String::with_capacity(text.len());
    for character in text.split_whitespace().collect::<Vec<_>>().join(" ").chars() {
        if in_sepa_set(character) {
            written.push(character);
        } else {
            push_counterpart(&mut written, character).ok_or(NotTransliterable { character })?;
        }
    }
    Ok(written)
}

fn push_counterpart(written: &mut String, character: char) -> Option<()> {
    if let Some(plain) = counterpart(character) {
        written.push_str(plain);
        return Some(());
    }
    if !character.is_uppercase() {
        return None;
    }
    // A capital: as its small letter, the first letter made capital again.
    let mut spelled = String::new();
    for small in character.to_lowercase() {
        if in_sepa_set(small) { spelled.push(small) } else { spelled.push_str(counterpart(small)?) }
    }
    let mut letters = spelled.chars();
    written.extend(letters.next().map(|first| first.to_ascii_uppercase()));
    written.push_str(letters.as_str());
    Some(())
}

fn counterpart(character: char) -> Option<&'static str> {
    // Marks that follow their letter: the letter stays.
    if ('\u{300}'..='\u{36F}').contains(&character) {
        return Some("");
    }
    COUNTERPARTS.iter().find(|(_, from)| from.contains(character)).map(|(to, _)| *to)
}

/// Small letters and signs, by what they become.
#[rustfmt::skip]
const COUNTERPARTS: &[(&str, &str)] = &[
    // Latin
    ("a", "àáâãäåāăąǎȁȃǻạảấầẩẫậắằẳẵặª"), ("ae", "æǽ"), ("b", "ḃ"), ("c", "çćĉċč"), ("d", "ďđðḋḍ"),
    ("dz", "ǆǳ"), ("e", "èéêëēĕėęěȅȇẹẻẽếềểễệ"), ("f", "ḟƒ"), ("g", "ĝğġģǧǵ"), ("h", "ĥħḣḥ"),
    ("i", "ìíîïĩīĭįıǐȉȋỉị"), ("ij", "ĳ"), ("j", "ĵǰ"), ("k", "ķĸǩ"), ("l", "ĺļľŀłḷ"), ("lj", "ǉ"), ("m", "ṁ"),
    ("n", "ñńņňŋǹṅṇ"), ("nj", "ǌ"), ("o", "òóôõöøōŏőơǒǫȍȏǿọỏốồổỗộớờởỡợº"), ("oe", "œ"), ("p", "ṗ"),
    ("r", "ŕŗřȑȓṛ"), ("s", "śŝşšșſṡṣ"), ("ss", "ß"), ("t", "ţťŧțṫṭ"), ("th", "þ"),
    ("u", "ùúûüũūŭůűųưǔǖǘǚǜȕȗụủứừửữự"), ("w", "ŵẁẃẅ"), ("y", "ýÿŷỳỵỷỹ"), ("z", "źżžẓ"),
    // Greek
    ("a", "αά"), ("v", "β"), ("g", "γ"), ("d", "δ"), ("e", "εέ"), ("z", "ζ"), ("i", "ηήιίϊΐ"), ("th", "θ"), ("k", "κ"),
    ("l", "λ"), ("m", "μµ"), ("n", "ν"), ("x", "ξ"), ("o", "οόωώ"), ("p", "π"), ("r", "ρ"), ("s", "σς"), ("t", "τ"),
    ("y", "υύϋΰ"), ("f", "φ"), ("ch", "χ"), ("ps", "ψ"),
    // Cyrillic, as Bulgaria spells it, with the letters of its neighbours
    ("a", "аъ"), ("b", "б"), ("v", "в"), ("g", "гґѓ"), ("d", "д"), ("dj", "ђ"), ("e", "еёэѐ"), ("ie", "є"), ("zh", "ж"),
    ("z", "з"), ("dz", "ѕ"), ("i", "иіїѝ"), ("y", "йыь"), ("j", "ј"), ("k", "кќ"), ("l", "л"), ("lj", "љ"), ("m", "м"),
    ("n", "н"), ("nj", "њ"), ("o", "о"), ("p", "п"), ("r", "р"), ("s", "с"), ("t", "т"), ("c", "ћ"), ("u", "уў"), ("f", "ф"),
    ("h", "х"), ("ts", "ц"), ("ch", "ч"), ("dzh", "џ"), ("sh", "ш"), ("sht", "щ"), ("yu", "ю"), ("ya", "я"),
    // Signs
    ("-", "_~‐‑‒–—―−"), ("'", "`´‘’‚‛ʼ′"), (".", "!\"#$%*;<=>^|·•…“”„‟«»‹›¡€£¥§°"), ("+", "&"), ("(", "[{"), (")", "]}"),
    ("/", "\\"), ("?", "¿"), ("(at)", "@"), ("No.", "№"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p_04_letters_outside_the_set_are_transliterated() {
        let cases = [
            ("Zoë Müller", "Zoe Muller"),
            ("Straße", "Strasse"),
            ("Łódź", "Lodz"),
            ("Blog & Co. Ltd", "Blog + Co. Ltd"),
            ("Þórður Ægisson", "Thordur Aegisson"),
            ("Αθήνα Ψαρού", "Athina Psaroy"),
            ("Щерю Жеков", "Shteryu Zhekov"),
            ("Zoe\u{308}  \t Ana", "Zoe Ana"),
            ("İstanbul", "Istanbul"),
            ("O’Neill – “Ltd”", "O'Neill - .Ltd."),
            (" a@b_c ", "a(at)b-c"),
        ];
        for (text, written) in cases {
            assert_eq!(transliterate(text).as_deref(), Ok(written));
        }
    }

    #[test]
    fn p_04_what_cannot_be_written_is_named() {
        for (text, character) in [("Zoë ☃", '☃'), ("山田", '山'), ("a\u{200B}b", '\u{200B}'), ("Ƣ", 'Ƣ')]
        {
            assert_eq!(transliterate(text), Err(NotTransliterable { character }));
        }
        assert_eq!(
            NotTransliterable { character: '☃' }.to_string(),
            "'☃' (U+2603) cannot be written in the SEPA character set"
        );
    }

    #[test]
    fn every_counterpart_is_in_the_set_and_every_letter_has_one_only() {
        let mut seen = std::collections::BTreeSet::new();
        for (to, from) in COUNTERPARTS {
            assert!(to.chars().all(in_sepa_set), "{to}");
            for letter in from.chars() {
                assert!(!in_sepa_set(letter) && seen.insert(letter), "{letter}");
            }
        }
    }
}
