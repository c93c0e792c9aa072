//! The server that is shipped to.

use std::time::Instant;

use anyhow::{Context as _, Result};
use hopline_benches::cpu::{CpuTime, children};
use hopline_testkit::ClickHouseServer;

use crate::Run;

/// A running server.
#[derive(Debug)]
pub(crate) struct Engine {
    url: String,
    pid: u32,
    /// Ends with it, where it was started here.
    _server: Option<ClickHouseServer>,
}

/// A run that has begun.
#[derive(Debug)]
pub(crate) struct Measured {
    clicks: f64,
    pid: u32,
    at: Instant,
    own: CpuTime,
    engine: CpuTime,
}

impl Engine {
    /// Starts one.
    pub(crate) fn start() -> Result<Self> {
        let server = ClickHouseServer::start()?;
        let pid = children(std::process::id())?.pop().context("the server is no child of this process")?;
        let url = format!("clickhouse://{}", server.address());
        Ok(Self { url, pid, _server: Some(server) })
    }

    /// One that runs already.
    pub(crate) fn there(url: &str, pid: u32) -> Self {
        Self { url: url.trim_end_matches('/').to_owned(), pid, _server: None }
    }

    /// The URL with a database.
    pub(crate) fn database(&self, name: &str) -> String {
        format!("{}/{name}", self.url)
    }

    pub(crate) fn http(&self) -> clickhouse::Client {
        let url = self.url.replace("clickhouse://", "http://");
        clickhouse::Client::default().with_url(url).with_compression(clickhouse::Compression::None)
    }

    pub(crate) async fn forget(&self, database: &str) -> Result<()> {
        Ok(self.http().query(&format!("DROP DATABASE IF EXISTS {database} SYNC")).execute().await?)
    }

    /// The only value that a query gives.
    pub(crate) async fn ask(&self, sql: &str) -> Result<String> {
        self.http()
            .query(&format!("SELECT assumeNotNull(toString(({sql})))"))
            .fetch_one()
            .await
            .context("the server does not answer")
    }

    pub(crate) async fn measure(&self, clicks: u64) -> Result<Measured> {
        let clicks = clicks.to_string().parse()?;
        let (own, engine) = (CpuTime::alone(std::process::id())?, CpuTime::alone(self.pid)?);
        Ok(Measured { clicks, pid: self.pid, at: Instant::now(), own, engine })
    }
}

impl Measured {
    pub(crate) fn end(self) -> Result<Run> {
        Ok(Run {
            clicks: self.clicks,
            seconds: self.at.elapsed().as_secs_f64(),
            own: CpuTime::alone(std::process::id())? - self.own,
            engine: CpuTime::alone(self.pid)? - self.engine,
        })
    }
}
