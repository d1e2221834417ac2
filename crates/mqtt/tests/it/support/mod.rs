//! A listener to test against and a client that sends what it is told.

pub(crate) mod client;
pub(crate) mod frames;
pub(crate) mod packets;
pub(crate) mod server;
pub(crate) mod transport;

use std::future::Future;
use std::time::Duration;

/// How long anything may take on a busy machine.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);

/// Waits for a condition.
pub(crate) async fn eventually<F: Future<Output = bool>>(
    what: &str,
    mut condition: impl FnMut() -> F,
) {
    let wait = async {
        let mut looks = tokio::time::interval(Duration::from_millis(2));
        while !condition().await {
            looks.tick().await;
        }
    };
    assert!(
        tokio::time::timeout(LIMIT, wait).await.is_ok(),
        "still not: {what}"
    );
}
