//! A database of its own on the PostgreSQL that `cargo xtask test` runs.

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use super::tools;

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// A database; dropped, it is gone.
pub(crate) struct Database {
    admin: String,
    name: String,
    /// Where a server connects.
    pub(crate) url: String,
}

impl Database {
    /// An empty one; `None` when PostgreSQL is left out with `--skip`.
    pub(crate) fn new() -> Option<Self> {
        if tools::skipped("postgres") {
            return None;
        }
        let admin = std::env::var("MAYDAY_TEST_POSTGRES")
            .expect("MAYDAY_TEST_POSTGRES: `cargo xtask test` runs a server and names it");
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("mayday_e2e_{}_{number}", std::process::id());
        let (server, _) = admin.rsplit_once('/').expect("a URL with a database");
        let database = Self {
            url: format!("{server}/{name}"),
            admin,
            name,
        };
        database.tell("CREATE DATABASE");
        Some(database)
    }

    /// The one at this URL, which goes with its server.
    pub(crate) fn at(url: String) -> Self {
        Self {
            admin: url.clone(),
            name: String::new(),
            url,
        }
    }

    /// `host:port` of its server.
    pub(crate) fn server(&self) -> &str {
        let (_, rest) = self.admin.split_once("://").expect("a URL");
        let authority = rest.split('/').next().unwrap_or(rest);
        authority.rsplit('@').next().unwrap_or(authority)
    }

    fn tell(&self, what: &str) {
        let statement = format!("{what} {}", self.name);
        let said = tools::run(
            Command::new("psql").args([&self.admin, "-qc", &statement]),
            "",
        );
        assert!(said.success, "{statement}: {said:?}");
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if self.name.is_empty() {
            return;
        }
        let statement = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        // A server that fails the test may have taken PostgreSQL with it.
        let _ = Command::new("psql")
            .args([&self.admin, "-qc", &statement])
            .status();
    }
}
