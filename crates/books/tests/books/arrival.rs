//! whatever the order in which things arrive, the books end the same.
//!
//! A history is what happened: clicks, orders of customers with or without a click id and a coupon, coupons that were
//! entered, refunds. It is played in the order in which it happened and in others, each in a transaction that is rolled back,
//! with looks at what is due in between, as a worker takes them, and payments of what is payable. Compared are all balances, and what each affiliate has of
//! each order.
//!
//! `HOPLINE_CASES` says how many histories; a nightly run takes 100,000.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use hopline_attribution::CouponRule;
use hopline_books::payouts::{self, NewBatch};
use hopline_books::{BookError, Intake, ToDecide, ToReconsider, decide_again, decide_many, sought_touches};
use hopline_catalogue::data::Standing;
use hopline_click_store::{Dims, StoredClick, Touch};
use hopline_clickid::{ClickClaims, KeyRing, UniqueNumber};
use hopline_control_store::approval_rules::{self, Action, ApprovalRule, Conditions};
use hopline_control_store::conversions::all_partitions;
use hopline_control_store::coupons::{self, NewCoupon};
use hopline_control_store::ledger::{self, accounts};
use hopline_control_store::offers::{self, Approval, AttributionSettings, NewTerms, Whose};
use hopline_control_store::{Scope, Tx, affiliates, commissions, reconsiderations};
use hopline_ledger::Account;
use hopline_money::Decimal;
use hopline_record::Flags;
use hopline_terms::{GoalTerms, Plan, Price};
use hopline_types::{
    AdvertiserId, AffiliateId, Class, CommissionStatus, ConversionId, GoalKind, Model, OfferId, UnixMillis,
    Verdict,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use crate::world::{DAY, NOW, Rules, World};

const HOUR: i64 = 3_600_000;
/// Histories without a wish: about two seconds.
const CASES: u32 = 16;
/// Other orders of arrival, for each history.
const ORDERS: usize = 2;

#[derive(Debug, Clone)]
struct Click {
    hour: i64,
    visitor: u64,
    affiliate: usize,
    verdict: Verdict,
}

#[derive(Debug, Clone)]
struct Order {
    hour: i64,
    customer: Option<u8>,
    click: Option<usize>,
    coupon: Option<u8>,
    cents: i64,
    /// Cents that are given back, one after the other.
    refunds: Vec<i64>,
}

#[derive(Debug, Clone)]
struct Coupon {
    code: u8,
    affiliate: usize,
    from_hour: Option<i64>,
}

#[derive(Debug, Clone)]
struct Settings {
    model: Model,
    coupon: CouponRule,
    lifetime: bool,
    cross_device: bool,
    hold_days: i64,
    pays_new_customers_more: bool,
    rule: Option<(usize, Action)>,
    /// Whether what is payable is paid after looks. What was paid is not unapproved by rules.
    pays: bool,
}

#[derive(Debug, Clone)]
struct History {
    settings: Settings,
    clicks: Vec<Click>,
    orders: Vec<Order>,
    coupons: Vec<Coupon>,
    /// For each order of arrival: a key for each event, and after which events there is a look.
    arrivals: Vec<Vec<(u32, bool)>>,
}

fn click() -> impl Strategy<Value = Click> {
    let verdict = prop_oneof![
        6 => Just(Verdict::UNIQUE),
        1 => Just(Verdict::DUPLICATE),
        1 => Just(Verdict::invalid(hopline_types::Reason::Bot)),
    ];
    (0..240_i64, 0..3_u64, 0..3_usize, verdict).prop_map(|(hour, visitor, affiliate, verdict)| Click {
        hour,
        visitor,
        affiliate,
        verdict,
    })
}

fn order() -> impl Strategy<Value = Order> {
    let parts = proptest::collection::vec(1..4_i64, 0..3);
    (
        0..240_i64,
        proptest::option::of(0..2_u8),
        proptest::option::weighted(0.7, 0..8_usize),
        proptest::option::weighted(0.4, 0..2_u8),
        100..20_000_i64,
        parts,
    )
        .prop_map(|(hour, customer, click, coupon, cents, parts)| Order {
            hour,
            customer,
            click,
            coupon,
            cents,
            // Thirds and sixths of the order: at most all of it.
            refunds: parts.iter().map(|part| cents * part / 6).filter(|cents| *cents > 0).collect(),
        })
}

fn settings() -> impl Strategy<Value = Settings> {
    let action = prop_oneof![Just(Action::Approve), Just(Action::Pending), Just(Action::Reject)];
    (
        (0..Model::ALL.len()).prop_map(|place| Model::ALL[place]),
        prop_oneof![Just(CouponRule::OverridesClick), Just(CouponRule::Fallback), Just(CouponRule::Ignored)],
        any::<bool>(),
        any::<bool>(),
        prop_oneof![Just(0_i64), Just(14)],
        any::<bool>(),
        proptest::option::weighted(0.4, (0..3_usize, action)),
        any::<bool>(),
    )
        .prop_map(|(model, coupon, lifetime, cross_device, hold_days, more, rule, pays)| Settings {
            model,
            coupon,
            lifetime,
            cross_device,
            hold_days,
            pays_new_customers_more: more,
            rule: rule.filter(|_| !pays),
            pays,
        })
}

fn history() -> impl Strategy<Value = History> {
    let coupon = (0..2_u8, 0..3_usize, proptest::option::of(0..240_i64))
        .prop_map(|(code, affiliate, from_hour)| Coupon { code, affiliate, from_hour });
    let arrival = proptest::collection::vec((any::<u32>(), any::<bool>()), 24);
    (
        settings(),
        proptest::collection::vec(click(), 0..8),
        proptest::collection::vec(order(), 1..5),
        proptest::collection::vec(coupon, 0..3),
        proptest::collection::vec(arrival, ORDERS),
    )
        .prop_map(|(settings, clicks, orders, mut coupons, arrivals)| {
            // A code is entered once.
            coupons.sort_by_key(|coupon| coupon.code);
            coupons.dedup_by_key(|coupon| coupon.code);
            History { settings, clicks, orders, coupons, arrivals }
        })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    Click(usize),
    Coupon(usize),
    Order(usize),
    Refund(usize, usize),
}

impl History {
    /// As it happened.
    fn events(&self) -> Vec<Event> {
        let mut events: Vec<(i64, usize, Event)> = Vec::new();
        events.extend((0..self.coupons.len()).map(|place| (-1, place, Event::Coupon(place))));
        events.extend(
            self.clicks.iter().enumerate().map(|(place, one)| (one.hour, place, Event::Click(place))),
        );
        for (place, order) in self.orders.iter().enumerate() {
            events.push((order.hour, 100 + place, Event::Order(place)));
            events.extend((0..order.refunds.len()).map(|n| (1_000, place, Event::Refund(place, n))));
        }
        events.sort_by_key(|(hour, place, _)| (*hour, *place));
        events.into_iter().map(|(.., event)| event).collect()
    }
}

/// Where histories are played.
#[derive(Debug, Clone)]
struct Stage {
    keys: KeyRing,
    advertiser: AdvertiserId,
    offer: OfferId,
    affiliates: [AffiliateId; 3],
}

/// What is left in the end.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Ended {
    balances: BTreeMap<String, i128>,
    /// Of each order, what each affiliate has and how much of it was taken back.
    orders: Vec<BTreeMap<AffiliateId, ([i64; 4], CommissionStatus)>>,
}

/// One way to play a history.
struct Play<'a> {
    stage: &'a Stage,
    history: &'a History,
    stored: Vec<bool>,
    ids: Vec<Option<ConversionId>>,
    refunds: Vec<(usize, usize)>,
}

/// Orders never happen in the same millisecond, clicks neither.
fn at(hour: i64, place: usize) -> UnixMillis {
    NOW.plus(-10 * DAY + hour * HOUR + i64::try_from(place).unwrap())
}

impl Play<'_> {
    fn claims(&self, place: usize) -> ClickClaims {
        let click = &self.history.clicks[place];
        ClickClaims {
            at: at(click.hour, 100 + place),
            offer: self.stage.offer,
            affiliate: self.stage.affiliates[click.affiliate],
            link: None,
            unique: UniqueNumber::new(0, 0, u64::try_from(place).unwrap() + 1).unwrap(),
            verdict: click.verdict,
        }
    }

    fn stored_click(&self, place: usize) -> Option<StoredClick> {
        let claims = self.claims(place);
        let click = StoredClick {
            unique: claims.unique,
            is_impression: false,
            at: claims.at,
            offer: Some(claims.offer),
            affiliate: Some(claims.affiliate),
            link: None,
            advertiser: Some(self.stage.advertiser),
            verdict: claims.verdict,
            visitor_key: self.history.clicks[place].visitor,
            pseudonym: 0,
            network: 0,
            flags: Flags::default(),
            status: 302,
            rule_version: 1,
            code: String::new(),
            dims: Dims::default(),
            ext: String::new(),
            email_hash: String::new(),
            language: String::new(),
            detail: String::new(),
            deep_link: String::new(),
            consent: String::new(),
            token: [0; hopline_clickid::TOKEN_BYTES],
            finding: None,
        };
        self.stored[place].then_some(click)
    }

    fn named(&self, order: usize) -> Option<usize> {
        let click = self.history.orders[order].click?;
        let named = (click < self.history.clicks.len()).then_some(click)?;
        // Nobody names a click of the future.
        (self.history.clicks[named].hour <= self.history.orders[order].hour).then_some(named)
    }

    fn known(
        &self,
        tx: &mut dyn Tx,
        id: ConversionId,
    ) -> Result<(Option<StoredClick>, Vec<Touch>), BookError> {
        let order = self.ids.iter().position(|known| *known == Some(id)).unwrap();
        let click = self.named(order).and_then(|named| self.stored_click(named));
        let mut touches = Vec::new();
        for sought in sought_touches(tx, &[(id, click.as_ref())])?.into_iter().flatten() {
            for (place, one) in self.history.clicks.iter().enumerate() {
                let claims = self.claims(place);
                let is_sought = sought.visitors.contains(&one.visitor) && claims.at >= sought.from;
                if self.stored[place]
                    && is_sought
                    && claims.at < sought.to
                    && one.verdict.class != Class::Invalid
                {
                    touches.push(Touch {
                        unique: claims.unique,
                        at: claims.at,
                        advertiser: self.stage.advertiser,
                        offer: claims.offer,
                        affiliate: claims.affiliate,
                        link: None,
                        class: claims.verdict.class,
                    });
                }
            }
        }
        touches.sort_by_key(|touch| (touch.at, touch.unique));
        Ok((click, touches))
    }

    fn arrive(&mut self, tx: &mut dyn Tx, event: Event) -> Result<(), BookError> {
        match event {
            Event::Click(place) => self.stored[place] = true,
            Event::Coupon(place) => {
                let coupon = &self.history.coupons[place];
                let new = NewCoupon {
                    advertiser_id: self.stage.advertiser,
                    code: format!("CODE{}", coupon.code),
                    affiliate_id: self.stage.affiliates[coupon.affiliate],
                    offer_id: None,
                    valid_from: coupon.from_hour.map(|hour| at(hour, 0)),
                    valid_until: None,
                };
                let made = coupons::create_many(tx, &[new], NOW)?;
                reconsiderations::ask_for_coupons(tx, &made, NOW)?;
            }
            Event::Order(place) => self.order(tx, place)?,
            Event::Refund(place, number) => self.refunds.push((place, number)),
        }
        // What is refunded before its order is known is told again until it is.
        let ready = |(place, _): &(usize, usize)| self.ids[*place].is_some();
        let (now, later): (Vec<_>, Vec<_>) = self.refunds.clone().into_iter().partition(ready);
        self.refunds = later;
        for (place, number) in now {
            let id = self.ids[place].unwrap();
            let cents = self.history.orders[place].refunds[number];
            let amount = format!("{}.{:02}", cents / 100, cents % 100);
            match hopline_books::refund(tx, id, Some(&amount), "returned", "key:shop", NOW) {
                Ok(_) => {}
                // What a rule has rejected has nothing to give back.
                Err(BookError::State { is, .. }) if is == "rejected" => {}
                Err(other) => return Err(other),
            }
        }
        Ok(())
    }

    fn order(&mut self, tx: &mut dyn Tx, place: usize) -> Result<(), BookError> {
        let order = &self.history.orders[place];
        let click_id = self
            .named(place)
            .map(|named| self.stage.keys.sign(&self.claims(named)).unwrap().as_str().to_owned());
        let happened = at(order.hour, 200 + place);
        let new = hopline_books::NewConversion {
            event_id: format!("event-{place}"),
            source: hopline_types::ConversionSource::Postback,
            requested_status: hopline_record::RequestedStatus::Unstated,
            advertiser: Some(self.stage.advertiser),
            offer: Some(self.stage.offer),
            goal: Some("sale".into()),
            click_id,
            order_id: Some(format!("A-{place}")),
            amount: Some(format!("{}.{:02}", order.cents / 100, order.cents % 100)),
            currency: Some("EUR".into()),
            coupon: order.coupon.map(|code| format!("code{code}")),
            customer_id: order.customer.map(|customer| format!("C-{customer}")),
            items: None,
            adv: Default::default(),
            converted_at: happened,
            received_at: NOW,
        };
        let Intake::Taken { conversion } = hopline_books::intake(tx, &new, &self.stage.keys, NOW)? else {
            panic!("not taken: {new:?}")
        };
        self.ids[place] = Some(conversion);
        let (click, touches) = self.known(tx, conversion)?;
        let asked = [ToDecide { conversion, click: click.as_ref(), touches: &touches }];
        decide_many(tx, &asked, &self.stage.keys, NOW)?.remove(0).map(drop)
    }

    /// Looks at what is due, once or until nothing is.
    fn look(&self, tx: &mut dyn Tx, now: UnixMillis, is_last: bool) -> Result<(), BookError> {
        for round in 0.. {
            assert!(round < 200, "it does not come to rest");
            let due = reconsiderations::due(tx, now, 20, &all_partitions())?;
            let mut ids: Vec<ConversionId> = due.iter().map(|due| due.asked.conversion).collect();
            ids.sort_unstable();
            ids.dedup();
            if ids.is_empty() {
                break;
            }
            let mut known = Vec::new();
            for id in ids {
                let (click, touches) = self.known(tx, id)?;
                known.push((id, click, touches));
            }
            let asked: Vec<_> = known
                .iter()
                .map(|(id, click, touches)| ToReconsider { conversion: *id, click: click.as_ref(), touches })
                .collect();
            for answer in decide_again(tx, &asked, &self.stage.keys, now)? {
                answer?;
            }
            if !is_last {
                break;
            }
        }
        Ok(())
    }

    /// Pays what is payable.
    fn pay(&self, tx: &mut dyn Tx, now: UnixMillis) -> Result<(), BookError> {
        let new = NewBatch { currency: "EUR".into(), method: "sepa".into(), cutoff: None, minimum: None };
        let batch = payouts::draft(tx, &new, "key:first", now)?.batch.id;
        payouts::approve(tx, batch, "key:second", true, now)?;
        payouts::settle(tx, batch, &[], "key:second", now).map(drop)
    }

    fn ended(&self, tx: &mut dyn Tx) -> Result<Ended, BookError> {
        let mut balances = BTreeMap::new();
        for balance in accounts(tx, Scope::All, None, 1_000)? {
            // What was paid and what is to be paid are one sum.
            let account = match balance.account {
                Account::CashAffiliate(affiliate) => Account::AffiliatePayable(affiliate),
                other => other,
            };
            *balances.entry(account.as_path()).or_insert(0) += balance.balance_minor();
        }
        balances.retain(|_, minor| *minor != 0);
        let mut orders = Vec::new();
        for id in self.ids.iter().flatten() {
            let mut credits = BTreeMap::new();
            for one in commissions::of_conversion(tx, *id)? {
                if one.status != CommissionStatus::Unattributed {
                    let amounts = [
                        one.revenue_minor,
                        one.payout_minor,
                        one.reversed_revenue_minor,
                        one.reversed_payout_minor,
                    ];
                    let is_paid = one.status == CommissionStatus::Paid;
                    let status = if is_paid { CommissionStatus::Payable } else { one.status };
                    credits.insert(one.affiliate, (amounts, status));
                }
            }
            orders.push(credits);
        }
        Ok(Ended { balances, orders })
    }
}

fn prepare(tx: &mut dyn Tx, stage: &Stage, settings: &Settings) -> Result<(), BookError> {
    let offer = stage.offer;
    let set = &mut |own: &mut offers::OfferSettings| {
        own.model = settings.model;
        own.hold_days = settings.hold_days;
        own.approval = Approval::Automatic;
    };
    offers::update(tx, Scope::All, offer, set, NOW)?;
    let attribution = AttributionSettings {
        coupon: settings.coupon,
        lifetime: settings.lifetime,
        cross_device: settings.cross_device,
        ..AttributionSettings::default()
    };
    offers::update_attribution(tx, Scope::All, offer, &attribution, NOW)?;
    if settings.pays_new_customers_more {
        let percent = |text: &str| Price::percent(Decimal::parse(text).unwrap());
        let plan = serde_json::json!({ "rates": [
            { "name": "new", "when": { "customer": "new" }, "payout": { "percent": "11.5" } },
        ] });
        let plan: Plan = serde_json::from_value(plan).unwrap();
        let terms = GoalTerms { kind: GoalKind::Pps, revenue: percent("12.5"), payout: percent("7.77") };
        let from = NOW.plus(-40 * DAY);
        let new = NewTerms { terms, plan, whose: Whose::All, effective_from: from, until: None };
        let goal = offers::goals_of(tx, offer)?[0].id;
        offers::add_version(tx, goal, &new, NOW)?;
    }
    if let Some((affiliate, action)) = settings.rule {
        let conditions =
            Conditions { affiliates: Some(vec![stage.affiliates[affiliate]]), ..Conditions::default() };
        let rule = ApprovalRule { name: "one".into(), action, hold_days: None, conditions };
        approval_rules::replace(tx, offer, &[rule])?;
    }
    Ok(())
}

fn play(
    tx: &mut dyn Tx,
    stage: &Stage,
    history: &History,
    events: &[Event],
    looks: &[bool],
) -> Result<Ended, BookError> {
    prepare(tx, stage, &history.settings)?;
    let mut play = Play {
        stage,
        history,
        stored: vec![false; history.clicks.len()],
        ids: vec![None; history.orders.len()],
        refunds: Vec::new(),
    };
    for (place, event) in events.iter().enumerate() {
        play.arrive(tx, *event)?;
        if looks.get(place) == Some(&true) {
            play.look(tx, NOW.plus(HOUR), false)?;
            if history.settings.pays && place % 2 == 0 {
                play.pay(tx, NOW.plus(HOUR))?;
            }
        }
    }
    let end = NOW.plus(20 * DAY);
    play.look(tx, end, true)?;
    while hopline_books::release_holds(tx, end, 100)?.commissions > 0 {}
    if let Err(unsound) = ledger::verify(tx)? {
        panic!("{unsound}");
    }
    play.ended(tx)
}

/// Plays in a transaction that leaves nothing behind.
fn played(world: &World, stage: &Stage, history: &History, events: Vec<Event>, looks: Vec<bool>) -> Ended {
    let ended = Arc::new(Mutex::new(None));
    let (out, stage, history) = (Arc::clone(&ended), stage.clone(), history.clone());
    let job = move |tx: &mut dyn Tx| -> Result<(), BookError> {
        *out.lock().unwrap() = Some(play(tx, &stage, &history, &events, &looks));
        Err(BookError::Conflict { detail: "nothing is to stay".into() })
    };
    world.write(job).unwrap_err();
    let played = ended.lock().unwrap().take().unwrap();
    played.unwrap()
}

// L-02
#[test]
fn a_10_every_order_of_arrival_ends_in_the_same_books() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let third = world.write(|tx| {
        let new = affiliates::NewAffiliate {
            name: "Third".into(),
            email: "third@example.com".into(),
            standing: Standing::Active,
            payout_method: None,
        };
        Ok(affiliates::create(tx, &new, "key:entry", NOW)?.id)
    });
    let stage = Stage {
        keys: world.keys.clone(),
        advertiser: world.advertiser,
        offer: world.offer,
        affiliates: [world.blog, world.shop, third.unwrap()],
    };
    let cases = std::env::var("HOPLINE_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(CASES);
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 400, ..Config::default() };
    let mut runner = TestRunner::new(config);
    let outcome = runner.run(&history(), |history| {
        let events = history.events();
        let expected = played(&world, &stage, &history, events.clone(), Vec::new());
        for arrival in &history.arrivals {
            let keys = arrival.iter().cycle();
            let mut mixed: Vec<(u32, bool, Event)> =
                events.iter().zip(keys).map(|(event, (key, looks))| (*key, *looks, *event)).collect();
            mixed.sort_by_key(|(key, ..)| *key);
            let looks = mixed.iter().map(|(_, looks, _)| *looks).collect();
            let order: Vec<Event> = mixed.into_iter().map(|(.., event)| event).collect();
            let told = format!("{order:?}");
            let found = played(&world, &stage, &history, order, looks);
            if found != expected {
                return Err(TestCaseError::fail(format!("{told}\nexpected {expected:#?}\nfound {found:#?}")));
            }
        }
        Ok(())
    });
    outcome.unwrap();
}
