//! Which system and which browser: the rules of uap-core, run by the crate `ua-parser`.
//!
//! The rules (`lists/uap/regexes.yaml`) are ordered expressions, the first that matches wins; an automaton over their
//! fixed parts leaves a handful to be tried. Built once per process and shared: 0.1 s and 13 MiB; a browser is read in
//! 6 to 10 µs, and what is made to be slow (every word of the rules, shuffled) in 0.1 ms. Expressions run in time linear
//! to the text, and [`TEXT_MAX`] bounds the text. Their working memory grows with what is read, to 9 MiB more after
//! forty thousand hostile texts.
//!
//! Names come from a fixed set, so that what is stored does not grow with what visitors send: the replacements and
//! plain words of the rules, renamed by [`names`]. A family that a rule would copy out of the user agent by a pattern
//! is `Other`. Rules for devices are not used: they name makers and models, not kinds of machines.

mod names;
mod rules;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use ua_parser::{os, user_agent};

use rules::{Rule, Rules};

const RULES: &str = include_str!("lists/uap/regexes.yaml");

/// Bytes of a user agent that are looked at.
pub(crate) const TEXT_MAX: usize = 1024;

/// What is said of a family that is not known.
pub(crate) const OTHER: &str = "Other";

/// uap-core's name to ours.
type Names = BTreeMap<&'static str, &'static str>;

pub(crate) struct Families {
    browsers: user_agent::Extractor<'static>,
    browser_names: Names,
    systems: os::Extractor<'static>,
    system_names: Names,
}

impl std::fmt::Debug for Families {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Families")
            .field("browsers", &self.browser_names.len())
            .field("systems", &self.system_names.len())
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
enum RulesError {
    Line(#[expect(dead_code, reason = "shown by a panic only")] usize),
    Expression(#[expect(dead_code, reason = "shown by a panic only")] ua_parser::Error),
}

impl From<ua_parser::Error> for RulesError {
    fn from(error: ua_parser::Error) -> Self {
        Self::Expression(error)
    }
}

impl Families {
    /// The rules of this release, built at the first call.
    pub(crate) fn built_in() -> &'static Self {
        static BUILT_IN: OnceLock<Families> = OnceLock::new();
        BUILT_IN.get_or_init(|| Self::from_rules(RULES).expect("the built-in rules are well-formed"))
    }

    fn from_rules(text: &'static str) -> Result<Self, RulesError> {
        let rules = Rules::parse(text).map_err(RulesError::Line)?;
        let browsers = rules.browsers.iter().map(|rule| user_agent::Parser {
            regex: rule.regex.into(),
            family_replacement: rule.replacement.map(Into::into),
            ..user_agent::Parser::default()
        });
        let systems = rules.systems.iter().map(|rule| os::Parser {
            regex: rule.regex.into(),
            os_replacement: rule.replacement.map(Into::into),
            ..os::Parser::default()
        });
        Ok(Self {
            browsers: user_agent::Builder::new()
                .push_all(browsers)?
                .build()
                .map_err(ua_parser::Error::from)?,
            browser_names: known(&rules.browsers, &names::BROWSERS),
            systems: os::Builder::new()
                .push_all(systems)
                .map_err(ua_parser::Error::from)?
                .build()
                .map_err(ua_parser::Error::from)?,
            system_names: known(&rules.systems, &names::SYSTEMS),
        })
    }

    /// System and browser.
    pub(crate) fn read(&self, user_agent: &[u8]) -> (&'static str, &'static str) {
        let text = String::from_utf8_lossy(user_agent.get(..TEXT_MAX).unwrap_or(user_agent));
        let system = self.systems.extract(&text).and_then(|found| self.system_names.get(found.os.trim()));
        let browser =
            self.browsers.extract(&text).and_then(|found| self.browser_names.get(found.family.trim()));
        (system.unwrap_or(&OTHER), browser.unwrap_or(&OTHER))
    }
}

/// Every family that the rules write out, with the name that reports use.
fn known(rules: &[Rule], renamed: &[(&'static str, &'static str)]) -> Names {
    let mut names: Names = rules.iter().flat_map(Rule::families).map(|name| (name, name)).collect();
    names.extend(renamed.iter().copied());
    names
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_rule_of_the_release_is_taken() {
        let rules = Rules::parse(RULES).unwrap();
        assert_eq!((rules.browsers.len(), rules.systems.len()), (433, 204));
        let families = Families::built_in();
        assert!(families.browser_names.len() > 400, "{families:?}");
        assert!(families.system_names.len() > 60, "{families:?}");
    }

    #[test]
    fn every_renamed_family_is_one_that_the_rules_name() {
        let rules = Rules::parse(RULES).unwrap();
        for (rules, renamed) in [(rules.browsers, &names::BROWSERS[..]), (rules.systems, &names::SYSTEMS)] {
            let known: BTreeSet<&str> = rules.iter().flat_map(Rule::families).collect();
            let lost: Vec<_> = renamed.iter().filter(|(from, _)| !known.contains(from)).collect();
            assert!(lost.is_empty(), "{lost:?}");
        }
    }

    // A name out of the user agent would be a store that visitors fill.
    #[test]
    fn a_family_copied_out_of_the_text_is_not_taken() {
        let (_, browser) = Families::built_in().read(b"Zq17 invented/1.0 CFNetwork/1 Darwin/22");
        assert_eq!(browser, OTHER);
    }

    #[test]
    fn text_after_the_bound_is_not_looked_at_and_bytes_that_are_no_text_do_no_harm() {
        let families = Families::built_in();
        let far = format!("Mozilla/5.0 {} Firefox/133.0", "x".repeat(TEXT_MAX));
        assert_eq!(families.read(far.as_bytes()), (OTHER, OTHER));
        let broken = b"Mozilla/5.0 (X11; Linux x86_64; \xe4\xff) Gecko/20100101 Firefox/133.0";
        assert_eq!(families.read(broken), ("Linux", "Firefox"));
    }
}
