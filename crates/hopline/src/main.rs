//! Self-hosted affiliate and referral tracking: redirects, attribution, ledger and payouts in one binary.
//!
//! This crate wires: it alone names concrete stores, reads the process's environment and arguments, and
//! decides which roles run. Everything else lives in the libraries beside it; `crates/ARCHITECTURE.md` is the map.

mod bank_data;
mod bookings;
mod cli;
mod commands;
mod edge_mark;
mod memory;
mod opening;
mod publisher;
mod pulse;
mod roles;
mod server;
mod source;
mod stores;
mod upkeep;
mod upstream;
mod watched;

use std::io::Write as _;
use std::process::ExitCode;

use clap::ArgMatches;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let matches = cli::parser().get_matches();
    match run(&matches) {
        Ok(code) => code,
        Err(error) => {
            complain(&error);
            ExitCode::from(2)
        }
    }
}

fn run(matches: &ArgMatches) -> anyhow::Result<ExitCode> {
    match matches.subcommand() {
        Some(("attribute", own)) => commands::attribute::run(own),
        Some(("config", own)) if own.subcommand_name() == Some("reference") => {
            commands::settings::reference().map(|()| ExitCode::SUCCESS)
        }
        Some((command, own)) => {
            let config = cli::config(innermost(own))?;
            match (command, own.subcommand()) {
                ("config", Some((_, check))) => {
                    commands::settings::check(&config, check).map(|()| ExitCode::SUCCESS)
                }
                ("init", _) => commands::init::run(&config).map(|()| ExitCode::SUCCESS),
                ("serve", _) => commands::serve::run(config, own),
                ("demo", _) => commands::demo::run(config, own),
                ("user", Some((_, create))) => {
                    commands::people::user(&config, create).map(|()| ExitCode::SUCCESS)
                }
                ("key", Some(("revoke", own))) => {
                    commands::people::revoke(&config, own).map(|()| ExitCode::SUCCESS)
                }
                ("key", Some((_, create))) => {
                    commands::people::key(&config, create).map(|()| ExitCode::SUCCESS)
                }
                ("click", Some((_, verify))) => commands::click::verify(&config, verify),
                ("rates", Some((_, import))) => {
                    commands::rates::import(&config, import).map(|()| ExitCode::SUCCESS)
                }
                ("ledger", Some((_, export))) => {
                    commands::ledger::export(&config, export).map(|()| ExitCode::SUCCESS)
                }
                ("bank-data", Some((what, _))) => {
                    commands::bank_data::run(&config, what).map(|()| ExitCode::SUCCESS)
                }
                ("audit", _) => commands::audit::run(&config),
                ("deadletters", Some(("resend", _))) => commands::deadletters::resend(&config),
                ("deadletters", _) => commands::deadletters::list(&config).map(|()| ExitCode::SUCCESS),
                (other, _) => anyhow::bail!("the command {other} is not wired"),
            }
        }
        None => anyhow::bail!("no command was given"),
    }
}

/// Global flags are found at the innermost command.
fn innermost(matches: &ArgMatches) -> &ArgMatches {
    matches.subcommand().map_or(matches, |(_, own)| innermost(own))
}

/// Writes to standard output; a closed pipe is no error.
fn out(bytes: &[u8]) -> anyhow::Result<()> {
    match std::io::stdout().lock().write_all(bytes) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Writes an error with its causes to standard error.
fn complain(error: &anyhow::Error) {
    err(&format!("hopline: {error:#}\n"));
}

/// Writes to standard error.
fn err(text: &str) {
    if std::io::stderr().lock().write_all(text.as_bytes()).is_err() {
        // Nobody can be told.
    }
}
