//! The servers that the tests of a run share: prints a line `NAME=address` for each, then `ready`, and stops them when its
//! input ends. `cargo xtask` starts it.

use std::io::{Read as _, Write as _};

use anyhow::Context as _;
use hopline_testkit::{CLICKHOUSE_VARIABLE, ClickHouseServer, POSTGRES_VARIABLE, PostgresServer};

fn main() -> anyhow::Result<()> {
    let postgres = PostgresServer::start()?;
    let clickhouse = ClickHouseServer::start()?;
    let mut output = std::io::stdout();
    let lines = format!(
        "{POSTGRES_VARIABLE}={}\n{CLICKHOUSE_VARIABLE}=http://{}\nready\n",
        postgres.admin_url(),
        clickhouse.address()
    );
    output.write_all(lines.as_bytes()).and_then(|()| output.flush()).context("saying that it is ready")?;
    std::io::stdin().read_to_end(&mut Vec::new()).context("waiting for the end of the input")?;
    Ok(())
}
