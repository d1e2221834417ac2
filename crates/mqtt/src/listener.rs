//! Accepts connections.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use mayday_app::App;
use mayday_app::presence::Visitor;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::handle::connect::{self, Shared};
use crate::reason;
use crate::settings::MqttSettings;
use crate::transport::stream::Stream;

/// How long accepting pauses after it failed, at first and at most: the usual
/// cause is that no file descriptor is left.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// A socket on which connections arrive.
#[derive(Debug)]
pub struct Door {
    /// Where they are accepted.
    pub listener: TcpListener,
    /// Each begins with a TLS handshake on these terms.
    pub tls: Option<Arc<ServerConfig>>,
}

/// A plain one.
impl From<TcpListener> for Door {
    fn from(listener: TcpListener) -> Self {
        Self {
            listener,
            tls: None,
        }
    }
}

/// The end of MQTT, to which connections come through [doors](Door) and
/// [WebSockets](Self::with_websocket). All of them are counted together.
#[derive(Clone)]
pub struct Endpoint {
    pub(crate) app: Arc<App>,
    pub(crate) settings: Arc<MqttSettings>,
    pub(crate) shutdown: CancellationToken,
    sockets: Arc<Semaphore>,
    tasks: TaskTracker,
}

impl Endpoint {
    /// One that takes connections until `shutdown`.
    ///
    /// Nobody is turned away at the door: the presence registry decides who
    /// makes room. Sockets that are being closed are counted too, so that there
    /// are never more than the registry's limits and as many closing ones as
    /// there are reserve slots.
    pub fn new(app: Arc<App>, settings: MqttSettings, shutdown: CancellationToken) -> Self {
        let limits = app.presence().limits();
        let sockets = limits
            .members
            .saturating_add(limits.reserve.saturating_mul(2));
        Self {
            app,
            settings: Arc::new(settings),
            shutdown,
            sockets: Arc::new(Semaphore::new(sockets.min(Semaphore::MAX_PERMITS / 2))),
            tasks: TaskTracker::new(),
        }
    }

    /// Accepts at the doors until the shutdown, and returns when every
    /// connection has ended, those through WebSockets too: each acknowledges
    /// its commits in flight and says goodbye first.
    pub async fn serve(self, doors: Vec<Door>) {
        // Each door holds a place for whoever comes next.
        self.sockets.add_permits(doors.len());
        join_all(doors.into_iter().map(|door| self.keep(door))).await;
        self.shutdown.cancelled().await;
        self.tasks.close();
        self.tasks.wait().await;
    }

    async fn keep(&self, door: Door) {
        let tls = door.tls.map(TlsAcceptor::from);
        let mut pause = BACKOFF.0;
        loop {
            let accepted = tokio::select! {
                biased;
                () = self.shutdown.cancelled() => return,
                accepted = self.accept(&door.listener) => accepted,
            };
            match accepted {
                Ok((stream, permit)) => {
                    pause = BACKOFF.0;
                    self.open(stream, tls.clone(), permit);
                }
                Err(error) => {
                    if is_of_the_peer(&error) {
                        continue;
                    }
                    // Closing one frees its descriptor for whoever waits outside.
                    let freed = self.app.presence().make_room();
                    tracing::warn!(error = %error, freed, "no MQTT connection could be accepted");
                    tokio::select! {
                        () = self.shutdown.cancelled() => return,
                        () = tokio::time::sleep(pause) => pause = (pause * 2).min(BACKOFF.1),
                    }
                }
            }
        }
    }

    async fn accept(
        &self,
        listener: &TcpListener,
    ) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
        let permit = self.place().await?;
        let (stream, _) = listener.accept().await?;
        Ok((stream, permit))
    }

    /// A place for one more socket, as soon as there is one.
    pub(crate) async fn place(&self) -> io::Result<OwnedSemaphorePermit> {
        let place = Arc::clone(&self.sockets).acquire_owned().await;
        place.map_err(io::Error::other)
    }

    /// Runs a connection that the shutdown waits for.
    pub(crate) fn spawn(&self, connection: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(connection);
    }

    pub(crate) fn shared(&self) -> Shared {
        Shared {
            app: Arc::clone(&self.app),
            settings: Arc::clone(&self.settings),
            shutdown: self.shutdown.clone(),
        }
    }

    fn open(&self, stream: TcpStream, tls: Option<TlsAcceptor>, permit: OwnedSemaphorePermit) {
        let Ok(peer) = stream.peer_addr() else {
            return;
        };
        let peer = peer.ip();
        // Acknowledgements are small and awaited.
        let _ = stream.set_nodelay(true);
        let deadline = Instant::now() + self.settings.connect_timeout;
        // Whoever is still shaking hands has proved nothing: it is a visitor
        // among others, and a flood of slow ones displaces itself.
        let visitor = self.app.presence().arrive(peer);
        let shared = self.shared();
        let Some(tls) = tls else {
            self.spawn(connect::serve(
                shared, stream, peer, visitor, deadline, permit,
            ));
            return;
        };
        self.spawn(async move {
            // Boxed, so that what the handshake needs is not kept for the connection's
            // life.
            let shaken = Box::pin(shake_hands(&shared, tls.accept(stream), &visitor, deadline));
            match shaken.await {
                Ok(stream) => {
                    connect::serve(shared, stream, peer, visitor, deadline, permit).await;
                }
                Err(word) => {
                    shared.app.metrics().mqtt_connect(word);
                    tracing::debug!(
                        peer.address = %peer,
                        reason = word,
                        "mqtt connection refused"
                    );
                }
            }
        });
    }
}

async fn shake_hands(
    shared: &Shared,
    handshake: tokio_rustls::Accept<TcpStream>,
    visitor: &Visitor,
    deadline: Instant,
) -> Result<Stream<Box<TlsStream<TcpStream>>>, &'static str> {
    tokio::select! {
        biased;
        reason = visitor.cut() => Err(reason::cut(reason).1),
        () = shared.shutdown.cancelled() => Err("shutting_down"),
        shaken = timeout_at(deadline, handshake) => match shaken {
            Ok(Ok(stream)) => Ok(Stream::new(Box::new(stream))),
            Ok(Err(_)) => Err("tls_handshake"),
            Err(_) => Err("no_connect"),
        },
    }
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
