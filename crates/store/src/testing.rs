//! Stores for tests: a fresh one each, on either database.
//!
//! ```no_run
//! use mayday_store::on_both;
//!
//! on_both!(a_new_store_was_never_alive, |store| async move {
//!     assert_eq!(store.last_heartbeat().await.unwrap(), None);
//! });
//! ```
//!
//! The PostgreSQL server is the one that `MAYDAY_TEST_POSTGRES` names (a URL of
//! an administrator). Without it those tests fail, unless `MAYDAY_TEST_SKIP`
//! holds the word `postgres`.
//!
//! Do not pause tokio's time around a store: a paused clock jumps ahead while a
//! database works, and the store's limits would fire. [`still::Still`] holds it.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a test whose store cannot be made has nothing to go on with"
)]

mod crash;
mod mails;
mod people;
mod search;
pub mod still;
mod telemetry;

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use mayday_core::clock::{ManualClock, SeededEntropy};
use mayday_core::time::Timestamp;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _};
use tempfile::TempDir;

pub use mails::TestMail;
pub use people::TestApp;

use crate::disk::DiskLimits;
use crate::store::{Database, Store, StoreConfig};

/// When a test's clock starts: 2026-09-09T10:00:00Z.
pub const START: Timestamp = Timestamp::from_secs(1_788_948_000);

/// A store of a test's own; derefs to [`Store`].
pub struct TestStore {
    store: Store,
    /// The store's clock: it stands still until moved.
    pub clock: Arc<ManualClock>,
    /// The store's generator.
    pub entropy: Arc<SeededEntropy>,
    /// The configuration it was opened with.
    pub config: StoreConfig,
    /// The data directory's parent; it vanishes with the test.
    pub directory: TempDir,
    _database: Option<PrivateDatabase>,
}

impl Deref for TestStore {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}

impl TestStore {
    /// A fresh store on SQLite.
    pub async fn sqlite() -> Self {
        Self::open(Database::Embedded, None).await
    }

    /// A fresh store on PostgreSQL; `None` when such tests are to be skipped.
    pub async fn postgres() -> Option<Self> {
        let database = PrivateDatabase::create().await?;
        let url = database.url.clone();
        Some(Self::open(Database::Postgres(url), Some(database)).await)
    }

    /// Another store on the same data and the same clock, as a second process or
    /// a restarted one has it.
    pub async fn reopen(&self) -> Result<Store, crate::OpenError> {
        Store::open(
            self.config.clone(),
            self.clock.clone(),
            self.entropy.clone(),
        )
        .await
    }

    /// The store itself, for whoever wants to own one.
    pub fn store(&self) -> Store {
        self.store.clone()
    }

    async fn open(database: Database, private: Option<PrivateDatabase>) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let config = StoreConfig {
            data_dir: directory.path().join("data"),
            database,
            disk: DiskLimits {
                reserve_bytes: 0,
                reserve_percent: 0,
                ballast_bytes: 64 << 10,
                refuse_rest: false,
            },
            copy: None,
        };
        let clock = Arc::new(ManualClock::new(START));
        let entropy = Arc::new(SeededEntropy::new(1));
        let store = Store::open(config.clone(), clock.clone(), entropy.clone())
            .await
            .expect("a fresh store opens");
        Self {
            store,
            clock,
            entropy,
            config,
            directory,
            _database: private,
        }
    }
}

/// A database of one test on the shared server; dropped with it.
pub struct PrivateDatabase {
    /// Its URL.
    pub url: String,
    name: String,
    server: PgConnectOptions,
}

impl PrivateDatabase {
    /// A new, empty database; `None` when PostgreSQL tests are to be skipped.
    pub async fn create() -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let Ok(server_url) = std::env::var("MAYDAY_TEST_POSTGRES") else {
            let skipped = std::env::var("MAYDAY_TEST_SKIP").unwrap_or_default();
            assert!(
                skipped.split([',', ' ']).any(|word| word == "postgres"),
                "set MAYDAY_TEST_POSTGRES to an administrator's URL, or MAYDAY_TEST_SKIP=postgres"
            );
            return None;
        };
        let server: PgConnectOptions = server_url
            .parse()
            .expect("MAYDAY_TEST_POSTGRES is a PostgreSQL URL");
        let turn = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("mayday_test_{}_{turn}", std::process::id());
        let mut connection = connect(&server).await;
        for statement in [
            format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
            format!("CREATE DATABASE {name}"),
        ] {
            connection
                .execute(AssertSqlSafe(statement))
                .await
                .expect("the test's database is made");
        }
        let url = with_database(&server_url, &name);
        Some(Self { url, name, server })
    }
}

impl Drop for PrivateDatabase {
    /// From a thread with a runtime of its own: the test's may be ending.
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async move {
                let mut connection = connect(&server).await;
                let statement = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
                connection
                    .execute(AssertSqlSafe(statement))
                    .await
                    .map(|_| ())
            })
        });
        let dropped = dropping.join();
        assert!(
            std::thread::panicking() || matches!(dropped, Ok(Ok(()))),
            "the test's database {} was not dropped: {dropped:?}",
            self.name
        );
    }
}

async fn connect(server: &PgConnectOptions) -> PgConnection {
    server
        .clone()
        .disable_statement_logging()
        .connect()
        .await
        .expect("the server of MAYDAY_TEST_POSTGRES accepts connections")
}

/// The URL with its last path segment replaced.
fn with_database(url: &str, name: &str) -> String {
    let (base, query) = url
        .split_once('?')
        .map_or((url, String::new()), |(base, query)| {
            (base, format!("?{query}"))
        });
    let host = base.find("://").map_or(0, |scheme| scheme + 3);
    let end = base
        .get(host..)
        .and_then(|rest| rest.find('/'))
        .map_or(base.len(), |slash| host + slash);
    format!("{}/{name}{query}", base.get(..end).unwrap_or(base))
}

/// One test body, run on SQLite and on PostgreSQL, each on a fresh store.
#[macro_export]
macro_rules! on_both {
    ($(#[$attribute:meta])* $name:ident, |$store:ident| $body:expr) => {
        $(#[$attribute])*
        async fn $name($store: $crate::testing::TestStore) {
            $body.await;
        }

        mod $name {
            #[tokio::test]
            async fn sqlite() {
                super::$name($crate::testing::TestStore::sqlite().await).await;
            }

            #[tokio::test]
            async fn postgres() {
                if let Some(store) = $crate::testing::TestStore::postgres().await {
                    super::$name(store).await;
                }
            }
        }
    };
}
