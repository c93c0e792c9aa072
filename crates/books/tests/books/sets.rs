//! Many at once come to exactly the same books as one after the other.

use hopline_books::{BookError, Context, Decided, Intake, NewConversion, ToDecide};
use hopline_catalogue::data::{CapMetric, CapPeriod, CapScope, Standing};
use hopline_control_store::caps::NewCap;
use hopline_control_store::conversions::{self, InsertConversion};
use hopline_control_store::findings::{self, NewFinding};
use hopline_control_store::{ErrorKind, Lock, Row, StoreError, Tx, Value, affiliates, offers};
use hopline_money::{Currency, Decimal};
use hopline_record::RequestedStatus;
use hopline_terms::{GoalTerms, Price};
use hopline_types::{ClickFilter, ConversionId, ConversionSource, GoalKind, Reason, Verdict};
use proptest::prelude::*;

use crate::world::{DAY, NOW, Rules, World};

/// One report and the click that it names.
#[derive(Debug, Clone)]
struct Report {
    click: usize,
    /// Orders and events come again.
    order: usize,
    event: usize,
    cents: u32,
    goal: usize,
    status: usize,
    days: i64,
}

fn report() -> impl Strategy<Value = Report> {
    (0..9_usize, 0..24_usize, 0..60_usize, 1..100_000_u32, 0..4_usize, 0..6_usize, 0..40_i64).prop_map(
        |(click, order, event, cents, goal, status, days)| Report {
            click,
            order,
            event,
            cents,
            goal,
            status,
            days,
        },
    )
}

fn reported(world: &World, report: &Report) -> NewConversion {
    let at = NOW.plus(-report.days * DAY / 4);
    let click = |who, at, verdict| Some(world.click(who, at, verdict));
    let (blog, shop) = (world.blog, world.shop);
    let click = match report.click {
        0..3 => click(blog, at.plus(-DAY), Verdict::UNIQUE),
        3..5 => click(shop, at.plus(-2 * DAY), Verdict::DUPLICATE),
        5 => click(shop, at.plus(-60 * DAY), Verdict::UNIQUE),
        6 => click(blog, at.plus(-DAY), Verdict::invalid(Reason::Bot)),
        7 => Some("no-click-id".to_owned()),
        _ => None,
    };
    let order = (report.goal != 1).then(|| format!("O-{}", report.order));
    let amount = (report.goal < 2).then(|| format!("{}.{:02}", report.cents / 100, report.cents % 100));
    NewConversion {
        event_id: format!("event-{}", report.event),
        goal: Some(["sale", "lead", "install", "nothing"][report.goal].into()),
        order_id: order,
        amount,
        requested_status: [
            RequestedStatus::Unstated,
            RequestedStatus::Unstated,
            RequestedStatus::Unstated,
            RequestedStatus::Pending,
            RequestedStatus::Approved,
            RequestedStatus::Rejected,
        ][report.status],
        converted_at: at,
        received_at: at.plus(1_000),
        ..world.sale("", "", click)
    }
}

/// A sale without its amount, which the intake would refuse.
fn poison(world: &World, number: usize) -> ConversionId {
    let (advertiser, offer) = (world.advertiser, world.offer);
    let click = world.click(world.blog, NOW.plus(-DAY), Verdict::UNIQUE);
    world
        .write(move |tx| {
            let goal = offers::goals_of(tx, offer)?.remove(0);
            let insert = InsertConversion {
                event_id: format!("poison-{number}"),
                advertiser,
                offer,
                goal: goal.id,
                goal_key: goal.key,
                idempotency: format!("event:poison-{number}"),
                source: ConversionSource::Api,
                requested_status: None,
                order_id: None,
                click_id: Some(click.clone()),
                coupon: None,
                customer_id: None,
                items: None,
                adv: None,
                quantity: 1,
                amount: None,
                currency: Currency::EUR,
                order: None,
                converted_at: NOW,
                received_at: NOW,
            };
            Ok(conversions::insert(tx, &insert)?)
        })
        .unwrap()
}

/// Everything that conversions leave behind, in its order.
fn dump(world: &World) -> Vec<Vec<Row>> {
    const TABLES: [&str; 9] = [
        "SELECT * FROM conversions ORDER BY id",
        "SELECT * FROM conversion_repeats ORDER BY event_id",
        "SELECT * FROM commissions ORDER BY id",
        "SELECT * FROM ledger_transactions ORDER BY sequence",
        "SELECT * FROM ledger_entries ORDER BY sequence, position",
        "SELECT * FROM ledger_balances ORDER BY account, currency",
        "SELECT * FROM payable_items ORDER BY sequence, position",
        "SELECT * FROM cap_sums ORDER BY cap_id, affiliate_id, period_start",
        "SELECT * FROM fact_outbox ORDER BY id",
    ];
    world.write(|tx| Ok(TABLES.iter().map(|sql| tx.query(sql, &[])).collect::<Result<_, _>>()?)).unwrap()
}

fn decide_many(world: &World, ids: &[ConversionId]) -> Result<Vec<Result<Decided, BookError>>, BookError> {
    let (keys, ids) = (world.keys.clone(), ids.to_vec());
    world.write(move |tx| {
        let asked: Vec<_> =
            ids.iter().map(|id| ToDecide { conversion: *id, click: None, touches: &[] }).collect();
        hopline_books::decide_many(tx, &asked, &keys, NOW)
    })
}

fn decide(world: &World, id: ConversionId) -> Result<Decided, BookError> {
    let keys = world.keys.clone();
    world.write(move |tx| hopline_books::decide(tx, id, &Context { keys: &keys, click: None, now: NOW }))
}

type CapChoice = (usize, usize, usize, i64);

/// A world with rules, caps, a later version of the terms, a finding, perhaps an affiliate that does not take part.
fn world(rules: usize, caps: &[CapChoice], is_paused: bool) -> World {
    let rules = [Rules::PAID_AT_ONCE, Rules::HELD, Rules::JUDGED].into_iter().nth(rules).unwrap();
    let world = World::new(rules);
    let caps = caps.iter().enumerate().map(|(number, (scope, metric, period, amount))| NewCap {
        scope: [CapScope::Offer, CapScope::EachAffiliate, CapScope::Affiliate(world.shop)][*scope],
        metric: [CapMetric::Conversions, CapMetric::Revenue, CapMetric::Payout][*metric],
        period: [CapPeriod::Day, CapPeriod::Week, CapPeriod::Month, CapPeriod::Total][*period],
        zone: ["UTC", "Asia/Tokyo", "Europe/Berlin", "America/New_York"][number].into(),
        amount: if *metric == 0 { amount % 5 + 1 } else { *amount },
    });
    world.cap(&caps.collect::<Vec<_>>());
    let (offer, blog, shop) = (world.offer, world.blog, world.shop);
    world
        .write(move |tx| {
            let price = |text| Price::percent(Decimal::parse(text).unwrap());
            let terms = GoalTerms { kind: GoalKind::Pps, revenue: price("9.99"), payout: price("7.77") };
            let sale = offers::goals_of(tx, offer)?[0].id;
            offers::add_terms(tx, sale, &terms, NOW.plus(-3 * DAY), NOW)?;
            let finding = NewFinding {
                offer_id: offer,
                affiliate_id: blog,
                from: NOW.plus(-6 * DAY),
                to: NOW.plus(-5 * DAY),
                filter: ClickFilter::default(),
                reason: Reason::Bot,
                remark: "one click a minute".into(),
            };
            findings::create(tx, &finding, "user:1", NOW)?;
            if is_paused {
                let standing = Some(Standing::Paused);
                let change = affiliates::AffiliateChange { standing, ..Default::default() };
                affiliates::update(tx, hopline_control_store::Scope::All, shop, &change, "user:1", NOW)?;
            }
            Ok(())
        })
        .unwrap();
    world
}

fn taken(answer: &Intake) -> Option<ConversionId> {
    match answer {
        Intake::Taken { conversion } | Intake::Repeat { conversion, .. } => Some(*conversion),
        Intake::Refused { .. } | Intake::Kept { .. } => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    // L-02, L-04
    #[test]
    fn l_02_a_batch_gives_the_same_books_as_one_after_the_other(
        rules in 0..3_usize,
        caps in proptest::collection::vec((0..3_usize, 0..3_usize, 0..4_usize, 1..60_000_i64), 0..4),
        is_paused in any::<bool>(),
        reports in proptest::collection::vec(report(), 1..50),
        poisoned in 0..3_usize,
        sizes in proptest::collection::vec(1..25_usize, 1..6),
    ) {
        let (single, batched) = (world(rules, &caps, is_paused), world(rules, &caps, is_paused));
        let mut one_by_one = Vec::new();
        for report in &reports {
            let new = reported(&single, report);
            one_by_one.push(single.intake(new));
        }
        let new: Vec<NewConversion> = reports.iter().map(|report| reported(&batched, report)).collect();
        let keys = batched.keys.clone();
        let together = batched.write(move |tx| {
            hopline_books::intake_many(tx, &new.iter().collect::<Vec<_>>(), &keys, NOW)
        });
        let together = together.unwrap();
        prop_assert_eq!(&one_by_one, &together);
        prop_assert_eq!(dump(&single), dump(&batched));

        let mut ids: Vec<ConversionId> = together.iter().filter_map(taken).collect();
        ids.sort_unstable();
        ids.dedup();
        for number in 0..poisoned {
            poison(&single, number);
            ids.insert(number * ids.len() / 3, poison(&batched, number));
        }
        let answers: Vec<_> = ids.iter().map(|id| decide(&single, *id)).collect();
        let mut batches = Vec::new();
        let (mut rest, mut sizes) = (ids.as_slice(), sizes.iter().cycle());
        while !rest.is_empty() {
            let (batch, later) = rest.split_at(rest.len().min(*sizes.next().unwrap()));
            batches.extend(decide_many(&batched, batch).unwrap());
            rest = later;
        }
        prop_assert_eq!(&answers, &batches);
        prop_assert_eq!(answers.iter().filter(|answer| answer.is_err()).count(), poisoned);
        prop_assert_eq!(dump(&single), dump(&batched));
        single.audit();
        batched.audit();
        // All of it again changes nothing.
        let again = decide_many(&batched, &ids).unwrap();
        prop_assert!(again.iter().all(|answer| answer.as_ref().map_or(true, |decided| decided.was_decided)));
        prop_assert_eq!(dump(&single), dump(&batched));
    }
}

#[test]
fn the_statements_of_a_batch_do_not_grow_with_it() {
    let count = |many: usize| {
        let world = world(0, &[(0, 1, 0, 40_000), (1, 2, 2, 9_000)], false);
        let ids: Vec<ConversionId> = (0..many)
            .map(|number| {
                let who = if number % 2 == 0 { world.blog } else { world.shop };
                let click = world.click(who, NOW.plus(-DAY), Verdict::UNIQUE);
                world.taken(world.sale(&format!("A-{number}"), "10.00", Some(click)))
            })
            .collect();
        let keys = world.keys.clone();
        world
            .write(move |tx| {
                let asked: Vec<_> =
                    ids.iter().map(|id| ToDecide { conversion: *id, click: None, touches: &[] }).collect();
                let mut counting = Counting { tx, statements: 0 };
                let decided = hopline_books::decide_many(&mut counting, &asked, &keys, NOW)?;
                assert!(decided.iter().all(Result::is_ok));
                Ok(counting.statements)
            })
            .unwrap()
    };
    let (few, many) = (count(2), count(60));
    assert_eq!(few, many);
    assert!(many <= 34, "{many} statements");
}

/// Counts what a store that sends sets would send.
struct Counting<'a> {
    tx: &'a mut dyn Tx,
    statements: usize,
}

impl Tx for Counting<'_> {
    fn query(&mut self, sql: &'static str, values: &[Value]) -> Result<Vec<Row>, StoreError> {
        self.statements += 1;
        self.tx.query(sql, values)
    }

    fn execute(&mut self, sql: &'static str, values: &[Value]) -> Result<u64, StoreError> {
        self.statements += 1;
        self.tx.execute(sql, values)
    }

    fn query_many(&mut self, sql: &'static str, rows: &[Vec<Value>]) -> Result<Vec<Vec<Row>>, StoreError> {
        self.statements += 1;
        self.tx.query_many(sql, rows)
    }

    fn execute_many(&mut self, sql: &'static str, rows: &[Vec<Value>]) -> Result<u64, StoreError> {
        self.statements += 1;
        self.tx.execute_many(sql, rows)
    }

    fn lock(&mut self, lock: Lock) -> Result<(), StoreError> {
        self.statements += 1;
        self.tx.lock(lock)
    }
}

/// What a worker meets that another was faster than: it had read the conversion before the other wrote.
struct Late<'a> {
    tx: &'a mut dyn Tx,
    seen: bool,
}

impl Tx for Late<'_> {
    fn query(&mut self, sql: &'static str, values: &[Value]) -> Result<Vec<Row>, StoreError> {
        self.tx.query(sql, values)
    }

    fn execute(&mut self, sql: &'static str, values: &[Value]) -> Result<u64, StoreError> {
        self.tx.execute(sql, values)
    }

    fn query_many(&mut self, sql: &'static str, rows: &[Vec<Value>]) -> Result<Vec<Vec<Row>>, StoreError> {
        let answer = self.tx.query_many(sql, rows)?;
        if sql.contains("FROM conversions") && !std::mem::replace(&mut self.seen, true) {
            let other = "UPDATE conversions SET decided_at = $2, status = 'unattributed' WHERE id = $1";
            self.tx.execute(other, &[rows[0][0].clone(), NOW.into()])?;
        }
        Ok(answer)
    }
}

// L-04
#[test]
fn l_04_who_was_overtaken_books_nothing_and_asks_again() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let sell = |order: &str| {
        let click = world.click(world.blog, NOW.plus(-DAY), Verdict::UNIQUE);
        world.taken(world.sale(order, "10.00", Some(click)))
    };
    let ids = [sell("A-1"), sell("A-2")];
    let before = dump(&world);
    let keys = world.keys.clone();
    let overtaken = world.write(move |tx| {
        let asked: Vec<_> =
            ids.iter().map(|id| ToDecide { conversion: *id, click: None, touches: &[] }).collect();
        hopline_books::decide_many(&mut Late { tx, seen: false }, &asked, &keys, NOW).map(drop)
    });
    let Err(BookError::Store(conflict)) = overtaken else { panic!("{overtaken:?}") };
    assert_eq!(conflict.kind, ErrorKind::Conflict);
    assert_eq!(dump(&world), before);
    assert!(decide_many(&world, &ids).unwrap().iter().all(Result::is_ok));
    assert_eq!(world.booked(), 6);
    world.audit();
}

#[test]
fn what_waits_is_divided_by_advertiser_and_nothing_is_left_out() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let id = world.taken(world.sale("A-1", "10.00", None));
    let part = conversions::partition_of(world.advertiser);
    let waiting = |parts: Vec<u16>| {
        let found = world.write(move |tx| Ok(conversions::waiting(tx, None, 10, &parts)?)).unwrap();
        found.iter().map(|waiting| waiting.id).collect::<Vec<_>>()
    };
    assert_eq!(waiting(vec![part]), [id]);
    assert_eq!(waiting(conversions::all_partitions()), [id]);
    let others = conversions::all_partitions().into_iter().filter(|other| *other != part);
    assert_eq!(waiting(others.collect()), []);
    assert_eq!(waiting(Vec::new()), []);
    // The statement divides as the function does.
    for number in [1, 31, 32, 33, 63, 64, 1_000_003] {
        let advertiser = hopline_types::AdvertiserId::new(number).unwrap();
        let remainder = world
            .write(move |tx| {
                let sql = "SELECT CAST($1 % 32 AS BIGINT)";
                Ok(tx.one(sql, &[number.into()])?.int(0)?)
            })
            .unwrap();
        assert_eq!(i64::from(conversions::partition_of(advertiser)), remainder);
    }
}
