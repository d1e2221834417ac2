//! The use cases on a real store, each test on SQLite and on PostgreSQL.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod accounts;
mod counted;
mod data_rights;
mod devices;
mod escalation;
mod harness;
mod linking;
mod login_bans;
mod signature;
mod sos;
mod sso;
mod webhooks;
