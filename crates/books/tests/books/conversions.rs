use hopline_books::{BookError, FieldError, Intake};
use hopline_control_store::{Scope, affiliates, conversions, ledger};
use hopline_ledger::{TransactionId, recipe};
use hopline_money::{Amount, Currency};
use hopline_record::{ConversionEvent, RequestedStatus};
use hopline_types::{
    AdvertiserId, AffiliateId, CommissionStatus, ConversionSource, Reason, UnixMillis, Verdict,
};

use crate::world::{DAY, NOW, Rules, World};

// Contract section 9.
#[test]
fn a_sale_of_49_90_earns_4_99_that_is_payable_at_once_and_shows_approved() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let id = world.sold("A-1", "49.90");
    let conversion = world.conversion(id);
    assert_eq!(conversion.revenue.unwrap().to_decimal(), "5.99");
    assert_eq!(conversion.payout.unwrap().to_decimal(), "4.99");
    assert_eq!(conversion.shown_status(), CommissionStatus::Approved);
    assert_eq!(conversion.status, Some(CommissionStatus::Payable));
    assert_eq!(conversion.reason, None);
    assert_eq!(world.shown(world.blog), ["0.00", "0.00", "4.99", "0.00", "0.00"]);
    assert_eq!(world.booked(), 3);
    let facts = world.facts();
    assert_eq!(facts.len(), 1);
    let deltas = facts[0].deltas;
    assert_eq!((deltas.conversions, deltas.sales, deltas.approved), (1, 1, 1));
    assert_eq!((deltas.revenue_minor, deltas.payout_minor, deltas.gross_sales_minor), (599, 499, 4990));
    world.audit();
}

// L-04
#[test]
fn l_04_the_same_report_and_decision_again_book_nothing_new() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let click = world.click(world.blog, NOW.plus(-DAY), Verdict::UNIQUE);
    let sale = world.sale("A-1", "49.90", Some(click));
    let id = world.taken(sale.clone());
    world.decide(id);
    assert_eq!(world.taken(sale), id);
    let again = world.decide(id);
    assert!(again.was_decided);
    assert_eq!(again.transactions, 0);
    assert_eq!(world.booked(), 3);
    assert_eq!(world.facts().len(), 1);
    assert_eq!(world.conversion(id).repeats, 0);
}

// L-04
#[test]
fn l_04_a_replay_from_any_point_books_nothing_new() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let reports: Vec<_> = (0..6)
        .map(|number| {
            // Every third has no click; the last one repeats the first order.
            let click = (number % 3 != 2).then(|| world.click(world.blog, NOW.plus(-DAY), Verdict::UNIQUE));
            let mut sale = world.sale(&format!("A-{}", number % 5), "49.90", click);
            sale.event_id = format!("event-{number}");
            sale
        })
        .collect();
    let state = |world: &World| {
        let conversions = world
            .write(|tx| {
                let filter = conversions::ConversionFilter::default();
                Ok(conversions::list(tx, Scope::All, &filter, 100)?)
            })
            .unwrap();
        (world.booked(), world.facts(), conversions)
    };
    let mut first = None;
    for start in 0..reports.len() {
        for report in &reports[start..] {
            match world.intake(report.clone()) {
                Intake::Taken { conversion } | Intake::Repeat { conversion, .. } => world.decide(conversion),
                Intake::Refused { errors } => panic!("{errors:?}"),
                Intake::Kept { install } => panic!("kept as install {install}"),
            };
        }
        let now = state(&world);
        assert_eq!(first.get_or_insert(now.clone()), &now, "from report {start}");
    }
    world.audit();
}

#[test]
fn a_repeated_order_changes_nothing_and_its_differences_are_told() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let id = world.sold("A-1", "49.90");
    let mut again = world.sale("A-1", "59.90", world.conversion(id).click_id);
    again.event_id = "event-later".into();
    world.intake(again.clone());
    match world.intake(again) {
        Intake::Repeat { conversion, differences } => {
            assert_eq!(conversion, id);
            assert_eq!(differences.len(), 1);
            let difference = &differences[0];
            assert_eq!(
                (difference.field.as_str(), difference.first.as_str(), difference.now.as_str()),
                ("amount", "49.90", "59.90")
            );
        }
        other => panic!("{other:?}"),
    }
    let conversion = world.conversion(id);
    assert_eq!((conversion.repeats, conversion.amount.unwrap().minor), (1, 4990));
    assert_eq!(world.booked(), 3);
}

#[test]
fn a_crash_between_decision_and_commit_leaves_nothing_behind() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let click = world.click(world.blog, NOW.plus(-DAY), Verdict::UNIQUE);
    let id = world.taken(world.sale("A-1", "49.90", Some(click)));
    let keys = world.keys.clone();
    let crashed = world.write(move |tx| {
        let context = hopline_books::Context { keys: &keys, click: None, now: NOW };
        hopline_books::decide(tx, id, &context)?;
        Err::<(), _>(BookError::Conflict { detail: "crash".into() })
    });
    assert!(crashed.is_err());
    assert_eq!(world.booked(), 0);
    assert!(world.facts().is_empty());
    assert_eq!(world.conversion(id).decided_at, None);
    assert_eq!(world.decide(id).transactions, 3);
    world.audit();
}

#[test]
fn what_finds_no_affiliate_is_kept_with_its_reason() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let old = world.click(world.blog, NOW.plus(-30 * DAY - 1), Verdict::UNIQUE);
    let bot = world.click(world.blog, NOW.plus(-1), Verdict::invalid(Reason::Bot));
    let later = world.click(world.blog, NOW.plus(1), Verdict::UNIQUE);
    let edge = world.click(world.blog, NOW.plus(-30 * DAY), Verdict::DUPLICATE);
    let mut forged = edge.clone();
    forged.replace_range(10..11, if forged.as_bytes()[10] == b'A' { "B" } else { "A" });
    let table = [
        ("A-1", None, CommissionStatus::Unattributed, Some("no_click")),
        ("A-2", Some(old), CommissionStatus::Unattributed, Some("outside_window")),
        ("A-3", Some(bot), CommissionStatus::Rejected, Some("invalid_click")),
        ("A-4", Some(later), CommissionStatus::Unattributed, Some("click_after_conversion")),
        ("A-5", Some(forged), CommissionStatus::Unattributed, Some("bad_click_id")),
        // an age equal to the window is inside; a repeated click of a person counts.
        ("A-6", Some(edge), CommissionStatus::Payable, None),
    ];
    for (order, click, status, reason) in table {
        let mut sale = world.sale(order, "10.00", click);
        sale.converted_at = NOW.plus(0);
        let id = world.taken(sale);
        let decided = world.decide(id);
        assert_eq!((decided.status, decided.reason.as_deref()), (status, reason), "{order}");
        assert_eq!(decided.transactions == 0, reason.is_some(), "{order}");
    }
    world.audit();
}

#[test]
fn a_time_in_whole_seconds_means_the_whole_second() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let click = world.click(world.blog, NOW.plus(700), Verdict::UNIQUE);
    let mut sale = world.sale("A-1", "10.00", Some(click));
    sale.received_at = NOW.plus(900);
    let id = world.taken(sale);
    assert_eq!(world.decide(id).status, CommissionStatus::Payable);
}

#[test]
fn an_affiliate_that_is_not_active_earns_nothing() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let blog = world.blog;
    world
        .write(move |tx| {
            let change = affiliates::AffiliateChange {
                standing: Some(hopline_catalogue::data::Standing::Blocked),
                ..Default::default()
            };
            Ok(affiliates::update(tx, Scope::All, blog, &change, "key:ops", NOW).map(drop)?)
        })
        .unwrap();
    let id = world.sold("A-1", "10.00");
    let conversion = world.conversion(id);
    assert_eq!(conversion.status, Some(CommissionStatus::Rejected));
    assert_eq!(conversion.reason.as_deref(), Some("affiliate_not_active"));
    assert_eq!((conversion.affiliate, world.booked()), (Some(blog), 0));
}

#[test]
fn the_advertisers_wish_comes_before_the_offers_rule() {
    let table = [
        (Rules::PAID_AT_ONCE, RequestedStatus::Pending, ["10.00", "0.00", "0.00"], CommissionStatus::Pending),
        (
            Rules::PAID_AT_ONCE,
            RequestedStatus::Rejected,
            ["0.00", "0.00", "0.00"],
            CommissionStatus::Rejected,
        ),
        (Rules::JUDGED, RequestedStatus::Approved, ["0.00", "0.00", "10.00"], CommissionStatus::Payable),
        (Rules::JUDGED, RequestedStatus::Unstated, ["10.00", "0.00", "0.00"], CommissionStatus::Pending),
        (Rules::HELD, RequestedStatus::Unstated, ["0.00", "10.00", "0.00"], CommissionStatus::Approved),
    ];
    for (rules, requested, balance, status) in table {
        let world = World::new(rules);
        let click = world.click(world.blog, NOW.plus(-DAY), Verdict::UNIQUE);
        let mut sale = world.sale("A-1", "100.00", Some(click));
        sale.requested_status = requested;
        let id = world.taken(sale);
        assert_eq!(world.decide(id).status, status, "{requested:?}");
        assert_eq!(world.shown(world.blog)[..3], balance, "{requested:?}");
        world.audit();
    }
}

#[test]
fn a_pending_sale_is_approved_once_and_a_rejected_one_cannot_be() {
    let world = World::new(Rules::JUDGED);
    let (good, bad) = (world.sold("A-1", "100.00"), world.sold("A-2", "50.00"));
    let approve = |id| world.write(move |tx| hopline_books::approve(tx, id, "key:ops", NOW.plus(DAY)));
    let reject = |id| world.write(move |tx| hopline_books::reject(tx, id, "fake", "key:ops", NOW.plus(DAY)));
    assert_eq!(approve(good).unwrap().transactions, 2);
    assert_eq!(approve(good).unwrap().transactions, 0);
    assert_eq!(reject(bad).unwrap().conversion.reason.as_deref(), Some("fake"));
    assert_eq!(reject(bad).unwrap().transactions, 0);
    assert!(matches!(approve(bad), Err(BookError::State { is, .. }) if is == "rejected"));
    assert!(matches!(reject(good), Err(BookError::State { is, .. }) if is == "payable"));
    assert_eq!(world.shown(world.blog), ["0.00", "0.00", "10.00", "0.00", "0.00"]);
    // In and out of pending, into approved; in and out of pending, into rejected.
    let sum = |status| -> i64 {
        let of = world.facts().into_iter().filter(|fact| fact.status == status);
        of.map(|fact| fact.deltas.payout_minor).sum()
    };
    assert_eq!(sum(CommissionStatus::Pending), 0);
    assert_eq!(sum(CommissionStatus::Approved), 1000);
    assert_eq!(sum(CommissionStatus::Rejected), 0);
    world.audit();
}

#[test]
fn a_hold_ends_after_its_days_and_not_before() {
    let world = World::new(Rules::HELD);
    world.sold("A-1", "100.00");
    let release = |at: UnixMillis| world.write(move |tx| hopline_books::release_holds(tx, at, 100)).unwrap();
    assert_eq!(release(NOW.plus(14 * DAY - 1)).commissions, 0);
    assert_eq!(release(NOW.plus(14 * DAY)).commissions, 1);
    assert_eq!(release(NOW.plus(15 * DAY)).commissions, 0);
    assert_eq!(world.shown(world.blog)[..3], ["0.00", "0.00", "10.00"]);
    world.audit();
}

#[test]
fn all_wrong_fields_are_named_at_once_and_amounts_are_never_rounded() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let amounts = ["49,90", "1e3", "0.001", "-1.00", "+1", " 1", ""];
    for amount in amounts {
        match world.intake(world.sale("A-1", amount, None)) {
            Intake::Refused { errors } => assert_eq!(errors[0].field, "amount", "{amount:?}"),
            other => panic!("{amount:?}: {other:?}"),
        }
    }
    let mut sale = world.sale("A-1", "1,0", None);
    sale.goal = Some("sail".into());
    sale.items = Some("[".into());
    sale.converted_at = NOW.plus(DAY);
    let Intake::Refused { errors } = world.intake(sale) else { panic!("taken") };
    let named: Vec<&str> = errors.iter().map(|error: &FieldError| error.field.as_str()).collect();
    assert_eq!(named, ["items", "event", "amount", "ts"]);
    let mut dollars = world.sale("A-1", "1.00", None);
    dollars.currency = Some("XXX".into());
    assert!(matches!(world.intake(dollars), Intake::Refused { errors } if errors[0].field == "currency"));
    let mut clicks = world.sale("A-1", "1.00", None);
    clicks.goal = Some("click".into());
    assert!(matches!(world.intake(clicks), Intake::Refused { errors } if errors[0].field == "event"));
}

#[test]
fn an_event_that_cannot_be_taken_in_is_kept_with_the_reason() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let event = ConversionEvent {
        source: ConversionSource::Postback,
        requested_status: RequestedStatus::Unstated,
        advertiser: 1,
        offer: 77,
        received_at: NOW,
        at: NOW,
        click_id: String::new(),
        event: "sale".into(),
        order_id: "A-1".into(),
        amount: "1.00".into(),
        currency: String::new(),
        coupon: String::new(),
        customer_id: String::new(),
        items: String::new(),
        adv: Default::default(),
    };
    let kept = world.write(move |tx| {
        for _ in 0..2 {
            hopline_books::intake_event(tx, "0-0-5", &event, NOW)?;
        }
        Ok(conversions::refused(tx, 10)?)
    });
    let kept = kept.unwrap();
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].reason, "offer_id: there is no offer 77");
    assert!(kept[0].event.contains("\"order_id\":\"A-1\""));
}

#[test]
fn a_poisoned_conversion_is_set_aside() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let id = world.taken(world.sale("A-1", "1.00", None));
    world.write(move |tx| hopline_books::set_aside(tx, id, "cannot be", NOW)).unwrap();
    let conversion = world.conversion(id);
    assert_eq!(conversion.status, Some(CommissionStatus::Unattributed));
    assert_eq!(conversion.reason.as_deref(), Some("set_aside"));
}

#[test]
fn an_explanation_shows_each_party_only_its_own() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let id = world.sold("A-1", "49.90");
    let explain = |scope| world.write(move |tx| hopline_books::explain(tx, scope, id));
    let all = explain(Scope::All).unwrap();
    assert_eq!(all["decision"]["touches"][0]["outcome"], "credited");
    assert_eq!(all["decision"]["window_seconds"], 2_592_000);
    assert_eq!(all["decision"]["terms"]["version"], 1);
    assert_eq!(all["decision"]["lines"][1]["exact"], "4.99");
    assert_eq!(all["transactions"].as_array().unwrap().len(), 3);
    let own = explain(Scope::Affiliate(world.blog)).unwrap();
    assert_eq!(own["conversion"]["revenue"], serde_json::Value::Null);
    assert_eq!(own["decision"]["lines"].as_array().unwrap().len(), 1);
    assert!(!own.to_string().contains("network:margin"));
    assert!(!own.to_string().contains("advertiser:1"));
    let paying = explain(Scope::Advertiser(world.advertiser)).unwrap();
    assert_eq!(paying["conversion"]["payout"], serde_json::Value::Null);
    assert!(!paying.to_string().contains("affiliate:1"));
    let other = AffiliateId::new(world.shop.get()).unwrap();
    assert!(matches!(explain(Scope::Affiliate(other)), Err(BookError::NotFound { .. })));
}

// L-02
#[test]
fn l_02_a_bent_sum_is_found_and_named() {
    let world = World::new(Rules::PAID_AT_ONCE);
    world.sold("A-1", "49.90");
    let bend = "UPDATE ledger_balances SET debits = debits + 1 WHERE account = 'affiliate:1:payable'";
    let told = after(&world, &[bend]);
    assert!(told.contains("affiliate:1:payable EUR: kept debits 1"), "{told}");
    let told = after(&world, &["UPDATE commissions SET status = 'paid'"]);
    assert!(told.contains("commission 1 is kept as paid"), "{told}");
    let told = after(&world, &["DELETE FROM payable_items"]);
    assert!(told.contains("is missing"), "{told}");
    world.audit();
}

// L-13
#[test]
fn l_13_a_change_of_any_column_a_gap_and_a_swap_are_found_and_named() {
    let world = World::new(Rules::PAID_AT_ONCE);
    world.sold("A-1", "49.90");
    let free = [
        "DROP TRIGGER ledger_transactions_are_not_updated",
        "DROP TRIGGER ledger_transactions_are_not_deleted",
        "DROP TRIGGER ledger_entries_are_not_updated",
        "DROP TRIGGER ledger_entries_are_not_deleted",
    ];
    let changes = [
        "UPDATE ledger_transactions SET id = id || 'x' WHERE sequence = 2",
        "UPDATE ledger_transactions SET kind = 'adjustment' WHERE sequence = 2",
        "UPDATE ledger_transactions SET effective_at = effective_at + 1 WHERE sequence = 2",
        "UPDATE ledger_transactions SET booked_at = booked_at + 1 WHERE sequence = 2",
        "UPDATE ledger_transactions SET conversion_id = 9 WHERE sequence = 2",
        "UPDATE ledger_transactions SET affiliate_id = NULL WHERE sequence = 2",
        "UPDATE ledger_transactions SET payout_id = 1 WHERE sequence = 2",
        "UPDATE ledger_transactions SET corrects = 'commission_pending:1:1' WHERE sequence = 2",
        "UPDATE ledger_transactions SET reason = 'x' WHERE sequence = 2",
        "UPDATE ledger_transactions SET previous_hash = hash WHERE sequence = 2",
        "UPDATE ledger_transactions SET hash = previous_hash WHERE sequence = 2",
        "UPDATE ledger_entries SET account = 'affiliate:2:approved' WHERE sequence = 2 AND position = 1",
        "UPDATE ledger_entries SET currency = 'USD' WHERE sequence = 2",
        "UPDATE ledger_entries SET amount_minor = -amount_minor WHERE sequence = 2",
        "DELETE FROM ledger_entries WHERE sequence = 2",
    ];
    for change in changes {
        let told = after(&world, &[&free[..], &[change]].concat());
        assert!(told.contains("sequence 2"), "{change}: {told}");
    }
    let told = after(
        &world,
        &[
            &free[..],
            &[
                "DELETE FROM ledger_entries WHERE sequence = 2",
                "DELETE FROM ledger_transactions WHERE sequence = 2",
            ],
        ]
        .concat(),
    );
    assert!(told.contains("sequence 3") && told.contains("expected sequence 2"), "{told}");
    world.audit();
}

/// What the audit says after some statements, which are then rolled back.
fn after(world: &World, statements: &[&'static str]) -> String {
    let statements = statements.to_vec();
    let told = world.write(move |tx| {
        for sql in &statements {
            tx.execute(sql, &[])?;
        }
        let told = ledger::verify(tx)?.map_or_else(|unsound| unsound.to_string(), |_| "sound".to_owned());
        Err::<(), _>(BookError::Conflict { detail: told })
    });
    told.unwrap_err().to_string()
}

// L-05
#[test]
fn l_05_the_ledgers_rows_cannot_be_changed_or_deleted() {
    let world = World::new(Rules::PAID_AT_ONCE);
    world.sold("A-1", "49.90");
    for sql in [
        "UPDATE ledger_entries SET amount_minor = 1",
        "DELETE FROM ledger_entries",
        "UPDATE ledger_transactions SET reason = 'x'",
        "DELETE FROM ledger_transactions",
    ] {
        let refused = world.write(move |tx| Ok(tx.execute(sql, &[])?));
        assert!(matches!(refused, Err(BookError::Store(_))), "{sql}");
    }
    world.audit();
}

// L-14
#[test]
fn l_14_a_sum_that_would_not_fit_is_refused_and_the_books_stay_sound() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let pay = |number: u8| {
        let id = TransactionId::new(format!("payment:{number}")).unwrap();
        let advertiser = AdvertiserId::new(1).unwrap();
        let amount = Amount::new(i64::MAX / 2, Currency::EUR);
        let draft = recipe::advertiser_payment(advertiser, amount, id, NOW).unwrap();
        world.write(move |tx| Ok::<_, BookError>(ledger::post(tx, draft.clone(), NOW)?.is_new()))
    };
    assert_eq!((pay(1), pay(2)), (Ok(true), Ok(true)));
    let before = world.booked();
    assert!(pay(3).is_err());
    assert_eq!(world.booked(), before);
    world.audit();
}

#[test]
fn the_largest_order_is_taken_and_a_larger_one_refused() {
    let world = World::new(Rules::PAID_AT_ONCE);
    world.taken(world.sale("A-1", "10000000000.00", None));
    for amount in ["10000000000.01", "92233720368547758.07", "92233720368547758.08"] {
        assert!(matches!(world.intake(world.sale("A-2", amount, None)), Intake::Refused { .. }), "{amount}");
    }
}
