//! Making sure of a server before anything is asked of it.

use std::io;

use hopline_types::UnixMillis;
use tokio_postgres::Client;

use crate::migrations::{self, MIGRATIONS, Migration};
use crate::options::PostgresOptions;
use crate::schema;
use crate::session::{Session, first_text};
use crate::tls::{Tls, TlsError};

/// The oldest server that will do.
const VERSION_MIN: i64 = 150_000;

/// Why a database cannot be opened. Nothing has been changed, but where a migration failed: those before it are kept.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The server cannot be reached, or refuses the user, the password or the database.
    #[error("cannot connect to {server}: check that it runs, and store.url")]
    Connect {
        /// Server, user and database.
        server: String,
        /// What the server or the system says.
        #[source]
        source: tokio_postgres::Error,
    },
    /// A statement failed that should not.
    #[error("{server}: {doing} failed")]
    Statement {
        /// Server, user and database.
        server: String,
        /// What was tried.
        doing: &'static str,
        /// What the server says.
        #[source]
        source: tokio_postgres::Error,
    },
    /// The server is too old.
    #[error("{server} is PostgreSQL {found}, and 15 or later is needed: upgrade the server")]
    TooOld {
        /// Server, user and database.
        server: String,
        /// Its version.
        found: String,
    },
    /// The database keeps text in another encoding.
    #[error(
        "{server} has the encoding {found}, and UTF8 is needed: create a database WITH ENCODING 'UTF8' TEMPLATE template0"
    )]
    Encoding {
        /// Server, user and database.
        server: String,
        /// Its encoding.
        found: String,
    },
    /// The server takes no changes.
    #[error(
        "{server} only reads (a standby, or default_transaction_read_only is on): name the primary in store.url, or name \
         all hosts and add target_session_attrs=read-write"
    )]
    ReadsOnly {
        /// Server, user and database.
        server: String,
    },
    /// The search path names no schema that exists.
    #[error(
        "{server}: no schema of search_path exists: create one, or name another with ?options=-c%20search_path%3D…"
    )]
    NoSchema {
        /// Server, user and database.
        server: String,
    },
    /// The role may not do what the program needs.
    #[error("{server} lacks rights on {on}: {remedy}")]
    Rights {
        /// Server, user and database.
        server: String,
        /// On what.
        on: String,
        /// The statement that would give them.
        remedy: String,
    },
    /// A newer program has been here.
    #[error(
        "{server} has migration {number} ({name}), this program knows only up to {known}: use the newer program"
    )]
    Newer {
        /// Server, user and database.
        server: String,
        /// The unknown migration.
        number: i64,
        /// Its name.
        name: String,
        /// The last one known.
        known: i64,
    },
    /// A migration was edited after it was applied.
    #[error(
        "{server}: migration {number} ({name}) was applied with another text than this program has: use the program that applied it"
    )]
    Changed {
        /// Server, user and database.
        server: String,
        /// The migration.
        number: i64,
        /// Its name.
        name: &'static str,
    },
    /// The record of migrations is incomplete.
    #[error(
        "{server}: the table hopline_migrations has {count} rows, but not those from 1 to {count}: restore it from a backup"
    )]
    Gap {
        /// Server, user and database.
        server: String,
        /// Rows in the table.
        count: i64,
    },
    /// The schema holds another program's tables.
    #[error(
        "{server}: the schema {schema} holds tables that are not this program's ({table}): use another database, or \
         another schema with ?options=-c%20search_path%3D…"
    )]
    Foreign {
        /// Server, user and database.
        server: String,
        /// The schema.
        schema: String,
        /// One of its tables.
        table: String,
    },
    /// A migration failed; the ones before it are kept.
    #[error("{server}: migration {name} failed and left nothing behind")]
    Migration {
        /// Server, user and database.
        server: String,
        /// The migration.
        name: &'static str,
        /// What the server says.
        #[source]
        source: tokio_postgres::Error,
    },
    /// Somebody has changed the tables since the migrations made them.
    #[error("{server}: the schema was changed by hand: {differences}; undo that, or restore a backup")]
    Altered {
        /// Server, user and database.
        server: String,
        /// What is different, at most ten things.
        differences: String,
    },
    /// A thread or runtime cannot be started.
    #[error("cannot start a thread of the control store")]
    Thread {
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

/// What was found, and done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// The server's version, such as `15.18`.
    pub version: String,
    /// The schema that holds the tables.
    pub schema: String,
    /// The migrations that were applied; when only looked at, those that are missing.
    pub migrations: Vec<&'static str>,
    /// Whether row-level security holds for this role: it does not for superusers and roles that bypass it.
    pub is_guarded: bool,
}

/// Whether to change anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Intent {
    /// Apply what is missing.
    Migrate(UnixMillis),
    /// Only look.
    Look,
}

/// Checks the server and brings the schema up to date, on a thread of its own.
pub(crate) fn prepare(options: &PostgresOptions, tls: &Tls, intent: Intent) -> Result<Prepared, OpenError> {
    let (options, tls) = (options.clone(), tls.clone());
    let thread = std::thread::Builder::new().name("control-open".to_owned());
    let started = thread.spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
        runtime
            .map_err(|source| OpenError::Thread { source })?
            .block_on(prepare_here(&options, &tls, MIGRATIONS, intent))
    });
    let died = |_| OpenError::Thread { source: io::Error::other("the thread that opens died") };
    started.map_err(|source| OpenError::Thread { source })?.join().map_err(died)?
}

pub(crate) async fn prepare_here(
    options: &PostgresOptions,
    tls: &Tls,
    known: &[Migration],
    intent: Intent,
) -> Result<Prepared, OpenError> {
    let server = options.told();
    let session = Session::open(&options.config, tls)
        .await
        .map_err(|source| OpenError::Connect { server: server.clone(), source })?;
    let place = Place { client: &session.client, server };
    let (version, schema) = place.will_do().await?;
    let done = migrations::check(&place, &schema, known).await?;
    let missing: Vec<&Migration> = known.iter().filter(|migration| migration.number > done).collect();
    let mut names: Vec<&'static str> = missing.iter().map(|migration| migration.name).collect();
    match intent {
        Intent::Look => {}
        Intent::Migrate(_) if missing.is_empty() => {}
        Intent::Migrate(now) => {
            place.may_create(&schema).await?;
            names = migrations::apply(&place, &missing, now).await?;
        }
    }
    let is_complete = names.is_empty() || intent != Intent::Look;
    if is_complete && known.len() == MIGRATIONS.len() {
        schema::check(&place).await?;
        schema::check_rights(&place).await?;
    }
    let is_guarded = place
        .text("SELECT NOT (rolsuper OR rolbypassrls) FROM pg_roles WHERE rolname = current_user")
        .await?;
    Ok(Prepared { version, schema, migrations: names, is_guarded: is_guarded.as_deref() == Some("t") })
}

/// A connection, and what to call its server.
pub(crate) struct Place<'a> {
    pub(crate) client: &'a Client,
    pub(crate) server: String,
}

impl Place<'_> {
    pub(crate) fn failed(&self, doing: &'static str) -> impl Fn(tokio_postgres::Error) -> OpenError {
        let server = self.server.clone();
        move |source| OpenError::Statement { server: server.clone(), doing, source }
    }

    /// The first column of the first row.
    pub(crate) async fn text(&self, sql: &str) -> Result<Option<String>, OpenError> {
        let rows = self.client.simple_query(sql).await.map_err(self.failed("looking at the server"))?;
        Ok(first_text(&rows, 0).map(str::to_owned))
    }

    /// Version and schema of a server that will do.
    async fn will_do(&self) -> Result<(String, String), OpenError> {
        let server = || self.server.clone();
        let number = self.text("SHOW server_version_num").await?;
        let version = self.text("SHOW server_version").await?.unwrap_or_default();
        let version = version.split(' ').next().unwrap_or_default().to_owned();
        if number.and_then(|number| number.parse().ok()).unwrap_or(0) < VERSION_MIN {
            return Err(OpenError::TooOld { server: server(), found: version });
        }
        let encoding = self.text("SHOW server_encoding").await?.unwrap_or_default();
        if encoding != "UTF8" {
            return Err(OpenError::Encoding { server: server(), found: encoding });
        }
        if self.text("SHOW transaction_read_only").await?.as_deref() != Some("off") {
            return Err(OpenError::ReadsOnly { server: server() });
        }
        let schema = self.text("SELECT current_schema()").await?;
        let schema = schema.ok_or_else(|| OpenError::NoSchema { server: server() })?;
        Ok((version, schema))
    }

    async fn may_create(&self, schema: &str) -> Result<(), OpenError> {
        let may = self.text("SELECT has_schema_privilege(current_schema(), 'CREATE')").await?;
        if may.as_deref() == Some("t") {
            return Ok(());
        }
        let role = self.text("SELECT quote_ident(current_user)").await?.unwrap_or_default();
        Err(OpenError::Rights {
            server: self.server.clone(),
            on: format!("the schema {schema}"),
            remedy: format!(
                "GRANT CREATE, USAGE ON SCHEMA {schema} TO {role}, or let its owner apply the migrations"
            ),
        })
    }
}
