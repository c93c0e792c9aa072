//! What the query of a click says, and what of it is passed on.

use hopline_catalogue::template::encode_query;
use hopline_record::Flags;

use crate::thread::Scratch;
use crate::{consent, query};

const TEXT_BYTES_MAX: usize = 256;
/// One character more than may be followed, so that what was cut is refused: half a link leads elsewhere.
const DEEP_LINK_BYTES_MAX: usize = 2048 + 4;

/// Takes what the query says into the record; the deep link and what is passed on beside it.
pub(super) fn read(query: &[u8], offer: &hopline_catalogue::Offer, scratch: &mut Scratch) {
    let Scratch { click, decoded, passed, deep_link, .. } = scratch;
    let mut is_cut = false;
    for (name, value) in query::pairs(query) {
        let (field, bytes_max) = match name {
            [b's', b'u', b'b', number @ ..] if sub(number).is_some() => {
                (&mut click.subs[sub(number).unwrap_or_default()], TEXT_BYTES_MAX)
            }
            b"source" => (&mut click.source, TEXT_BYTES_MAX),
            b"lp" => (&mut click.landing_page, TEXT_BYTES_MAX),
            b"creative" => (&mut click.creative, TEXT_BYTES_MAX),
            b"ext" => (&mut click.ext, TEXT_BYTES_MAX),
            b"email_hash" => (&mut click.email_hash, TEXT_BYTES_MAX),
            b"url" => (&mut *deep_link, DEEP_LINK_BYTES_MAX),
            b"offer" | b"aff" => continue,
            _ if consent::is_signal(name) => {
                consent::store(name, value, &mut click.consent);
                pass(name, value, passed);
                continue;
            }
            _ => {
                if offer.pass_parameters {
                    // As the shop will read it: an escape must not bring in a second click id.
                    query::decode(name, decoded);
                    if decoded != offer.click_parameter.as_bytes() {
                        pass(name, value, passed);
                    }
                    decoded.clear();
                }
                continue;
            }
        };
        if field.is_empty() {
            is_cut |= query::text(value, bytes_max, decoded, field);
        }
    }
    if is_cut {
        click.flags = click.flags.with(Flags::TEXT_CUT);
    }
}

/// `1` to `10` as 0 to 9.
const fn sub(number: &[u8]) -> Option<usize> {
    match number {
        [digit @ b'1'..=b'9'] => Some((*digit - b'1') as usize),
        b"10" => Some(9),
        _ => None,
    }
}

fn pass(name: &[u8], value: &[u8], passed: &mut Vec<u8>) {
    if !passed.is_empty() {
        passed.push(b'&');
    }
    encode_query(name, passed);
    if !value.is_empty() {
        passed.push(b'=');
        encode_query(value, passed);
    }
}
