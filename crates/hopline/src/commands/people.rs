//! `hopline key create`, `hopline key revoke` and `hopline user create`.

use std::io::Read as _;
use std::str::FromStr;

use anyhow::Context as _;
use clap::ArgMatches;
use hopline_control_store::audit_log::{self, NewEntry};
use hopline_control_store::{DatabaseExt as _, ErrorKind, StoreError, base62, edge_keys, keys, users};
use hopline_runtime::clock::Clock;
use hopline_runtime::config::Config;
use hopline_types::{AdvertiserId, AffiliateId, Role};

use crate::{err, out, stores};

/// Who acts when the command line does.
const ACTOR: &str = "system:command-line";
/// The role of keys that are no API keys.
const EDGE: &str = "edge";
const NAME_CHARS_MAX: usize = 200;
const PASSWORD_CHARS_MIN: usize = 12;
const PASSWORD_CHARS_MAX: usize = 128;

struct Owner {
    role: Role,
    advertiser: Option<AdvertiserId>,
    affiliate: Option<AffiliateId>,
}

/// Reads `--role`, `--advertiser` and `--affiliate`, which must go together.
fn owner(arguments: &ArgMatches) -> anyhow::Result<Owner> {
    fn read<T: FromStr>(arguments: &ArgMatches, name: &str) -> anyhow::Result<Option<T>>
    where
        T::Err: std::fmt::Display,
    {
        let Some(text) = arguments.get_one::<String>(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|refusal| anyhow::anyhow!("--{name} {text}: {refusal}"))
    }
    let role: Role = read(arguments, "role")?.expect("clap demands --role");
    let owner =
        Owner { role, advertiser: read(arguments, "advertiser")?, affiliate: read(arguments, "affiliate")? };
    let (wants_advertiser, wants_affiliate) = match role {
        Role::Operator | Role::Finance => (false, false),
        Role::Advertiser => (true, false),
        Role::Affiliate => (false, true),
    };
    for (name, given, wanted) in [
        ("advertiser", owner.advertiser.is_some(), wants_advertiser),
        ("affiliate", owner.affiliate.is_some(), wants_affiliate),
    ] {
        anyhow::ensure!(given || !wanted, "the role {role} needs --{name} ID");
        anyhow::ensure!(!given || wanted, "--{name} does not go with the role {role}");
    }
    Ok(owner)
}

fn explained(error: StoreError, what: &str) -> anyhow::Error {
    match error.kind {
        ErrorKind::Reference => anyhow::anyhow!("{what}: there is no advertiser or affiliate with that id"),
        ErrorKind::Conflict => anyhow::anyhow!("{what}: there is one already"),
        ErrorKind::Constraint | ErrorKind::Unavailable | ErrorKind::Broken => {
            anyhow::Error::new(error).context(what.to_owned())
        }
    }
}

fn entry(action: &str, object: String, now: hopline_types::UnixMillis) -> NewEntry {
    NewEntry {
        at: now,
        actor: ACTOR.to_owned(),
        action: action.to_owned(),
        object,
        origin: Some("cli".to_owned()),
        before: None,
        after: None,
        request_id: None,
    }
}

/// Creates an API key, or the key of an edge, and prints it alone on standard output, once.
pub(crate) fn key(config: &Config, arguments: &ArgMatches) -> anyhow::Result<()> {
    let name = arguments.get_one::<String>("name").expect("clap demands --name").trim().to_owned();
    anyhow::ensure!(
        !name.is_empty() && name.chars().count() <= NAME_CHARS_MAX,
        "--name needs 1 to {NAME_CHARS_MAX} characters"
    );
    if arguments.get_one::<String>("role").is_some_and(|role| role == EDGE) {
        for tenant in ["advertiser", "affiliate"] {
            anyhow::ensure!(!arguments.contains_id(tenant), "--{tenant} does not go with the role {EDGE}");
        }
        return edge_key(config, name);
    }
    let owner = owner(arguments)?;
    let clock = Clock::System;
    let data_dir = stores::existing(config)?;
    let now = clock.now();
    let new = keys::NewKey {
        name,
        role: owner.role,
        advertiser_id: owner.advertiser,
        affiliate_id: owner.affiliate,
        expires_at: None,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let database = runtime.block_on(stores::control(config, &data_dir, &clock))?.store;
    let text = runtime
        .block_on(database.write(move |tx| {
            let (key, text) = keys::create(tx, &new, &mut stores::random, now)?;
            audit_log::append(tx, &entry("key.create", format!("key:{}", key.public_id), now))?;
            Ok::<_, StoreError>(text.as_str().to_owned())
        }))
        .map_err(|error| explained(error, "the key was not created"))?;
    out(format!("{text}\n").as_bytes())
}

/// Creates the key of an edge; its id, by which it is withdrawn, goes to standard error.
fn edge_key(config: &Config, name: String) -> anyhow::Result<()> {
    let clock = Clock::System;
    let data_dir = stores::existing(config)?;
    let now = clock.now();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let database = runtime.block_on(stores::control(config, &data_dir, &clock))?.store;
    let (id, text) = runtime
        .block_on(database.write(move |tx| {
            let (key, text) = edge_keys::create(tx, &name, &mut stores::random, now)?;
            audit_log::append(tx, &entry("edge_key.create", format!("edge_key:{}", key.public_id), now))?;
            Ok::<_, StoreError>((key.public_id, text.as_str().to_owned()))
        }))
        .map_err(|error| explained(error, "the key was not created"))?;
    err(&format!("id {id}: withdraw it with `hopline key revoke {id}`\n"));
    out(format!("{text}\n").as_bytes())
}

/// Withdraws the key of an edge.
pub(crate) fn revoke(config: &Config, arguments: &ArgMatches) -> anyhow::Result<()> {
    let id = arguments.get_one::<String>("id").expect("clap demands ID").clone();
    let clock = Clock::System;
    let data_dir = stores::existing(config)?;
    let now = clock.now();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let database = runtime.block_on(stores::control(config, &data_dir, &clock))?.store;
    let wanted = id.clone();
    let found = runtime.block_on(database.write(move |tx| {
        let found = edge_keys::revoke(tx, &wanted, now)?;
        if let Some(key) = &found {
            audit_log::append(tx, &entry("edge_key.revoke", format!("edge_key:{}", key.public_id), now))?;
        }
        Ok::<_, StoreError>(found)
    }))?;
    let key = found.with_context(|| format!("there is no key of an edge with the id {id}"))?;
    out(format!("withdrawn: {} ({})\n", key.public_id, key.name).as_bytes())
}

/// Creates a login; prints the password where it made one.
pub(crate) fn user(config: &Config, arguments: &ArgMatches) -> anyhow::Result<()> {
    let owner = owner(arguments)?;
    let email = arguments.get_one::<String>("email").expect("clap demands --email").trim().to_lowercase();
    let well_formed =
        email.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'));
    anyhow::ensure!(well_formed && email.len() <= 254, "--email {email:?} is no e-mail address");
    let made = !arguments.get_flag("password_stdin");
    let password = if made { base62(20, &mut stores::random) } else { password_from_stdin()? };
    let password_phc = hopline_api::hash_password(&password).context("hashing the password")?;
    let clock = Clock::System;
    let data_dir = stores::existing(config)?;
    let now = clock.now();
    let new = users::NewUser {
        email: email.clone(),
        role: owner.role,
        advertiser_id: owner.advertiser,
        affiliate_id: owner.affiliate,
        password_phc,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let database = runtime.block_on(stores::control(config, &data_dir, &clock))?.store;
    runtime
        .block_on(database.write(move |tx| {
            let user = users::create(tx, &new, now)?;
            audit_log::append(tx, &entry("user.create", format!("user:{}", user.id), now))?;
            Ok::<_, StoreError>(())
        }))
        .map_err(|error| explained(error, &format!("the user {email} was not created")))?;
    if made { out(format!("{password}\n").as_bytes()) } else { Ok(()) }
}

fn password_from_stdin() -> anyhow::Result<String> {
    let mut text = String::new();
    std::io::stdin().lock().take(4096).read_to_string(&mut text).context("reading the password")?;
    let password = text.trim_end_matches(['\r', '\n']).to_owned();
    let length = password.chars().count();
    anyhow::ensure!(
        (PASSWORD_CHARS_MIN..=PASSWORD_CHARS_MAX).contains(&length),
        "the password has {length} characters, {PASSWORD_CHARS_MIN} to {PASSWORD_CHARS_MAX} are needed"
    );
    Ok(password)
}
