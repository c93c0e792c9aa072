//! The worker over real stores.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod leases;
mod network;

use hopline_catalogue::data::{CapMetric, CapPeriod, CapScope};
use hopline_control_store::caps::NewCap;
use hopline_control_store::findings::{self, FindingFilter};
use hopline_control_store::{Page, Scope};
use hopline_ledger::{Account, Draft, Posting, Subject, TransactionId, TransactionKind};
use hopline_money::Currency;
use hopline_report::Value;
use hopline_runtime::telemetry::ConversionOutcome;
use hopline_types::{CommissionStatus, HOUR_MS};
use network::{NOW, Network, eventually};

#[tokio::test]
async fn a_reported_sale_is_booked_and_in_reports_as_soon_as_the_worker_is_woken() {
    let mut network = Network::new().await;
    // Only the bell can wake it.
    network.options.config.tick = std::time::Duration::from_secs(3_600);
    let worker = network.start();
    let click = network.click(NOW.plus(-5_000), "newsletter");
    network.store(&[&click]).await;
    let id = network.report_sale("A-1", "49.90", Some(&click)).await;
    network.options.wake.notify_one();
    eventually("the sale is in reports", || async {
        network.report().await.rows.iter().any(|row| row.counters.conversions == 1)
    })
    .await;
    let rows = network.report().await.rows;
    let row = rows.iter().find(|row| row.counters.conversions == 1).unwrap();
    assert_eq!(row.key, [Value::text("newsletter")]);
    assert_eq!(row.counters.payout_minor, 499);
    assert_eq!(network.conversion(id).await.status, Some(CommissionStatus::Payable));
    eventually("the outbox is empty", || async { network.waiting_facts().await == 0 }).await;
    network.stop(worker).await;
    let metrics = &network.options.metrics;
    assert_eq!(metrics.conversions.processed.of(ConversionOutcome::Credited).get(), 1);
    assert_eq!(metrics.ledger.transactions.get(), 3);
    network.audit().await;
}

#[tokio::test]
async fn a_conversion_waits_for_its_young_click_and_the_others_do_not_wait_for_it() {
    let network = Network::new().await;
    let worker = network.start();
    let (young, never) = (network.click(NOW.plus(-100), "late"), network.click(NOW, "never"));
    let first = network.report_sale("A-1", "10.00", Some(&young)).await;
    let second = network.report_sale("A-2", "10.00", None).await;
    let third = network.report_sale("A-3", "10.00", Some(&never)).await;
    eventually("the one without a click is decided", || network.is_decided(second)).await;
    assert!(!network.is_decided(first).await);
    network.store(&[&young]).await;
    eventually("the click has come", || network.is_decided(first)).await;
    assert!(!network.is_decided(third).await);
    network.hand.advance(10_000);
    eventually("the wait is over", || network.is_decided(third)).await;
    // The money needs the click id alone.
    assert_eq!(network.conversion(third).await.status, Some(CommissionStatus::Payable));
    network.stop(worker).await;
    let rows = network.report().await.rows;
    assert!(rows.iter().any(|row| row.key == [Value::text("late")] && row.counters.payout_minor == 100));
    network.audit().await;
}

#[tokio::test]
async fn a_rung_that_is_reached_is_paid_by_the_worker_itself_and_is_in_reports() {
    let network = Network::new().await;
    network.ladder("2", "10.00").await;
    let worker = network.start();
    for order in ["A-1", "A-2"] {
        let click = network.click(NOW.plus(-5_000), "x");
        network.store(&[&click]).await;
        network.report_sale(order, "10.00", Some(&click)).await;
    }
    // Looks are ten seconds apart.
    let payout = || async {
        network.hand.advance(10_000);
        let rows = network.report().await.rows;
        (rows.iter().map(|row| row.counters.payout_minor).sum::<i128>() == 200 + 1_000).then_some(())
    };
    eventually("the rung is in reports", || async { payout().await.is_some() }).await;
    network.stop(worker).await;
    let rows = network.report().await.rows;
    assert_eq!(rows.iter().map(|row| row.counters.conversions).sum::<i64>(), 2, "it is no conversion");
    network.audit().await;
}

#[tokio::test]
async fn a_poisoned_conversion_is_set_aside_and_the_rest_goes_on() {
    let network = Network::new().await;
    let poisoned = network.poison().await;
    let click = network.click(NOW.plus(-5_000), "x");
    network.store(&[&click]).await;
    let healthy = network.report_sale("A-1", "10.00", Some(&click)).await;
    network.run_once().await;
    let aside = network.conversion(poisoned).await;
    assert_eq!(aside.reason.as_deref(), Some("set_aside"));
    assert!(aside.decision.unwrap().contains("amount is missing"));
    assert_eq!(network.conversion(healthy).await.status, Some(CommissionStatus::Payable));
    assert_eq!(network.options.metrics.conversions.processed.of(ConversionOutcome::Failed).get(), 1);
    network.audit().await;
}

// L-04
#[tokio::test]
async fn l_04_a_fact_sent_again_after_a_crash_counts_once() {
    let network = Network::new().await;
    let click = network.click(NOW.plus(-5_000), "x");
    network.store(&[&click]).await;
    let id = network.report_sale("A-1", "10.00", Some(&click)).await;
    let keys = network.keys.clone();
    let facts = network
        .write(move |tx| {
            hopline_books::decide(tx, id, &hopline_books::Context { keys: &keys, click: None, now: NOW })?;
            Ok(hopline_control_store::facts::waiting(tx, 10)?)
        })
        .await;
    // The click store has it, and the process died before it was taken out.
    let sent = facts.iter().map(|fact| hopline_books::facts::from_json(&fact.fact).unwrap()).collect();
    network.options.click_store.store_facts(sent).await.unwrap();
    for _ in 0..3 {
        network.run_once().await;
    }
    assert_eq!(network.waiting_facts().await, 0);
    let rows = network.report().await.rows;
    assert_eq!(rows.iter().map(|row| row.counters.conversions).sum::<i64>(), 1);
    network.audit().await;
}

#[tokio::test]
async fn a_fact_that_nobody_can_read_is_kept_aside_and_the_rest_goes_on() {
    let network = Network::new().await;
    let bad = hopline_control_store::facts::NewFact { fact_id: "bad".into(), fact: "{}".into() };
    network.write(move |tx| Ok(hopline_control_store::facts::put(tx, vec![bad.clone()])?)).await;
    let id = network.report_sale("A-1", "10.00", None).await;
    network.run_once().await;
    assert!(network.is_decided(id).await);
    assert_eq!(network.waiting_facts().await, 0);
    let kept = network.write(|tx| Ok(hopline_control_store::conversions::refused(tx, 10)?)).await;
    assert_eq!((kept.len(), kept[0].event_id.as_str()), (1, "fact:bad"));
}

#[tokio::test]
async fn clicks_are_settled_after_their_hour_and_its_grace_and_late_ones_later() {
    let network = Network::new().await;
    let clicks: Vec<_> = (0..3).map(|number| network.click(NOW.plus(number), "x")).collect();
    network.store(&clicks.iter().collect::<Vec<_>>()).await;
    network.hand.set(NOW.plus(HOUR_MS + 299_999));
    network.run_once().await;
    assert_eq!(network.payable().await, "0.00");
    network.hand.set(NOW.plus(HOUR_MS + 300_000));
    network.run_once().await;
    assert_eq!(network.payable().await, "0.15");
    network.run_once().await;
    assert_eq!(network.payable().await, "0.15");
    let late = network.click(NOW.plus(7), "x");
    network.store(&[&late]).await;
    network.hand.advance(60_000);
    network.run_once().await;
    assert_eq!(network.payable().await, "0.20");
    // An hour without any settled before it.
    let next = network.click(NOW.plus(5 * HOUR_MS), "x");
    network.store(&[&next]).await;
    network.hand.set(NOW.plus(9 * HOUR_MS));
    network.run_once().await;
    assert_eq!(network.payable().await, "0.25");
    assert_eq!(network.waiting_facts().await, 0);
    network.audit().await;
}

#[tokio::test]
async fn c_02_clicks_found_invalid_after_they_were_paid_are_taken_back_by_the_next_round() {
    let network = Network::new().await;
    let clicks: Vec<_> = (0..3).map(|number| network.click(NOW.plus(number * 60_000), "x")).collect();
    let other = network.click(NOW.plus(2 * HOUR_MS), "x");
    network.store(&clicks.iter().chain([&other]).collect::<Vec<_>>()).await;
    network.hand.set(NOW.plus(9 * HOUR_MS));
    network.run_once().await;
    assert_eq!(network.payable().await, "0.20");

    network.find(NOW, NOW.plus(60_000)).await;
    network.hand.advance(60_000);
    network.run_once().await;
    assert_eq!(network.payable().await, "0.15");
    // The whole hour: nothing is counted any more.
    network.find(NOW, NOW.plus(HOUR_MS)).await;
    // Applied, and the process died before that was noted.
    for finding in network.write(|tx| Ok(findings::pending(tx, 9)?)).await {
        network.options.click_store.reclassify(hopline_books::reclassify(&finding)).await.unwrap();
    }
    network.hand.advance(60_000);
    network.run_once().await;
    assert_eq!(network.payable().await, "0.05");
    let (applied, log) = network
        .write(|tx| {
            let all = findings::list(tx, Scope::All, FindingFilter::default(), Page::first(9))?;
            let applied: Vec<_> = all.iter().map(|finding| finding.applied.unwrap().clicks).collect();
            Ok((applied, hopline_control_store::audit_log::list(tx, Page::first(9))?))
        })
        .await;
    assert_eq!(applied, [1, 2]);
    let log: Vec<_> = log.iter().map(|entry| (&*entry.entry.action, &*entry.entry.object)).collect();
    assert_eq!(log, [("click_finding.apply", "click_finding:1"), ("click_finding.apply", "click_finding:2")]);

    // A click that comes late, and a sale by one that came in time: neither earns.
    let late = network.click(NOW.plus(5), "x");
    network.store(&[&late]).await;
    let id = network.report_sale("A-1", "10.00", Some(&clicks[2])).await;
    network.hand.advance(60_000);
    network.run_once().await;
    assert_eq!(network.payable().await, "0.05");
    assert_eq!(network.conversion(id).await.reason.as_deref(), Some("invalid_click"));
    assert_eq!(network.waiting_facts().await, 0);
    let rows = network.report_by("affiliate").await.rows;
    assert_eq!(rows.iter().map(|row| row.counters.payout_minor).sum::<i128>(), 5);
    assert_eq!(rows.iter().map(|row| row.counters.unique_clicks).sum::<i64>(), 1);
    network.audit().await;
}

#[tokio::test]
async fn clicks_can_be_settled_at_once_and_nothing_is_paid_twice() {
    let network = Network::new().await;
    let click = network.click(NOW.plus(1), "x");
    network.store(&[&click]).await;
    let options = &network.options;
    let until = NOW.plus(HOUR_MS);
    for expected in [1, 0] {
        let settled = hopline_worker::settle_now(
            &*options.database,
            &*options.click_store,
            &options.clock,
            &options.metrics,
            until,
        )
        .await
        .unwrap();
        assert_eq!(settled.clicks, expected);
    }
    network.hand.set(NOW.plus(3 * HOUR_MS));
    network.run_once().await;
    assert_eq!(network.payable().await, "0.05");
    network.audit().await;
}

#[tokio::test]
async fn what_waits_at_a_shutdown_is_still_decided() {
    let network = Network::new().await;
    let click = network.click(NOW, "x");
    let id = network.report_sale("A-1", "10.00", Some(&click)).await;
    network.options.shutdown.begin();
    let worker = network.start();
    worker.await.unwrap();
    assert!(network.is_decided(id).await);
    assert_eq!(network.waiting_facts().await, 0);
}

// D-18
#[tokio::test]
async fn d_18_late_clicks_are_paid_though_the_clock_was_set_back() {
    let network = Network::new().await;
    let click = network.click(NOW.plus(1), "x");
    network.store(&[&click]).await;
    network.hand.set(NOW.plus(4 * HOUR_MS));
    network.run_once().await;
    assert_eq!(network.payable().await, "0.05");
    // Before the end of the hour that is settled already.
    network.hand.set(NOW.plus(HOUR_MS / 2));
    let late = network.click(NOW.plus(2), "x");
    network.store(&[&late]).await;
    network.run_once().await;
    network.hand.set(NOW.plus(6 * HOUR_MS));
    network.run_once().await;
    assert_eq!(network.payable().await, "0.10");
    network.audit().await;
}

// L-11
#[tokio::test]
async fn l_11_booking_times_rise_though_the_clock_is_set_back() {
    let network = Network::new().await;
    for (number, back) in [0_i64, 5_000, 3_600_000, 7].into_iter().enumerate() {
        network.hand.set(NOW.plus(-back));
        let click = network.click(NOW.plus(-back - 1_000), "x");
        network.store(&[&click]).await;
        let id = network.report_sale(&format!("A-{number}"), "10.00", Some(&click)).await;
        network.run_once().await;
        assert_eq!(network.conversion(id).await.status, Some(CommissionStatus::Payable));
    }
    network.audit().await;
}

#[tokio::test]
async fn an_hour_of_clicks_that_cannot_be_booked_stops_no_other_and_is_tried_again() {
    let network = Network::new().await;
    let (first, second) = (network.click(NOW.plus(1), "x"), network.click(NOW.plus(HOUR_MS), "x"));
    network.store(&[&first, &second]).await;
    // Something else has the name of the first hour's conversion.
    let id = network.report_sale("A-1", "10.00", None).await;
    let taken = format!("clicks:2:1:{}:1", NOW.get());
    for (name, expected) in [(taken, "0.05"), ("event-A-1".to_owned(), "0.10")] {
        network
            .write(move |tx| {
                let sql = "UPDATE conversions SET event_id = $2 WHERE id = $1";
                Ok(tx.execute(sql, &[id.into(), (&name).into()])?)
            })
            .await;
        network.hand.advance(3 * HOUR_MS);
        network.run_once().await;
        assert_eq!(network.payable().await, expected);
        network.audit().await;
    }
}

#[tokio::test]
async fn conversions_and_clicks_of_an_experiment_meet_under_their_landing_page() {
    let network = Network::new().await;
    let click = |page, country, region| network.click(NOW.plus(-5_000), "x").landed(page, country, region);
    let (own, other, quiet) =
        (click("", "DE", "DE-BE"), click("7", "US", "US-CA"), click("7", "DE", "DE-BY"));
    network.store(&[&own, &other, &quiet]).await;
    network.report_sale("A-1", "10.00", Some(&own)).await;
    network.report_sale("A-2", "20.00", Some(&other)).await;
    network.run_once().await;
    let rows = network.report_by("landing_page,country,region").await.rows;
    // Clicks have no currency: they are rows of their own.
    let of = |page, country, region| {
        let key = [page, country, region].map(Value::text);
        let own = rows.iter().filter(|row| row.key == key).map(|row| &row.counters);
        own.fold((0, 0, 0), |(clicks, conversions, payout), counters| {
            (
                clicks + counters.unique_clicks,
                conversions + counters.conversions,
                payout + counters.payout_minor,
            )
        })
    };
    assert_eq!(of("", "DE", "DE-BE"), (1, 1, 100));
    assert_eq!(of("7", "US", "US-CA"), (1, 1, 200));
    assert_eq!(of("7", "DE", "DE-BY"), (1, 0, 0));
    network.audit().await;
}

#[tokio::test]
async fn a_reached_cap_closes_the_offer_and_rejects_what_comes_late() {
    let network = Network::new().await;
    network
        .cap(NewCap {
            scope: CapScope::Offer,
            metric: CapMetric::Conversions,
            period: CapPeriod::Day,
            zone: "UTC".into(),
            amount: 2,
        })
        .await;
    let mut sold = Vec::new();
    for number in 0..4 {
        assert_eq!(network.is_closed().await, number >= 2);
        let click = network.click(NOW.plus(-5_000), "x");
        network.store(&[&click]).await;
        sold.push(network.report_sale(&format!("A-{number}"), "10.00", Some(&click)).await);
        network.run_once().await;
    }
    assert_eq!(network.conversion(sold[3]).await.reason.as_deref(), Some("cap"));
    assert_eq!(network.payable().await, "2.00");
    let processed = &network.options.metrics.conversions.processed;
    assert_eq!(processed.of(ConversionOutcome::Credited).get(), 2);
    assert_eq!(processed.of(ConversionOutcome::Rejected).get(), 2);
    let first = sold[0];
    network.write(move |tx| hopline_books::refund(tx, first, None, "returned", "key:shop", NOW)).await;
    assert!(!network.is_closed().await);
    // The next day has room anyway.
    network.hand.advance(24 * HOUR_MS);
    assert!(!network.is_closed().await);
    network.audit().await;
}

// L-04
#[tokio::test]
async fn l_04_two_workers_that_both_hold_a_part_book_nothing_twice() {
    let network = Network::new().await;
    let mut sold = Vec::new();
    for number in 0..60 {
        let click = network.click(NOW.plus(-5_000), "x");
        network.store(&[&click]).await;
        sold.push(network.report_sale(&format!("A-{number}"), "10.00", Some(&click)).await);
    }
    // The lease of one has run out, and it does not know it yet.
    let workers = [network.start(), network.start(), network.start()];
    for id in sold {
        eventually("it is decided", || network.is_decided(id)).await;
    }
    network.options.shutdown.begin();
    for worker in workers {
        worker.await.unwrap();
    }
    assert_eq!(network.payable().await, "60.00");
    let booked = network.write(|tx| Ok(hopline_control_store::ledger::head(tx)?.count)).await;
    assert_eq!(booked, 3 * 60);
    assert_eq!(network.options.metrics.ledger.transactions.get(), 3 * 60);
    network.audit().await;
}

#[tokio::test]
async fn a_worker_leaves_alone_what_is_not_its_part() {
    let mut network = Network::new().await;
    let id = network.report_sale("A-1", "10.00", None).await;
    let own = network.partition();
    let others = hopline_worker::Claims::all().partitions().into_iter().filter(|part| *part != own);
    network.options.claims = hopline_worker::Claims::of(&others.collect::<Vec<_>>());
    network.run_once().await;
    assert!(!network.is_decided(id).await);
    network.options.claims.hold(&[own]);
    network.run_once().await;
    assert!(network.is_decided(id).await);
}

#[tokio::test]
async fn a_store_that_refuses_one_of_many_keeps_the_others() {
    let network = Network::new().await;
    let mut sold = Vec::new();
    for number in 0..9 {
        let click = network.click(NOW.plus(-5_000), "x");
        network.store(&[&click]).await;
        sold.push(network.report_sale(&format!("A-{number}"), "10.00", Some(&click)).await);
    }
    // Something else has the name of what the sixth would book.
    let (bad, affiliate) = (sold[5], network.affiliate());
    network
        .write(move |tx| {
            let id = format!("commission_pending:{bad}:{affiliate}");
            let id = TransactionId::new(id).unwrap();
            let adjustment = Draft {
                id,
                kind: TransactionKind::Adjustment,
                effective_at: NOW,
                subject: Subject::default(),
                corrects: None,
                reason: Some("by hand".into()),
                postings: vec![
                    Posting::new(Account::NetworkClawbackLoss, 7, Currency::EUR),
                    Posting::new(Account::NetworkMargin, -7, Currency::EUR),
                ],
            };
            Ok(hopline_control_store::ledger::post(tx, adjustment, NOW)?)
        })
        .await;
    network.run_once().await;
    for (place, id) in sold.into_iter().enumerate() {
        let expected = if place == 5 { CommissionStatus::Unattributed } else { CommissionStatus::Payable };
        assert_eq!(network.conversion(id).await.status, Some(expected), "{place}");
    }
    assert_eq!(network.conversion(bad).await.reason.as_deref(), Some("set_aside"));
    assert_eq!(network.payable().await, "8.00");
    network.audit().await;
}

//
#[tokio::test]
async fn a_02_the_visitors_other_clicks_count_where_the_offers_model_looks_at_them() {
    let network = Network::new().await;
    network
        .write(|tx| {
            let offer =
                hopline_control_store::offers::list(tx, Scope::All, &Default::default(), Page::first(1))?
                    .remove(0);
            let first_click = &mut |settings: &mut hopline_control_store::offers::OfferSettings| {
                settings.model = hopline_types::Model::FirstClick;
            };
            Ok(hopline_control_store::offers::update(tx, Scope::All, offer.id, first_click, NOW)?)
        })
        .await;
    let (mut first, mut second) =
        (network.click(NOW.plus(-HOUR_MS), "x"), network.click(NOW.plus(-5_000), "x"));
    let stranger = network.click(NOW.plus(-2 * HOUR_MS), "x");
    (first.stored.visitor_key, second.stored.visitor_key) = (77, 77);
    network.store(&[&first, &second, &stranger]).await;
    let id = network.report_sale("A-1", "10.00", Some(&second)).await;
    network.run_once().await;
    let conversion = network.conversion(id).await;
    assert_eq!(conversion.clicked_at, Some(NOW.plus(-HOUR_MS)));
    assert!(conversion.decision.unwrap().contains("the first of 2 clicks within"));
    network.audit().await;
}

//
#[tokio::test]
async fn a_10_a_click_that_is_stored_after_the_decision_gets_its_due_at_the_next_look() {
    let network = Network::new().await;
    let shop = network
        .write(|tx| {
            let offer =
                hopline_control_store::offers::list(tx, Scope::All, &Default::default(), Page::first(1))?
                    .remove(0);
            let first_click = &mut |settings: &mut hopline_control_store::offers::OfferSettings| {
                settings.model = hopline_types::Model::FirstClick;
            };
            hopline_control_store::offers::update(tx, Scope::All, offer.id, first_click, NOW)?;
            let new = hopline_control_store::affiliates::NewAffiliate {
                name: "Shop".into(),
                email: "shop@example.com".into(),
                standing: hopline_catalogue::data::Standing::Active,
                payout_method: None,
            };
            Ok(hopline_control_store::affiliates::create(tx, &new, "key:entry", NOW)?.id)
        })
        .await;
    let (mut named, mut late) =
        (network.click(NOW.plus(-5_000), "x"), network.click(NOW.plus(-HOUR_MS), "y"));
    (named.stored.visitor_key, late.stored.visitor_key) = (77, 77);
    late.stored.affiliate = Some(shop);
    network.store(&[&named]).await;
    let id = network.report_sale("A-1", "10.00", Some(&named)).await;
    network.run_once().await;
    assert_eq!(network.conversion(id).await.affiliate, Some(network.affiliate()));
    assert_eq!(network.payable().await, "1.00");

    // The edge that had it was away.
    network.store(&[&late]).await;
    network.run_once().await;
    assert_eq!(network.conversion(id).await.affiliate, Some(network.affiliate()));
    network.hand.advance(10 * 60_000);
    network.run_once().await;
    let conversion = network.conversion(id).await;
    assert_eq!((conversion.affiliate, conversion.clicked_at), (Some(shop), Some(NOW.plus(-HOUR_MS))));
    // Its click alone is left, paid by the hour.
    assert_eq!(network.payable().await, "0.05");
    assert_eq!(network.waiting_facts().await, 0);
    let rows = network.report().await.rows;
    let sums = rows
        .iter()
        .fold((0, 0), |sum, row| (sum.0 + row.counters.conversions, sum.1 + row.counters.payout_minor));
    assert_eq!(sums, (1, 110));
    network.audit().await;
    // Looks that find nothing change nothing.
    network.hand.advance(100 * HOUR_MS);
    network.run_once().await;
    assert_eq!(network.conversion(id).await, conversion);
    network.audit().await;
}
