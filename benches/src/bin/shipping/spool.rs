//! The clicks: first visits, as an edge records them.

use std::path::Path;

use anyhow::Result;
use hopline_clickid::UniqueNumber;
use hopline_record::{Click, Device, Flags, Kind};
use hopline_spool::{Durability, SpoolOptions, SpoolWriter, StreamIdentity};
use hopline_types::{UnixMillis, Verdict};

/// 2026-11-20T12:00:00Z.
const START: i64 = 1_795_176_000_000;
/// Clicks a second: a batch of 100,000 is two seconds of a busy edge's stream.
const RATE: u64 = 50_000;
const SYSTEMS: [(&str, &str, Device); 4] = [
    ("Windows", "Chrome", Device::Desktop),
    ("Android", "Chrome Mobile", Device::Mobile),
    ("iOS", "Mobile Safari", Device::Mobile),
    ("Linux", "Firefox", Device::Desktop),
];
const COUNTRIES: [[u8; 2]; 6] = [*b"DE", *b"US", *b"FR", *b"BR", *b"IN", *b"GB"];
const HOSTS: [&str; 4] = ["blog.example", "magazine.example", "search.example", "deals.example"];
const LANGUAGES: [&str; 4] = ["en", "pt", "de", "fr"];

fn pick<T: Copy>(values: &[T], number: u64) -> T {
    let at = usize::try_from(number).unwrap_or_default() % values.len();
    values.get(at).copied().expect("the remainder is an index")
}

/// Scatters numbers (splitmix64).
fn scattered(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// The click of a record.
pub(crate) fn click(record: u64) -> Click {
    let dice = scattered(record);
    let link = u32::try_from(dice % 1_000).expect("a small number") + 1;
    let at = START + i64::try_from(record * 1_000 / RATE).expect("a few minutes");
    let mut token = [0; 45];
    token[0] = 1;
    let mut put = |at: usize, bytes: &[u8]| token[at..at + bytes.len()].copy_from_slice(bytes);
    put(2, &at.to_be_bytes()[2..]);
    put(8, &(link % 40 + 1).to_be_bytes());
    put(12, &(link % 200 + 1).to_be_bytes());
    put(16, &link.to_be_bytes());
    put(20, &UniqueNumber::new(1, 0, record).expect("a small number").bits().to_be_bytes());
    put(28, &[if dice.is_multiple_of(16) { Verdict::DUPLICATE.code() } else { Verdict::UNIQUE.code() }]);
    put(29, &scattered(dice).to_be_bytes());
    put(37, &scattered(!dice).to_be_bytes());
    let (os, browser, device) = pick(&SYSTEMS, dice);
    let mut click = Click {
        token,
        advertiser: link % 10 + 1,
        visitor_key: scattered(dice + 1),
        pseudonym: scattered(dice + 2),
        network: u32::try_from(dice % 3_000).expect("a small number"),
        flags: Flags::NO_COOKIE,
        status: 302,
        country: pick(&COUNTRIES, dice >> 8),
        device,
        rule_version: 3,
        code: format!("l{link:06}"),
        referrer_host: pick(&HOSTS, dice >> 16).to_owned(),
        os: os.to_owned(),
        browser: browser.to_owned(),
        language: pick(&LANGUAGES, dice >> 24).to_owned(),
        ..Click::default()
    };
    let [sub1, sub2, ..] = &mut click.subs;
    *sub1 = format!("n{record}");
    "newsletter".clone_into(sub2);
    click
}

/// Writes a stream; gives the bytes of its records.
pub(crate) fn write(spool: &Path, clicks: u64) -> Result<u64> {
    let now = UnixMillis(START);
    let identity = StreamIdentity { edge: 1, stream: 0 };
    let directory = spool.join("edge-1-stream-0");
    let (mut writer, _) = SpoolWriter::open(&directory, identity, SpoolOptions::default(), now)?;
    let (mut payload, mut bytes) = (Vec::new(), 0);
    for _ in 0..clicks {
        let record = writer.next_id(now)?;
        payload.clear();
        click(record.get()).encode(&mut payload);
        bytes += u64::try_from(payload.len())?;
        writer.append(now, Kind::Click.code(), &payload)?;
        if writer.buffered_bytes() > 1 << 20 {
            writer.flush(Durability::Process)?;
        }
    }
    writer.flush(Durability::Process)?;
    writer.sync()?;
    Ok(bytes)
}
