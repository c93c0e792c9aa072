//! The books of the demo, as hledger and beancount read them (L-24).

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use hopline_money::{Amount, Currency};
use hopline_testkit::{Backing, Hopline, Http, Setup};

/// Balances by account and currency, in minor units; debits above zero, and what is zero left out.
type Balances = BTreeMap<(String, String), i64>;

fn minor(text: &str, currency: &str) -> i64 {
    // A zero is written without places.
    let amount = Amount::parse(text, Currency::new(currency).unwrap());
    amount.unwrap_or_else(|error| panic!("{text:?} {currency}: {error}")).minor
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

fn hledger(file: &Path) -> Balances {
    run(Command::new("hledger").arg("-f").arg(file).args(["check", "--strict"]));
    let arguments = ["balance", "--flat", "--no-total", "--empty", "--layout=bare", "-O", "csv"];
    let table = run(Command::new("hledger").arg("-f").arg(file).args(arguments));
    let cells =
        |line: &str| line.split(',').map(|cell| cell.trim_matches('"').to_owned()).collect::<Vec<_>>();
    let rows = table.lines().skip(1).map(cells);
    not_zero(rows.map(|row| ((row[0].clone(), row[1].clone()), minor(&row[2], &row[1]))))
}

/// By our own names.
fn beancount(file: &Path) -> Balances {
    let python = std::env::var_os("HOPLINE_TEST_PYTHON")
        .expect("HOPLINE_TEST_PYTHON names a Python with beancount: run the tests by `cargo xtask test`");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/balances_beancount.py");
    let table = run(Command::new(python).arg(script).arg(file));
    let row = |line: &str| {
        let cells: Vec<&str> = line.split(' ').collect();
        let path = cells[0].split_once(':').unwrap().1.to_lowercase().replace('-', "_");
        ((path, cells[1].to_owned()), minor(cells[2], cells[1]))
    };
    not_zero(table.lines().map(row))
}

/// What the API says.
async fn accounts(api: &Http) -> Balances {
    let mut balances = Balances::new();
    let mut path = "/v1/ledger/accounts?limit=500".to_owned();
    loop {
        let page = api.get(&path).await.expect(200);
        for account in page["items"].as_array().unwrap() {
            let text = |name: &str| account[name].as_str().unwrap().to_owned();
            let minor = |name: &str| minor(&text(name), &text("currency"));
            balances.insert((text("account"), text("currency")), minor("debits") - minor("credits"));
        }
        let Some(cursor) = page["next_cursor"].as_str() else { return not_zero(balances) };
        path = format!("/v1/ledger/accounts?limit=500&cursor={cursor}");
    }
}

fn not_zero(balances: impl IntoIterator<Item = ((String, String), i64)>) -> Balances {
    balances.into_iter().filter(|(_, balance)| *balance != 0).collect()
}

// L-24
#[tokio::test]
async fn l_24_hledger_and_beancount_agree_with_the_books_of_the_demo() {
    let home = tempfile::tempdir().unwrap();
    let data_dir = home.path().join("data");
    let setup = Setup::over(Backing::Embedded);
    let listens = ["--api-listen", "--edge-listen", "--metrics-listen"].map(|flag| [flag, "127.0.0.1:0"]);
    let demo = [&["demo", "--exit-after-seeding"], listens.concat().as_slice()].concat();
    run(&mut setup.command(&data_dir, &demo));
    let operator = Hopline::key(&data_dir, &setup, &["--role", "operator"], "ops").unwrap();
    let server = Hopline::serve(&data_dir, &setup).unwrap();
    let api = server.api().with_key(&operator);
    let expected = accounts(&api).await;
    assert!(expected.len() > 20, "{expected:?}");

    let file = home.path().join("journal");
    let whole = run(&mut setup.command(&data_dir, &["ledger", "export", "--format", "hledger"]));
    let afterwards = after_all(&whole);
    for (form, read) in
        [("hledger", hledger as fn(&Path) -> Balances), ("beancount", beancount as fn(&Path) -> Balances)]
    {
        let answer = api.get(&format!("/v1/ledger/export?format={form}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let journal = answer.text();
        assert_eq!(journal, run(&mut setup.command(&data_dir, &["ledger", "export", "--format", form])));
        std::fs::write(&file, &journal).unwrap();
        assert_eq!(read(&file), expected, "{form}");
        // Beginning after all of it: the balances alone, and they are the same.
        let answer = api.get(&format!("/v1/ledger/export?format={form}&from={afterwards}")).await;
        std::fs::write(&file, answer.text()).unwrap();
        assert!(answer.text().matches(" * ").count() == 1, "{}", answer.text());
        assert_eq!(read(&file), expected, "{form} from {afterwards}");
    }
    // A journal that somebody has changed does not pass.
    let forged = whole.replacen("EUR\n", "EUR ; off\n    network:margin  0.01 EUR\n", 1);
    std::fs::write(&file, forged).unwrap();
    let check = Command::new("hledger").arg("-f").arg(&file).arg("check").output().unwrap();
    assert!(!check.status.success());
}

/// A day after all that is in a journal.
fn after_all(journal: &str) -> String {
    let dates = journal.lines().filter(|line| line.contains(" * ")).filter_map(|line| line.get(..10));
    let last = dates.max().unwrap();
    let year: u32 = last.get(..4).unwrap().parse().unwrap();
    format!("{}-01-01", year + 1)
}
