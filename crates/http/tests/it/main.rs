//! The router as its callers see it. One module per noun, as in `src/v1`; the
//! app behind it is the real one on a fresh embedded store.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "what is not as expected fails the test here"
)]

mod access;
mod accounts;
mod admin;
mod answers;
mod asyncapi;
mod brokers;
mod contacts;
mod conventions;
mod data_rights;
mod device_configs;
mod devices;
mod docs;
mod duress;
mod failure;
mod firmware;
mod harness;
mod mails;
mod me;
mod network_keys;
mod oauth;
mod openapi;
mod operator;
mod partner;
mod providers;
mod references;
mod serving;
mod sos;
mod sso;
mod sso_answers;
mod telemetry;
mod tracking;
mod words;
