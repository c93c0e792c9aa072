//! What a statement costs: `cargo run --release -p hopline-control-store-postgres --example statements -- URL`, where URL
//! names an empty database.

#![expect(clippy::print_stdout, reason = "a measurement prints its figures")]

use std::error::Error;
use std::time::Instant;

use hopline_control_store::{Database, DatabaseExt as _, StoreError, Value, marks};
use hopline_control_store_postgres::PostgresDatabase;
use hopline_types::UnixMillis;

const ROUNDS: u32 = 2_000;
const ROWS: u32 = 400;

fn told(what: &str, count: u32, begun: Instant) {
    let each = begun.elapsed() / count;
    println!("{what}: {} us each, {:.0}/s", each.as_micros(), 1.0 / each.as_secs_f64());
}

fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1).ok_or("the URL of an empty database is missing")?;
    let database = PostgresDatabase::open(url.parse()?, UnixMillis(0))?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(measure(&database))?;
    Ok(())
}

async fn measure(database: &dyn Database) -> Result<(), StoreError> {
    let warm = |tx: &mut dyn hopline_control_store::Tx| marks::set(tx, "warm", 1);
    database.write(warm).await?;
    let begun = Instant::now();
    let read = |tx: &mut dyn hopline_control_store::Tx| {
        (0..ROUNDS).try_for_each(|_| marks::get(tx, "warm").map(drop))
    };
    database.read(read).await?;
    told("a statement that reads one row", ROUNDS, begun);

    let begun = Instant::now();
    for _ in 0..ROUNDS {
        database.read(|tx| marks::get(tx, "warm")).await?;
    }
    told("a reading job of one statement", ROUNDS, begun);

    let begun = Instant::now();
    for round in 0..ROUNDS {
        database.write(move |tx| marks::set(tx, "warm", round.into())).await?;
    }
    told("a writing job of one statement", ROUNDS, begun);

    let rounds = ROUNDS / 20;
    let begun = Instant::now();
    for round in 0..rounds {
        let row = |row: u32| vec![Value::from(format!("{round} {row}")), Value::from("{}")];
        let rows: Vec<Vec<Value>> = (0..ROWS).map(row).collect();
        let sql = "INSERT INTO fact_outbox (fact_id, fact) VALUES ($1, $2) ON CONFLICT (fact_id) DO NOTHING";
        database.book(move |tx| tx.execute_many(sql, &rows)).await?;
    }
    told("a row of a set of 400 that is inserted, with its commit", rounds * ROWS, begun);

    let begun = Instant::now();
    for round in 0..rounds {
        let rows: Vec<Vec<Value>> = (0..ROWS).map(|row| vec![format!("{round} {row}").into()]).collect();
        let sql = "SELECT id, fact FROM fact_outbox WHERE fact_id = $1";
        database.read(move |tx| tx.query_many(sql, &rows)).await?;
    }
    told("a row of a set of 400 that is looked up", rounds * ROWS, begun);
    Ok(())
}
