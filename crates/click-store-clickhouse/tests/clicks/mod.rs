//! Made-up clicks.

use hopline_click_store::{ClickBatch, StoredClick, StreamId};
use hopline_clickid::UniqueNumber;
use hopline_record::{Click, Device};
use hopline_types::Verdict;

pub(crate) const STREAM: StreamId = StreamId { edge: 3, stream: 1 };
/// 2026-03-28T23:59:00Z: a batch of two minutes touches two days.
const START: i64 = 1_774_742_340_000;

pub(crate) fn click(record: u64) -> StoredClick {
    let mut token = [9; 45];
    let at = START + i64::try_from(record).unwrap() * 1_000;
    token[2..8].copy_from_slice(&at.to_be_bytes()[2..]);
    let affiliate = u8::try_from(record % 5 + 1).unwrap();
    token[8..20].copy_from_slice(&[0, 0, 0, 1, 0, 0, 0, affiliate, 0, 0, 0, 7]);
    token[20..28].copy_from_slice(&UniqueNumber::new(3, 1, record).unwrap().bits().to_be_bytes());
    token[28] = if record.is_multiple_of(4) { Verdict::DUPLICATE.code() } else { Verdict::UNIQUE.code() };
    let mut click =
        Click { token, advertiser: 1, visitor_key: record % 9, device: Device::Tv, ..Click::default() };
    click.subs[0] = format!("s{}", record % 3);
    StoredClick::from_record(click, record.is_multiple_of(10)).unwrap()
}

pub(crate) fn batch(records: std::ops::RangeInclusive<u64>) -> ClickBatch {
    let (first, last) = (*records.start(), *records.end());
    let clicks: Vec<StoredClick> = records.map(click).collect();
    ClickBatch::of_clicks(STREAM, first, last, &clicks)
}
