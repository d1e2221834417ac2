//! Peers that tests start, and clients that may reach them.

pub(crate) mod authority;
pub(crate) mod peer;
pub(crate) mod smtp;

use std::sync::Arc;
use std::time::Duration;

use mayday_core::clock::ManualClock;
use mayday_core::time::Timestamp;
use mayday_gateway::guard::{GuardSettings, GuardedClient, OutgoingUrl, Policy, SystemResolver};

/// Longer than anything here takes, shorter than patience.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

/// A client that may reach this machine.
pub(crate) fn local_client(settings: GuardSettings) -> GuardedClient {
    GuardedClient::new(settings, Arc::new(SystemResolver))
        .unwrap()
        .with_policy(Policy::LOCAL)
}

/// One with the time-outs of tests that wait for them.
pub(crate) fn hurried_client() -> GuardedClient {
    local_client(GuardSettings {
        total_timeout: Duration::from_millis(400),
        ..GuardSettings::default()
    })
}

pub(crate) fn url(text: &str) -> OutgoingUrl {
    OutgoingUrl::parse(text).unwrap()
}

/// A clock at a fixed time.
pub(crate) fn clock() -> ManualClock {
    ManualClock::new(Timestamp::parse("2026-11-06T08:49:00Z").unwrap())
}
