//! Peers that tests start, and clients that may reach them.

pub(crate) mod authority;
pub(crate) mod peer;
pub(crate) mod smtp;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use mayday_core::clock::ManualClock;
use mayday_core::time::Timestamp;
use mayday_gateway::guard::{GuardSettings, GuardedClient, OutgoingUrl, Policy, SystemResolver};

/// Longer than anything here takes, shorter than patience.
pub(crate) const LIMIT: Duration = Duration::from_mins(1);

/// Longer than any client here waits for its peer.
const TOO_LONG: Duration = Duration::from_secs(30);

/// A client that may reach this machine.
pub(crate) fn local_client(settings: GuardSettings) -> GuardedClient {
    GuardedClient::new(settings, Arc::new(SystemResolver))
        .unwrap()
        .with_policy(Policy::LOCAL)
}

/// Does this. Each time that `silence` ends, which is when a peer has a request and will
/// not answer it, the client's patience is over at once: what comes before may take as
/// long as the machine needs.
pub(crate) async fn impatient<T, S: Future<Output = ()>>(
    silence: impl Fn() -> S,
    work: impl Future<Output = T>,
) -> T {
    let mut work = pin!(work);
    loop {
        tokio::select! {
            biased;
            done = &mut work => return done,
            () = silence() => {}
        }
        tokio::time::pause();
        tokio::time::advance(TOO_LONG).await;
        tokio::time::resume();
    }
}

pub(crate) fn url(text: &str) -> OutgoingUrl {
    OutgoingUrl::parse(text).unwrap()
}

/// A clock at a fixed time.
pub(crate) fn clock() -> ManualClock {
    ManualClock::new(Timestamp::parse("2026-11-06T08:49:00Z").unwrap())
}
