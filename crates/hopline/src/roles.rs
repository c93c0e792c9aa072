//! Which roles run in this process, and what they need.

use hopline_runtime::config::{ClicksUrl, Config, StoreUrl};

/// Which roles run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Roles {
    pub(crate) edge: bool,
    pub(crate) worker: bool,
    pub(crate) api: bool,
}

impl Roles {
    /// All in one process.
    pub(crate) const ALL: Self = Self { edge: true, worker: true, api: true };
    /// The edge by itself.
    const EDGE: Self = Self { edge: true, worker: false, api: false };

    /// Reads `edge,worker,api`.
    pub(crate) fn parse(text: &str) -> anyhow::Result<Self> {
        let mut roles = Self { edge: false, worker: false, api: false };
        for word in text.split(',') {
            match word.trim() {
                "edge" => roles.edge = true,
                "worker" => roles.worker = true,
                "api" => roles.api = true,
                other => anyhow::bail!("--role {text}: {other:?} is not one of edge, worker, api"),
            }
        }
        Ok(roles)
    }

    /// Refuses settings under which these roles cannot do their work, with what to do.
    pub(crate) fn refuse_contradictions(self, config: &Config) -> anyhow::Result<()> {
        let edge = &config.edge;
        for (key, is_set) in [
            ("edge.upstream", edge.upstream.is_some()),
            ("edge.catalogue_file", edge.catalogue_file.is_some()),
        ] {
            anyhow::ensure!(
                !is_set || self == Self::EDGE,
                "{key} is for an edge that runs by itself: start it with --role edge, or leave {key} out"
            );
        }
        if self == Self::ALL {
            return Ok(());
        }
        if edge.upstream.is_none() && config.store.url == StoreUrl::Sqlite {
            let remedy = if self == Self::EDGE {
                "name a server (store.url = \"postgres://…\") or an API to ask (edge.upstream)"
            } else {
                "name a server (store.url = \"postgres://…\")"
            };
            anyhow::bail!(
                "store.url is sqlite, a file in the data directory of one process, which other processes cannot share: \
                 {remedy}, or run all roles in one process"
            );
        }
        anyhow::ensure!(
            config.clicks.url != ClicksUrl::Embedded,
            "clicks.url is embedded, files in the data directory of one process, which other processes cannot share: name a \
             server (clicks.url = \"clickhouse://…\"), or run all roles in one process"
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use hopline_runtime::config::{ConfigFile, Inputs};

    use super::*;

    fn refusal(roles: &str, settings: &[(&str, &str)]) -> Option<String> {
        let flags = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let config = Config::load(&Inputs { flags, ..Inputs::default() }).unwrap();
        Roles::parse(roles).unwrap().refuse_contradictions(&config).err().map(|error| error.to_string())
    }

    const POSTGRES: (&str, &str) = ("store.url", "postgres://u@db/h");
    const CLICKHOUSE: (&str, &str) = ("clicks.url", "clickhouse://ch");
    const UPSTREAM: [(&str, &str); 2] =
        [("edge.upstream", "https://api.example"), ("edge.upstream_key", "k")];

    #[test]
    fn roles_apart_need_stores_that_processes_can_share() {
        for roles in ["edge", "worker", "api", "edge,api", "worker,api"] {
            let told = refusal(roles, &[CLICKHOUSE]).unwrap();
            assert!(told.contains("store.url is sqlite") && told.contains("postgres://"), "{told}");
            assert_eq!(told.contains("edge.upstream"), roles == "edge", "{told}");
            let told = refusal(roles, &[POSTGRES]).unwrap();
            assert!(told.contains("clicks.url is embedded") && told.contains("clickhouse://"), "{told}");
            assert_eq!(refusal(roles, &[POSTGRES, CLICKHOUSE]), None);
        }
        for stores in [&[][..], &[POSTGRES], &[CLICKHOUSE], &[POSTGRES, CLICKHOUSE]] {
            assert_eq!(refusal("api,worker,edge", stores), None);
        }
    }

    #[test]
    fn the_example_settings_are_in_order() {
        let env =
            |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let clicks = ("HOPLINE_CLICKS_URL", "clickhouses://u:p@ch1.example:8443,ch2.example:8443/hopline");
        let store = ("HOPLINE_STORE_URL", "postgres://u:p@db.example:5432/hopline?sslmode=verify-full");
        let edge = include_str!("../../../deploy/example-edge.toml");
        let core = include_str!("../../../deploy/example-core.toml");
        for (roles, text, env) in [
            ("edge", edge, env(&[clicks, ("HOPLINE_EDGE_UPSTREAM_KEY", "k")])),
            ("worker", core, env(&[clicks, store])),
            ("api", core, env(&[clicks, store])),
        ] {
            let file = Some(ConfigFile { name: "example.toml".to_owned(), text: text.to_owned() });
            let config = Config::load(&Inputs { file, env, ..Inputs::default() }).unwrap();
            Roles::parse(roles).unwrap().refuse_contradictions(&config).unwrap();
        }
    }

    #[test]
    fn only_an_edge_by_itself_asks_an_api_or_a_file_for_its_catalogue() {
        let [url, key] = UPSTREAM;
        assert_eq!(refusal("edge", &[url, key, CLICKHOUSE]), None);
        assert!(refusal("edge", &[url, key]).unwrap().contains("clicks.url is embedded"));
        for roles in ["edge,worker,api", "edge,api", "worker"] {
            assert!(refusal(roles, &[url, key, POSTGRES, CLICKHOUSE]).unwrap().contains("--role edge"));
        }
        let file = ("edge.catalogue_file", "catalogue.snapshot");
        assert_eq!(refusal("edge", &[file, POSTGRES, CLICKHOUSE]), None);
        assert_eq!(refusal("edge", &[file, url, key, CLICKHOUSE]), None);
        assert!(refusal("edge", &[file, CLICKHOUSE]).unwrap().contains("edge.upstream"));
        assert!(refusal("edge,worker,api", &[file]).unwrap().contains("--role edge"));
    }
}
