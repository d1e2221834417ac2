//! `[store]`: where everything is kept.

use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use mayday_store::DiskLimits;

use super::Secret;
use super::reader::Reader;

/// Bytes of a MiB.
const MIB: u64 = 1 << 20;

/// Where everything is kept.
#[derive(Clone, Debug)]
pub(crate) struct StoreSettings {
    /// Database, day files, master key and admin socket.
    pub(crate) data_dir: PathBuf,
    /// PostgreSQL instead of the embedded database.
    pub(crate) database_url: Option<Secret<String>>,
    /// When the disk counts as nearly full, and what is held back.
    pub(crate) disk: DiskLimits,
    /// Where a second copy of the embedded database is kept.
    pub(crate) copy_dir: Option<PathBuf>,
    /// From how far behind readiness warns of the copy.
    pub(crate) copy_lag: Duration,
}

impl StoreSettings {
    /// Reads the section.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Self {
        let data_dir = PathBuf::from(reader.text("store.data_dir"));
        if data_dir.as_os_str().is_empty() {
            reader.refuse("store.data_dir", "must name a directory");
        }
        let database_url = reader.secret("store.database_url");
        if let Some(url) = &database_url
            && !is_postgres_url(url.reveal())
        {
            reader.refuse(
                "store.database_url",
                "must begin with postgres:// (leave it empty for the embedded database)",
            );
        }
        let copy_dir = reader.text("store.copy_dir");
        let copy_dir = (!copy_dir.is_empty()).then(|| PathBuf::from(copy_dir));
        if copy_dir
            .as_deref()
            .is_some_and(|copy| is_in(copy, &data_dir))
        {
            reader.refuse(
                "store.copy_dir",
                "must not be the data directory, nor lie in it",
            );
        }
        if copy_dir.is_some() && database_url.is_some() {
            reader.refuse(
                "store.copy_dir",
                "copies the embedded database; PostgreSQL has replication of its own: leave it empty",
            );
        }
        Self {
            data_dir,
            database_url,
            copy_dir,
            copy_lag: reader.seconds("store.copy_lag_warning_seconds", 5..=86_400),
            disk: DiskLimits {
                reserve_bytes: reader.integer("store.disk_reserve_mib", 1..=1_000_000) * MIB,
                reserve_percent: reader.integer("store.disk_reserve_percent", 0..=50),
                ballast_bytes: reader.integer("store.ballast_mib", 0..=10_000) * MIB,
                ..DiskLimits::default()
            },
        }
    }
}

/// Whether a path leads to a directory, or into it, by the names alone. A mount that is
/// gone would keep the start waiting: whoever copies there follows the links.
fn is_in(path: &Path, directory: &Path) -> bool {
    plain(path).starts_with(plain(directory))
}

/// The path from the root, without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut plain = PathBuf::new();
    for component in whole.components() {
        if component == Component::ParentDir {
            plain.pop();
        } else {
            plain.push(component);
        }
    }
    plain
}

fn is_postgres_url(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}

/// A database URL without its password and its parameters.
pub(crate) fn redact_url(url: &str) -> String {
    let url = url.split('?').next().unwrap_or_default();
    let Some((scheme, rest)) = url.split_once("://") else {
        return "***".to_owned();
    };
    match rest.rsplit_once('@') {
        Some((login, host)) => {
            let user = login.split(':').next().unwrap_or_default();
            format!("{scheme}://{user}:***@{host}")
        }
        None => format!("{scheme}://{rest}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_known_however_it_is_spelled() {
        let here = std::env::current_dir().unwrap();
        let whole = here.join("data");
        for (path, inside) in [
            ("data", true),
            ("./data/", true),
            ("other/../data", true),
            ("data/copy", true),
            ("data-copy", false),
            ("data/../copy", false),
            ("/data", false),
        ] {
            assert_eq!(is_in(Path::new(path), &whole), inside, "{path}");
            assert_eq!(is_in(&here.join(path), Path::new("data")), inside, "{path}");
        }
    }
}
