//! Orders as signs.

use hopline_money::Currency;
use hopline_types::{AffiliateId, CommissionStatus, ConversionSource, HOUR_MS};

use super::network::{Network, enter, new_affiliate};
use super::{NOW, read, write};
use crate::conversions::{self, DecisionColumns, InsertConversion};
use crate::signals::{self, OrderPeriod, OrderSignals};
use crate::{Database, Scope, StoreError, Tx, affiliates};

const QUICK_MS: i64 = 5_000;

/// An order of a customer, an hour before [`NOW`] and `at_ms`, so long after its click.
struct Order {
    goal: usize,
    affiliate: Option<AffiliateId>,
    customer: Option<&'static str>,
    at_ms: i64,
    after_click_ms: Option<i64>,
    status: CommissionStatus,
    source: ConversionSource,
}

impl Order {
    fn of(affiliate: AffiliateId, customer: &'static str, at_ms: i64, after_click_ms: i64) -> Self {
        Self {
            goal: 0,
            affiliate: Some(affiliate),
            customer: Some(customer),
            at_ms,
            after_click_ms: Some(after_click_ms),
            status: CommissionStatus::Approved,
            source: ConversionSource::Postback,
        }
    }
}

fn put(tx: &mut dyn Tx, network: &Network, orders: &[Order]) -> Result<(), StoreError> {
    for (number, order) in orders.iter().enumerate() {
        let goal = &network.offer.goals[order.goal];
        let event = format!("{}:{number}", network.offer.id);
        let converted_at = NOW.plus(order.at_ms - HOUR_MS);
        let new = InsertConversion {
            event_id: event.clone(),
            advertiser: network.advertiser.id,
            offer: network.offer.id,
            goal: goal.id,
            goal_key: goal.key.clone(),
            idempotency: format!("order:{event}"),
            source: order.source,
            requested_status: None,
            order_id: None,
            click_id: None,
            coupon: None,
            customer_id: order.customer.map(str::to_owned),
            items: None,
            adv: None,
            quantity: 1,
            amount: None,
            currency: Currency::EUR,
            order: None,
            converted_at,
            received_at: NOW,
        };
        let decision = DecisionColumns {
            concerned: order.affiliate.into_iter().collect(),
            decided_at: NOW,
            affiliate: order.affiliate,
            link: None,
            clicked_at: order.after_click_ms.map(|after| converted_at.plus(-after)),
            terms: None,
            revenue_minor: None,
            payout_minor: None,
            status: order.status,
            reason: None,
            decision: "{}".to_owned(),
        };
        let id = conversions::insert(tx, &new)?;
        conversions::record_decisions(tx, [(id, &decision)])?;
    }
    Ok(())
}

/// Quick orders and orders of known customers are counted per offer and affiliate, in the period, for those who may see
/// them (C-10, S-10).
pub async fn c_10_quick_orders_and_known_customers_are_counted(database: &dyn Database) {
    let (one, other, rival) = write(database, |tx| {
        let (one, other) = (enter(tx, "one")?, enter(tx, "other")?);
        let rival = affiliates::create(tx, &new_affiliate("rival"), "key:story", NOW)?.id;
        let own = one.affiliate.id;
        let before = -2 * HOUR_MS;
        let orders = [
            // Before the period: one that nobody was credited for.
            Order { affiliate: None, ..Order::of(own, "ann", before, 9_000) },
            Order::of(own, "ann", 0, QUICK_MS - 1),
            Order::of(own, "bob", 0, QUICK_MS),
            Order::of(own, "bob", 1, 0),
            Order { status: CommissionStatus::Rejected, ..Order::of(own, "eve", 0, 60_000) },
            // Before its click, without a click, without a customer.
            Order { customer: None, ..Order::of(own, "", 0, -1) },
            Order { after_click_ms: None, ..Order::of(own, "dan", 0, 0) },
            // No orders: another goal, which makes nobody known, and settled clicks.
            Order { goal: 1, ..Order::of(own, "fay", 0, 1) },
            Order { source: ConversionSource::Settlement, ..Order::of(own, "", 0, 1) },
            Order::of(rival, "fay", 5, 60_000),
            Order::of(rival, "ann", HOUR_MS - 1, 60_000),
            Order::of(rival, "ann", HOUR_MS, 60_000),
        ];
        put(tx, &one, &orders)?;
        // Another advertiser's customers of the same names.
        let theirs = [Order::of(other.affiliate.id, "ann", 0, 1), Order::of(own, "bob", 0, 60_000)];
        put(tx, &other, &theirs)?;
        Ok((one, other, rival))
    })
    .await;
    let row = |network: &Network, affiliate, counts: [u64; 4]| OrderSignals {
        offer: network.offer.id,
        affiliate,
        with_click: counts[0],
        quick: counts[1],
        with_customer: counts[2],
        returning: counts[3],
    };
    let of_one = [row(&one, one.affiliate.id, [4, 2, 5, 2]), row(&one, rival, [2, 0, 2, 1])];
    let of_other =
        [row(&other, one.affiliate.id, [1, 0, 1, 0]), row(&other, other.affiliate.id, [1, 1, 1, 0])];
    let all = [of_one, of_other].concat();
    let offer = one.offer.id;
    for (scope, only, expected) in [
        (Scope::All, None, all.clone()),
        (Scope::All, Some(offer), of_one.to_vec()),
        (Scope::Advertiser(one.advertiser.id), None, of_one.to_vec()),
        (Scope::Advertiser(other.advertiser.id), None, of_other.to_vec()),
        (Scope::Advertiser(other.advertiser.id), Some(offer), vec![]),
        (Scope::Affiliate(one.affiliate.id), None, vec![]),
        (Scope::Nothing, None, vec![]),
    ] {
        let period = OrderPeriod { from: NOW.plus(-HOUR_MS), to: NOW, quick_below_ms: QUICK_MS, offer: only };
        let found = read(database, move |tx| signals::orders(tx, scope, period)).await;
        assert_eq!(found, expected, "{scope:?} {only:?}");
    }
}
