//! A listener to test against and a client that sends what it is told.

pub(crate) mod client;
pub(crate) mod frames;
pub(crate) mod packets;
pub(crate) mod server;
pub(crate) mod transport;

use std::future::Future;
use std::time::Duration;

/// How long anything may take on a busy machine.
pub(crate) const LIMIT: Duration = Duration::from_mins(1);
/// Between two looks at what is awaited.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// Waits for a condition, though tokio's clock may stand still.
pub(crate) async fn eventually<F: Future<Output = bool>>(
    what: &str,
    mut condition: impl FnMut() -> F,
) {
    let wait = async {
        while !condition().await {
            let pause = tokio::task::spawn_blocking(|| std::thread::park_timeout(LOOK_EVERY));
            pause.await.expect("a pause");
        }
    };
    assert!(
        tokio::time::timeout(LIMIT, wait).await.is_ok(),
        "still not: {what}"
    );
}
