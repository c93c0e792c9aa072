//! Caps, and what they have taken.

use hopline_catalogue::data::{CapMetric, CapPeriod, CapScope, ClosureEntry};
use hopline_types::{AffiliateId, CapId, HOUR_MS, UnixMillis};

use super::network::{Network, enter};
use super::traffic::{TODAY, cap, version};
use super::{NOW, read, refused, write};
use crate::caps::{self, Addition, CapSpan, CapSum, NewCap, TakenNow};
use crate::{Database, ErrorKind, catalogue};

const EVER: CapSpan = CapSpan { start: UnixMillis(0), end: None };

/// The caps given are those an offer has; a cap that is the same keeps its id and what it has taken.
pub async fn caps_are_replaced_and_the_same_ones_stay(database: &dyn Database) {
    let Network { offer, affiliate, .. } = write(database, |tx| enter(tx, "acme")).await;
    let (id, affiliate) = (offer.id, affiliate.id);
    let replace = |wanted: Vec<NewCap>| write(database, move |tx| caps::replace(tx, id, &wanted, NOW));
    let sales = |amount| cap(CapScope::Offer, CapMetric::Conversions, CapPeriod::Day, amount);
    let own = cap(CapScope::Affiliate(affiliate), CapMetric::Payout, CapPeriod::Month, 10_000);
    let each = cap(CapScope::EachAffiliate, CapMetric::Revenue, CapPeriod::Week, 5);
    let before = version(database).await;
    let first = replace(vec![sales(10), own.clone(), each.clone()]).await;
    assert!(
        first
            .iter()
            .zip([sales(10), own.clone(), each.clone()])
            .all(|(cap, new)| { new.is(cap) && new.amount == cap.amount })
    );
    assert_eq!(version(database).await, before + 1);
    assert_eq!(replace(vec![each.clone(), sales(10), own.clone()]).await, first, "the order does not matter");
    assert_eq!(version(database).await, before + 1);

    let (sales_cap, own_cap) = (first[0].id, first[1].id);
    write(database, move |tx| caps::add(tx, sales_cap, None, &TODAY, 7)).await;
    let second = replace(vec![sales(20), cap(CapScope::Offer, CapMetric::Clicks, CapPeriod::Total, 1)]).await;
    assert_eq!((second[0].id, second[0].amount, second.len()), (sales_cap, 20, 2));
    assert_eq!(read(database, move |tx| caps::caps_of(tx, id)).await, second);
    assert_eq!(read(database, move |tx| caps::taken(tx, sales_cap, None, NOW)).await, 7);
    let again = replace(vec![sales(20), own]).await;
    assert!(again.iter().all(|cap| cap.id != own_cap), "what was taken away does not come back");
    let twice = refused(database, move |tx| caps::replace(tx, id, &[sales(1), sales(2)], NOW));
    assert_eq!(twice.await, ErrorKind::Constraint);
    let nobodys = CapScope::Affiliate(AffiliateId::new(99).expect("an id"));
    let refusal = refused(database, move |tx| {
        caps::replace(tx, id, &[cap(nobodys, CapMetric::Clicks, CapPeriod::Day, 1)], NOW)
    });
    assert_eq!(refusal.await, ErrorKind::Reference);
}

/// A sum that reaches its cap closes the offer until its period ends; the catalogue's version rises exactly then.
pub async fn caps_that_are_reached_close_until_their_period_ends(database: &dyn Database) {
    let Network { offer, affiliate, .. } = write(database, |tx| enter(tx, "acme")).await;
    let (id, affiliate) = (offer.id, affiliate.id);
    let wanted = vec![
        cap(CapScope::Offer, CapMetric::Conversions, CapPeriod::Day, 10),
        cap(CapScope::EachAffiliate, CapMetric::Payout, CapPeriod::Total, 500),
        cap(CapScope::Offer, CapMetric::Clicks, CapPeriod::Day, 1),
    ];
    let entered = write(database, move |tx| caps::replace(tx, id, &wanted, NOW)).await;
    let (sales, payout, clicks) = (entered[0].id, entered[1].id, entered[2].id);
    let add = |cap: CapId, whose: Option<AffiliateId>, span: CapSpan, delta: i64| {
        write(database, move |tx| {
            let before = catalogue::version(tx)?;
            let sum = caps::add(tx, cap, whose, &span, delta)?;
            Ok((sum, catalogue::version(tx)? - before))
        })
    };
    let closed = |at: UnixMillis| read(database, move |tx| caps::closures(tx, at));
    let closure = |affiliate_id, until| ClosureEntry { offer_id: id, affiliate_id, until };
    assert_eq!(add(sales, None, TODAY, 9).await, (9, 0));
    assert_eq!(closed(NOW).await, []);
    assert_eq!(add(sales, None, TODAY, 1).await, (10, 1));
    assert_eq!(add(sales, None, TODAY, 1).await, (11, 0));
    let end = NOW.plus(24 * HOUR_MS);
    assert_eq!(closed(NOW).await, [closure(None, Some(end))]);
    assert_eq!(closed(end.plus(-1)).await, [closure(None, Some(end))]);
    assert_eq!(closed(end).await, []);
    assert_eq!(closed(NOW.plus(-1)).await, []);
    assert_eq!(read(database, |tx| catalogue::load(tx, NOW)).await.closures, closed(NOW).await);
    // Yesterday's sum is another one.
    let yesterday = CapSpan { start: NOW.plus(-24 * HOUR_MS), end: Some(NOW) };
    assert_eq!(add(sales, None, yesterday, 3).await, (3, 0));
    assert_eq!(add(sales, None, TODAY, -2).await, (9, 1));
    assert_eq!(closed(NOW).await, []);

    assert_eq!(add(payout, Some(affiliate), EVER, 500).await, (500, 1));
    assert_eq!(closed(NOW).await, [closure(Some(affiliate), None)]);
    assert_eq!(add(clicks, None, TODAY, 2).await.0, 2);
    assert_eq!(closed(NOW).await.len(), 1, "clicks are closed by the edges themselves");
    let known = |cap_id, affiliate_id, taken| TakenNow { cap_id, affiliate_id, taken };
    assert_eq!(
        read(database, move |tx| caps::taken_now(tx, id, NOW)).await,
        [known(sales, None, 9), known(payout, Some(affiliate), 500), known(clicks, None, 2)]
    );

    // The affiliate's own cap overrules that of each; of several closures the latest end counts.
    let own = write(database, move |tx| {
        let own = |metric, period, amount| cap(CapScope::Affiliate(affiliate), metric, period, amount);
        let wanted = [
            cap(CapScope::EachAffiliate, CapMetric::Payout, CapPeriod::Total, 500),
            own(CapMetric::Payout, CapPeriod::Total, 900),
            own(CapMetric::Conversions, CapPeriod::Day, 1),
            own(CapMetric::Revenue, CapPeriod::Week, 1),
        ];
        caps::replace(tx, id, &wanted, NOW)
    })
    .await;
    assert_eq!(closed(NOW).await, []);
    let week = CapSpan { start: NOW, end: Some(NOW.plus(7 * 24 * HOUR_MS)) };
    assert_eq!(add(own[2].id, Some(affiliate), TODAY, 1).await, (1, 1));
    assert_eq!(add(own[3].id, Some(affiliate), week, 1).await, (1, 1));
    assert_eq!(closed(NOW).await, [closure(Some(affiliate), week.end)]);
    assert_eq!(add(own[1].id, Some(affiliate), EVER, 900).await, (900, 1));
    assert_eq!(closed(NOW).await, [closure(Some(affiliate), None)]);

    let nobodys = CapId::new(99).expect("an id");
    let refusal = refused(database, move |tx| caps::add(tx, nobodys, None, &TODAY, 1)).await;
    assert_eq!(refusal, ErrorKind::Reference);
    let overflow = refused(database, move |tx| caps::add(tx, own[3].id, Some(affiliate), &week, i64::MAX));
    assert_eq!(overflow.await, ErrorKind::Constraint);
}

/// A sum that refused something closes the offer while the least that came since would not fit.
pub async fn caps_that_refuse_close_while_what_came_would_not_fit(database: &dyn Database) {
    let Network { offer, .. } = write(database, |tx| enter(tx, "acme")).await;
    let id = offer.id;
    let payout = |amount| cap(CapScope::Offer, CapMetric::Payout, CapPeriod::Day, amount);
    let replace = |amount| write(database, move |tx| caps::replace(tx, id, &[payout(amount)], NOW));
    let sum = replace(100).await[0].id;
    let change = |delta: i64, is_refused: bool| {
        write(database, move |tx| {
            let before = catalogue::version(tx)?;
            let wanted = [Addition { cap: sum, affiliate: None, span: TODAY, delta }];
            if is_refused {
                caps::refuse_many(tx, &wanted)?
            } else {
                drop(caps::add_many(tx, &wanted)?)
            }
            Ok((caps::closures(tx, NOW)?.len(), catalogue::version(tx)? - before))
        })
    };
    // More than it may ever take, with nothing taken yet.
    assert_eq!(change(101, true).await, (1, 1));
    assert_eq!(change(150, true).await, (1, 0));
    assert_eq!(change(30, true).await, (0, 1), "what came since fits");
    assert_eq!(change(70, false).await, (0, 0));
    assert_eq!(change(1, false).await, (1, 1));
    assert_eq!(change(29, true).await, (0, 1));
    assert_eq!(change(10, false).await, (1, 1));
    assert_eq!(change(-10, false).await, (0, 1));
    assert_eq!(change(29, false).await, (1, 1));
    let kept = read(database, move |tx| caps::sums_many(tx, &[(sum, None, NOW)])).await;
    assert_eq!(kept, [CapSum { taken: 100, wanted: Some(29) }]);
    let closed = || read(database, |tx| caps::closures(tx, NOW));
    replace(128).await;
    assert_eq!(closed().await.len(), 1);
    replace(129).await;
    assert_eq!(closed().await, []);
    let refusal = refused(database, |tx| {
        let nobodys = CapId::new(99).expect("an id");
        caps::refuse_many(tx, &[Addition { cap: nobodys, affiliate: None, span: TODAY, delta: 1 }])
    });
    assert_eq!(refusal.await, ErrorKind::Reference);
}
