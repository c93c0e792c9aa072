//! `hopline demo`: a living example network in one process.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::ArgMatches;
use hopline_control_store::{DatabaseExt as _, ErrorKind, StoreError, base62, keys, users};
use hopline_demo::{Client, Demo, Network, Seeded};
use hopline_runtime::clock::Clock;
use hopline_runtime::config::Config;
use hopline_runtime::files::DataDir;
use hopline_runtime::telemetry;
use hopline_types::{AdvertiserId, AffiliateId, Role, UnixMillis};

use super::serve;
use crate::out;
use crate::roles::Roles;
use crate::server::Server;
use crate::stores::{self, Stores};

/// Country database of the example network.
const COUNTRIES_FILE: &str = "countries.mmdb";
/// File with the logins of the example network, readable by its owner only.
const LOGINS_FILE: &str = "demo-logins.txt";

/// Serves on the embedded default, seeds the network through HTTP, keeps a trickle of visitors going until Ctrl-C.
pub(crate) fn run(mut config: Config, arguments: &ArgMatches) -> anyhow::Result<ExitCode> {
    // Bank files need a payer; an example network has one.
    let payouts = &mut config.payouts;
    payouts.debtor_name.get_or_insert_with(|| "Example Network GmbH".to_owned());
    payouts.debtor_iban.get_or_insert_with(|| "DE89370400440532013000".to_owned());
    // The simulated visitors come from one machine; their addresses come in a header, as behind a proxy.
    let loopback = "127.0.0.0/8".parse().expect("a network in CIDR notation");
    config.edge.trusted_proxies.push(loopback);
    if config.log.filter == Config::defaults().log.filter {
        "warn".clone_into(&mut config.log.filter);
    }
    Roles::ALL.refuse_contradictions(&config)?;
    telemetry::init_logging(&config.log)?;
    let data_dir = DataDir::open(&config.data_dir, Clock::System.now())?;
    let folder = data_dir.path().display().to_string();
    let logins_file = data_dir.join(LOGINS_FILE);
    if config.edge.geoip.is_none() {
        let countries = data_dir.join(COUNTRIES_FILE);
        hopline_runtime::files::replace(&countries, hopline_demo::COUNTRIES, 0o600)?;
        config.edge.geoip = Some(countries);
    }
    let leave = arguments.get_flag("exit_after_seeding");
    serve::runtime()?.block_on(async {
        let server = Server::start(config, data_dir, Roles::ALL).await?;
        let all = (server.edge_url.clone(), server.api_url.clone(), server.stores.clone());
        let (Some(edge), Some(api), Some(stores)) = all else {
            anyhow::bail!("the demo needs its stores: {folder} is damaged")
        };
        out(format!("Hopline demo on {folder}\n").as_bytes())?;
        let operator_key = operator_key(&stores, server.clock.now()).await?;
        let demo = Demo { api: Client::new(&api, Some(&operator_key)), edge: Client::new(&edge, None) };
        let mut progress = |step: &str| {
            // A closed standard output does not stop the demo.
            out(format!("  {step}\n").as_bytes()).ok();
        };
        let seeded = tokio::select! {
            seeded = demo.seed(&mut progress) => seeded?,
            () = server.shutdown.begun() => {
                return Ok(if server.finish().await { ExitCode::SUCCESS } else { ExitCode::from(1) });
            }
        };
        let logins = logins(&stores, server.clock.now(), &seeded.network, &logins_file).await?;
        out(summary(&seeded, &api, &edge, &server.metrics_url, &logins).as_bytes())?;
        if leave {
            server.shutdown.begin();
        }
        let shutdown = server.shutdown.clone();
        let network = seeded.network;
        tokio::spawn(async move { demo.trickle(&network, async move { shutdown.begun().await }).await });
        Ok(if server.finish().await { ExitCode::SUCCESS } else { ExitCode::from(1) })
    })
}

/// A key for the seeding; it lives as long as nobody revokes it, and is made anew by each run.
async fn operator_key(stores: &Stores, now: UnixMillis) -> Result<String, StoreError> {
    stores
        .database
        .write(move |tx| {
            let new = keys::NewKey {
                name: "demo".to_owned(),
                role: Role::Operator,
                advertiser_id: None,
                affiliate_id: None,
                expires_at: Some(now.plus(24 * hopline_types::HOUR_MS)),
            };
            let (_, text) = keys::create(tx, &new, &mut stores::random, now)?;
            Ok(text.as_str().to_owned())
        })
        .await
}

/// One login per role. Made by the first run and kept in a file beside the data, so that later runs print them too.
async fn logins(
    stores: &Stores,
    now: UnixMillis,
    network: &Network,
    file: &std::path::Path,
) -> anyhow::Result<String> {
    if let Ok(kept) = std::fs::read_to_string(file) {
        return Ok(kept);
    }
    let advertiser = network.advertisers.first().and_then(|id| AdvertiserId::new(*id).ok());
    let affiliate =
        network.links.first().and(network.affiliates.first()).and_then(|id| AffiliateId::new(*id).ok());
    let mut text = String::new();
    for (role, advertiser_id, affiliate_id) in [
        (Role::Operator, None, None),
        (Role::Finance, None, None),
        (Role::Advertiser, advertiser, None),
        (Role::Affiliate, None, affiliate),
    ] {
        let email = format!("{role}@demo.example");
        let password = base62(16, &mut stores::random);
        let hashed = password.clone();
        let password_phc = tokio::task::spawn_blocking(move || hopline_api::hash_password(&hashed)).await??;
        let new = users::NewUser { email: email.clone(), role, advertiser_id, affiliate_id, password_phc };
        let made = stores.database.write(move |tx| users::create(tx, &new, now)).await;
        match made {
            Ok(_) => writeln!(text, "    {:<12} {email:<26} {password}", role.as_str())?,
            Err(error) if error.kind == ErrorKind::Conflict => {
                writeln!(text, "    {:<12} {email:<26} (made by an earlier run)", role.as_str())?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    hopline_runtime::files::replace(file, text.as_bytes(), 0o600)?;
    Ok(text)
}

fn summary(seeded: &Seeded, api: &str, edge: &str, metrics: &str, logins: &str) -> String {
    let code = seeded.network.links.first().map(|(code, _)| code.as_str()).unwrap_or_default();
    let seconds = seeded.elapsed.as_secs_f32();
    let verb = if seeded.continued { "continues" } else { "stands" };
    format!(
        "The network {verb} after {seconds:.1} s. A trickle of visitors keeps it alive; Ctrl-C ends it.\n\n\
         \x20 portal    {api}/\n\
         \x20 API       {api}/docs\n\
         \x20 health    {metrics}/readyz\n\n\
         \x20 logins\n{logins}\n\
         \x20 click an example link (or open it in a browser)\n\
         \x20   curl -i -A 'Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0' '{edge}/{code}?sub1=me'\n\n\
         \x20 report an example sale\n\
         \x20   curl -i '{}'\n\n",
        seeded.example_postback
    )
}
