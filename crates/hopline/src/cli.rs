//! The command line: contract section 1, and one flag for every setting.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Arg, ArgAction, ArgMatches, Command};
use hopline_runtime::config::{Config, ConfigFile, ENV_PREFIX, Inputs, KEYS};

/// Builds the parser.
pub(crate) fn parser() -> Command {
    let mut command = Command::new("hopline")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Affiliate and referral tracking: no click lost, every commission explained.")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .arg(Arg::new("config").long("config").value_name("FILE").global(true).help("Settings file (TOML)"))
        .subcommand(
            Command::new("init")
                .about("Create the data directory, its databases and first keys; safe to repeat"),
        )
        .subcommand(
            Command::new("serve").about("Run the server until SIGTERM, which drains and loses nothing").arg(
                Arg::new("role")
                    .long("role")
                    .value_name("ROLES")
                    .default_value("edge,worker,api")
                    .help("Which parts to run, separated by commas"),
            ),
        )
        .subcommand(
            Command::new("demo").about("A living example network in one process, until Ctrl-C").arg(
                Arg::new("exit_after_seeding")
                    .long("exit-after-seeding")
                    .action(ArgAction::SetTrue)
                    .help("Stop once the example network stands"),
            ),
        )
        .subcommand(
            Command::new("user")
                .about("People who can sign in to the portal")
                .subcommand_required(true)
                .subcommand(
                owner_arguments(Command::new("create").about("Create a login"))
                    .arg(Arg::new("email").long("email").value_name("E").required(true))
                    .arg(
                        Arg::new("password_stdin")
                            .long("password-stdin")
                            .action(ArgAction::SetTrue)
                            .help("Read the password from standard input; else one is made and printed once"),
                    ),
            ),
        )
        .subcommand(
            Command::new("key")
                .about("API keys, and keys of edges")
                .subcommand_required(true)
                .subcommand(
                    owner_arguments(Command::new("create").about("Create a key and print it once"))
                        .arg(Arg::new("name").long("name").value_name("N").required(true)),
                )
                .subcommand(
                    Command::new("revoke").about("Withdraw the key of an edge; API keys are withdrawn over the API").arg(
                        Arg::new("id").value_name("ID").required(true).help("As told when the key was created"),
                    ),
                ),
        )
        .subcommand(
            Command::new("config")
                .about("Settings")
                .subcommand_required(true)
                .subcommand(
                    Command::new("check")
                        .about("Print what is in force and where each value came from; ask servers whether they can be used")
                        .arg(
                            Arg::new("offline")
                                .long("offline")
                                .action(ArgAction::SetTrue)
                                .help("Ask no server"),
                        ),
                )
                .subcommand(
                    Command::new("reference").about("Print every setting with its default, as Markdown"),
                ),
        )
        .subcommand(
            Command::new("click").about("Click ids").subcommand_required(true).subcommand(
                Command::new("verify")
                    .about("Check a click id offline and print what it says")
                    .arg(Arg::new("token").value_name("TOKEN").required(true).allow_hyphen_values(true)),
            ),
        )
        .subcommand(
            Command::new("attribute").about("Run the attribution function over JSON; touches no store").arg(
                Arg::new("file").value_name("FILE").required(true).help("A file, or - for standard input"),
            ),
        )
        .subcommand(
            Command::new("rates").about("Rates of exchange").subcommand_required(true).subcommand(
                Command::new("import")
                    .about("Enter the rates of a file: the ECB's reference rates as XML or CSV, or date,from,to,rate,source")
                    .arg(
                        Arg::new("file")
                            .value_name("FILE")
                            .required(true)
                            .help("A file, or - for standard input"),
                    ),
            ),
        )
        .subcommand(
            Command::new("ledger").about("The books").subcommand_required(true).subcommand(
                Command::new("export")
                    .about("Print the ledger as plain-text accounting")
                    .arg(
                        Arg::new("format")
                            .long("format")
                            .value_name("FORM")
                            .required(true)
                            .help("hledger or beancount"),
                    )
                    .arg(Arg::new("from").long("from").value_name("TIME").help("Effective not before this time or day (UTC)"))
                    .arg(Arg::new("to").long("to").value_name("TIME").help("Effective before this time or day (UTC)")),
            ),
        )
        .subcommand(
            Command::new("bank-data")
                .about("Payees' bank data at rest, and the keys that seal it")
                .subcommand_required(true)
                .subcommand(Command::new("status").about("Print which keys there are and how many rows each seals"))
                .subcommand(
                    Command::new("rotate").about("Add a new key to the file of keys and seal everything with it"),
                )
                .subcommand(
                    Command::new("seal").about("Seal everything with the last key; after one was added by hand"),
                ),
        )
        .subcommand(
            Command::new("audit")
                .about("Check every invariant of the books and logs; non-zero where one fails"),
        )
        .subcommand(
            Command::new("deadletters")
                .about("Records that no store took")
                .subcommand_required(true)
                .subcommand(Command::new("list").about("Print each with its reason"))
                .subcommand(
                    Command::new("resend")
                        .about("Send them again; those refused again stay, and the exit code is 1"),
                ),
        );
    for key in KEYS {
        let flag = key.flag_name();
        command = command.arg(
            Arg::new(key.name)
                .long(flag.trim_start_matches('-').to_owned())
                .value_name("VALUE")
                .global(true)
                .help(key.doc)
                .help_heading("Settings")
                .hide_short_help(key.name != "data_dir"),
        );
    }
    command
}

fn owner_arguments(command: Command) -> Command {
    command
        .arg(
            Arg::new("role")
                .long("role")
                .value_name("ROLE")
                .required(true)
                .help("operator, finance, advertiser or affiliate; for keys also edge"),
        )
        .arg(
            Arg::new("advertiser").long("advertiser").value_name("ID").help("Whose, for the role advertiser"),
        )
        .arg(Arg::new("affiliate").long("affiliate").value_name("ID").help("Whose, for the role affiliate"))
}

/// Collects settings from the file, the environment and the flags.
pub(crate) fn config(matches: &ArgMatches) -> anyhow::Result<Config> {
    let file = match matches.get_one::<String>("config") {
        None => None,
        Some(name) => {
            let text = std::fs::read_to_string(PathBuf::from(name))
                .with_context(|| format!("cannot read the settings file {name}"))?;
            Some(ConfigFile { name: name.clone(), text })
        }
    };
    let mut environment = BTreeMap::new();
    for (name, value) in std::env::vars_os() {
        let Some(name) = name.to_str().filter(|name| name.starts_with(ENV_PREFIX)) else { continue };
        let value = value
            .into_string()
            .map_err(|_| anyhow::anyhow!("the environment variable {name} is not UTF-8 text"))?;
        environment.insert(name.to_owned(), value);
    }
    // Named for tests of this very program, never settings of it.
    for name in [
        "HOPLINE_BIN",
        "HOPLINE_KILLS",
        "HOPLINE_SEED",
        "HOPLINE_TEST_FAKETIME",
        "HOPLINE_TEST_PYTHON",
        "HOPLINE_TOOLS_DIR",
        "HOPLINE_CI_CACHE",
    ] {
        environment.remove(name);
    }
    for name in hopline_fault::VARIABLES {
        environment.remove(*name);
    }
    let flags = KEYS
        .iter()
        .filter_map(|key| Some((key.name.to_owned(), matches.get_one::<String>(key.name)?.clone())))
        .collect();
    Ok(Config::load(&Inputs { file, env: environment, flags })?)
}
