//! Accepts connections.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use mayday_app::App;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::handle::connect::{self, Shared};
use crate::settings::MqttSettings;

/// How long accepting pauses after it failed, at first and at most: the usual
/// cause is that no file descriptor is left.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// Serves MQTT over TCP until `shutdown`, and returns when every connection has
/// ended: each acknowledges its commits in flight and says goodbye first.
///
/// Nobody is turned away at the door: the presence registry decides who makes
/// room. Sockets that are being closed are counted too, so that there are
/// never more than the registry's limits and as many closing ones as there are
/// reserve slots.
pub async fn serve(
    listener: TcpListener,
    app: Arc<App>,
    settings: MqttSettings,
    shutdown: CancellationToken,
) {
    let limits = app.presence().limits();
    let sockets = limits
        .members
        .saturating_add(limits.reserve.saturating_mul(2));
    let sockets = Arc::new(Semaphore::new(sockets.min(Semaphore::MAX_PERMITS)));
    let settings = Arc::new(settings);
    let tasks = TaskTracker::new();
    let mut pause = BACKOFF.0;
    loop {
        let accepted = tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            accepted = accept(&listener, &sockets) => accepted,
        };
        match accepted {
            Ok((stream, permit)) => {
                pause = BACKOFF.0;
                let shared = Shared {
                    app: Arc::clone(&app),
                    settings: Arc::clone(&settings),
                    shutdown: shutdown.clone(),
                };
                open(&tasks, shared, stream, permit);
            }
            Err(error) => {
                if is_of_the_peer(&error) {
                    continue;
                }
                // Closing one frees its descriptor for whoever waits outside.
                let freed = app.presence().make_room();
                tracing::warn!(error = %error, freed, "no MQTT connection could be accepted");
                tokio::select! {
                    () = shutdown.cancelled() => break,
                    () = tokio::time::sleep(pause) => pause = (pause * 2).min(BACKOFF.1),
                }
            }
        }
    }
    drop(listener);
    tasks.close();
    tasks.wait().await;
}

async fn accept(
    listener: &TcpListener,
    sockets: &Arc<Semaphore>,
) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let permit = Arc::clone(sockets)
        .acquire_owned()
        .await
        .map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, permit))
}

fn open(tasks: &TaskTracker, shared: Shared, stream: TcpStream, permit: OwnedSemaphorePermit) {
    let Ok(peer) = stream.peer_addr() else {
        return;
    };
    // Acknowledgements are small and awaited.
    let _ = stream.set_nodelay(true);
    let visitor = shared.app.presence().arrive(peer.ip());
    tasks.spawn(async move {
        connect::serve(shared, stream, peer.ip(), visitor).await;
        drop(permit);
    });
}

/// Whether the connection failed before it was accepted, which says nothing
/// about this machine.
fn is_of_the_peer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}
