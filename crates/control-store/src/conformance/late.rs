//! What is decided again.

use hopline_money::Currency;
use hopline_types::{CommissionStatus, ConversionId, ConversionSource};

use super::network::{Network, enter};
use super::{NOW, read, write};
use crate::conversions::{self, DecisionColumns, InsertConversion, Redecision};
use crate::coupons::{self, NewCoupon};
use crate::reconsiderations::{self, Asked, Why};
use crate::{Database, Scope, StoreError, Tx};

const DAY: i64 = 86_400_000;

/// An order with a code, a few days after [`NOW`], that nobody is credited for.
fn decided(
    tx: &mut dyn Tx,
    network: &Network,
    code: &str,
    days: i64,
) -> Result<(ConversionId, DecisionColumns), StoreError> {
    let goal = &network.offer.goals[0];
    let new = InsertConversion {
        event_id: format!("{code}:{days}"),
        advertiser: network.advertiser.id,
        offer: network.offer.id,
        goal: goal.id,
        goal_key: goal.key.clone(),
        idempotency: format!("order:{code}:{days}"),
        source: ConversionSource::Api,
        requested_status: None,
        order_id: None,
        click_id: None,
        coupon: Some(code.to_owned()),
        customer_id: None,
        items: None,
        adv: None,
        quantity: 1,
        amount: Some(1_000),
        currency: Currency::EUR,
        order: None,
        converted_at: NOW.plus(days * DAY),
        received_at: NOW,
    };
    let id = conversions::insert(tx, &new)?;
    let columns = DecisionColumns {
        decided_at: NOW,
        affiliate: None,
        link: None,
        clicked_at: None,
        terms: None,
        revenue_minor: Some(0),
        payout_minor: Some(0),
        status: CommissionStatus::Unattributed,
        reason: Some("no_click".to_owned()),
        decision: "{}".to_owned(),
        concerned: Vec::new(),
    };
    conversions::record_decisions(tx, [(id, &columns)])?;
    Ok((id, columns))
}

/// Each conversion once for each reason; what is asked for while it is looked at stays.
pub async fn what_is_to_be_decided_again_is_asked_for_once_and_not_lost(database: &dyn Database) {
    let network = write(database, |tx| enter(tx, "Acme")).await;
    let advertiser = network.advertiser.id;
    let id = |number| ConversionId::new(number).expect("an id");
    let asked = |number, why, days: i64| Asked {
        conversion: id(number),
        advertiser,
        why,
        due_at: NOW.plus(days * DAY),
        asked_at: NOW,
        look: 1,
    };
    let all = [asked(1, Why::Clicks, 2), asked(1, Why::Coupon, 0), asked(2, Why::Customer, 0)];
    let pending = |days: i64| {
        read(database, move |tx| reconsiderations::of_conversions(tx, &[id(1), id(2)], NOW.plus(days * DAY)))
    };
    write(database, move |tx| reconsiderations::ask(tx, &all)).await;
    let seen = pending(0).await;
    let why: Vec<Vec<Why>> = seen.iter().map(|own| own.iter().map(|one| one.why).collect()).collect();
    assert_eq!(why, [vec![Why::Coupon], vec![Why::Customer]]);
    assert_eq!(pending(2).await[0].len(), 2);
    // Asked for again in between.
    let again = asked(2, Why::Customer, 0);
    write(database, move |tx| reconsiderations::ask(tx, &[again])).await;
    let seen: Vec<_> = seen.iter().zip([id(1), id(2)]).map(|(own, id)| (id, own[0])).collect();
    write(database, move |tx| reconsiderations::done(tx, &seen)).await;
    let left = pending(0).await;
    assert_eq!(left.iter().map(Vec::len).collect::<Vec<_>>(), [0, 1]);
}

/// Whatever the case of the code; not what happened after its end.
pub async fn a_coupon_asks_for_the_decided_orders_that_name_it_while_it_holds(database: &dyn Database) {
    let (orders, due) = write(database, |tx| {
        let network = enter(tx, "Acme")?;
        let mut orders = Vec::new();
        for (code, days) in [("SUMMER10", 2), (" Summer10", 0), ("SUMMER10", 5), ("other", 0)] {
            orders.push(decided(tx, &network, code, days)?.0);
        }
        let coupon = NewCoupon {
            advertiser_id: network.advertiser.id,
            code: "summer10".to_owned(),
            affiliate_id: network.affiliate.id,
            offer_id: Some(network.offer.id),
            valid_from: None,
            valid_until: Some(NOW.plus(5 * DAY)),
        };
        let made = coupons::create_many(tx, &[coupon], NOW)?;
        reconsiderations::ask_for_coupons(tx, &made, NOW)?;
        let all = conversions::all_partitions();
        assert_eq!(reconsiderations::due(tx, NOW.plus(-1), 10, &all)?, []);
        let part = conversions::partition_of(network.advertiser.id);
        let others: Vec<u16> = all.iter().copied().filter(|own| *own != part).collect();
        assert_eq!(reconsiderations::due(tx, NOW, 10, &others)?, []);
        let due = reconsiderations::due(tx, NOW, 10, &all)?;
        Ok((orders, due.into_iter().map(|due| due.asked.conversion).collect::<Vec<_>>()))
    })
    .await;
    // The earlier order first.
    assert_eq!(due, [orders[1], orders[0]]);
}

/// The earlier decision stays as it was, and whoever is concerned in the later one sees the conversion (S-10).
pub async fn a_decision_takes_the_place_of_another_one_which_is_kept(database: &dyn Database) {
    let (network, id, before) = write(database, |tx| {
        let network = enter(tx, "Acme")?;
        let (id, columns) = decided(tx, &network, "SUMMER10", 0)?;
        let columns = DecisionColumns {
            affiliate: Some(network.affiliate.id),
            status: CommissionStatus::Approved,
            reason: None,
            decision: "{\"number\":2}".to_owned(),
            concerned: vec![network.affiliate.id],
            ..columns
        };
        let own = Scope::Affiliate(network.affiliate.id);
        assert_eq!(conversions::get(tx, own, id)?, None);
        let again = Redecision {
            conversion: id,
            number: 1,
            decided_at: NOW,
            reasoning: "{}",
            why: "late",
            at: NOW.plus(DAY),
            now: &columns,
        };
        conversions::record_redecision(tx, &again)?;
        Ok((network, id, conversions::find(tx, id)?))
    })
    .await;
    let own = Scope::Affiliate(network.affiliate.id);
    let seen = read(database, move |tx| conversions::get(tx, own, id)).await;
    assert_eq!(seen, before);
    let seen = seen.expect("it is seen");
    assert_eq!((seen.status, seen.decided_at), (Some(CommissionStatus::Approved), Some(NOW)));
    let earlier = read(database, move |tx| conversions::earlier_decisions(tx, id)).await;
    assert_eq!(earlier.len(), 1);
    assert_eq!((earlier[0].number, earlier[0].replaced_at), (1, NOW.plus(DAY)));
    for sql in ["UPDATE decision_versions SET why = 'mine'", "DELETE FROM decision_versions"] {
        super::refused(database, move |tx| tx.execute(sql, &[])).await;
    }
}
