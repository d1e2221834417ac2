//! What providers tell us: how far a message or a call got, which digit was
//! pressed, what somebody wrote back.
//!
//! A provider posts to `{public_url}/v1/public/providers/{name}/{kind}`; the name is the
//! one in the configuration, so that each account's signature is checked with its
//! own token. The signature covers the address as the *provider* was given it,
//! which is the configured one: behind a proxy the address that arrives is another.
//!
//! Reports come late, twice and in any order. Each of them leads to one idempotent
//! use case: a delivery report, an acknowledgement, an opt-out.

mod digits;
mod helps;
mod inbound;
mod report;
mod verify;

pub use report::{ProviderReport, ReportKind};
