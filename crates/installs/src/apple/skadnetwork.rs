//! SKAdNetwork's install-validation postbacks.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{ApplePostback, Kind, Object, SourceName, System};
use crate::{AppleKeys, Refusal};

/// What joins the signed values.
const SEPARATOR: char = '\u{2063}';

/// A version whose signatures can be checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Version {
    V2_1,
    V2_2,
    V3_0,
    V4_0,
}

impl Version {
    fn read(text: &str) -> Result<Self, Refusal> {
        match text {
            "2.1" => Ok(Self::V2_1),
            "2.2" => Ok(Self::V2_2),
            "3.0" => Ok(Self::V3_0),
            "4.0" => Ok(Self::V4_0),
            other => Err(Refusal::Version { version: other.to_owned() }),
        }
    }
}

/// Reads a postback and checks its signature.
///
/// # Errors
/// Says which field is wrong, or that the signature does not fit.
pub fn read(body: &[u8], keys: &AppleKeys) -> Result<ApplePostback, Refusal> {
    let object = Object::parse("the postback", body)?;
    let version = Version::read(object.text("version")?)?;
    let signature = object.text("attribution-signature")?;
    let signature =
        STANDARD.decode(signature).map_err(|_| Refusal::field("attribution-signature", "is no base64"))?;
    let mut signed = Signed::default();
    let postback = fields(&object, version, &mut signed)?;
    keys.skadnetwork().verify_der(signed.0.as_bytes(), &signature)?;
    Ok(postback)
}

/// The values in the order in which they are signed.
#[derive(Default)]
struct Signed(String);

impl Signed {
    fn put<T: std::fmt::Display>(&mut self, value: T) -> T {
        if !self.0.is_empty() {
            self.0.push(SEPARATOR);
        }
        self.0.push_str(&value.to_string());
        value
    }
}

/// Reads the fields, putting each signed one to the others.
fn fields(object: &Object, version: Version, signed: &mut Signed) -> Result<ApplePostback, Refusal> {
    let version_text = signed.put(object.text("version")?).to_owned();
    let ad_network = signed.put(object.text("ad-network-id")?).to_owned();
    let source = if version >= Version::V4_0 {
        let SourceName::Identifier(digits) = object.source_identifier()? else {
            return Err(Refusal::field("source-identifier", "is no source identifier"));
        };
        SourceName::Identifier(signed.put(digits))
    } else {
        let number = object.whole("campaign-id")?;
        let campaign = u32::try_from(number)
            .map_err(|_| Refusal::field("campaign-id", format!("{number} is no campaign")))?;
        SourceName::Campaign(signed.put(campaign))
    };
    let app = signed.put(object.whole("app-id")?).to_string();
    let identity = signed.put(object.text("transaction-id")?).to_owned();
    let is_redownload = signed.put(object.truth("redownload")?);
    let publisher = publisher(object, version)?.map(|publisher| signed.put(publisher));
    let mut interaction = None;
    if version >= Version::V2_2 {
        let fidelity = signed.put(object.small("fidelity-type", 1)?);
        interaction = Some(if fidelity == 0 { "view" } else { "click" }.to_owned());
    }
    // Before 3.0 only the winner got a postback; a field of this name is nobody's word there.
    let did_win = version < Version::V3_0 || signed.put(object.truth("did-win")?);
    let sequence =
        if version >= Version::V4_0 { signed.put(object.small("postback-sequence-index", 2)?) } else { 0 };
    Ok(ApplePostback {
        system: System::SkAdNetwork,
        version: version_text,
        ad_network,
        app,
        source,
        identity,
        sequence,
        did_win,
        kind: if is_redownload { Kind::Redownload } else { Kind::Download },
        publisher,
        is_test: false,
        hints: object.hints(interaction),
    })
}

/// The app or, from 4.0 on, the site that showed the ad; it is signed only where it stands there.
fn publisher(object: &Object, version: Version) -> Result<Option<String>, Refusal> {
    if object.has("source-app-id") {
        return object.whole("source-app-id").map(|number| Some(number.to_string()));
    }
    if version >= Version::V4_0 && object.has("source-domain") {
        return object.text("source-domain").map(|domain| Some(domain.to_owned()));
    }
    Ok(None)
}
