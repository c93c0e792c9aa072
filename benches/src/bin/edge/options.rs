//! What a caller may choose.

use std::path::PathBuf;

use clap::{Arg, Command, value_parser};

/// The choices.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) links: u32,
    pub(crate) rounds: usize,
    pub(crate) seconds: u64,
    pub(crate) connections: usize,
    pub(crate) rate: u32,
    /// Letters; empty for all.
    pub(crate) rows: String,
    pub(crate) server_core: usize,
    pub(crate) load_core: usize,
    pub(crate) directory: PathBuf,
}

impl Options {
    /// From the command line; ends the program where that is wrong.
    pub(crate) fn read() -> Self {
        let number = |name: &'static str, default: &'static str, help: &'static str| {
            Arg::new(name).long(name).value_name("N").default_value(default).help(help)
        };
        let matches = Command::new("edge")
            .about("What a click costs: Hopline beside nginx and a bare hyper server")
            .arg(
                number("links", "1000000", "Links in the catalogue")
                    .value_parser(value_parser!(u32).range(1..=20_000_000)),
            )
            .arg(number("rounds", "5", "Measured rounds").value_parser(value_parser!(u16).range(1..)))
            .arg(
                number("seconds", "4", "Seconds of one row in one round")
                    .value_parser(value_parser!(u64).range(1..)),
            )
            .arg(
                number("connections", "64", "Keep-alive connections")
                    .value_parser(value_parser!(u16).range(1..)),
            )
            .arg(
                number("rate", "5000", "Clicks a second in the open loop; 0 leaves it out")
                    .value_parser(value_parser!(u32)),
            )
            .arg(
                Arg::new("rows").long("rows").value_name("LETTERS").default_value("").help("Only these rows, such as BD"),
            )
            .arg(number("server-core", "0", "The servers' core").value_parser(value_parser!(u16)))
            .arg(number("load-core", "1", "The load generator's core").value_parser(value_parser!(u16)))
            .arg(
                Arg::new("directory")
                    .long("directory")
                    .value_name("DIR")
                    .value_parser(value_parser!(PathBuf))
                    .help("Where spool and logs are written; default: the system's directory for temporary files"),
            )
            .get_matches();
        let small = |name: &str| usize::from(*matches.get_one::<u16>(name).expect("it has a default"));
        let count = |name: &str| *matches.get_one::<u32>(name).expect("it has a default");
        Self {
            links: count("links"),
            rounds: small("rounds"),
            seconds: *matches.get_one::<u64>("seconds").expect("it has a default"),
            connections: small("connections"),
            rate: count("rate"),
            rows: matches.get_one::<String>("rows").expect("it has a default").to_ascii_uppercase(),
            server_core: small("server-core"),
            load_core: small("load-core"),
            directory: matches.get_one::<PathBuf>("directory").cloned().unwrap_or_else(std::env::temp_dir),
        }
    }
}
