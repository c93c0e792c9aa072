//! Hosts of links beside the edge's own.

use std::collections::HashMap;

use hopline_types::{AdvertiserId, AffiliateId, DomainId};

use crate::data::DomainEntry;
use crate::template::{Piece, Template, TemplateError, pieces};
use crate::{FieldError, Target, check_domain_host};

/// Longest host name, as in DNS; longer ones are nobody's.
pub(crate) const HOST_BYTES_MAX: usize = 253;

/// A host of links.
#[derive(Debug)]
pub struct Domain {
    /// Its id.
    pub id: DomainId,
    /// Serialised, without port.
    pub host: Box<str>,
    /// Only this affiliate's links are answered.
    pub affiliate: Option<AffiliateId>,
    /// Only links to this advertiser's offers are answered.
    pub advertiser: Option<AdvertiserId>,
    /// Where visitors go whose path names no link of this host; serialised, ready for `Location`. None: 404.
    pub default_url: Option<Box<str>>,
}

impl Domain {
    /// Compiles an entry.
    ///
    /// # Errors
    /// Every field that cannot be used.
    pub fn compile(entry: &DomainEntry) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        let host = check_domain_host(&entry.host)
            .map_err(|message| errors.push(FieldError::new("host", message)))
            .ok();
        let default_url = entry.default_url.as_deref().and_then(|url| {
            plain_url(url).map_err(|message| errors.push(FieldError::new("default_url", message))).ok()
        });
        match host {
            Some(host) if errors.is_empty() => Ok(Self {
                id: entry.id,
                host: host.into(),
                affiliate: entry.affiliate_id,
                advertiser: entry.advertiser_id,
                default_url,
            }),
            _ => Err(errors),
        }
    }

    /// Whether links to this target are answered on the host.
    #[must_use]
    pub fn serves(&self, target: &Target<'_>) -> bool {
        self.affiliate.is_none_or(|id| id == target.affiliate.id)
            && self.advertiser.is_none_or(|id| id == target.advertiser.id)
    }
}

/// A URL by the rules of templates, without macros, serialised.
fn plain_url(text: &str) -> Result<Box<str>, String> {
    let template = Template::compile(text, None).map_err(|error: TemplateError| error.to_string())?;
    if pieces(text).any(|piece| matches!(piece, Piece::Macro(_))) {
        return Err(format!("URL {text:?} holds a macro: here it could never be replaced"));
    }
    let mut url = Vec::new();
    template.render(&mut url, b"", |_, _| ());
    Ok(String::from_utf8(url).expect("serialised URLs are ASCII").into())
}

/// The host of a `Host` field or authority without its port.
#[must_use]
pub fn without_port(host: &[u8]) -> &[u8] {
    let end = match host.first() {
        Some(b'[') => host.iter().position(|byte| *byte == b']').map(|end| end + 1),
        _ => host.iter().position(|byte| *byte == b':'),
    };
    host.get(..end.unwrap_or(host.len())).unwrap_or(host)
}

/// All of them by host.
#[derive(Debug, Default)]
pub(crate) struct Domains(HashMap<Box<[u8]>, Domain, foldhash::fast::FixedState>);

impl Domains {
    /// False if the host is there already.
    pub(crate) fn insert(&mut self, domain: Domain) -> bool {
        self.0.insert(domain.host.as_bytes().into(), domain).is_none()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// By a host without port, letters as they come, with or without the dot of a full name.
    pub(crate) fn get(&self, host: &[u8]) -> Option<&Domain> {
        if self.0.is_empty() {
            return None;
        }
        let host = host.strip_suffix(b".").unwrap_or(host);
        let mut lower = [0; HOST_BYTES_MAX];
        let lower = lower.get_mut(..host.len())?;
        lower.copy_from_slice(host);
        lower.make_ascii_lowercase();
        self.0.get(&*lower)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(host: &str, default_url: Option<&str>) -> DomainEntry {
        DomainEntry {
            id: DomainId::new(1).unwrap(),
            host: host.into(),
            affiliate_id: None,
            advertiser_id: None,
            default_url: default_url.map(Into::into),
        }
    }

    #[test]
    fn a_host_is_found_as_browsers_name_it() {
        let mut domains = Domains::default();
        for host in ["Go.Example", "müller.example", "[::1]", "192.0.2.1"] {
            assert!(domains.insert(Domain::compile(&entry(host, None)).unwrap()), "{host}");
        }
        assert!(!domains.insert(Domain::compile(&entry("GO.example.", None)).unwrap()));
        for (field, host) in [
            ("go.example", "go.example"),
            ("GO.EXAMPLE:8443", "go.example"),
            ("go.example.:80", "go.example"),
            ("xn--mller-kva.example", "xn--mller-kva.example"),
            ("[::1]:8080", "[::1]"),
            ("[::1]", "[::1]"),
            ("192.0.2.1:1", "192.0.2.1"),
        ] {
            let found = domains.get(without_port(field.as_bytes()));
            assert_eq!(found.map(|domain| &*domain.host), Some(host), "{field}");
        }
        let long = "a".repeat(300);
        for field in ["", ":80", "other.example", "go.example..", "[::1", "[::2]:80", "sub.go.example", &long]
        {
            assert!(domains.get(without_port(field.as_bytes())).is_none(), "{field}");
        }
        assert!(Domains::default().get(b"go.example").is_none());
    }

    // S-22
    #[test]
    fn s_22_a_default_url_is_a_url_without_macros_in_its_serialised_form() {
        let compiled =
            |url| Domain::compile(&entry("go.example", Some(url))).map(|domain| domain.default_url);
        assert_eq!(compiled("https://A.example/ü b\r\n"), Ok(Some("https://a.example/%C3%BC%20b".into())));
        for (url, says) in [
            ("https://a.example/?x={sub1}", "holds a macro"),
            ("https://a.example/[[nope]]", "holds a macro"),
            ("https://u:p@a.example/", "holds a user name"),
            ("javascript:alert(1)", "expected https or http"),
            ("/relative", "does not parse"),
        ] {
            let errors = compiled(url).unwrap_err();
            assert_eq!(errors.len(), 1, "{url}");
            assert_eq!(errors[0].field, "default_url");
            assert!(errors[0].message.contains(says), "{}", errors[0]);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_host_field_makes_the_look_up_panic(
            field in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300), text in "\\PC{0,40}",
        ) {
            let mut domains = Domains::default();
            proptest::prop_assert!(domains.insert(Domain::compile(&entry("go.example", None)).unwrap()));
            proptest::prop_assert!(domains.get(without_port(&field)).is_none());
            // What is accepted is found by its own name, and accepted again as it is.
            if let Ok(host) = check_domain_host(&text) {
                proptest::prop_assert_eq!(check_domain_host(&host), Ok(host.clone()));
                domains.insert(Domain::compile(&entry(&text, None)).unwrap());
                proptest::prop_assert!(domains.get(host.as_bytes()).is_some());
            }
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for text in [
            "",
            ".",
            "a b",
            "go.example:80",
            "https://go.example",
            "go.example/",
            "u@go.example",
            "300.1.1.1",
        ] {
            assert!(check_domain_host(text).is_err(), "{text}");
        }
        assert!(check_domain_host(&format!("{}.example", "a.".repeat(130))).is_err());
    }
}
