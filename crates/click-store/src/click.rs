//! A click as stored.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hopline_clickid::{TOKEN_BYTES, UniqueNumber};
use hopline_record::{Click, Device, Flags};
use hopline_types::{AdvertiserId, AffiliateId, Class, FindingId, LinkId, OfferId, UnixMillis, Verdict};

/// What reports group by, as it was at the click; a conversion's facts copy it. Empty text means absent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dims {
    /// `sub1` to `sub10`.
    pub subs: [String; hopline_record::SUB_COUNT],
    /// The affiliate's traffic source.
    pub source: String,
    /// ISO 3166-1 alpha-2 code.
    pub country: String,
    /// Subdivision of the country.
    pub region: String,
    /// Kind of machine.
    pub device: String,
    /// Operating system.
    pub os: String,
    /// Browser.
    pub browser: String,
    /// Host of the page that carried the link.
    pub referrer_host: String,
    /// Landing page chosen by the link.
    pub landing_page: String,
    /// Creative that carried the link.
    pub creative: String,
}

/// One click or impression. Ids are absent where the request named nothing known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredClick {
    /// Which click it is.
    pub unique: UniqueNumber,
    /// A banner shown rather than a click.
    pub is_impression: bool,
    /// When the edge answered.
    pub at: UnixMillis,
    /// The offer.
    pub offer: Option<OfferId>,
    /// The affiliate.
    pub affiliate: Option<AffiliateId>,
    /// The link.
    pub link: Option<LinkId>,
    /// The offer's advertiser.
    pub advertiser: Option<AdvertiserId>,
    /// How it counts, and why.
    pub verdict: Verdict,
    /// Pseudonym of the visitor.
    pub visitor_key: u64,
    /// Daily pseudonym of a visitor who brought no cookie; 0 else.
    pub pseudonym: u64,
    /// Number of the network (autonomous system); 0 unknown.
    pub network: u32,
    /// Remarks.
    pub flags: Flags,
    /// HTTP status of the answer.
    pub status: u16,
    /// Version of the classification rules.
    pub rule_version: u8,
    /// The link's code.
    pub code: String,
    /// What reports group by.
    pub dims: Dims,
    /// The affiliate's own click id.
    pub ext: String,
    /// Hash of the visitor's e-mail address, as given.
    pub email_hash: String,
    /// Primary language subtag.
    pub language: String,
    /// More about the reason.
    pub detail: String,
    /// The deep link that was followed.
    pub deep_link: String,
    /// Consent signals as sent: a query of `gdpr gdpr_consent gpp gpp_sid`.
    pub consent: String,
    /// The click id's bytes. They keep the verdict at the answer.
    pub token: [u8; TOKEN_BYTES],
    /// The finding that made it invalid afterwards.
    pub finding: Option<FindingId>,
}

impl StoredClick {
    /// Takes over a record of the spool. The token's signature is not checked: the spool is ours.
    ///
    /// # Errors
    /// Says which part of the token no click can have.
    pub fn from_record(click: Click, is_impression: bool) -> Result<Self, String> {
        let token = click.token;
        let number = |range: std::ops::Range<usize>| {
            token[range].iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte))
        };
        let id = |range| i64::try_from(number(range)).expect("32 bits fit into 63");
        let verdict = Verdict::from_code(token[28])
            .ok_or_else(|| format!("byte 28 of the click id is {}, which is no verdict", token[28]))?;
        let device = if click.device == Device::Unknown { "" } else { click.device.as_str() };
        let country = if click.country == [0; 2] { &[] } else { click.country.as_slice() };
        Ok(Self {
            unique: UniqueNumber::from_bits(number(20..28)),
            is_impression,
            at: UnixMillis(i64::try_from(number(2..8)).expect("48 bits fit into 63")),
            offer: OfferId::new(id(8..12)).ok(),
            affiliate: AffiliateId::new(id(12..16)).ok(),
            link: LinkId::new(id(16..20)).ok(),
            advertiser: AdvertiserId::new(i64::from(click.advertiser)).ok(),
            verdict,
            visitor_key: click.visitor_key,
            pseudonym: click.pseudonym,
            network: click.network,
            flags: click.flags,
            status: click.status,
            rule_version: click.rule_version,
            code: click.code,
            dims: Dims {
                subs: click.subs,
                source: click.source,
                country: String::from_utf8_lossy(country).into_owned(),
                region: click.region,
                device: device.to_owned(),
                os: click.os,
                browser: click.browser,
                referrer_host: click.referrer_host,
                landing_page: click.landing_page,
                creative: click.creative,
            },
            ext: click.ext,
            email_hash: click.email_hash,
            language: click.language,
            detail: click.detail,
            deep_link: click.deep_link,
            consent: click.consent,
            token,
            finding: None,
        })
    }

    /// The record that says the same. What a click id says is written into the token, but for the signature.
    #[must_use]
    pub fn to_record(&self) -> Click {
        let id = |id: Option<i64>| id.and_then(|id| u32::try_from(id).ok()).unwrap_or(0);
        let mut token = self.token;
        let mut put = |at: usize, bytes: &[u8]| token[at..at + bytes.len()].copy_from_slice(bytes);
        put(2, &self.at.get().to_be_bytes()[2..]);
        put(8, &id(self.offer.map(Into::into)).to_be_bytes());
        put(12, &id(self.affiliate.map(Into::into)).to_be_bytes());
        put(16, &id(self.link.map(Into::into)).to_be_bytes());
        put(20, &self.unique.bits().to_be_bytes());
        put(28, &[self.verdict.code()]);
        let dims = &self.dims;
        Click {
            token,
            advertiser: id(self.advertiser.map(Into::into)),
            visitor_key: self.visitor_key,
            pseudonym: self.pseudonym,
            network: self.network,
            flags: self.flags,
            status: self.status,
            country: dims.country.as_bytes().try_into().unwrap_or([0; 2]),
            device: Device::ALL.into_iter().find(|device| device.as_str() == dims.device).unwrap_or_default(),
            rule_version: self.rule_version,
            code: self.code.clone(),
            subs: dims.subs.clone(),
            source: dims.source.clone(),
            landing_page: dims.landing_page.clone(),
            creative: dims.creative.clone(),
            ext: self.ext.clone(),
            email_hash: self.email_hash.clone(),
            referrer_host: dims.referrer_host.clone(),
            os: dims.os.clone(),
            browser: dims.browser.clone(),
            language: self.language.clone(),
            region: dims.region.clone(),
            detail: self.detail.clone(),
            deep_link: self.deep_link.clone(),
            consent: self.consent.clone(),
        }
    }

    /// The click id as visitors and shops have it.
    #[must_use]
    pub fn click_id(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.token)
    }

    /// The verdict at the answer, which the click id keeps.
    #[must_use]
    pub const fn answered(&self) -> Option<Verdict> {
        Verdict::from_code(self.token[28])
    }

    /// Whether it can win a conversion: a click of a person on a known offer by a known affiliate.
    #[must_use]
    pub fn is_touch(&self) -> bool {
        let is_known = self.offer.is_some() && self.affiliate.is_some() && self.advertiser.is_some();
        is_known && !self.is_impression && self.verdict.class != Class::Invalid
    }
}
