//! Made-up clicks and facts.

use hopline_clickid::UniqueNumber;
use hopline_money::Currency;
use hopline_record::{Click, Device};
use hopline_types::{
    AdvertiserId, AffiliateId, CommissionStatus, ConversionId, GoalId, GoalKind, HOUR_MS, LinkId, MINUTE_MS,
    OfferId, Reason, UnixMillis, Verdict,
};

use crate::{ClickBatch, Deltas, Dims, Fact, StoredClick, StreamId};

/// 2026-03-28T00:00:00Z: clocks in Europe change on the day after.
pub(super) const START: UnixMillis = UnixMillis(1_774_656_000_000);

pub(super) const STREAM: StreamId = StreamId { edge: 1, stream: 0 };

pub(super) fn offer(id: i64) -> OfferId {
    OfferId::new(id).expect("an id")
}

pub(super) fn affiliate(id: i64) -> AffiliateId {
    AffiliateId::new(id).expect("an id")
}

pub(super) fn advertiser(id: i64) -> AdvertiserId {
    AdvertiserId::new(id).expect("an id")
}

/// A click id's bytes, unsigned: stores do not look at the signature.
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

/// What a test says about a click; the rest is made up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Say {
    pub(super) stream: StreamId,
    pub(super) record: u64,
    pub(super) at: UnixMillis,
    pub(super) offer: u32,
    pub(super) affiliate: u32,
    pub(super) visitor: u64,
    pub(super) verdict: Verdict,
    pub(super) is_impression: bool,
}

impl Say {
    pub(super) fn new(record: u64, at: UnixMillis) -> Self {
        Self {
            stream: STREAM,
            record,
            at,
            offer: 1,
            affiliate: 1,
            visitor: record,
            verdict: Verdict::UNIQUE,
            is_impression: false,
        }
    }

    pub(super) fn click(self) -> StoredClick {
        self.with(|_| {})
    }

    pub(super) fn with(self, change: impl FnOnce(&mut Click)) -> StoredClick {
        let unique =
            UniqueNumber::new(self.stream.edge, self.stream.stream, self.record).expect("a small record id");
        let mut click = Click {
            token: token(unique, self.at, [self.offer, self.affiliate, self.affiliate * 10], self.verdict),
            // Offers 1 and 3 are the first advertiser's, offer 2 the second's.
            advertiser: if self.offer % 2 == 1 { 1 } else { 2 },
            visitor_key: self.visitor,
            status: 302,
            country: *b"DE",
            device: Device::Mobile,
            rule_version: 3,
            code: format!("code{}", self.affiliate),
            ..Click::default()
        };
        change(&mut click);
        StoredClick::from_record(click, self.is_impression).expect("a verdict that exists")
    }
}

/// One batch that holds these clicks and covers exactly their records.
pub(super) fn batch(clicks: Vec<StoredClick>) -> ClickBatch {
    let first = clicks.first().map_or(1, |click| click.unique.record());
    let last = clicks.last().map_or(1, |click| click.unique.record());
    covering(first, last, clicks)
}

pub(super) fn covering(first: u64, last: u64, clicks: Vec<StoredClick>) -> ClickBatch {
    let stream = clicks
        .first()
        .map_or(STREAM, |click| StreamId { edge: click.unique.edge(), stream: click.unique.stream() });
    ClickBatch::of_clicks(stream, first, last, &clicks)
}

/// A small generator (splitmix64), so that stores see the same rows on every run.
#[derive(Debug)]
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }

    fn id(&mut self, count: u64) -> u32 {
        u32::try_from(self.below(count) + 1).expect("a small id")
    }

    fn time(&mut self, hours: i64) -> UnixMillis {
        let minutes = u64::try_from(hours * 60).expect("hours from now on");
        let minute = i64::try_from(self.below(minutes)).expect("a few days");
        START.plus(minute * MINUTE_MS + 123)
    }

    fn pick<'a>(&mut self, words: &[&'a str]) -> &'a str {
        let at = usize::try_from(self.below(u64::try_from(words.len()).expect("few"))).expect("few");
        words.get(at).copied().unwrap_or_default()
    }
}

/// Clicks of three days in two streams, in batches.
pub(super) fn many_batches() -> Vec<ClickBatch> {
    let mut dice = Dice(1);
    let mut batches = Vec::new();
    for stream in [STREAM, StreamId { edge: 40_000, stream: 3 }] {
        for round in 0..6_u64 {
            let clicks = (1..=60_u64).map(|place| {
                let verdict = match dice.below(8) {
                    0 => Verdict::DUPLICATE,
                    1 => Verdict::invalid(Reason::Bot),
                    2 => Verdict::invalid(Reason::Geo),
                    _ => Verdict::UNIQUE,
                };
                let say = Say {
                    stream,
                    record: round * 60 + place,
                    at: dice.time(72),
                    offer: dice.id(3),
                    affiliate: dice.id(4),
                    visitor: dice.below(40),
                    verdict,
                    is_impression: dice.below(6) == 0,
                };
                let words = [dice.pick(&["", "a", "b", "ü'--"]), dice.pick(&["", "x", "y"])];
                let country = if dice.below(2) == 0 { *b"FR" } else { [0; 2] };
                let browser = dice.pick(&["Firefox", "Chrome", ""]);
                say.with(|click| {
                    let [sub1, sub2, ..] = &mut click.subs;
                    words[0].clone_into(sub1);
                    words[1].clone_into(sub2);
                    click.country = country;
                    browser.clone_into(&mut click.browser);
                })
            });
            batches.push(batch(clicks.collect()));
        }
    }
    batches
}

/// A sale at a time.
pub(super) fn fact(id: &str, at: UnixMillis) -> Fact {
    Fact {
        fact_id: id.to_owned(),
        conversion: ConversionId::new(1).expect("an id"),
        booked_at: at,
        converted_at: at,
        clicked_at: Some(at.plus(-HOUR_MS)),
        advertiser: advertiser(1),
        offer: offer(1),
        goal: GoalId::new(1).expect("an id"),
        goal_key: "sale".into(),
        goal_kind: GoalKind::Pps,
        affiliate: Some(affiliate(1)),
        link: Some(LinkId::new(10).expect("an id")),
        dims: Dims::default(),
        coupon: String::new(),
        status: CommissionStatus::Pending,
        currency: Currency::EUR,
        deltas: Deltas {
            conversions: 1,
            sales: 1,
            revenue_minor: 599,
            payout_minor: 499,
            gross_sales_minor: 4_990,
            ..Deltas::default()
        },
    }
}

/// Facts of three days: sales, leads, refunds, with and without affiliate and click, in two currencies.
pub(super) fn many_facts() -> Vec<Fact> {
    let mut dice = Dice(2);
    (0..200)
        .map(|number| {
            let at = dice.time(72);
            let mut fact = fact(&format!("t{number}"), at);
            fact.conversion = ConversionId::new(i64::from(dice.id(90))).expect("an id");
            fact.clicked_at = (dice.below(5) > 0).then(|| dice.time(72));
            fact.offer = offer(i64::from(dice.id(3)));
            fact.advertiser = advertiser(if fact.offer.get() % 2 == 1 { 1 } else { 2 });
            fact.currency = if fact.offer.get() == 2 { Currency::JPY } else { Currency::EUR };
            fact.affiliate = (dice.below(6) > 0).then(|| affiliate(i64::from(dice.id(4))));
            fact.goal = GoalId::new(i64::from(dice.id(2))).expect("an id");
            dice.pick(&["", "a", "b"]).clone_into(&mut fact.dims.subs[0]);
            dice.pick(&["", "FR"]).clone_into(&mut fact.dims.country);
            dice.pick(&["", "SPRING"]).clone_into(&mut fact.coupon);
            if dice.below(4) == 0 {
                fact.status = CommissionStatus::Reversed;
                fact.deltas = Deltas {
                    reversed: 1,
                    revenue_minor: -300,
                    payout_minor: -250,
                    refunds_minor: 2_000,
                    ..Deltas::default()
                };
            }
            fact
        })
        .collect()
}
