//! Clicks of ten days that the server makes up itself.

use anyhow::Result;
use hopline_clickid::UniqueNumber;
use hopline_testkit::ClickHouseDatabase;
use hopline_types::UnixMillis;

/// Rows of one insert, as a batch has them.
const BATCH: u64 = 100_000;
const STREAMS: u64 = 4;
const OFFERS: u64 = 50;
const ADVERTISERS: u64 = 50;
/// A visitor comes three times.
const VISITS: u64 = 3;
/// 2026-03-26T00:00:00Z.
const START: i64 = 1_774_483_200_000;
const TEN_DAYS: u64 = 10 * 24 * 3_600_000;
/// Spreads visitors over all numbers.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// The offer that a finding is about.
pub(crate) const OFFER_OF_FINDING: i64 = 2;

/// So many clicks, evenly over the days.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Filling {
    pub(crate) clicks: u64,
}

impl Filling {
    fn step(self) -> u64 {
        TEN_DAYS / self.clicks
    }

    fn visitors(self) -> u64 {
        self.clicks / VISITS
    }

    pub(crate) fn at(self, click: u64) -> UnixMillis {
        UnixMillis(START).plus((click * self.step()).cast_signed())
    }

    pub(crate) fn unique(self, click: u64) -> UniqueNumber {
        let stream = u8::try_from(click / BATCH % STREAMS).expect("a few streams");
        UniqueNumber::new(1, stream, click).expect("a small record id")
    }

    pub(crate) fn visitor(self, click: u64) -> u64 {
        (click % self.visitors()).wrapping_mul(SPREAD)
    }

    pub(crate) fn advertiser(self, click: u64) -> i64 {
        (1 + click % self.visitors() % ADVERTISERS).cast_signed()
    }

    /// Clicks far apart, another for each question.
    pub(crate) fn scattered(self, question: u64) -> u64 {
        question.wrapping_mul(SPREAD) % self.clicks
    }

    pub(crate) fn fill(self, database: &ClickHouseDatabase) -> Result<()> {
        for first in (0..self.clicks).step_by(usize::try_from(BATCH)?) {
            let rows = BATCH.min(self.clicks - first);
            database.query(&self.insert(first, rows))?;
        }
        Ok(())
    }

    fn insert(self, first: u64, rows: u64) -> String {
        let (step, visitors, edge) = (self.step(), self.visitors(), self.unique(first).bits() - first);
        format!(
            "INSERT INTO clicks (unique, kind, at, advertiser, offer, affiliate, link, verdict, visitor_key, network, status,
                 rule_version, code, sub1, sub2, source, country, device, os, browser, language, referrer_host, ext, token)
             SELECT {edge} + number, if(number % 20 = 19, 2, 1), fromUnixTimestamp64Milli({START} + number * {step}, 'UTC'),
                 1 + number % {visitors} % {ADVERTISERS}, 1 + number % {OFFERS}, 1 + number % 7, 1 + intHash32(number) % 5000,
                 multiIf(number % 10 = 0, 1, number % 11 = 0, 5, 0), (number % {visitors}) * toUInt64({SPREAD}), 3320, 302,
                 1, concat('c', toString(intHash32(number) % 5000)), hex(intHash64(number)), toString(number % 100), 'feed',
                 ['DE', 'FR', 'US'][number % 3 + 1], ['mobile', 'desktop'][number % 2 + 1], ['Android', 'iOS', 'Windows'][number % 3 + 1],
                 ['Chrome', 'Safari'][number % 2 + 1], 'de', concat('site', toString(number % 300), '.example'),
                 hex(intHash64(number + 7)), toFixedString(substring(concat(hex(intHash64(number)), hex(intHash64(number + 1)),
                     hex(intHash64(number + 2))), 1, 45), 45)
             FROM numbers({first}, {rows})
             SETTINGS max_block_size = {rows}, max_insert_block_size = {rows}, min_insert_block_size_rows = 0,
                 min_insert_block_size_bytes = 0, max_partitions_per_insert_block = 0"
        )
    }
}
