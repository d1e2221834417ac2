//! Where telemetry lies and for how long.

use std::fmt;
use std::path::PathBuf;

use super::Faults;
use crate::{Database, StoreConfig};

/// The telemetry files' directory in the data directory.
pub(crate) const DIRECTORY: &str = "telemetry";

/// Days that telemetry is kept unless the operator says otherwise.
const DEFAULT_RETENTION_DAYS: u32 = 30;

/// How the telemetry store is set up.
#[derive(Clone, Debug)]
pub struct TelemetryConfig {
    /// Where the samples lie.
    pub place: TelemetryPlace,
    /// Days that samples are kept.
    pub retention_days: u32,
    /// Faults for tests; none by default.
    pub faults: Faults,
}

/// Where the samples lie.
#[derive(Clone)]
pub enum TelemetryPlace {
    /// Files in this directory, made if needed.
    Directory(PathBuf),
    /// Tables of the PostgreSQL server at this URL, which may hold a password.
    Postgres(String),
}

impl TelemetryConfig {
    /// Beside a state store: files in its data directory, or its PostgreSQL.
    pub fn beside(store: &StoreConfig) -> Self {
        let place = match &store.database {
            Database::Embedded => TelemetryPlace::Directory(store.data_dir.join(DIRECTORY)),
            Database::Postgres(url) => TelemetryPlace::Postgres(url.clone()),
        };
        Self {
            place,
            retention_days: DEFAULT_RETENTION_DAYS,
            faults: Faults::default(),
        }
    }
}

impl fmt::Debug for TelemetryPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => f.debug_tuple("Directory").field(path).finish(),
            Self::Postgres(_) => f.write_str("Postgres(..)"),
        }
    }
}
