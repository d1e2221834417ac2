//! The state store of mayday: one embedded SQLite file, or PostgreSQL, through
//! the same commands and queries.
//!
//! A [`Command`] is a re-runnable function over one transaction ([`Tx`]);
//! [`Store::write`] queues it in a [`Lane`] and answers after the commit.
//! Queries take a [`ReadTx`] from [`Store::read`]. SQL stands in constants
//! ([`Sql`]), one file per noun. Nothing outside this crate names SQL.

mod arg;
mod backfill;
mod command;
mod commits;
mod copy;
mod data_dir;
mod dialect;
mod disk;
mod environment;
mod error;
mod failure;
mod hint;
mod lanes;
mod master_key;
mod migrate;
mod migrations;
mod open;
mod postgres;
mod purpose_keys;
mod queued;
mod rights;
mod row;
mod secrets;
mod sql;
mod sqlite;
mod statements;
mod stats;
mod store;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod tx;

pub mod admin_keys;
pub mod alerts;
pub mod apps;
pub mod backup;
pub mod bans;
pub mod broker_keys;
pub mod check;
pub mod checkins;
pub mod contacts;
pub mod control;
pub mod dead_letters;
pub mod device_configs;
pub mod devices;
pub mod drills;
pub mod erasures;
pub mod escalation;
pub mod events;
pub mod exports;
pub mod faults;
pub mod files;
pub mod firmware;
pub mod heartbeat;
pub mod incidents;
pub mod jobs;
pub mod mail_settings;
pub mod network_keys;
pub mod opt_outs;
pub mod partner_keys;
pub mod policies;
pub mod pumping;
pub mod sessions;
pub mod signatures;
pub mod spill;
pub mod sso;
pub mod system_mails;
pub mod telemetry;
pub mod unattributed;
pub mod user_settings;
pub mod users;
pub mod verification;
pub mod webhooks;

pub(crate) use mayday_core::hex;

pub use arg::Arg;
pub use command::{Command, Lane};
pub use copy::{CopySettings, CopyStats};
pub use dialect::Dialect;
pub use disk::{DiskGuard, DiskLimits};
pub use error::StoreError;
pub use hint::Hint;
pub use master_key::rotate::{RotateError, RotationStep};
pub use master_key::{KeyName, names_in};
pub use open::OpenError;
pub use purpose_keys::PurposeKey;
pub use row::{FromColumn, Row};
pub use secrets::{Place, SealError, Sealed};
pub use sql::Sql;
pub use stats::StoreStats;
pub use store::{COMMIT_BACKLOG, Database, READ_LIMIT, Store, StoreConfig};
pub use tx::{ReadTx, Tx};
