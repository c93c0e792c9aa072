//! Google Play's install referrer, as the installed app hands it over.
//!
//! The app asks Play for `ReferrerDetails` and sends them on under these names (all but the referrer are optional):
//!
//! | parameter | `ReferrerDetails` |
//! | --- | --- |
//! | `install_referrer` | `getInstallReferrer()`: the query that the link to the store carried as `referrer` |
//! | `referrer_click_timestamp_seconds` | device's time of the click |
//! | `install_begin_timestamp_seconds` | device's time at which the download began |
//! | `referrer_click_timestamp_server_seconds` | Google's time of the click |
//! | `install_begin_timestamp_server_seconds` | Google's time at which the download began |
//! | `install_version` | version of the app at its first install |
//! | `google_play_instant` | whether the instant app had been used |
//! | `app` | the app's package name |
//!
//! # What is believed
//!
//! The click id is ours and signed; the rest is what a device says. An install is credited where Google's time of the click lies
//! within [`CLICK_WITHIN_MS`] of ours and the download did not begin before it. The device's own times prove nothing and are kept only.
//! What fails is not thrown away: [`PlayReport::judge`] names the [`Doubt`].

use hopline_types::{MINUTE_MS, SECOND_MS, UnixMillis};

/// How far Google's time of the click may lie from ours: the way from our redirect into the store.
pub const CLICK_WITHIN_MS: i64 = MINUTE_MS;
/// How far ahead of its receipt an install may be dated.
const AHEAD_MS: i64 = 5 * MINUTE_MS;
/// Names under which a referrer carries our click id, besides the offer's own.
const CLICK_NAMES: [&str; 3] = ["hl_click", "click_id", "clickid"];

/// What the app handed over.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PlayReport {
    /// The click id in the referrer; none where it carries none.
    pub click_id: Option<String>,
    /// The referrer as Play gave it.
    pub referrer: String,
    /// Package name.
    pub app: String,
    /// Version at the first install.
    pub version: String,
    /// Google's time of the click.
    pub clicked_at: Option<UnixMillis>,
    /// Google's time at which the download began.
    pub began_at: Option<UnixMillis>,
    /// The device's time of the click: no proof.
    pub device_clicked_at: Option<UnixMillis>,
    /// The device's time at which the download began: no proof.
    pub device_began_at: Option<UnixMillis>,
    /// Whether the instant app had been used.
    pub instant: Option<bool>,
}

/// Why an install is not credited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    /// Google's times are missing: nothing says when it was.
    #[error("Google's times of click and install are missing")]
    NoServerTimes,
    /// Another click than ours.
    #[error("Google's time of the click is {off_s} s from ours, at most {} s are believed", CLICK_WITHIN_MS / SECOND_MS)]
    AnotherClick {
        /// How far.
        off_s: i64,
    },
    /// The download had begun already: somebody claims an install that was under way.
    #[error("the install began {early_s} s before the click")]
    BeganBeforeClick {
        /// How much.
        early_s: i64,
    },
    /// Its time is still to come.
    #[error("the install is dated {ahead_s} s in the future")]
    Future {
        /// How much.
        ahead_s: i64,
    },
}

impl Doubt {
    /// A short word that never changes.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoServerTimes => "no_server_times",
            Self::AnotherClick { .. } => "another_click",
            Self::BeganBeforeClick { .. } => "install_before_click",
            Self::Future { .. } => "install_in_future",
        }
    }
}

impl PlayReport {
    /// Reads what was handed over, as decoded pairs; `own` is the name under which the offers of this installation carry click ids besides
    /// `hl_click`. Unknown names are passed over, and times of 0 are absent, as Play gives them where it has none.
    ///
    /// # Errors
    /// All that is wrong: (field, what).
    pub fn read<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
        own: &[&str],
    ) -> Result<Self, Vec<(&'static str, String)>> {
        let mut report = Self::default();
        let mut errors = Vec::new();
        for (name, value) in pairs {
            match name {
                "install_referrer" => value.clone_into(&mut report.referrer),
                "app" => value.clone_into(&mut report.app),
                "install_version" => value.clone_into(&mut report.version),
                "referrer_click_timestamp_seconds" => {
                    report.device_clicked_at =
                        seconds("referrer_click_timestamp_seconds", value, &mut errors);
                }
                "install_begin_timestamp_seconds" => {
                    report.device_began_at = seconds("install_begin_timestamp_seconds", value, &mut errors);
                }
                "referrer_click_timestamp_server_seconds" => {
                    report.clicked_at =
                        seconds("referrer_click_timestamp_server_seconds", value, &mut errors);
                }
                "install_begin_timestamp_server_seconds" => {
                    report.began_at = seconds("install_begin_timestamp_server_seconds", value, &mut errors);
                }
                "google_play_instant" => match value {
                    "" => (),
                    "true" | "1" => report.instant = Some(true),
                    "false" | "0" => report.instant = Some(false),
                    other => errors.push(("google_play_instant", format!("{other:?} is not true or false"))),
                },
                _ => (),
            }
        }
        if report.referrer.is_empty() {
            errors.push(("install_referrer", "is missing".to_owned()));
        }
        report.click_id = click_id(&report.referrer, own);
        if errors.is_empty() { Ok(report) } else { Err(errors) }
    }

    /// When the install happened, or why it is not credited to the click that our click id names. `clicked_at` is its time by our clock.
    ///
    /// # Errors
    /// The doubt.
    pub fn judge(&self, clicked_at: UnixMillis, received_at: UnixMillis) -> Result<UnixMillis, Doubt> {
        let (Some(clicked), Some(began)) = (self.clicked_at, self.began_at) else {
            return Err(Doubt::NoServerTimes);
        };
        let off = clicked.since(clicked_at).saturating_abs();
        if off > CLICK_WITHIN_MS {
            return Err(Doubt::AnotherClick { off_s: off / SECOND_MS });
        }
        // Both are Google's: no difference of clocks is in it.
        if began < clicked {
            return Err(Doubt::BeganBeforeClick { early_s: clicked.since(began) / SECOND_MS });
        }
        let ahead = began.since(received_at);
        if ahead > AHEAD_MS {
            return Err(Doubt::Future { ahead_s: ahead / SECOND_MS });
        }
        Ok(began.max(clicked_at).min(received_at))
    }
}

fn seconds(field: &'static str, text: &str, errors: &mut Vec<(&'static str, String)>) -> Option<UnixMillis> {
    match text.parse::<i64>() {
        Ok(0) => None,
        Ok(seconds @ 1..=253_402_300_799) => Some(UnixMillis(seconds * SECOND_MS)),
        _ if text.is_empty() => None,
        _ => {
            errors.push((field, format!("{text:?} is no time in Unix seconds")));
            None
        }
    }
}

/// The click id in a referrer: under one of the known names, or the referrer as a whole. Some ways into the store escape the
/// referrer twice, so it is looked for in what one more decoding gives too.
fn click_id(referrer: &str, own: &[&str]) -> Option<String> {
    let decoded = decode(referrer);
    let in_pairs = |query: &str| {
        query.split('&').find_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            let is_known = own.iter().chain(&CLICK_NAMES).any(|known| *known == name);
            (is_known && !value.is_empty()).then(|| decode(value))
        })
    };
    in_pairs(referrer).or_else(|| in_pairs(&decoded)).or_else(|| {
        let is_bare = referrer.len() == 60
            && referrer.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        is_bare.then(|| referrer.to_owned())
    })
}

/// Decodes `%XX` and `+`; a `%` without two digits stands for itself.
fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let escaped = digit(at + 1).zip(digit(at + 2)).filter(|_| *byte == b'%');
        if let Some((high, low)) = escaped {
            out.push(u8::try_from(high << 4 | low).expect("two hexadecimal digits fit a byte"));
            at += 3;
        } else {
            out.push(if *byte == b'+' { b' ' } else { *byte });
            at += 1;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
