//! Files of batches: by format, the same whenever they are made; what is below a step stays on the balance.

use hopline_books::BookError;
use hopline_books::payouts::{self, BatchView, Debtor, DraftOptions, Export, NachaSettings, NewBatch};
use hopline_control_store::payouts::{
    TemplateKind, method_minimum, save_template, set_affiliate_minimum, set_method_minimum,
};
use hopline_control_store::{Scope, affiliates};
use hopline_money::{Amount, Currency};
use hopline_payfile::{FileOut, check_nacha, check_pain001};
use hopline_types::{BatchId, PayoutMethod};
use serde_json::{Value, json};

use crate::world::{DAY, NOW, Rules, World};

pub(crate) fn payer() -> Debtor {
    Debtor {
        name: Some("Network AG".into()),
        iban: Some("DE75512108001245126199".into()),
        nacha: NachaSettings {
            destination: Some("091000019".into()),
            destination_name: Some("First Bank".into()),
            company_name: Some("Network".into()),
            company_id: Some("1234567890".into()),
            ..NachaSettings::default()
        },
        ..Debtor::default()
    }
}

pub(crate) fn pay_to(world: &World, method: Value) {
    let blog = world.blog;
    let change = affiliates::AffiliateChange { payout_method: Some(Some(method)), ..Default::default() };
    world
        .write(move |tx| Ok(affiliates::update(tx, Scope::All, blog, &change, "key:entry", NOW).map(drop)?))
        .unwrap();
}

fn draft(world: &World, method: &str, round_down_to: Option<&str>) -> Result<BatchView, BookError> {
    let new = NewBatch { currency: "EUR".into(), method: method.into(), cutoff: None, minimum: None };
    let options = DraftOptions { round_down_to: round_down_to.map(str::to_owned), schedule: None };
    world.write(move |tx| payouts::draft_with(tx, &new, &options, "key:first", NOW.plus(2 * DAY)))
}

fn approve(world: &World, batch: BatchId, payer: &Debtor) {
    let payer = payer.clone();
    world
        .write(move |tx| {
            payouts::approve_with_payer(tx, batch, "key:second", true, &payer, NOW.plus(3 * DAY))
        })
        .unwrap();
}

fn export(
    world: &World,
    batch: BatchId,
    format: &str,
    template: Option<&str>,
    debtor: &Debtor,
) -> Result<FileOut, BookError> {
    let asked =
        Export { format: format.into(), template: template.map(str::to_owned), debtor: debtor.clone() };
    world.write(move |tx| payouts::export_with(tx, batch, &asked, "key:third", NOW.plus(4 * DAY)))
}

// P-01, P-03, P-06
#[test]
fn p_03_a_file_stays_the_same_when_the_payer_s_settings_change_after_the_approval() {
    let world = World::new(Rules::PAID_AT_ONCE);
    world.sold("A-1", "49.90");
    let batch = world.draft("1.00").batch.id;
    approve(&world, batch, &payer());
    let moved = Debtor {
        name: Some("Another AG".into()),
        iban: Some("NL91ABNA0417164300".into()),
        ..Debtor::default()
    };
    for format in ["pain.001.001.09", "pain.001.001.03", "csv", "xlsx"] {
        let file = export(&world, batch, format, None, &payer()).unwrap();
        assert_eq!(export(&world, batch, format, None, &moved).unwrap(), file, "{format}");
        assert_eq!((file.count, file.control_sum.minor), (1, 499));
        if format.starts_with("pain") {
            assert_eq!(check_pain001(std::str::from_utf8(&file.bytes).unwrap()), []);
        }
    }
    let view = world.write(move |tx| payouts::view(tx, batch)).unwrap();
    assert_eq!(view.batch.exported_by.as_deref(), Some("key:third"));
    world.audit();
}

// P-03
#[test]
fn p_03_what_was_missing_at_the_approval_is_fixed_by_the_first_file() {
    let world = World::new(Rules::PAID_AT_ONCE);
    world.sold("A-1", "49.90");
    let batch = world.draft("1.00").batch.id;
    approve(&world, batch, &Debtor::default());
    let missing = export(&world, batch, "pain.001.001.09", None, &Debtor::default());
    assert!(matches!(missing, Err(BookError::Settings(_))));
    let file = export(&world, batch, "pain.001.001.09", None, &payer()).unwrap();
    let moved = Debtor { iban: Some("NL91ABNA0417164300".into()), ..payer() };
    assert_eq!(export(&world, batch, "pain.001.001.09", None, &moved).unwrap(), file);
}

// P-20, P-23
#[test]
fn p_20_an_ach_batch_gives_a_nacha_file_and_each_file_of_a_day_has_its_own_mark() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let blog = world.blog;
    pay_to(
        &world,
        json!({"type": "ach", "holder": "Jane Doe", "routing_number": "021000021", "account_number": "12345678"}),
    );
    let mut marks = Vec::new();
    for cents in [12_34, 56_78] {
        world
            .write(move |tx| {
                hopline_control_store::ledger::post(tx, world_credit(blog, cents), NOW)?;
                Ok(())
            })
            .unwrap();
        let new = NewBatch { currency: "USD".into(), method: "ach".into(), cutoff: None, minimum: None };
        let drafted =
            world.write(move |tx| payouts::draft(tx, &new, "key:first", NOW.plus(2 * DAY))).unwrap();
        assert_eq!(drafted.payouts.len(), 1, "{:?}", drafted.batch.refused);
        let batch = drafted.batch.id;
        approve(&world, batch, &payer());
        let file = export(&world, batch, "nacha", None, &Debtor::default()).unwrap();
        let text = String::from_utf8(file.bytes.clone()).unwrap();
        assert_eq!(check_nacha(&text), []);
        assert_eq!((file.count, file.control_sum.minor), (1, cents));
        assert_eq!(export(&world, batch, "nacha", None, &payer()).unwrap(), file);
        assert!(matches!(
            export(&world, batch, "pain.001.001.09", None, &payer()),
            Err(BookError::Invalid(_))
        ));
        marks.push(text.chars().nth(33).unwrap());
    }
    assert_eq!(marks, ['A', 'B']);
    world.audit();
}

/// An adjustment in favour of an affiliate.
fn world_credit(affiliate: hopline_types::AffiliateId, cents: i64) -> hopline_ledger::Draft {
    use hopline_ledger::{Account, Draft, Posting, Subject, TransactionId, TransactionKind};
    let posting = |account, amount_minor| Posting { account, amount_minor, currency: Currency::USD };
    Draft {
        id: TransactionId::new(format!("adjustment:test-{cents}")).unwrap(),
        kind: TransactionKind::Adjustment,
        effective_at: NOW,
        subject: Subject { conversion: None, affiliate: Some(affiliate), payout: None },
        corrects: None,
        reason: Some("a bonus".into()),
        postings: vec![
            posting(Account::NetworkMargin, cents),
            posting(Account::AffiliatePayable(affiliate), -cents),
        ],
    }
}

// P-30, P-31, P-33
#[test]
fn p_30_batches_for_paypal_and_wise_give_their_files_and_no_others() {
    for (method, to, other) in [
        ("paypal", json!({"type": "paypal", "email": "blog@example.com"}), "wise"),
        ("wise", json!({"type": "wise", "recipient": "148563"}), "paypal"),
    ] {
        let world = World::new(Rules::PAID_AT_ONCE);
        pay_to(&world, to);
        world.sold("A-1", "49.90");
        let batch = draft(&world, method, None).unwrap().batch.id;
        approve(&world, batch, &payer());
        let file = export(&world, batch, method, None, &payer()).unwrap();
        assert_eq!((file.count, file.control_sum.minor), (1, 499));
        let comma = Debtor {
            paypal_decimal_mark: Some("comma".into()),
            wise_columns: Some("amount".into()),
            ..Debtor::default()
        };
        assert_eq!(export(&world, batch, method, None, &comma).unwrap(), file);
        assert!(matches!(export(&world, batch, other, None, &payer()), Err(BookError::Invalid(_))));
    }
}

// P-32, P-03
#[test]
fn p_32_a_batch_keeps_the_version_of_a_form_that_it_was_approved_with() {
    let world = World::new(Rules::PAID_AT_ONCE);
    world.sold("A-1", "49.90");
    let save = |cell: &str, at| {
        let content = json!({"columns": [{"value": cell}], "titles": false}).to_string();
        world
            .write(move |tx| Ok(save_template(tx, TemplateKind::Export, "bank", &content, "key:first", at)?))
            .unwrap();
    };
    save("{iban}", NOW);
    let batch = world.draft("1.00").batch.id;
    approve(&world, batch, &payer());
    let file = export(&world, batch, "csv", Some("bank"), &payer()).unwrap();
    assert_eq!(file.bytes, b"DE89370400440532013000\r\n");
    save("{amount}", NOW.plus(10 * DAY));
    assert_eq!(export(&world, batch, "csv", Some("bank"), &payer()).unwrap(), file);
    assert!(matches!(export(&world, batch, "csv", Some("none"), &payer()), Err(BookError::Invalid(_))));
    assert!(matches!(export(&world, batch, "xlsx", Some("bank"), &payer()), Err(BookError::Invalid(_))));
}

// P-30
#[test]
fn p_30_what_is_below_the_step_of_a_batch_stays_on_the_balance() {
    let world = World::new(Rules::PAID_AT_ONCE);
    world.sold("A-1", "49.90");
    world.sold("A-2", "10.00");
    // 4.99 + 1.00
    let drafted = draft(&world, "sepa", Some("1")).unwrap();
    assert_eq!(drafted.payouts[0].amount.to_decimal(), "5.00");
    assert_eq!(world.shown(world.blog)[2], "0.99");
    world.audit();
    let batch = drafted.batch.id;
    approve(&world, batch, &payer());
    world.write(move |tx| payouts::settle(tx, batch, &[], "key:second", NOW.plus(4 * DAY))).unwrap();
    assert_eq!(world.shown(world.blog), ["0.00", "0.00", "0.99", "5.00", "0.00"]);
    world.audit();
    // The rest is owed after the cutoff of the batch that has left it.
    let stepped = NewBatch { currency: "EUR".into(), method: "sepa".into(), cutoff: None, minimum: None };
    let options = DraftOptions { round_down_to: Some("1.00".into()), schedule: None };
    let refused = world
        .write(move |tx| payouts::draft_with(tx, &stepped, &options, "key:first", NOW.plus(4 * DAY)))
        .unwrap();
    assert_eq!(refused.batch.refused[0].reason, "below_minimum");
    world.sold("A-3", "0.10");
    let later = NewBatch { currency: "EUR".into(), method: "sepa".into(), cutoff: None, minimum: None };
    let next = world.write(move |tx| payouts::draft(tx, &later, "key:first", NOW.plus(5 * DAY))).unwrap();
    assert_eq!(next.batch.refused, []);
    assert_eq!(next.payouts[0].amount.to_decimal(), "1.00");
    // Given up: nothing is lost and nothing doubled.
    let batch = next.batch.id;
    world.write(move |tx| payouts::cancel(tx, batch, "key:first", NOW.plus(5 * DAY))).unwrap();
    assert_eq!(world.shown(world.blog)[2], "1.00");
    world.audit();
    assert!(matches!(draft(&world, "sepa", Some("0")), Err(BookError::Invalid(_))));
}

#[test]
fn minimums_of_methods_and_affiliates_count_besides_that_of_the_batch() {
    let world = World::new(Rules::PAID_AT_ONCE);
    world.sold("A-1", "49.90");
    let euros = |minor| Amount::new(minor, Currency::EUR);
    let blog = world.blog;
    world
        .write(move |tx| Ok(set_method_minimum(tx, PayoutMethod::Sepa, euros(500), "key:first", NOW)?))
        .unwrap();
    let refused = draft(&world, "sepa", None).unwrap();
    assert_eq!(refused.batch.refused[0].reason, "below_minimum");
    assert_eq!(refused.batch.minimum, euros(500));
    world
        .write(move |tx| {
            set_method_minimum(tx, PayoutMethod::Sepa, euros(0), "key:first", NOW)?;
            assert_eq!(method_minimum(tx, PayoutMethod::Sepa, Currency::EUR)?, euros(0));
            Ok(set_affiliate_minimum(tx, blog, euros(500), "key:blog", NOW)?)
        })
        .unwrap();
    let refused = draft(&world, "sepa", None).unwrap();
    assert!(refused.batch.refused[0].detail.contains("that the affiliate wants"));
    world.write(move |tx| Ok(set_affiliate_minimum(tx, blog, euros(499), "key:blog", NOW)?)).unwrap();
    assert_eq!(draft(&world, "sepa", None).unwrap().payouts.len(), 1);
}

// P-42
#[test]
fn p_42_a_draft_keeps_where_it_pays_to_sealed() {
    let world = World::new(Rules::PAID_AT_ONCE);
    world.sold("A-1", "49.90");
    let drafted = world.draft("1.00");
    assert!(!drafted.payouts[0].payee.contains("DE89370400440532013000"), "{}", drafted.payouts[0].payee);
    let payout = drafted.payouts[0].clone();
    let whole = world.write(move |tx| Ok(hopline_control_store::payouts::payee(tx, &payout)?)).unwrap();
    assert_eq!(whole["iban"], "DE89370400440532013000");
}
