//! Rates of exchange, rules of approval, qualification, judgements.

use hopline_money::{Currency, Decimal};
use hopline_types::{ConversionId, ConversionSource, GoalKind, UnixMillis};

use super::network::{Network, enter};
use super::{NOW, read, refused, write};
use crate::approval_rules::{self, Action, ApprovalRule, Conditions};
use crate::conversions::{self, InsertConversion};
use crate::judgements::{self, Judged, Judgement};
use crate::qualifications::{self, AtDeadline, Match, News, Qualification, Qualifier, WaitingLead};
use crate::rates::{self, Entered, Exchange, Policy, Rate, RateFilter, Wanted};
use crate::{Database, ErrorKind, Scope, StoreError, Tx};

const DAY: i64 = 86_400_000;

fn currency(code: &str) -> Currency {
    Currency::new(code).expect("a currency")
}

fn rate(from: &str, to: &str, rate: &str, at: UnixMillis) -> Rate {
    let rate = Decimal::parse(rate).expect("a decimal");
    Rate { from: currency(from), to: currency(to), rate, source: "bank".to_owned(), at }
}

fn conversion(
    tx: &mut dyn Tx,
    network: &Network,
    event: &str,
    kind: GoalKind,
) -> Result<ConversionId, StoreError> {
    let goal = network.offer.goals.iter().find(|goal| goal.kind == kind).expect("the offer has all kinds");
    let new = InsertConversion {
        event_id: event.to_owned(),
        advertiser: network.advertiser.id,
        offer: network.offer.id,
        goal: goal.id,
        goal_key: goal.key.clone(),
        idempotency: event.to_owned(),
        source: ConversionSource::Api,
        requested_status: None,
        order_id: Some(event.to_owned()),
        click_id: None,
        coupon: None,
        customer_id: None,
        items: None,
        adv: None,
        quantity: 1,
        amount: None,
        currency: network.offer.currency,
        order: Some(hopline_money::Amount::new(10_000, currency("USD"))),
        converted_at: NOW,
        received_at: NOW,
    };
    conversions::insert(tx, &new)
}

/// Entered once, found by pair and time, never changed (L-20).
pub async fn l_20_rates_are_entered_once_and_the_newest_of_its_time_is_found(database: &dyn Database) {
    let entered = |rates: Vec<Rate>| write(database, move |tx| rates::enter(tx, &rates, "key:finance", NOW));
    let first = vec![
        rate("USD", "EUR", "0.80", NOW.plus(-9 * DAY)),
        rate("USD", "EUR", "0.9", NOW.plus(-2 * DAY)),
        rate("USD", "EUR", "0.90", NOW.plus(-2 * DAY)),
        rate("USD", "EUR", "0.99", NOW.plus(1)),
        rate("EUR", "USD", "1.1", NOW),
    ];
    let [new, known] = [Entered::New, Entered::Known];
    assert_eq!(entered(first.clone()).await, [new.clone(), new.clone(), known.clone(), new.clone(), new]);
    assert_eq!(entered(first).await, [const { Entered::Known }; 5]);
    let other = entered(vec![rate("USD", "EUR", "0.91", NOW.plus(-2 * DAY))]).await;
    assert_eq!(other, [Entered::Different { is: Decimal::parse("0.9").expect("a decimal") }]);
    let wanted = |from: &str, to: &str, at: UnixMillis| Wanted {
        from: currency(from),
        to: currency(to),
        at,
        oldest: at.plus(-7 * DAY),
    };
    let asked = [
        wanted("USD", "EUR", NOW),
        wanted("USD", "EUR", NOW.plus(1)),
        wanted("USD", "EUR", NOW.plus(-3 * DAY)),
        wanted("USD", "EUR", NOW.plus(-8 * DAY)),
        wanted("GBP", "EUR", NOW),
        wanted("EUR", "USD", NOW),
    ];
    let found = read(database, move |tx| rates::newest(tx, &asked)).await;
    let found: Vec<_> = found.iter().map(|rate| rate.as_ref().map(|rate| rate.rate.to_string())).collect();
    let expected = [Some("0.9"), Some("0.99"), Some("0.8"), Some("0.8"), None, Some("1.1")];
    assert_eq!(found, expected.map(|rate| rate.map(str::to_owned)));
    let mut corrected = rate("USD", "EUR", "0.92", NOW.plus(-2 * DAY));
    corrected.source = "bank, corrected".to_owned();
    entered(vec![corrected]).await;
    let found = read(database, move |tx| rates::newest(tx, &[wanted("USD", "EUR", NOW)])).await;
    assert_eq!(found[0].as_ref().map(|rate| rate.rate.to_string()).as_deref(), Some("0.92"));

    let filter = RateFilter { from: Some(currency("USD")), ..RateFilter::default() };
    let listed = read(database, move |tx| rates::list(tx, &filter, 2)).await;
    let shown: Vec<_> = listed.iter().map(|stored| stored.rate.rate.to_string()).collect();
    assert_eq!(shown, ["0.92", "0.99"], "newest entry first");
    for change in ["UPDATE exchange_rates SET rate = '1'", "DELETE FROM exchange_rates"] {
        assert_eq!(
            refused(database, move |tx| tx.execute(change, &[])).await,
            ErrorKind::Constraint,
            "{change}"
        );
    }
    let standard = Policy { pivot: currency("EUR"), days_max: 7 };
    assert_eq!(read(database, rates::policy).await, standard);
    let other = Policy { pivot: currency("USD"), days_max: 3 };
    write(database, move |tx| rates::set_policy(tx, other)).await;
    assert_eq!(read(database, rates::policy).await, other);
    let never = refused(database, move |tx| rates::set_policy(tx, Policy { days_max: 0, ..other })).await;
    assert_eq!(never, ErrorKind::Constraint);
}

/// Held until a rate comes; its amount and rate are then kept with it.
pub async fn a_conversion_is_held_for_want_of_a_rate_and_offered_again(database: &dyn Database) {
    let (network, id) = write(database, |tx| {
        let network = enter(tx, "acme")?;
        let id = conversion(tx, &network, "A-1", GoalKind::Pps)?;
        Ok((network, id))
    })
    .await;
    let waiting =
        || read(database, |tx| Ok(conversions::waiting(tx, None, 9, &conversions::all_partitions())?.len()));
    assert_eq!(waiting().await, 1);
    let (usd, own) = (currency("USD"), network.offer.currency);
    for now in [NOW, NOW.plus(5)] {
        write(database, move |tx| rates::hold(tx, &[(id, usd, own)], now)).await;
    }
    assert_eq!(waiting().await, 0);
    assert_eq!(read(database, move |tx| rates::is_held(tx, id)).await, Some(NOW));
    let pairs = read(database, rates::held_pairs).await;
    assert_eq!((pairs.len(), pairs[0].from, pairs[0].to, pairs[0].conversions), (1, usd, own, 1));
    assert_eq!((pairs[0].oldest, pairs[0].newest), (NOW, NOW));
    write(database, rates::lock).await;
    assert_eq!(write(database, rates::release_held).await, 1);
    assert_eq!((waiting().await, read(database, rates::held_pairs).await.len()), (1, 0));
    let exchange = Exchange {
        rate: rate("USD", own.code(), "0.92345", NOW),
        steps: vec![rate(own.code(), "USD", "1.0829", NOW)],
    };
    let kept = exchange.clone();
    write(database, move |tx| rates::record_exchanges(tx, [(id, 9_234, &kept)])).await;
    let found = read(database, move |tx| conversions::find(tx, id)).await.expect("it is there");
    assert_eq!(found.amount.map(|amount| amount.minor), Some(9_234));
    assert_eq!(found.ordered().map(|order| (order.minor, order.currency)), Some((10_000, usd)));
    assert_eq!(found.exchange, Some(exchange));
}

/// Replaced as a whole, in order, seen by the offer's advertiser and operators (S-10).
pub async fn s_10_approval_rules_are_replaced_and_seen_by_their_advertiser(database: &dyn Database) {
    let (one, other) = write(database, |tx| Ok((enter(tx, "one")?, enter(tx, "other")?))).await;
    let affiliate = one.affiliate.id;
    let rules = vec![
        ApprovalRule {
            name: "small".to_owned(),
            action: Action::Approve,
            hold_days: Some(3),
            conditions: Conditions {
                amount_below: Some(5_000),
                affiliates: Some(vec![affiliate]),
                ..Conditions::default()
            },
        },
        ApprovalRule {
            name: "rest".to_owned(),
            action: Action::Pending,
            hold_days: None,
            conditions: Conditions::default(),
        },
    ];
    let offer = one.offer.id;
    for wanted in [rules[1..].to_vec(), rules.clone()] {
        write(database, move |tx| approval_rules::replace(tx, offer, &wanted)).await;
    }
    for (scope, seen) in [
        (Scope::All, 2),
        (Scope::Advertiser(one.advertiser.id), 2),
        (Scope::Advertiser(other.advertiser.id), 0),
        (Scope::Affiliate(affiliate), 0),
        (Scope::Nothing, 0),
    ] {
        let found = read(database, move |tx| approval_rules::of_offer(tx, scope, offer)).await;
        assert_eq!(found, rules[..seen], "{scope:?}");
    }
    let offers = [offer, other.offer.id];
    let found = read(database, move |tx| approval_rules::of_offers(tx, offers)).await;
    assert_eq!((found.len(), &found[&offer]), (1, &rules));
    let entered = read(database, move |tx| approval_rules::entered_at(tx, [affiliate])).await;
    assert_eq!(entered[&affiliate], one.affiliate.created_at);
    let nobodys = hopline_types::OfferId::new(99).expect("an id");
    let kind = refused(database, move |tx| approval_rules::replace(tx, nobodys, &rules)).await;
    assert_eq!(kind, ErrorKind::Reference);
}

/// A waiting lead meets what qualifies it, by customer or by order, in either order of arrival.
pub async fn leads_meet_what_qualifies_them(database: &dyn Database) {
    let network = write(database, |tx| enter(tx, "acme")).await;
    let goal =
        |kind: GoalKind| network.offer.goals.iter().find(|goal| goal.kind == kind).expect("all kinds").id;
    let (lead, sale) = (goal(GoalKind::Ppl), goal(GoalKind::Pps));
    let needed = Qualification {
        goal: lead,
        by_goal: Some(sale),
        within_days: Some(30),
        at_deadline: AtDeadline::Reject,
    };
    write(database, move |tx| qualifications::set(tx, &needed)).await;
    let scope = Scope::Advertiser(network.advertiser.id);
    assert_eq!(read(database, move |tx| qualifications::get(tx, scope, lead)).await, Some(needed));
    let affiliate = Scope::Affiliate(network.affiliate.id);
    assert_eq!(read(database, move |tx| qualifications::get(tx, affiliate, lead)).await, None);
    let of = read(database, move |tx| qualifications::of_goals(tx, [lead])).await;
    assert_eq!((of.needed.get(&lead), of.qualifying.len()), (Some(&needed), 0));
    let of = read(database, move |tx| qualifications::of_goals(tx, [sale])).await;
    assert!(of.needed.is_empty() && of.qualifying.contains(&sale));

    let own = network.clone();
    let ids = write(database, move |tx| {
        let mut ids = Vec::new();
        for (event, kind) in
            [("L-1", GoalKind::Ppl), ("L-2", GoalKind::Ppl), ("A-1", GoalKind::Pps), ("A-2", GoalKind::Pps)]
        {
            ids.push(conversion(tx, &own, event, kind)?);
        }
        Ok(ids)
    })
    .await;
    let waiting = |conversion: ConversionId, customer: Option<&str>, order: Option<&str>| WaitingLead {
        conversion,
        goal: lead,
        customer: customer.map(str::to_owned),
        order: order.map(str::to_owned),
        converted_at: NOW,
        deadline_at: Some(NOW.plus(30 * DAY)),
    };
    let qualifier =
        |conversion: ConversionId, customer: Option<&str>, order: Option<&str>, at: UnixMillis| Qualifier {
            conversion,
            goal: sale,
            customer: customer.map(str::to_owned),
            order: order.map(str::to_owned),
            converted_at: at,
        };
    let first = [waiting(ids[0], Some("C-1"), None), waiting(ids[1], None, Some("O-1"))];
    write(database, move |tx| qualifications::note_waiting(tx, &first)).await;
    let later = [
        qualifier(ids[2], Some("C-1"), Some("O-1"), NOW.plus(9)),
        qualifier(ids[3], Some("C-1"), None, NOW.plus(5)),
    ];
    write(database, move |tx| qualifications::note_qualifiers(tx, &later)).await;
    let news = read(database, |tx| qualifications::news(tx, 9)).await;
    assert_eq!((news.leads.len(), news.qualifiers.len()), (2, 2));
    let expected = [Match { lead: ids[0], qualifier: ids[3] }, Match { lead: ids[1], qualifier: ids[2] }];
    let (by_leads, by_qualifiers) =
        (News { qualifiers: Vec::new(), ..news.clone() }, News { leads: Vec::new(), ..news.clone() });
    for asked in [by_leads, by_qualifiers, news.clone()] {
        let found = read(database, move |tx| qualifications::matches(tx, &asked)).await;
        assert_eq!(found, expected);
    }
    let seen = news.clone();
    write(database, move |tx| qualifications::looked(tx, &seen)).await;
    assert_eq!(read(database, |tx| qualifications::news(tx, 9)).await, News::default());
    let overdue = |now: UnixMillis| read(database, move |tx| Ok(qualifications::overdue(tx, now, 9)?.len()));
    assert_eq!((overdue(NOW.plus(30 * DAY - 1)).await, overdue(NOW.plus(30 * DAY)).await), (0, 2));
    let (one, other) = (ids[0], ids[1]);
    write(database, move |tx| qualifications::forget(tx, &[one])).await;
    assert_eq!(read(database, move |tx| qualifications::waits_until(tx, one)).await, None);
    let until = read(database, move |tx| qualifications::waits_until(tx, other)).await;
    assert_eq!(until, Some(Some(NOW.plus(30 * DAY))));
    assert!(write(database, move |tx| qualifications::remove(tx, lead)).await);
    assert!(!write(database, move |tx| qualifications::remove(tx, lead)).await);
}

/// What was judged is kept in order.
pub async fn judgements_are_kept_in_order(database: &dyn Database) {
    let id = write(database, |tx| {
        let network = enter(tx, "acme")?;
        conversion(tx, &network, "A-1", GoalKind::Pps)
    })
    .await;
    let kept = write(database, move |tx| {
        for (number, what) in (0..).zip(Judged::ALL) {
            let reason = (number > 0).then(|| format!("because {number}"));
            let actor = "user:1".to_owned();
            judgements::insert(
                tx,
                &Judgement { id: 0, conversion: id, what, reason, actor, at: NOW.plus(number) },
            )?;
        }
        judgements::of_conversion(tx, id)
    })
    .await;
    assert_eq!(kept.iter().map(|judgement| judgement.what).collect::<Vec<_>>(), Judged::ALL);
    assert_eq!((kept[0].reason.as_deref(), kept[1].reason.as_deref()), (None, Some("because 1")));
    assert_eq!((kept[3].actor.as_str(), kept[3].at), ("user:1", NOW.plus(3)));
}
