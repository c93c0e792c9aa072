//! Bank data at rest, and what payout files need.

use hopline_money::{Amount, Currency};
use hopline_types::{AffiliateId, HOUR_MS, PayoutMethod, UnixMillis};
use serde_json::json;

use super::network::new_affiliate;
use super::{NOW, read, refused, write};
use crate::affiliates::{self, AffiliateChange};
use crate::payouts::{
    self, InsertBatch, InsertResult, ResultLineRow, ScheduleDone, ScheduleState, TemplateKind,
};
use crate::{Database, ErrorKind, Scope, StoreError, Tx, bank_data};

const ALL: Scope = Scope::All;
const LATER: UnixMillis = NOW.plus(HOUR_MS);
const IBAN: &str = "DE89370400440532013000";

fn columns(tx: &mut dyn Tx, id: AffiliateId) -> Result<(String, Option<String>), StoreError> {
    let row =
        tx.one("SELECT payout_method, payout_method_sealed FROM affiliates WHERE id = $1", &[id.into()])?;
    Ok((row.text(0)?.to_owned(), row.text_or_null(1)?.map(str::to_owned)))
}

fn seal_all(tx: &mut dyn Tx) -> Result<u64, StoreError> {
    let (mut sealed, mut from) = (0, Some(bank_data::Progress::default()));
    while let Some(progress) = from {
        let (changed, next) = bank_data::seal_some(tx, progress, 2)?;
        sealed += changed;
        from = next;
    }
    Ok(sealed)
}

fn batch(tx: &mut dyn Tx) -> Result<hopline_types::BatchId, StoreError> {
    let new = InsertBatch {
        currency: Currency::EUR,
        method: PayoutMethod::Sepa,
        cutoff: NOW,
        minimum_minor: 0,
        execution_date: "2026-01-02".into(),
        created_at: NOW,
        created_by: "key:one".into(),
        refused: Vec::new(),
        step_minor: 1,
        schedule: None,
    };
    payouts::insert_batch(tx, &new)
}

/// Rows hold no account in clear; those of before are sealed too, once; a sealed text opens in its own row only.
pub async fn p_42_bank_data_is_sealed_and_older_rows_are_too(database: &dyn Database) {
    let blog = write(database, |tx| affiliates::create(tx, &new_affiliate("Blog"), "key:one", NOW)).await.id;
    let shop = write(database, |tx| affiliates::create(tx, &new_affiliate("Shop"), "key:one", NOW)).await.id;
    let (shown, sealed) = read(database, move |tx| columns(tx, blog)).await;
    let sealed = sealed.expect("it is sealed");
    assert!(!shown.contains(IBAN) && shown.contains("…3000") && !sealed.contains(IBAN), "{shown}");
    let whole = read(database, move |tx| affiliates::payout_method(tx, blog)).await;
    assert_eq!(whole.expect("it has one")["iban"], IBAN);

    let payout = write(database, move |tx| {
        let method = json!({"type": "sepa", "iban": IBAN});
        let id = batch(tx)?;
        payouts::insert_payout(tx, id, blog, Amount::new(1, Currency::EUR), &method)
    })
    .await;
    let kept = read(database, move |tx| {
        let kept = payouts::get_payout(tx, Scope::All, payout)?.expect("it is there");
        assert!(!kept.payee.contains(IBAN), "{}", kept.payee);
        payouts::payee(tx, &kept)
    })
    .await;
    assert_eq!(kept["iban"], IBAN);

    // A text that was copied into another row, to be paid instead.
    let copied = sealed.clone();
    write(database, move |tx| {
        let sql = "UPDATE affiliates SET payout_method_sealed = $2 WHERE id = $1";
        tx.execute(sql, &[shop.into(), (&copied).into()])
    })
    .await;
    assert_eq!(refused(database, move |tx| affiliates::payout_method(tx, shop)).await, ErrorKind::Broken);

    // A row from before there were keys.
    write(database, move |tx| {
        let sql = "UPDATE affiliates SET payout_method = $2, payout_method_sealed = NULL WHERE id = $1";
        tx.execute(sql, &[shop.into(), json!({"type": "sepa", "iban": IBAN}).to_string().into()])
    })
    .await;
    let whole = read(database, move |tx| affiliates::payout_method(tx, shop)).await;
    assert_eq!(whole.expect("it has one")["iban"], IBAN, "it can be paid meanwhile");
    assert_eq!(write(database, seal_all).await, 1);
    assert_eq!(write(database, seal_all).await, 0);
    let (shown, sealed) = read(database, move |tx| columns(tx, shop)).await;
    assert!(sealed.is_some() && !shown.contains(IBAN), "{shown}");
    let whole = read(database, move |tx| affiliates::payout_method(tx, shop)).await;
    assert_eq!(whole.expect("it has one")["iban"], IBAN);
    let active =
        read(database, |tx| Ok(tx.vault().and_then(|vault| vault.keys().active().map(str::to_owned)))).await;
    let census = read(database, move |tx| bank_data::census(tx, active.as_deref())).await;
    assert_eq!((census.sealed, census.old_key, census.clear), (3, 0, 0));
}

/// Who has changed where an affiliate is paid to stays known, also when somebody else changes it afterwards.
pub async fn l_25_every_change_of_a_payout_method_is_kept(database: &dyn Database) {
    let id = write(database, |tx| affiliates::create(tx, &new_affiliate("Blog"), "key:one", NOW)).await.id;
    let method = json!({"type": "paypal", "email": "blog@example.com"});
    let change = AffiliateChange { payout_method: Some(Some(method)), ..Default::default() };
    write(database, move |tx| affiliates::update(tx, ALL, id, &change, "key:two", LATER)).await;
    let asked = move |by: &'static str, since| {
        read(database, move |tx| affiliates::has_changed_payout_method(tx, id, by, since))
    };
    assert!(asked("key:one", None).await && asked("key:two", None).await && !asked("key:three", None).await);
    assert!(!asked("key:one", Some(LATER)).await && asked("key:two", Some(LATER)).await);
    let change =
        |tx: &mut dyn Tx| tx.execute("UPDATE payout_method_changes SET changed_by = 'key:three'", &[]);
    assert_eq!(refused(database, change).await, ErrorKind::Constraint);
}

/// A version stays as it was saved; the same content again is no new one; a time has one version.
pub async fn p_03_versions_of_templates_do_not_change(database: &dyn Database) {
    let save = |content: &'static str, at| {
        write(database, move |tx| {
            payouts::save_template(tx, TemplateKind::Export, "bank", content, "key:one", at)
        })
    };
    assert_eq!(save("{\"a\":1}", NOW).await.version, 1);
    assert_eq!(save("{\"a\":1}", LATER).await.version, 1);
    assert_eq!(save("{\"a\":2}", LATER).await.version, 2);
    for (at, version) in [(NOW.plus(-1), 1), (NOW, 1), (LATER.plus(-1), 1), (LATER, 2)] {
        let found =
            read(database, move |tx| payouts::template_as_of(tx, TemplateKind::Export, "bank", at)).await;
        assert_eq!(found.expect("there is one").version, version, "{at:?}");
    }
    let listed = read(database, |tx| payouts::list_templates(tx, TemplateKind::Export)).await;
    assert_eq!((listed.len(), listed[0].version), (1, 2));
    assert!(read(database, |tx| payouts::list_templates(tx, TemplateKind::Result)).await.is_empty());
    let change = |tx: &mut dyn Tx| tx.execute("UPDATE payout_templates SET content = '{}'", &[]);
    assert_eq!(refused(database, change).await, ErrorKind::Constraint);
}

/// The same bytes are kept once; a result and its lines are never changed.
pub async fn p_08_a_result_file_is_kept_once(database: &dyn Database) {
    let affiliate =
        write(database, |tx| affiliates::create(tx, &new_affiliate("Blog"), "key:one", NOW)).await.id;
    let (batch, payout) = write(database, move |tx| {
        let id = batch(tx)?;
        let amount = Amount::new(1, Currency::EUR);
        Ok((id, payouts::insert_payout(tx, id, affiliate, amount, &json!({"type": "manual"}))?))
    })
    .await;
    let new = InsertResult {
        batch,
        format: "pain.002".into(),
        sha256: "00".repeat(32),
        received_at: NOW,
        received_by: "key:one".into(),
    };
    let line = ResultLineRow { line: Some(7), payout, outcome: "failed".into(), reason: Some("AC04".into()) };
    let (first, lines) = (new.clone(), vec![line]);
    let kept = lines.clone();
    let id = write(database, move |tx| payouts::insert_result(tx, &first, &kept)).await;
    assert_eq!(read(database, move |tx| payouts::lines_of_result(tx, id)).await, lines);
    let sha256 = new.sha256.clone();
    let found = read(database, move |tx| payouts::find_result(tx, &sha256)).await.expect("it is there");
    assert_eq!(found.result, new);
    assert_eq!(read(database, move |tx| payouts::results_of(tx, batch)).await, [found]);
    let again = refused(database, move |tx| payouts::insert_result(tx, &new, &[]));
    assert_eq!(again.await, ErrorKind::Conflict);
    let change = |tx: &mut dyn Tx| tx.execute("DELETE FROM payout_results", &[]);
    assert!(matches!(refused(database, change).await, ErrorKind::Constraint | ErrorKind::Reference));
}

/// Minimums are set and taken away; of two who run a schedule one does.
pub async fn payout_minimums_and_schedules_are_entered_and_changed(database: &dyn Database) {
    let id = write(database, |tx| affiliates::create(tx, &new_affiliate("Blog"), "key:one", NOW)).await.id;
    let euros = |minor| Amount::new(minor, Currency::EUR);
    for minor in [100, 250] {
        write(database, move |tx| {
            payouts::set_method_minimum(tx, PayoutMethod::Sepa, euros(minor), "key:one", NOW)?;
            payouts::set_affiliate_minimum(tx, id, euros(minor), "key:one", NOW)
        })
        .await;
    }
    let of_method = read(database, |tx| payouts::method_minimum(tx, PayoutMethod::Sepa, Currency::EUR)).await;
    assert_eq!(of_method, euros(250));
    assert_eq!(read(database, |tx| payouts::method_minimums(tx)).await.len(), 1);
    assert_eq!(read(database, move |tx| payouts::affiliate_minimums(tx, ALL, id)).await, [euros(250)]);
    let all = read(database, |tx| payouts::all_affiliate_minimums(tx, Currency::EUR)).await;
    assert_eq!(all.get(&id), Some(&250));
    write(database, move |tx| payouts::set_affiliate_minimum(tx, id, euros(0), "key:one", NOW)).await;
    assert!(read(database, move |tx| payouts::affiliate_minimums(tx, ALL, id)).await.is_empty());

    let state = ScheduleState {
        content: "{}".into(),
        is_active: true,
        next_at: LATER,
        changed_at: NOW,
        changed_by: "key:one".into(),
    };
    let new = state.clone();
    let schedule = write(database, move |tx| payouts::insert_schedule(tx, &new)).await;
    assert!(read(database, |tx| payouts::due_schedules(tx, NOW, 9)).await.is_empty());
    assert_eq!(read(database, |tx| payouts::due_schedules(tx, LATER, 9)).await.len(), 1);
    let done = ScheduleDone {
        at: LATER,
        next_at: LATER.plus(1_000),
        batch: None,
        outcome: "nothing was owed".into(),
    };
    let run =
        |done: ScheduleDone| write(database, move |tx| payouts::note_schedule(tx, schedule, LATER, &done));
    assert!(run(done.clone()).await);
    assert!(!run(done).await, "it is no longer due");
    let found = read(database, move |tx| payouts::find_schedule(tx, schedule)).await.expect("it is there");
    assert_eq!((found.state.next_at, found.last_at), (LATER.plus(1_000), Some(LATER)));
    let paused = ScheduleState { is_active: false, ..state };
    write(database, move |tx| payouts::save_schedule(tx, schedule, &paused)).await;
    assert!(read(database, |tx| payouts::due_schedules(tx, LATER, 9)).await.is_empty());
    assert_eq!(read(database, |tx| payouts::list_schedules(tx, 0, 9)).await.len(), 1);
}
