//! A click (or impression) as the edge saw it.

use crate::fields::{self, DecodeError};
use crate::view::FIXED;

/// `sub1` to `sub10`.
pub const SUB_COUNT: usize = 10;

/// Tag of the pseudonym, eight bytes, little endian.
pub(crate) const PSEUDONYM: u8 = 25;
/// Bytes of a click id before base64; its layout is the click id crate's.
pub(crate) const TOKEN: usize = 45;

/// What kind of machine the visitor uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
#[repr(u8)]
pub enum Device {
    /// Not known.
    #[default]
    Unknown = 0,
    /// A desktop or laptop computer.
    Desktop = 1,
    /// A telephone.
    Mobile = 2,
    /// A tablet.
    Tablet = 3,
    /// A television or console.
    Tv = 4,
    /// A declared bot.
    Bot = 5,
}

impl Device {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Unknown, Self::Desktop, Self::Mobile, Self::Tablet, Self::Tv, Self::Bot];

    /// The word used in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Desktop => "desktop",
            Self::Mobile => "mobile",
            Self::Tablet => "tablet",
            Self::Tv => "tv",
            Self::Bot => "bot",
        }
    }

    pub(crate) const fn from_code(code: u8) -> Self {
        match code {
            1 => Self::Desktop,
            2 => Self::Mobile,
            3 => Self::Tablet,
            4 => Self::Tv,
            5 => Self::Bot,
            _ => Self::Unknown,
        }
    }
}

/// Remarks on a click, one bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Flags(pub u16);

impl Flags {
    /// A sub id, source or other text was longer than allowed and has been cut.
    pub const TEXT_CUT: Self = Self(1);
    /// `url` was not followed: not https, or its host is not on the offer's list.
    pub const DEEP_LINK_REFUSED: Self = Self(1 << 1);
    /// The request said `Sec-GPC: 1`.
    pub const GPC: Self = Self(1 << 2);
    /// A navigation that no person started (no `Sec-Fetch-User`).
    pub const NO_GESTURE: Self = Self(1 << 3);
    /// The visitor brought no cookie; the visitor key comes from address and user agent.
    pub const NO_COOKIE: Self = Self(1 << 4);
    /// The visitor was sent to a fallback URL.
    pub const FALLBACK: Self = Self(1 << 5);
    /// The address was hidden by a prefetch proxy.
    pub const ANONYMOUS_ADDRESS: Self = Self(1 << 6);
    /// Another offer, which did not want the visitor, passed it on.
    pub const PASSED_ON: Self = Self(1 << 7);
    /// The landing page that the link named is not there; another one was taken.
    pub const LANDING_PAGE_UNKNOWN: Self = Self(1 << 8);
    /// Asked for by a shop's script, without a redirect.
    pub const SCRIPT: Self = Self(1 << 9);

    /// These and those.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all bits of `other` are set.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// One click or impression. Empty text means absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Click {
    /// The click id's bytes before base64.
    pub token: [u8; TOKEN],
    /// The offer's advertiser.
    pub advertiser: u32,
    /// The visitor: from the cookie that was brought, else from the one that was set with the answer, else
    /// [`Click::pseudonym`].
    pub visitor_key: u64,
    /// Daily keyed hash of address and user agent, by which a visitor without cookie was counted; 0 where a cookie was
    /// brought.
    pub pseudonym: u64,
    /// Number of the network (autonomous system) that the request came from; 0 unknown.
    pub network: u32,
    /// Remarks.
    pub flags: Flags,
    /// HTTP status of the answer.
    pub status: u16,
    /// ISO 3166-1 alpha-2, or zeros.
    pub country: [u8; 2],
    /// Kind of machine.
    pub device: Device,
    /// Version of the classification rules and lists that were applied.
    pub rule_version: u8,
    /// The link's code, empty for `/c?offer=&aff=`.
    pub code: String,
    /// `sub1` to `sub10`.
    pub subs: [String; SUB_COUNT],
    /// The affiliate's traffic source.
    pub source: String,
    /// Landing page chosen by the link.
    pub landing_page: String,
    /// Creative that carried the link.
    pub creative: String,
    /// The affiliate's own click id.
    pub ext: String,
    /// Hash of the visitor's e-mail address, as given.
    pub email_hash: String,
    /// Host of the page that carried the link.
    pub referrer_host: String,
    /// Operating system.
    pub os: String,
    /// Browser.
    pub browser: String,
    /// Primary language subtag of `Accept-Language`.
    pub language: String,
    /// Subdivision, where the geography file knows it.
    pub region: String,
    /// More about the reason, such as the `Sec-Fetch-Dest` of a stuffed click.
    pub detail: String,
    /// The deep link that was followed.
    pub deep_link: String,
    /// Consent signals as sent, in the form of a query: `gdpr gdpr_consent gpp gpp_sid`.
    pub consent: String,
}

impl Default for Click {
    fn default() -> Self {
        Self {
            token: [0; TOKEN],
            advertiser: 0,
            visitor_key: 0,
            pseudonym: 0,
            network: 0,
            flags: Flags::default(),
            status: 0,
            country: [0; 2],
            device: Device::Unknown,
            rule_version: 0,
            code: String::new(),
            subs: Default::default(),
            source: String::new(),
            landing_page: String::new(),
            creative: String::new(),
            ext: String::new(),
            email_hash: String::new(),
            referrer_host: String::new(),
            os: String::new(),
            browser: String::new(),
            language: String::new(),
            region: String::new(),
            detail: String::new(),
            deep_link: String::new(),
            consent: String::new(),
        }
    }
}

impl Click {
    /// Text fields behind the sub ids, with their tags (1 to 10 are `sub1` to `sub10`).
    fn texts(&self) -> [(u8, &str); 14] {
        [
            (11, &self.code),
            (12, &self.source),
            (13, &self.landing_page),
            (14, &self.creative),
            (15, &self.ext),
            (16, &self.email_hash),
            (17, &self.referrer_host),
            (18, &self.os),
            (19, &self.browser),
            (20, &self.language),
            (21, &self.region),
            (22, &self.detail),
            (23, &self.deep_link),
            (24, &self.consent),
        ]
    }

    /// Appends the payload to `buffer`; allocates only where the buffer must grow.
    pub fn encode(&self, buffer: &mut Vec<u8>) {
        buffer.extend_from_slice(&self.fixed());
        for (tag, sub) in (1..).zip(&self.subs) {
            fields::put(buffer, tag, sub);
        }
        for (tag, text) in self.texts() {
            fields::put(buffer, tag, text);
        }
        if self.pseudonym != 0 {
            buffer.push(PSEUDONYM);
            buffer.extend_from_slice(&8_u16.to_le_bytes());
            buffer.extend_from_slice(&self.pseudonym.to_le_bytes());
        }
    }

    /// The fixed part.
    fn fixed(&self) -> [u8; FIXED] {
        let mut fixed = [0; FIXED];
        fixed[0] = crate::VERSION;
        fixed[1..46].copy_from_slice(&self.token);
        fixed[46..50].copy_from_slice(&self.advertiser.to_le_bytes());
        fixed[50..58].copy_from_slice(&self.visitor_key.to_le_bytes());
        fixed[58..60].copy_from_slice(&self.flags.0.to_le_bytes());
        fixed[60..62].copy_from_slice(&self.status.to_le_bytes());
        fixed[62..64].copy_from_slice(&self.country);
        fixed[64] = self.device as u8;
        fixed[65] = self.rule_version;
        fixed[66..70].copy_from_slice(&self.network.to_le_bytes());
        fixed
    }

    /// Reads a payload.
    ///
    /// # Errors
    /// Names the byte at which the payload stops making sense.
    pub fn decode(payload: &[u8]) -> Result<Self, DecodeError> {
        fields::version(payload)?;
        let mut click = Self {
            token: fields::bytes(payload, 1)?,
            advertiser: u32::from_le_bytes(fields::bytes(payload, 46)?),
            visitor_key: u64::from_le_bytes(fields::bytes(payload, 50)?),
            flags: Flags(u16::from_le_bytes(fields::bytes(payload, 58)?)),
            status: u16::from_le_bytes(fields::bytes(payload, 60)?),
            country: fields::bytes(payload, 62)?,
            device: Device::from_code(fields::bytes::<1>(payload, 64)?[0]),
            rule_version: fields::bytes::<1>(payload, 65)?[0],
            network: u32::from_le_bytes(fields::bytes(payload, 66)?),
            ..Self::default()
        };
        fields::read(payload, FIXED, |field| {
            let text = match field.tag {
                1..=10 => &mut click.subs[usize::from(field.tag) - 1],
                11 => &mut click.code,
                12 => &mut click.source,
                13 => &mut click.landing_page,
                14 => &mut click.creative,
                15 => &mut click.ext,
                16 => &mut click.email_hash,
                17 => &mut click.referrer_host,
                18 => &mut click.os,
                19 => &mut click.browser,
                20 => &mut click.language,
                21 => &mut click.region,
                22 => &mut click.detail,
                23 => &mut click.deep_link,
                24 => &mut click.consent,
                PSEUDONYM => {
                    click.pseudonym = field.number()?;
                    return Ok(());
                }
                _ => return Ok(()),
            };
            field.text()?.clone_into(text);
            Ok(())
        })?;
        Ok(click)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample() -> Click {
        Click {
            token: std::array::from_fn(|index| u8::try_from(index).unwrap()),
            advertiser: 7,
            visitor_key: 0x0102_0304_0506_0708,
            network: 0x0001_0203,
            flags: Flags::TEXT_CUT.with(Flags::GPC),
            status: 302,
            country: *b"DE",
            device: Device::Mobile,
            rule_version: 1,
            code: "abc1234".into(),
            deep_link: "https://shop.example/é".into(),
            ..Click::default()
        }
    }

    /// A view and a decoded click are both refused, or say the same.
    fn assert_same(payload: &[u8]) {
        let (view, click) = (crate::ClickView::read(payload), Click::decode(payload));
        let (Ok(view), Ok(click)) = (&view, &click) else {
            assert_eq!(view.is_ok(), click.is_ok(), "{view:?} {click:?}");
            return;
        };
        assert_eq!(
            (view.token(), view.advertiser(), view.visitor_key()),
            (&click.token, click.advertiser, click.visitor_key)
        );
        assert_eq!((view.flags(), view.status(), view.device()), (click.flags, click.status, click.device));
        assert_eq!((view.rule_version(), view.network()), (click.rule_version, click.network));
        let country: &[u8] = if click.country == [0; 2] { &[] } else { &click.country };
        assert_eq!(view.country(), country);
        let mut seen = Click { pseudonym: 0, ..Click::default() };
        for (tag, value) in view.fields() {
            let text = || std::str::from_utf8(value).unwrap().to_owned();
            match tag {
                1..=10 => seen.subs[usize::from(tag) - 1] = text(),
                11 => seen.code = text(),
                12 => seen.source = text(),
                13 => seen.landing_page = text(),
                14 => seen.creative = text(),
                15 => seen.ext = text(),
                16 => seen.email_hash = text(),
                17 => seen.referrer_host = text(),
                18 => seen.os = text(),
                19 => seen.browser = text(),
                20 => seen.language = text(),
                21 => seen.region = text(),
                22 => seen.detail = text(),
                23 => seen.deep_link = text(),
                24 => seen.consent = text(),
                PSEUDONYM => seen.pseudonym = u64::from_le_bytes(value.try_into().unwrap()),
                _ => {}
            }
        }
        let fixed = Click {
            token: click.token,
            advertiser: click.advertiser,
            visitor_key: click.visitor_key,
            network: click.network,
            flags: click.flags,
            status: click.status,
            country: click.country,
            device: click.device,
            rule_version: click.rule_version,
            ..seen
        };
        assert_eq!(&fixed, click);
    }

    #[test]
    fn the_bytes_of_a_click_do_not_change() {
        let mut payload = Vec::new();
        sample().encode(&mut payload);
        assert_eq!(payload.len(), 70 + 3 + 7 + 3 + 23);
        assert_eq!(payload[0], 1);
        assert_eq!(payload[46..50], [7, 0, 0, 0]);
        assert_eq!(payload[50..58], [8, 7, 6, 5, 4, 3, 2, 1]);
        assert_eq!(payload[58..70], [5, 0, 46, 1, b'D', b'E', 2, 1, 3, 2, 1, 0]);
        assert_eq!(payload[70..73], [11, 7, 0]);
    }

    #[test]
    fn every_truncation_is_an_error_or_ends_between_fields() {
        let mut payload = Vec::new();
        sample().encode(&mut payload);
        for end in 0..payload.len() {
            let whole_fields = end == 70 || end == 80;
            assert_eq!(Click::decode(&payload[..end]).is_ok(), whole_fields, "cut at {end}");
        }
    }

    #[test]
    fn fields_of_a_newer_program_are_skipped_and_newer_versions_named() {
        let mut payload = Vec::new();
        sample().encode(&mut payload);
        payload.extend_from_slice(&[200, 1, 0, b'x']);
        assert_eq!(Click::decode(&payload), Ok(sample()));
        payload[0] = 9;
        assert_eq!(Click::decode(&payload), Err(DecodeError::NewerVersion { version: 9 }));
    }

    proptest! {
        #[test]
        fn a_click_reads_back_as_written(
            subs in proptest::array::uniform10(".{0,40}"), source in ".{0,40}", detail in ".{0,40}",
            visitor_key: u64, pseudonym: u64, status: u16, flags: u16, consent in "[ -~]{0,40}",
        ) {
            let click = Click { subs, source, detail, visitor_key, pseudonym, status, flags: Flags(flags), consent, ..sample() };
            let mut payload = Vec::new();
            click.encode(&mut payload);
            prop_assert_eq!(Click::decode(&payload), Ok(click));
        }

        #[test]
        fn no_bytes_make_the_decoder_panic(kind: u8, payload in proptest::collection::vec(any::<u8>(), 0..200)) {
            drop(crate::Record::decode(kind, &payload));
            assert_same(&payload);
        }

        #[test]
        fn a_view_takes_what_the_decoder_takes(
            sub1 in ".{0,20}", consent in ".{0,9}", pseudonym: u64, changes in proptest::collection::vec((0_usize..200, any::<u8>()), 0..3),
            extra in proptest::collection::vec(any::<u8>(), 0..9), end in 0_usize..200,
        ) {
            let mut click = Click { pseudonym, consent, ..sample() };
            click.subs[0] = sub1;
            let mut payload = Vec::new();
            click.encode(&mut payload);
            assert_same(&payload);
            payload.extend(extra);
            assert_same(&payload);
            for (at, byte) in changes {
                if let Some(changed) = payload.get_mut(at) {
                    *changed = byte;
                }
            }
            assert_same(&payload);
            payload.truncate(end);
            assert_same(&payload);
        }
    }
}
