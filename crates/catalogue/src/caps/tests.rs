use hopline_types::OfferId;

use super::*;
use crate::Catalogue;
use crate::catalogue::tests::sample;
use crate::check_caps;
use crate::data::AffiliateEntry;

pub(crate) fn entry(id: i64, scope: CapScope, metric: CapMetric, period: CapPeriod, amount: i64) -> CapEntry {
    CapEntry { id: CapId::new(id).unwrap(), scope, metric, period, zone: "UTC".into(), amount }
}

/// The sample catalogue, offer 7 having these caps with ids from 1, and affiliates 9 and 10.
pub(crate) fn offer_with(caps: &[(CapScope, CapMetric, CapPeriod, i64)]) -> Catalogue {
    let mut data = sample();
    data.affiliates.push(AffiliateEntry { id: AffiliateId::new(10).unwrap(), ..data.affiliates[0].clone() });
    data.offers[0].rules.caps = (1..)
        .zip(caps)
        .map(|(id, (scope, metric, period, amount))| entry(id, *scope, *metric, *period, *amount))
        .collect();
    Catalogue::compile(data).unwrap()
}

#[test]
fn caps_on_clicks_come_first_and_alone() {
    let catalogue = offer_with(&[
        (CapScope::Offer, CapMetric::Payout, CapPeriod::Month, 1),
        (CapScope::Offer, CapMetric::Clicks, CapPeriod::Day, 2),
        (CapScope::Offer, CapMetric::Conversions, CapPeriod::Total, 3),
        (CapScope::EachAffiliate, CapMetric::Clicks, CapPeriod::Day, 4),
    ]);
    let offer = catalogue.offer(OfferId::new(7).unwrap()).unwrap();
    let amounts = |caps: &[Cap]| caps.iter().map(|cap| cap.amount).collect::<Vec<_>>();
    assert_eq!(amounts(offer.click_caps()), [2, 4]);
    assert_eq!(amounts(offer.caps()), [2, 4, 1, 3]);
}

#[test]
fn everything_wrong_with_caps_is_said_at_once() {
    let good = entry(1, CapScope::Offer, CapMetric::Clicks, CapPeriod::Day, 1);
    let caps = [
        good.clone(),
        CapEntry { amount: 0, zone: "Nowhere".into(), ..good.clone() },
        CapEntry { id: CapId::new(2).unwrap(), amount: -5, ..good.clone() },
    ];
    let said: Vec<_> = check_caps(&caps).iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            ": the id 1 is given twice",
            "[1].amount: 0 is no amount of a cap, expected 1 or more",
            "[1].zone: \"Nowhere\" is no time zone known here, expected one like Europe/Berlin",
            "[2].amount: -5 is no amount of a cap, expected 1 or more",
        ]
    );
    let many: Vec<_> = (1..=101).map(|id| CapEntry { id: CapId::new(id).unwrap(), ..good.clone() }).collect();
    assert_eq!(check_caps(&many).len(), 1);
    assert_eq!(check_caps(&many[1..]), []);
}
