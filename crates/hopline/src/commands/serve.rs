//! `hopline serve`.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::ArgMatches;
use hopline_runtime::clock::Clock;
use hopline_runtime::config::Config;
use hopline_runtime::files::DataDir;
use hopline_runtime::telemetry;

use crate::out;
use crate::roles::Roles;
use crate::server::Server;

/// Serves until SIGTERM or Ctrl-C.
pub(crate) fn run(config: Config, arguments: &ArgMatches) -> anyhow::Result<ExitCode> {
    let roles = Roles::parse(arguments.get_one::<String>("role").expect("--role has a default"))?;
    roles.refuse_contradictions(&config)?;
    telemetry::init_logging(&config.log)?;
    let data_dir = DataDir::open(&config.data_dir, Clock::System.now())?;
    runtime()?.block_on(async {
        let server = Server::start(config, data_dir, roles).await?;
        out(server.ready_line().as_bytes())?;
        Ok(if server.finish().await { ExitCode::SUCCESS } else { ExitCode::from(1) })
    })
}

/// The runtime of everything but the edge, whose threads have their own.
pub(crate) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("starting the runtime")
}
