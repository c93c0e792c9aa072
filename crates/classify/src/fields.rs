//! Request fields with a grammar: `Sec-Purpose` (a structured list, RFC 9651) and `Sec-GPC`.

/// What `Sec-Purpose` says. A value that is no structured list says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SecPurpose {
    /// Fetched before anybody asked for it.
    pub prefetch: bool,
    /// Rendered ahead as well.
    pub prerender: bool,
    /// Through a proxy: the address says nothing about the visitor.
    pub anonymous_client_ip: bool,
}

impl SecPurpose {
    /// Reads a field value; none if it does not parse.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        let mut purpose = Self::default();
        let mut reader = Reader { rest: value };
        reader.spaces();
        if reader.rest.is_empty() {
            return Some(purpose);
        }
        loop {
            reader.member(&mut purpose)?;
            reader.blanks();
            if reader.rest.is_empty() {
                return Some(purpose);
            }
            reader.expect(b',')?;
            reader.blanks();
            if reader.rest.is_empty() {
                return None;
            }
        }
    }
}

/// Whether a `Sec-GPC` value opts out: the single character 1.
#[must_use]
pub fn is_gpc(value: &[u8]) -> bool {
    value.trim_ascii() == b"1"
}

enum Item<'a> {
    Token(&'a [u8]),
    Boolean(bool),
    Other,
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn spaces(&mut self) {
        self.take_while(|byte| byte == b' ');
    }

    fn blanks(&mut self) {
        self.take_while(|byte| byte == b' ' || byte == b'\t');
    }

    fn take_while(&mut self, wanted: impl Fn(u8) -> bool) -> &'a [u8] {
        let end = self.rest.iter().position(|byte| !wanted(*byte)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        (*first == byte).then_some(())
    }

    fn member(&mut self, purpose: &mut SecPurpose) -> Option<()> {
        if self.rest.first() == Some(&b'(') {
            self.inner_list()?;
            return self.parameters(|_, _| ());
        }
        let Item::Token(b"prefetch") = self.item()? else {
            return self.parameters(|_, _| ());
        };
        purpose.prefetch = true;
        self.parameters(|key, value| match key {
            b"prerender" => purpose.prerender = value,
            b"anonymous-client-ip" => purpose.anonymous_client_ip = value,
            _ => (),
        })
    }

    fn inner_list(&mut self) -> Option<()> {
        self.expect(b'(')?;
        loop {
            let before = self.rest.len();
            self.spaces();
            if self.rest.first() == Some(&b')') {
                return self.expect(b')');
            }
            let first = self.rest.len() == before;
            let _item = self.item()?;
            self.parameters(|_, _| ())?;
            if !first && self.rest.is_empty() {
                return None;
            }
            if !matches!(self.rest.first(), Some(b' ' | b')')) {
                return None;
            }
        }
    }

    /// Parameters of an item; hands over those with a boolean value.
    fn parameters(&mut self, mut each: impl FnMut(&[u8], bool)) -> Option<()> {
        while self.rest.first() == Some(&b';') {
            self.expect(b';')?;
            self.spaces();
            let first = *self.rest.first()?;
            if !(first.is_ascii_lowercase() || first == b'*') {
                return None;
            }
            let key = self.take_while(|byte| {
                byte.is_ascii_lowercase()
                    || byte.is_ascii_digit()
                    || matches!(byte, b'_' | b'-' | b'.' | b'*')
            });
            if self.rest.first() != Some(&b'=') {
                each(key, true);
                continue;
            }
            self.expect(b'=')?;
            match self.item()? {
                Item::Boolean(value) => each(key, value),
                Item::Token(_) | Item::Other => each(key, false),
            }
        }
        Some(())
    }

    fn item(&mut self) -> Option<Item<'a>> {
        match *self.rest.first()? {
            b'"' => self.string(),
            b'?' => self.boolean(),
            b':' => self.bytes(),
            b'-' | b'0'..=b'9' => self.number(),
            b'@' => {
                self.expect(b'@')?;
                self.number()
            }
            first if first.is_ascii_alphabetic() || first == b'*' => {
                Some(Item::Token(self.take_while(is_token_byte)))
            }
            _ => None,
        }
    }

    fn string(&mut self) -> Option<Item<'a>> {
        self.expect(b'"')?;
        loop {
            self.take_while(|byte| (b' '..=b'~').contains(&byte) && byte != b'"' && byte != b'\\');
            let (byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            match byte {
                b'"' => return Some(Item::Other),
                b'\\' => {
                    let (escaped, rest) = self.rest.split_first()?;
                    self.rest = rest;
                    if !matches!(escaped, b'"' | b'\\') {
                        return None;
                    }
                }
                _ => return None,
            }
        }
    }

    fn boolean(&mut self) -> Option<Item<'a>> {
        self.expect(b'?')?;
        let (digit, rest) = self.rest.split_first()?;
        self.rest = rest;
        match digit {
            b'0' => Some(Item::Boolean(false)),
            b'1' => Some(Item::Boolean(true)),
            _ => None,
        }
    }

    fn bytes(&mut self) -> Option<Item<'a>> {
        self.expect(b':')?;
        self.take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='));
        self.expect(b':')?;
        Some(Item::Other)
    }

    fn number(&mut self) -> Option<Item<'a>> {
        if self.rest.first() == Some(&b'-') {
            self.expect(b'-')?;
        }
        let whole = self.take_while(|byte| byte.is_ascii_digit()).len();
        if whole == 0 || whole > 15 {
            return None;
        }
        if self.rest.first() == Some(&b'.') {
            self.expect(b'.')?;
            let places = self.take_while(|byte| byte.is_ascii_digit()).len();
            if places == 0 || places > 3 || whole > 12 {
                return None;
            }
        }
        Some(Item::Other)
    }
}

const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b':' | b'/'
                | b'!'
                | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    // C-07, R-06: values parsed by two independent libraries
    #[test]
    fn fields_mean_what_independent_parsers_say() {
        let fixture: serde_json::Value =
            serde_json::from_str(include_str!("../tests/fixtures/http_fields.json")).unwrap();
        let mut seen = [0, 0];
        for case in fixture["cases"].as_array().unwrap() {
            let value = case["value"].as_str().unwrap().as_bytes();
            match case["field"].as_str().unwrap() {
                "Sec-Purpose" => {
                    seen[0] += 1;
                    let parsed = SecPurpose::parse(value);
                    assert_eq!(parsed.is_some(), case["parses"].as_bool().unwrap(), "{case}");
                    if let Some(purpose) = parsed {
                        assert_eq!(purpose.prefetch, case["meaning"]["prefetch"], "{case}");
                        assert_eq!(purpose.prerender, case["meaning"]["prerender"], "{case}");
                        assert_eq!(
                            purpose.anonymous_client_ip, case["meaning"]["anonymous_client_ip"],
                            "{case}"
                        );
                    }
                }
                "Sec-GPC" => {
                    seen[1] += 1;
                    assert_eq!(is_gpc(value), case["opt_out"].as_bool().unwrap(), "{case}");
                }
                _ => (),
            }
        }
        assert_eq!(seen, [12, 7]);
    }

    #[test]
    fn other_item_types_are_read_over_and_malformed_ones_refuse_the_value() {
        for value in [
            "(a \"b\");x, prefetch",
            "1.5;q=?1, prefetch",
            ":aGk=:, prefetch",
            "@12, prefetch",
            "(), prefetch",
        ] {
            assert!(SecPurpose::parse(value.as_bytes()).is_some_and(|purpose| purpose.prefetch), "{value}");
        }
        for value in [
            "prefetch;",
            "(a",
            "(a\"b\"), prefetch",
            "\"a, prefetch",
            "?2, prefetch",
            "1., prefetch",
            "prefetch x",
        ] {
            assert_eq!(SecPurpose::parse(value.as_bytes()), None, "{value}");
        }
    }
}
