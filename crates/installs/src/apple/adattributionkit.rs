//! AdAttributionKit's postbacks.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{ApplePostback, Kind, Object, System};
use crate::{AppleKeys, Refusal};

/// The one algorithm, whatever a token says.
const ALGORITHM: &str = "ES256";

/// Reads a postback and checks its signature.
///
/// # Errors
/// Says which field is wrong, or that the signature does not fit.
pub fn read(body: &[u8], keys: &AppleKeys) -> Result<ApplePostback, Refusal> {
    let object = Object::parse("the postback", body)?;
    let jws = object.0.get("jws-string").and_then(serde_json::Value::as_str);
    let jws = jws.ok_or_else(|| Refusal::field("jws-string", object.expected("jws-string", "a text")))?;
    let Verified { kid, payload, is_test } = verify(jws, keys)?;
    let interaction = object.text("ad-interaction-type").ok().map(str::to_owned);
    let kind = match payload.text("conversion-type")? {
        "download" => Kind::Download,
        "redownload" => Kind::Redownload,
        "re-engagement" => Kind::Reengagement,
        other => {
            let message = format!("{other:?} is not one of download, redownload, re-engagement");
            return Err(Refusal::field("conversion-type", message));
        }
    };
    let publisher = payload.whole("publisher-item-identifier").ok().map(|number| number.to_string());
    Ok(ApplePostback {
        system: System::AdAttributionKit,
        version: kid,
        ad_network: payload.text("ad-network-identifier")?.to_owned(),
        app: payload.whole("advertised-item-identifier")?.to_string(),
        source: payload.source_identifier()?,
        identity: payload.text("postback-identifier")?.to_owned(),
        sequence: payload.small("postback-sequence-index", 2)?,
        did_win: payload.truth("did-win")?,
        kind,
        publisher,
        is_test,
        hints: object.hints(interaction),
    })
}

struct Verified {
    kid: String,
    payload: Object,
    is_test: bool,
}

/// Checks the token. Its form is fixed: three parts, ES256, a signature of 64 bytes, a key that is known.
fn verify(jws: &str, keys: &AppleKeys) -> Result<Verified, Refusal> {
    let form = || Refusal::field("jws-string", "has not three parts in base64url, separated by points");
    let (signed, signature) = jws.rsplit_once('.').ok_or_else(form)?;
    let (header, payload) =
        signed.split_once('.').filter(|(_, rest)| !rest.contains('.')).ok_or_else(form)?;
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| form());
    let (header, payload, signature) = (decode(header)?, decode(payload)?, decode(signature)?);
    let header = Object::parse("the token's header", &header)?;
    let algorithm = header.text("alg")?;
    if algorithm != ALGORITHM {
        return Err(Refusal::field("alg", format!("is {algorithm:?}, expected {ALGORITHM:?}")));
    }
    let kid = header.text("kid")?;
    let (key, is_test) = keys.named(kid)?;
    key.verify_fixed(signed.as_bytes(), &signature)?;
    let payload = Object::parse("the token's content", &payload)?;
    Ok(Verified { kid: kid.to_owned(), payload, is_test })
}
