//! Payouts over the real binary: nobody is paid twice, whatever dies when and whoever acts at once; bank data is nowhere in
//! clear text; files pass validators that know nothing of their writer.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::path::Path;
use std::process::Command;

use hopline_testkit::{Answer, Backing, Hopline, Http, Setup, eventually};
use hopline_tests::over_both;
use serde_json::{Value, json};

const IBAN: &str = "DE89370400440532013000";
const US_ACCOUNT: &str = "98765432109";

over_both!(
    async p_03_kill_9_between_and_within_the_steps_of_a_batch_pays_once,
    l_23_fifty_parallel_creations_with_one_key_draft_once,
    l_09_people_who_act_at_once_pay_nobody_twice,
    p_42_bank_data_is_sealed_revealed_by_audit_and_its_key_changes,
);

/// An installation with one affiliate for each method, each with 2.00 payable in its currency.
struct Installation {
    _home: tempfile::TempDir,
    data_dir: std::path::PathBuf,
    setup: Setup,
    first: String,
    second: String,
}

impl Installation {
    async fn new(backing: Backing) -> Self {
        let home = tempfile::tempdir().unwrap();
        let data_dir = home.path().join("data");
        let setup = Setup::over(backing)
            .with("HOPLINE_PAYOUTS_DEBTOR_NAME", "Example Network GmbH")
            .with("HOPLINE_PAYOUTS_DEBTOR_IBAN", "DE75512108001245126199")
            .with("HOPLINE_PAYOUTS_NACHA_DESTINATION", "091000019")
            .with("HOPLINE_PAYOUTS_NACHA_DESTINATION_NAME", "First Bank")
            .with("HOPLINE_PAYOUTS_NACHA_COMPANY_NAME", "Example Network")
            .with("HOPLINE_PAYOUTS_NACHA_COMPANY_ID", "1234567890");
        Hopline::init(&data_dir, &setup).unwrap();
        let first = Hopline::key(&data_dir, &setup, &["--role", "operator"], "first").unwrap();
        let second = Hopline::key(&data_dir, &setup, &["--role", "finance"], "second").unwrap();
        let installation = Self { _home: home, data_dir, setup, first, second };
        installation.seed().await;
        installation
    }

    /// An offer in euro and one in dollars, and a lead of 2.00 for each affiliate.
    async fn seed(&self) {
        let mut server = self.serve(&self.setup);
        let api = server.api().with_key(&self.first);
        let methods = [
            ("EUR", json!({"type": "sepa", "holder": "Zoë Müller", "iban": IBAN})),
            (
                "USD",
                json!({"type": "ach", "holder": "Jane Doe", "routing_number": "021000021", "account_number": US_ACCOUNT}),
            ),
        ];
        for (index, (currency, method)) in methods.into_iter().enumerate() {
            let id = index + 1;
            let made = api
                .post("/v1/advertisers", &json!({"name": currency, "currency": currency}))
                .await
                .expect(201);
            let offer = json!({
                "advertiser_id": made["id"], "name": currency, "currency": currency,
                "landing_page": "https://shop.example/?c={click_id}", "postback_auth": "none",
                "approval": "automatic", "hold_days": 0,
                "goals": [{"key": "lead", "kind": "ppl", "revenue": {"fixed": "3.00"}, "payout": {"fixed": "2.00"}}],
            });
            done(&api.post("/v1/offers", &offer).await, 201);
            let affiliate = json!({"name": format!("a{id}"), "email": format!("a{id}@example.com"), "status": "active",
                "payout_method": method});
            done(&api.post("/v1/affiliates", &affiliate).await, 201);
            let link = api.post("/v1/links", &json!({"offer_id": id, "affiliate_id": id})).await.expect(201);
            let path = format!("/{}", link["code"].as_str().unwrap());
            let edge = server.edge();
            let answer = eventually("the link redirects", async || {
                let answer = edge.click(&path).await;
                (answer.status == 302).then_some(answer)
            })
            .await;
            let click = answer.header("location").split_once("?c=").unwrap().1.to_owned();
            let lead = json!({"click_id": click, "event": "lead", "order_id": format!("L-{id}")});
            done(&api.post("/v1/conversions", &lead).await, 201);
            eventually("it is payable", async || (balance(&api, id).await.0 == "2.00").then_some(())).await;
        }
        server.terminate().unwrap();
    }

    fn serve(&self, setup: &Setup) -> Hopline {
        Hopline::serve(&self.data_dir, setup).unwrap()
    }

    fn audit(&self) {
        let output = self.setup.command(&self.data_dir, &["audit"]).output().unwrap();
        let words = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&words));
    }
}

fn done(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{}", answer.text());
}

/// payable and paid of an affiliate.
async fn balance(api: &Http, affiliate: usize) -> (String, String) {
    let found = api.get(&format!("/v1/balances?affiliate={affiliate}")).await.expect(200);
    let text = |name: &str| found["items"][0][name].as_str().unwrap_or("0.00").to_owned();
    (text("payable"), text("paid"))
}

async fn keyed(api: &Http, path: &str, body: &Value, key: &str) -> anyhow::Result<Answer> {
    let headers = [("content-type", "application/json"), ("idempotency-key", key)];
    api.send("POST", path, &headers, serde_json::to_vec(body).unwrap()).await
}

/// Steps of a batch, each with its own idempotency key, so that it can be asked for again after a crash.
const STEPS: [&str; 4] = ["create", "approve", "export", "settle"];

async fn take(step: &str, batch: i64, first: &Http, second: &Http) -> anyhow::Result<Answer> {
    match step {
        "create" => {
            keyed(first, "/v1/payout_batches", &json!({"currency": "EUR", "method": "sepa"}), "create").await
        }
        "approve" => {
            keyed(second, &format!("/v1/payout_batches/{batch}/approve"), &json!({}), "approve").await
        }
        "export" => {
            second
                .send(
                    "GET",
                    &format!("/v1/payout_batches/{batch}/export?format=pain.001.001.09"),
                    &[],
                    Vec::new(),
                )
                .await
        }
        _ => {
            keyed(second, &format!("/v1/payout_batches/{batch}/settle"), &json!({"failed": []}), "settle")
                .await
        }
    }
}

/// Takes a step in a process that dies as by kill -9 at one of its first commits after the start, before or after that commit is
/// durable; says whether the answer was lost. `from` is the number of commits that belong to the start, as known so far.
async fn interrupted(
    installation: &Installation,
    setup: &Setup,
    (step, batch): (&str, i64),
    point: &str,
    from: &mut usize,
) -> bool {
    for number in *from..*from + 40 {
        let setup = setup.clone().with("HOPLINE_FAULTS", &format!("{point}=abort@{number}"));
        // It died while it started.
        let Ok(server) = Hopline::serve(&installation.data_dir, &setup) else { continue };
        *from = number.saturating_sub(1).max(1);
        let first = server.api().with_key(&installation.first);
        let second = server.api().with_key(&installation.second);
        return take(step, batch, &first, &second).await.is_err();
    }
    panic!("the server dies at each of its first commits");
}

// P-03, L-09, L-23
async fn p_03_kill_9_between_and_within_the_steps_of_a_batch_pays_once(backing: Backing) {
    // On servers an API by itself commits what it is asked for alone; a file has one process.
    let roles = if matches!(backing, Backing::Servers(_)) { "api" } else { "edge,worker,api" };
    let installation = Installation::new(backing).await;
    let setup = installation.setup.clone().roles(roles);
    // A number that an interrupted creation has drawn is not given again on PostgreSQL.
    let (mut file, mut died, mut from, mut batch) = (None, 0, 1, 0);
    for step in STEPS {
        for point in ["control.commit.before", "control.commit.after"] {
            died += usize::from(interrupted(&installation, &setup, (step, batch), point, &mut from).await);
        }
        // And between the steps.
        let mut server = installation.serve(&setup);
        let first = server.api().with_key(&installation.first);
        let second = server.api().with_key(&installation.second);
        let answer = take(step, batch, &first, &second).await.unwrap();
        assert!((200..300).contains(&answer.status), "{step}: {} {}", answer.status, answer.text());
        if step == "create" {
            batch = answer.json()["id"].as_i64().unwrap();
        }
        let exported = take("export", batch, &first, &second).await.unwrap();
        if exported.status == 200 {
            let bytes = exported.body.clone();
            assert_eq!(*file.get_or_insert(bytes.clone()), bytes, "P-03: the file is the same after {step}");
        }
        server.kill().unwrap();
        installation.audit();
    }
    assert!(died >= STEPS.len(), "only {died} steps were interrupted");
    let server = installation.serve(&installation.setup);
    let api = server.api().with_key(&installation.first);
    assert_eq!(balance(&api, 1).await, ("0.00".into(), "2.00".into()));
    let batches = api.get("/v1/payout_batches").await.expect(200);
    assert_eq!(batches["items"].as_array().unwrap().len(), 1);
    let again =
        api.post("/v1/payout_batches", &json!({"currency": "EUR", "method": "sepa"})).await.expect(201);
    assert!(again["payouts"].as_array().unwrap().is_empty());
    drop(server);
    installation.audit();
}

// L-23
async fn l_23_fifty_parallel_creations_with_one_key_draft_once(backing: Backing) {
    let installation = Installation::new(backing).await;
    let server = installation.serve(&installation.setup);
    let api = server.api().with_key(&installation.first);
    let order = json!({"currency": "EUR", "method": "sepa"});
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let (api, order) = (api.clone(), order.clone());
            tokio::spawn(async move { keyed(&api, "/v1/payout_batches", &order, "one key").await.unwrap() })
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        let answer = task.await.unwrap();
        match answer.status {
            201 => answers.push(answer.json()),
            409 | 503 => {}
            other => panic!("{other}: {}", answer.text()),
        }
    }
    assert!(!answers.is_empty());
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    let batches = api.get("/v1/payout_batches").await.expect(200);
    assert_eq!(batches["items"].as_array().unwrap().len(), 1);
    drop(server);
    installation.audit();
}

// L-09, L-25
async fn l_09_people_who_act_at_once_pay_nobody_twice(backing: Backing) {
    let installation = Installation::new(backing).await;
    let third =
        Hopline::key(&installation.data_dir, &installation.setup, &["--role", "finance"], "third").unwrap();
    let server = installation.serve(&installation.setup);
    let api = server.api().with_key(&installation.first);
    let people = [server.api().with_key(&installation.second), server.api().with_key(&third)];
    let order = json!({"currency": "EUR", "method": "sepa"});
    let drafts: Vec<_> = (0..4)
        .map(|_| {
            let (api, order) = (api.clone(), order.clone());
            tokio::spawn(async move { api.post("/v1/payout_batches", &order).await })
        })
        .collect();
    let mut paying = Vec::new();
    for draft in drafts {
        let answer = draft.await.unwrap();
        if answer.status == 201 && !answer.json()["payouts"].as_array().unwrap().is_empty() {
            paying.push(answer.json());
        }
    }
    assert_eq!(paying.len(), 1, "one draft holds the money");
    let (batch, payout) = (&paying[0]["id"], &paying[0]["payouts"][0]["id"]);
    let message = paying[0]["message_id"].as_str().unwrap();
    let refused = api.post(&format!("/v1/payout_batches/{batch}/approve"), &json!({})).await;
    assert_eq!(refused.status, 403, "{}", refused.text());

    let at_once = async |bodies: Vec<(String, Vec<u8>, &'static str)>| {
        let mut tasks = Vec::new();
        for (index, (path, body, kind)) in bodies.into_iter().enumerate() {
            let person = people[index % 2].clone();
            tasks.push(tokio::spawn(async move {
                person.send("POST", &path, &[("content-type", kind)], body).await.unwrap().status
            }));
        }
        let mut statuses = Vec::new();
        for task in tasks {
            statuses.push(task.await.unwrap());
        }
        statuses
    };
    let approve = || (format!("/v1/payout_batches/{batch}/approve"), b"{}".to_vec(), "application/json");
    let statuses = at_once(vec![approve(), approve(), approve(), approve()]).await;
    assert!(statuses.contains(&200), "{statuses:?}");

    let settle = |failed: Value| {
        let body = serde_json::to_vec(&json!({"failed": failed})).unwrap();
        (format!("/v1/payout_batches/{batch}/settle"), body, "application/json")
    };
    let report = format!(
        "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.002.001.03\"><CstmrPmtStsRpt>\
         <OrgnlGrpInfAndSts><OrgnlMsgId>{message}</OrgnlMsgId><GrpSts>ACCP</GrpSts></OrgnlGrpInfAndSts>\
         </CstmrPmtStsRpt></Document>"
    );
    let results = || {
        (
            format!("/v1/payout_batches/{batch}/results?format=pain.002"),
            report.clone().into_bytes(),
            "application/xml",
        )
    };
    let failed = json!([{"payout_id": payout, "reason": "closed"}]);
    let statuses =
        at_once(vec![settle(json!([])), settle(failed), results(), results(), settle(json!([]))]).await;
    assert!(statuses.iter().any(|status| (200..300).contains(status)), "{statuses:?}");
    let (payable, paid) = balance(&api, 1).await;
    assert!(
        (payable == "0.00" && paid == "2.00") || (payable == "2.00" && paid == "0.00"),
        "payable {payable}, paid {paid}: {statuses:?}"
    );
    drop(server);
    installation.audit();
}

/// Whether any file below a folder holds a text.
fn holds(folder: &Path, text: &str) -> bool {
    std::fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return holds(&path, text);
        }
        let bytes = std::fs::read(&path).unwrap_or_default();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    })
}

// P-42
async fn p_42_bank_data_is_sealed_revealed_by_audit_and_its_key_changes(backing: Backing) {
    let installation = Installation::new(backing).await;
    let (folder, setup) = (&installation.data_dir, &installation.setup);
    let server = installation.serve(setup);
    let api = server.api().with_key(&installation.first);
    let second = server.api().with_key(&installation.second);

    // Shown by its last four, whole only where that is noted.
    let shown = api.get("/v1/affiliates/1").await.expect(200);
    assert_eq!(shown["payout_method"]["iban"], "…3000");
    let whole = api.get("/v1/affiliates/1/payout_method").await.expect(200);
    assert_eq!(whole["payout_method"]["iban"], IBAN);
    let log = api.get("/v1/audit_log?limit=500").await.expect(200);
    let last = log["items"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&last["action"], &last["object"]),
        (&json!("affiliate.payout_method.reveal"), &json!("affiliate:1"))
    );
    assert!(!log.to_string().contains(IBAN));

    // A batch of each bank method, through the validators.
    for (batch, currency, method, format) in
        [(1, "EUR", "sepa", "pain.001.001.03"), (2, "USD", "ach", "nacha")]
    {
        let drafted = api
            .post("/v1/payout_batches", &json!({"currency": currency, "method": method}))
            .await
            .expect(201);
        assert_eq!(
            (&drafted["id"], drafted["payouts"].as_array().unwrap().len()),
            (&json!(batch), 1),
            "{drafted}"
        );
        done(&second.post(&format!("/v1/payout_batches/{batch}/approve"), &json!({})).await, 200);
        let file = second.get(&format!("/v1/payout_batches/{batch}/export?format={format}")).await;
        assert_eq!(file.status, 200, "{}", file.text());
        assert_eq!((file.header("x-hopline-count"), file.header("x-hopline-control-sum")), ("1", "2.00"));
        is_valid(folder, format, &file.body);
    }
    drop(server);

    // Nothing below the data directory holds an account, but the key is there.
    for account in [IBAN, US_ACCOUNT] {
        assert!(!holds(folder, account), "{account} stands somewhere in {}", folder.display());
    }
    let key_file = folder.join("bank-data.keys");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&key_file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);

    // A new key, beside a running server.
    let server = installation.serve(setup);
    let rotated = setup.command(folder, &["bank-data", "rotate"]).output().unwrap();
    let words = String::from_utf8_lossy(&rotated.stdout).into_owned();
    assert!(rotated.status.success(), "{words}{}", String::from_utf8_lossy(&rotated.stderr));
    assert!(words.contains("sealed anew: 4") && words.contains("older keys: 0"), "{words}");
    let second = server.api().with_key(&installation.second);
    let whole = second.get("/v1/affiliates/1/payout_method").await.expect(200);
    assert_eq!(whole["payout_method"]["iban"], IBAN);
    let file = second.get("/v1/payout_batches/2/export?format=nacha").await;
    assert!(file.text().contains(US_ACCOUNT));
    drop(server);

    // Without its keys everything but bank data goes on.
    let kept = std::fs::read(&key_file).unwrap();
    std::fs::remove_file(&key_file).unwrap();
    let server = installation.serve(setup);
    let api = server.api().with_key(&installation.first);
    done(&api.get("/v1/affiliates/1").await, 200);
    assert_eq!(api.get("/v1/affiliates/1/payout_method").await.status, 503);
    assert!(!key_file.exists(), "no other key is made in its place");
    std::fs::write(&key_file, kept).unwrap();
    done(&api.get("/v1/affiliates/1/payout_method").await, 200);
    drop(server);
    installation.audit();
}

/// P-01, P-21: a validator that knows nothing of our writers.
fn is_valid(folder: &Path, format: &str, file: &[u8]) {
    let python = std::env::var_os("HOPLINE_TEST_PYTHON").expect(
        "HOPLINE_TEST_PYTHON names a Python with the validators: run the tests by `cargo xtask test`",
    );
    let script = if format == "nacha" { "validate_nacha.py" } else { "validate_pain001.py" };
    let name = folder.with_extension("payments");
    std::fs::write(&name, file).unwrap();
    let script =
        Path::new(&std::env::var("CARGO_MANIFEST_DIR").expect("cargo says it")).join("tools").join(script);
    let output = Command::new(python).arg(script).arg(&name).output().unwrap();
    std::fs::remove_file(&name).unwrap();
    let words = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{format}: {}", String::from_utf8_lossy(&words));
}
