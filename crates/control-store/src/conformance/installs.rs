//! Installs: sources, mappings, reports, and how soon they came.

use std::collections::BTreeMap;

use hopline_types::{ConversionSource, HOUR_MS, InstallState, SECOND_MS, UnixMillis};

use super::network::{Network, enter};
use super::{NOW, read, refused, write};
use crate::conversions::{self, DecisionColumns, InsertConversion};
use crate::installs::mappings::{self, NewInstallMapping};
use crate::installs::reports::{self, Fate, InstallFilter, Origin};
use crate::installs::sources::{self, NewInstallSource, SourceFilter};
use crate::installs::timing::{self, TimingCount, TimingPeriod};
use crate::{Database, ErrorKind, Page, Scope, StoreError, Tx};

const ALL: Scope = Scope::All;

fn source(network: &Network, identifier: Option<&str>) -> NewInstallSource {
    NewInstallSource {
        ad_network: "com.example".to_owned(),
        app: "525463029".to_owned(),
        source_identifier: identifier.map(str::to_owned),
        campaign_id: None,
        offer_id: network.offer.id,
        goal_id: network.offer.goals[3].id,
        affiliate_id: network.affiliate.id,
        redownloads: false,
    }
}

fn origin(event: &str) -> Origin {
    Origin {
        event_id: event.to_owned(),
        source: ConversionSource::Skadnetwork,
        report: "{}".to_owned(),
        event: "{}".to_owned(),
        received_at: NOW,
    }
}

fn waiting(key: &str) -> Fate {
    Fate {
        key: Some(key.to_owned()),
        state: InstallState::Waiting,
        reason: Some("no_source".to_owned()),
        remark: Some("nobody is entered for it".to_owned()),
        ad_network: Some("com.example".to_owned()),
        app: Some("525463029".to_owned()),
        campaign: Some("source identifier 39".to_owned()),
        advertiser: None,
        offer: None,
        affiliate: None,
        conversion: None,
        installed_at: None,
        details: "{}".to_owned(),
    }
}

fn counted(network: &Network, conversion: hopline_types::ConversionId) -> Fate {
    Fate {
        state: InstallState::Counted,
        reason: None,
        remark: None,
        advertiser: Some(network.advertiser.id),
        offer: Some(network.offer.id),
        affiliate: Some(network.affiliate.id),
        conversion: Some(conversion),
        installed_at: Some(NOW),
        ..waiting("k1")
    }
}

fn install(network: &Network, event: &str) -> InsertConversion {
    let goal = &network.offer.goals[3];
    InsertConversion {
        event_id: event.to_owned(),
        advertiser: network.advertiser.id,
        offer: network.offer.id,
        goal: goal.id,
        goal_key: goal.key.clone(),
        idempotency: format!("event:{event}"),
        source: ConversionSource::Skadnetwork,
        requested_status: None,
        order_id: None,
        click_id: None,
        coupon: None,
        customer_id: None,
        items: None,
        adv: None,
        quantity: 1,
        amount: None,
        currency: network.offer.currency,
        order: None,
        converted_at: NOW,
        received_at: NOW,
    }
}

/// A campaign stands for one affiliate; an advertiser's measurement is read in one way.
pub async fn install_sources_and_mappings_are_entered_once_and_taken_out(database: &dyn Database) {
    let network = write(database, |tx| enter(tx, "acme")).await;
    let (whole, rest) = (source(&network, Some("5239")), source(&network, None));
    let campaign = NewInstallSource { campaign_id: Some(42), ..rest.clone() };
    let all = [whole.clone(), rest, campaign];
    let news = all.clone();
    let entered = write(database, move |tx| {
        news.iter().map(|new| sources::create(tx, new, NOW)).collect::<Result<Vec<_>, StoreError>>()
    })
    .await;
    assert_eq!(entered.iter().map(|source| &source.what).collect::<Vec<_>>(), all.iter().collect::<Vec<_>>());
    for again in all {
        let kind = refused(database, move |tx| sources::create(tx, &again, NOW)).await;
        assert_eq!(kind, ErrorKind::Conflict);
    }
    let found = read(database, |tx| sources::of_app(tx, "com.example", "525463029")).await;
    assert_eq!(found, entered);
    assert_eq!(read(database, |tx| sources::of_app(tx, "com.example", "1")).await, []);
    let first = entered[0].clone();
    let id = first.id;
    assert_eq!(read(database, move |tx| sources::get(tx, ALL, id)).await, Some(first));
    assert!(write(database, move |tx| sources::remove(tx, id)).await);
    assert!(!write(database, move |tx| sources::remove(tx, id)).await);
    let listed = read(database, |tx| sources::list(tx, ALL, &SourceFilter::default(), Page::first(9))).await;
    assert_eq!(listed, entered[1..]);

    let mapping = NewInstallMapping {
        advertiser_id: network.advertiser.id,
        provider: "adjust".to_owned(),
        names: BTreeMap::from([("click_id".to_owned(), vec!["label".to_owned(), "reftag".to_owned()])]),
        events: BTreeMap::from([("abc123".to_owned(), "sale".to_owned())]),
    };
    let new = mapping.clone();
    let entered = write(database, move |tx| mappings::create(tx, &new, NOW)).await;
    assert_eq!(entered.what, mapping);
    let (id, advertiser) = (entered.id, network.advertiser.id);
    let again = refused(database, move |tx| mappings::create(tx, &mapping, NOW)).await;
    assert_eq!(again, ErrorKind::Conflict);
    assert_eq!(
        read(database, move |tx| mappings::of_advertiser(tx, advertiser)).await,
        Some(entered.clone())
    );
    assert_eq!(read(database, move |tx| mappings::list(tx, ALL, Page::first(9))).await, [entered]);
    assert!(write(database, move |tx| mappings::remove(tx, id)).await);
    assert_eq!(read(database, move |tx| mappings::get(tx, ALL, id)).await, None);
}

/// A report is kept once by event and key; once it is a conversion it stays one.
pub async fn a_22_reports_of_installs_are_kept_once_and_judged_until_they_count(database: &dyn Database) {
    let network = write(database, |tx| enter(tx, "acme")).await;
    let id = write(database, |tx| reports::keep(tx, &origin("1-0-1"), &waiting("k1"), NOW)).await;
    for (event, key) in [("1-0-1", "k2"), ("1-0-2", "k1")] {
        let kind = refused(database, move |tx| reports::keep(tx, &origin(event), &waiting(key), NOW)).await;
        assert_eq!(kind, ErrorKind::Conflict, "{event} {key}");
    }
    let found = read(database, |tx| reports::find_by_events(tx, &["1-0-2", "1-0-1"])).await;
    assert_eq!(
        found.iter().map(|found| found.as_ref().map(|install| install.id)).collect::<Vec<_>>(),
        [None, Some(id)]
    );
    assert_eq!(read(database, |tx| reports::find_by_key(tx, "k1")).await.map(|install| install.id), Some(id));
    let open = read(database, |tx| reports::waiting(tx, "com.example", "525463029", 9)).await;
    assert_eq!(open.iter().map(|install| install.fate.clone()).collect::<Vec<_>>(), [waiting("k1")]);

    let new = install(&network, "1-0-1");
    let conversion = write(database, move |tx| conversions::insert(tx, &new)).await;
    let fate = counted(&network, conversion);
    let judged = fate.clone();
    assert!(write(database, move |tx| reports::judge_again(tx, id, &judged, NOW.plus(5))).await);
    let later = waiting("k1");
    assert!(!write(database, move |tx| reports::judge_again(tx, id, &later, NOW.plus(6))).await);
    let kept = read(database, move |tx| reports::get(tx, ALL, id)).await.expect("it is there");
    assert_eq!((kept.fate, kept.judged_at, kept.origin), (fate, NOW.plus(5), origin("1-0-1")));
    assert_eq!(read(database, |tx| reports::waiting(tx, "com.example", "525463029", 9)).await, []);
    let named =
        read(database, move |tx| reports::named(tx, &[conversion])).await.remove(0).expect("it is named");
    assert_eq!((named.affiliate, named.install), (network.affiliate.id, id));
    assert_eq!(named.campaign, "source identifier 39");
    let filter = InstallFilter { state: Some(InstallState::Counted), ..InstallFilter::default() };
    let listed = read(database, move |tx| reports::list(tx, ALL, &filter, 9)).await;
    assert_eq!(listed.len(), 1);
    let filter = InstallFilter { before: Some(id), ..InstallFilter::default() };
    assert_eq!(read(database, move |tx| reports::list(tx, ALL, &filter, 9)).await, []);
}

/// Advertiser and affiliate see their own sources and installs (S-10).
pub async fn s_10_installs_are_seen_by_those_they_are_about(database: &dyn Database) {
    let (one, other) = write(database, |tx| {
        let (one, other) = (enter(tx, "one")?, enter(tx, "other")?);
        for (network, event) in [(&one, "1"), (&other, "2")] {
            sources::create(tx, &source(network, Some(if event == "1" { "1111" } else { "2222" })), NOW)?;
            let conversion = conversions::insert(tx, &install(network, event))?;
            let fate = Fate { key: Some(event.to_owned()), ..counted(network, conversion) };
            reports::keep(tx, &origin(event), &fate, NOW)?;
        }
        Ok((one, other))
    })
    .await;
    for (scope, seen) in [
        (ALL, vec![2, 1]),
        (Scope::Nothing, vec![]),
        (Scope::Affiliate(one.affiliate.id), vec![1]),
        (Scope::Affiliate(other.affiliate.id), vec![2]),
        (Scope::Advertiser(one.advertiser.id), vec![1]),
        (Scope::Advertiser(other.advertiser.id), vec![2]),
    ] {
        let filter = InstallFilter::default();
        let reports = read(database, move |tx| reports::list(tx, scope, &filter, 9)).await;
        assert_eq!(reports.iter().map(|install| install.id.get()).collect::<Vec<_>>(), seen, "{scope:?}");
        let filter = SourceFilter::default();
        let mut sources = read(database, move |tx| sources::list(tx, scope, &filter, Page::first(9))).await;
        sources.reverse();
        assert_eq!(sources.iter().map(|source| source.id.get()).collect::<Vec<_>>(), seen, "{scope:?}");
    }
}

/// How long after its click each install came, by spans (C-15).
pub async fn c_15_installs_are_counted_by_the_time_after_their_click(database: &dyn Database) {
    let network = write(database, |tx| enter(tx, "acme")).await;
    let after = [
        -1,
        0,
        9_999,
        10 * SECOND_MS,
        HOUR_MS - 1,
        HOUR_MS,
        2 * HOUR_MS - 1,
        23 * HOUR_MS,
        24 * HOUR_MS,
        90 * 24 * HOUR_MS,
    ];
    let told = network.clone();
    write(database, move |tx| {
        for (number, after) in (1..).zip(after) {
            decided(tx, &told, number, NOW.plus(-after))?;
        }
        Ok(())
    })
    .await;
    let count = |span, installs| TimingCount {
        offer: network.offer.id,
        affiliate: network.affiliate.id,
        span,
        installs,
    };
    let expected = [count(0, 2), count(1, 1), count(3, 1), count(4, 2), count(26, 1), count(27, 2)];
    let period = TimingPeriod { from: NOW, to: NOW.plus(1), offer: None };
    assert_eq!(read(database, move |tx| timing::counts(tx, ALL, period)).await, expected);
    let own = Scope::Advertiser(network.advertiser.id);
    assert_eq!(read(database, move |tx| timing::counts(tx, own, period)).await, expected);
    let affiliate = Scope::Affiliate(network.affiliate.id);
    assert_eq!(read(database, move |tx| timing::counts(tx, affiliate, period)).await, []);
    let earlier = TimingPeriod { from: NOW.plus(-1), to: NOW, offer: None };
    assert_eq!(read(database, move |tx| timing::counts(tx, ALL, earlier)).await, []);
}

fn decided(tx: &mut dyn Tx, network: &Network, number: u8, clicked_at: UnixMillis) -> Result<(), StoreError> {
    let id = conversions::insert(tx, &install(network, &format!("e{number}")))?;
    let columns = DecisionColumns {
        concerned: vec![network.affiliate.id],
        decided_at: NOW,
        affiliate: Some(network.affiliate.id),
        link: None,
        clicked_at: Some(clicked_at),
        terms: None,
        revenue_minor: Some(0),
        payout_minor: Some(0),
        status: hopline_types::CommissionStatus::Approved,
        reason: None,
        decision: "{}".to_owned(),
    };
    conversions::record_decisions(tx, [(id, &columns)])?;
    Ok(())
}
