//! The stores that a story runs over.

use std::sync::Arc;

use crate::{ClickHouseDatabase, ClickHouseServer, PostgresDatabase, PostgresServer, clickhouse, postgres};

/// The pair of stores behind an installation.
#[derive(Debug, Clone, Default)]
pub enum Backing {
    /// Files in the data directory: SQLite and the embedded click store.
    #[default]
    Embedded,
    /// PostgreSQL and ClickHouse.
    Servers(Arc<Servers>),
}

/// Databases on real servers; they go when the last story lets go of them.
#[derive(Debug)]
pub struct Servers {
    /// The control store.
    pub postgres: PostgresDatabase,
    /// The click store.
    pub clickhouse: ClickHouseDatabase,
}

impl Backing {
    /// Fresh databases on the servers that all tests share.
    ///
    /// # Panics
    /// There are none; says what to do.
    #[must_use]
    pub fn servers() -> Self {
        Self::Servers(Arc::new(Servers { postgres: postgres(), clickhouse: clickhouse() }))
    }

    /// Fresh databases on servers of the test's own.
    ///
    /// # Errors
    /// A server refuses.
    pub fn on(postgres: &PostgresServer, clickhouse: &ClickHouseServer) -> anyhow::Result<Self> {
        let (postgres, clickhouse) = (postgres.database()?, clickhouse.database()?);
        Ok(Self::Servers(Arc::new(Servers { postgres, clickhouse })))
    }

    /// Fresh databases: the control store on the server that all tests share, clicks on one of the test's own.
    ///
    /// # Errors
    /// The server refuses.
    pub fn on_clickhouse(clickhouse: &ClickHouseServer) -> anyhow::Result<Self> {
        let clickhouse = clickhouse.database()?;
        Ok(Self::Servers(Arc::new(Servers { postgres: postgres(), clickhouse })))
    }

    /// Fresh databases: the control store on a server of the test's own, clicks on the one that all tests share.
    ///
    /// # Errors
    /// The server refuses.
    pub fn on_postgres(postgres: &PostgresServer) -> anyhow::Result<Self> {
        let postgres = postgres.database()?;
        Ok(Self::Servers(Arc::new(Servers { postgres, clickhouse: clickhouse() })))
    }

    /// The databases.
    ///
    /// # Panics
    /// It is files.
    #[must_use]
    pub fn databases(&self) -> &Servers {
        match self {
            Self::Servers(servers) => servers,
            Self::Embedded => panic!("files are no servers"),
        }
    }

    /// The settings that name the stores; none for files.
    #[must_use]
    pub fn environment(&self) -> Vec<(String, String)> {
        match self {
            Self::Embedded => Vec::new(),
            Self::Servers(servers) => vec![
                ("HOPLINE_STORE_URL".to_owned(), servers.postgres.url()),
                ("HOPLINE_CLICKS_URL".to_owned(), servers.clickhouse.url()),
            ],
        }
    }
}
