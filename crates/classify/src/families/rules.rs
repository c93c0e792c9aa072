//! Reads uap-core's `regexes.yaml`: sections of entries of `key: 'value'`, which is all of YAML that the file uses.

/// A section by its name, with its entries in order.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    /// Rules that name browsers: `user_agent_parsers`.
    pub(crate) browsers: Vec<Rule>,
    /// Rules that name systems: `os_parsers`.
    pub(crate) systems: Vec<Rule>,
}

/// One rule: where the expression matches, the family is the replacement, or else what the first group caught.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rule {
    /// The expression.
    pub(crate) regex: &'static str,
    /// The family, possibly with `$1` for a group; none if the first group is the family.
    pub(crate) replacement: Option<&'static str>,
}

impl Rule {
    /// All families that the rule can name, as far as they are written out in it.
    pub(crate) fn families(&self) -> Vec<&'static str> {
        match self.replacement {
            Some(name) if name.contains('$') => Vec::new(),
            Some(name) => vec![name],
            None => alternatives(self.regex),
        }
    }
}

impl Rules {
    /// Reads the text; the error is the number of the first line that is not understood.
    pub(crate) fn parse(text: &'static str) -> Result<Self, usize> {
        let mut rules = Self::default();
        let mut section = "";
        for (number, line) in (1..).zip(text.lines()) {
            let trimmed = line.trim();
            if trimmed.is_empty() || trimmed.starts_with('#') {
                continue;
            }
            if let Some(name) = line.strip_suffix(':').filter(|name| !name.starts_with([' ', '-'])) {
                section = name;
                continue;
            }
            let entries = match section {
                "user_agent_parsers" => &mut rules.browsers,
                "os_parsers" => &mut rules.systems,
                "device_parsers" => continue,
                _ => return Err(number),
            };
            let (is_first, pair) = match trimmed.strip_prefix("- ") {
                Some(pair) => (true, pair),
                None => (false, trimmed),
            };
            let (key, value) = pair.split_once(": ").ok_or(number)?;
            let value = unquoted(value.trim()).ok_or(number)?;
            match (key, is_first) {
                ("regex", true) => entries.push(Rule { regex: value, replacement: None }),
                ("family_replacement" | "os_replacement", false) => {
                    entries.last_mut().ok_or(number)?.replacement = Some(value);
                }
                // Versions are not wanted.
                (key, false) if key.ends_with("_replacement") => {}
                _ => return Err(number),
            }
        }
        Ok(rules)
    }
}

/// The text between quotes that needs no unescaping.
fn unquoted(value: &'static str) -> Option<&'static str> {
    let single = value.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
    let double = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    single.filter(|text| !text.contains('\'')).or_else(|| double.filter(|text| !text.contains(['"', '\\'])))
}

/// The words of the first group that catches something, where it is a plain list of words: `(Chromium|Chrome)`.
fn alternatives(regex: &'static str) -> Vec<&'static str> {
    let mut before = b' ';
    let mut rest = regex;
    let start = loop {
        let Some(at) = rest.find('(') else { return Vec::new() };
        let (head, tail) = rest.split_at(at);
        before = head.bytes().last().unwrap_or(before);
        let tail = tail.strip_prefix('(').unwrap_or(tail);
        if before != b'\\' && !tail.starts_with('?') {
            break tail;
        }
        before = b'(';
        rest = tail;
    };
    let group = start.split_once(')').map_or("", |(group, _)| group);
    let is_plain = |word: &&str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b" -_!".contains(&byte))
    };
    group.split('|').filter(is_plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_with_their_families() {
        let rules = Rules::parse(
            "user_agent_parsers:\n  # a remark\n  - regex: '\\(x; (?:a|b) (Chromium|Chrome)/(\\d+)'\n    v1_replacement: '1'\n\
             \n  - regex: \"Foo's\"\n    family_replacement: 'Foo'\nos_parsers:\n  - regex: '(A[bc]|Linux)'\ndevice_parsers:\n  anything\n",
        )
        .unwrap();
        assert_eq!(rules.browsers.len(), 2);
        assert_eq!(rules.browsers[0].families(), ["Chromium", "Chrome"]);
        assert_eq!(rules.browsers[1], Rule { regex: "Foo's", replacement: Some("Foo") });
        assert_eq!(rules.browsers[1].families(), ["Foo"]);
        assert_eq!(rules.systems[0].families(), ["Linux"]);
    }

    #[test]
    fn a_line_of_another_form_is_named() {
        let table = [
            ("  - regex: 'a'\n", 1),
            ("os_parsers:\n  - regex: a\n", 2),
            ("os_parsers:\n  - regex: 'it''s'\n", 2),
            ("os_parsers:\n    os_replacement: 'a'\n", 2),
            ("os_parsers:\n  - regex: 'a'\n    flavour: 'b'\n", 3),
            ("cpu_parsers:\n  - regex: 'a'\n", 2),
        ];
        for (text, line) in table {
            assert_eq!(Rules::parse(text).unwrap_err(), line, "{text}");
        }
    }
}
