//! Made-up clicks, facts, findings and questions: the same on every run.

#![allow(dead_code, reason = "each test program uses a part")]

mod pair;

pub(crate) use pair::Pair;

use std::collections::BTreeMap;

use hopline_click_store::{ClickBatch, Deltas, Dims, Fact, Reclassify, StoredClick, StreamId};
use hopline_clickid::UniqueNumber;
use hopline_money::Currency;
use hopline_record::{Click, Device};
use hopline_report::{Basis, ClickQuery, Dimension, Filters, Format, LIMIT_MAX, ReportQuery, Scope, Value};
use hopline_types::{
    AdvertiserId, AffiliateId, ClickFilter, CommissionStatus, ConversionId, FindingId, GoalId, GoalKind,
    HOUR_MS, LinkId, MINUTE_MS, OfferId, Reason, UnixMillis, Verdict,
};
use jiff::tz::TimeZone;

/// 2026-03-26T00:00:00Z: clocks in Europe change on the fourth day.
pub(crate) const START: UnixMillis = UnixMillis(1_774_483_200_000);
pub(crate) const DAYS: i64 = 5;

/// What stands in texts, with all that a statement could stumble over.
const WORDS: [&str; 8] =
    ["", "a", "b", "it's", "back\\slash\\n", "{x:String} ?", "tab\tline\nnext", "ü\u{1f600}`\""];
const COUNTRIES: [[u8; 2]; 4] = [[0; 2], *b"DE", *b"FR", *b"US"];
const ZONES: [&str; 5] = ["UTC", "Europe/Berlin", "Asia/Kolkata", "Asia/Kathmandu", "America/New_York"];
const STATUSES: [CommissionStatus; 3] =
    [CommissionStatus::Pending, CommissionStatus::Approved, CommissionStatus::Reversed];

/// A small generator (splitmix64).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    fn pick<T: Clone>(&mut self, list: &[T]) -> T {
        list[usize::try_from(self.below(list.len() as u64)).unwrap()].clone()
    }

    fn word(&mut self) -> String {
        self.pick(&WORDS).to_owned()
    }

    fn id(&mut self, count: u64) -> u32 {
        u32::try_from(self.below(count) + 1).unwrap()
    }

    fn signed(&mut self, limit: u64) -> i64 {
        i64::try_from(self.below(limit)).unwrap()
    }

    pub(crate) fn time(&mut self) -> UnixMillis {
        START.plus(self.signed(u64::try_from(DAYS * 24 * HOUR_MS).unwrap()))
    }
}

fn token(unique: UniqueNumber, at: UnixMillis, ids: [u32; 3], verdict: Verdict) -> [u8; 45] {
    let mut token = [7; 45];
    token[0] = 1;
    token[2..8].copy_from_slice(&at.get().to_be_bytes()[2..]);
    for (place, id) in [8, 12, 16].into_iter().zip(ids) {
        token[place..place + 4].copy_from_slice(&id.to_be_bytes());
    }
    token[20..28].copy_from_slice(&unique.bits().to_be_bytes());
    token[28] = verdict.code();
    token
}

fn click(dice: &mut Dice, stream: StreamId, record: u64) -> StoredClick {
    let unique = UniqueNumber::new(stream.edge, stream.stream, record).unwrap();
    let verdict = match dice.below(8) {
        0 => Verdict::DUPLICATE,
        1 => Verdict::invalid(Reason::Bot),
        2 => Verdict::invalid(Reason::Geo),
        _ => Verdict::UNIQUE,
    };
    // Some name nothing known.
    let offer = if dice.one_in(12) { 0 } else { dice.id(3) };
    let affiliate = if dice.one_in(12) { 0 } else { dice.id(4) };
    let link = if dice.one_in(3) { 0 } else { dice.id(6) };
    let at = dice.time();
    let click = Click {
        token: token(unique, at, [offer, affiliate, link], verdict),
        advertiser: [0, 1, 2, 1][usize::try_from(offer).unwrap()],
        visitor_key: dice.below(60),
        pseudonym: dice.below(2) * u64::MAX,
        network: dice.id(2),
        status: 302,
        country: dice.pick(&COUNTRIES),
        device: dice.pick(&Device::ALL),
        rule_version: 3,
        code: dice.word(),
        subs: std::array::from_fn(|_| dice.word()),
        source: dice.word(),
        landing_page: dice.word(),
        creative: dice.word(),
        ext: dice.word(),
        email_hash: dice.word(),
        referrer_host: dice.word(),
        os: dice.word(),
        browser: dice.word(),
        language: dice.word(),
        region: dice.word(),
        detail: dice.word(),
        deep_link: dice.word(),
        consent: dice.word(),
        ..Click::default()
    };
    let is_impression = dice.one_in(6);
    StoredClick::from_record(click, is_impression).unwrap()
}

pub(crate) fn batches(dice: &mut Dice, rounds: u64) -> Vec<ClickBatch> {
    let mut batches = Vec::new();
    for round in 0..rounds {
        for (edge, stream) in [(1, 0), (1, 1), (65_535, 255)] {
            let stream = StreamId { edge, stream };
            // Between the batches some records are missing.
            let (first, last) = (round * 100 + 1, round * 100 + 90 + dice.below(10));
            let clicks: Vec<StoredClick> = (first..=last).map(|record| click(dice, stream, record)).collect();
            batches.push(ClickBatch::of_clicks(stream, first, last, &clicks));
        }
    }
    batches
}

pub(crate) fn facts(dice: &mut Dice, count: u64) -> Vec<Fact> {
    (0..count)
        .map(|number| {
            let offer = dice.id(3);
            let amount = |dice: &mut Dice| dice.signed(i64::MAX.unsigned_abs() / 1_000_000) - 1_000_000;
            Fact {
                fact_id: format!("{}-{number}", dice.word()),
                conversion: ConversionId::new(i64::from(dice.id(90))).unwrap(),
                booked_at: dice.time(),
                converted_at: dice.time(),
                clicked_at: (!dice.one_in(5)).then(|| dice.time()),
                advertiser: AdvertiserId::new(if offer == 2 { 2 } else { 1 }).unwrap(),
                offer: OfferId::new(i64::from(offer)).unwrap(),
                goal: GoalId::new(i64::from(dice.id(2))).unwrap(),
                goal_key: "sale".into(),
                goal_kind: GoalKind::Pps,
                affiliate: AffiliateId::new(dice.signed(5)).ok(),
                link: LinkId::new(dice.signed(7)).ok(),
                dims: Dims {
                    subs: std::array::from_fn(|_| dice.word()),
                    source: dice.word(),
                    country: dice.pick(&["", "DE", "FR"]).to_owned(),
                    region: dice.word(),
                    device: dice.pick(&["", "mobile"]).to_owned(),
                    os: dice.word(),
                    browser: dice.word(),
                    referrer_host: dice.word(),
                    landing_page: dice.word(),
                    creative: dice.word(),
                },
                coupon: dice.word(),
                status: dice.pick(&STATUSES),
                currency: dice.pick(&[Currency::EUR, Currency::JPY]),
                deltas: Deltas {
                    conversions: dice.signed(3) - 1,
                    events: dice.signed(3) - 1,
                    sales: dice.signed(2),
                    leads: dice.signed(2),
                    installs: dice.signed(2),
                    revenue_minor: amount(dice),
                    payout_minor: amount(dice),
                    gross_sales_minor: amount(dice),
                    refunds_minor: amount(dice),
                    approved: dice.signed(3) - 1,
                    rejected: dice.signed(2),
                    reversed: dice.signed(2),
                },
            }
        })
        .collect()
}

pub(crate) fn finding(dice: &mut Dice, id: i64) -> Reclassify {
    let [one, other] = [dice.time(), dice.time()];
    let mut filter = ClickFilter::default();
    match dice.below(4) {
        0 => filter.sub1 = Some(dice.word()),
        1 => filter.network = Some(1),
        2 => filter.country = Some("DE".into()),
        _ => {}
    }
    Reclassify {
        id: FindingId::new(id).unwrap(),
        offer: OfferId::new(i64::from(dice.id(3))).unwrap(),
        affiliate: AffiliateId::new(i64::from(dice.id(4))).unwrap(),
        from: one.min(other),
        to: one.max(other),
        filter,
        reason: dice.pick(&[Reason::Bot, Reason::Stuffing, Reason::Datacenter]),
    }
}

/// From an hour to an hour in half of all cases, else from any millisecond to any.
fn period(dice: &mut Dice) -> (UnixMillis, UnixMillis) {
    let [one, other] = [dice.time(), dice.time()];
    let (from, to) = (one.min(other), one.max(other).plus(1));
    if dice.one_in(2) {
        return (from.hour(), to.plus(HOUR_MS).hour());
    }
    if dice.one_in(2) {
        let half = |at: UnixMillis| UnixMillis(at.get() / (30 * MINUTE_MS) * 30 * MINUTE_MS);
        return (half(from), half(to).plus(30 * MINUTE_MS));
    }
    (from, to)
}

fn dimensions(dice: &mut Dice, count: u64, is_meant: fn(Dimension) -> bool) -> Vec<Dimension> {
    let all: Vec<Dimension> = Dimension::ALL
        .iter()
        .map(|(_, dimension)| *dimension)
        .filter(|dimension| is_meant(*dimension))
        .collect();
    // What sums by the hour hold is asked for most.
    let common = [Dimension::Day, Dimension::Offer, Dimension::Affiliate, Dimension::Sub1, Dimension::Class];
    let common: Vec<Dimension> = common.into_iter().filter(|dimension| is_meant(*dimension)).collect();
    let mut picked = Vec::new();
    for _ in 0..count {
        let dimension = if dice.one_in(2) { dice.pick(&common) } else { dice.pick(&all) };
        if !picked.contains(&dimension) {
            picked.push(dimension);
        }
    }
    picked
}

fn filters(dice: &mut Dice, is_meant: fn(Dimension) -> bool) -> Filters {
    let count = dice.below(3);
    let mut filters = BTreeMap::new();
    for dimension in dimensions(dice, count, is_meant) {
        let values = (0..=dice.below(3)).map(|_| value(dice, dimension)).collect();
        filters.insert(dimension, values);
    }
    filters
}

fn value(dice: &mut Dice, dimension: Dimension) -> Value {
    if dice.one_in(5) {
        return Value::None;
    }
    match dimension {
        // The large ones must not be taken for what is left of them in 32 bits.
        _ if dimension.is_id() => {
            let id = i64::from(dice.id(5));
            Value::Id(if dice.one_in(6) { id + (1 << 32) } else { id })
        }
        Dimension::Class => Value::text(dice.pick(&["unique", "duplicate", "invalid"])),
        Dimension::Reason => Value::text(dice.pick(&["none", "bot", "geo", "stuffing"])),
        Dimension::Status => Value::text(dice.pick(&["pending", "approved", "reversed"])),
        Dimension::Country => Value::text(dice.pick(&["DE", "FR", "XX"])),
        Dimension::Device => Value::text(dice.pick(&["mobile", "desktop"])),
        _ => Value::text(dice.word()),
    }
}

fn scope(dice: &mut Dice) -> Scope {
    match dice.below(6) {
        0 => Scope::advertiser(AdvertiserId::new(i64::from(dice.id(2))).unwrap()),
        1 => Scope::affiliate(AffiliateId::new(i64::from(dice.id(4))).unwrap()),
        _ => Scope::ALL,
    }
}

pub(crate) fn report_query(dice: &mut Dice) -> ReportQuery {
    let (from, to) = period(dice);
    let count = dice.below(5);
    ReportQuery {
        from,
        to,
        zone: TimeZone::get(dice.pick(&ZONES)).unwrap(),
        group_by: dimensions(dice, count, Dimension::is_available),
        metrics: Vec::new(),
        filters: filters(dice, |dimension| dimension.is_available() && !dimension.is_time()),
        basis: dice.pick(&[Basis::Click, Basis::Conversion]),
        currency: dice.pick(&[None, None, Some(Currency::EUR)]),
        sort: Vec::new(),
        limit: LIMIT_MAX,
        format: Format::Json,
        scope: scope(dice),
    }
}

pub(crate) fn click_query(dice: &mut Dice) -> ClickQuery {
    let (from, to) = period(dice);
    ClickQuery {
        from,
        to,
        filters: filters(dice, Dimension::is_of_clicks),
        format: Format::Ndjson,
        scope: scope(dice),
    }
}
