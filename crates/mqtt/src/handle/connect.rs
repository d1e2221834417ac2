//! CONNECT: from the first byte to CONNACK.
//!
//! Nothing is proven yet, so everything is small and short: one packet, a few
//! kilobytes, ten seconds, one of the reserve slots.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use mayday_app::presence::{CutReason, Membership, Visitor};
use mayday_app::{App, AppError};
use mayday_core::identity::{Caller, parse_username};
use mayday_core::ids::UserId;
use mayday_core::topic::PublishTopic;
use mayday_core::transport::Transport as Via;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::codec::connect::{self, CONNECT, Connect, ConnectFault, NO_CONNECT};
use crate::codec::encode::{self, Terms};
use crate::codec::frame::{Frame, Framer, Step};
use crate::codec::{Fault, Version};
use crate::connection::{Connection, identity};
use crate::feed::Feed;
use crate::outbound::Outbound;
use crate::queue::Queue;
use crate::reason::{self, Refusal};
use crate::settings::{MqttSettings, READ_CHUNK_BYTES};
use crate::subscriptions::Subscriptions;
use crate::timers::Timers;
use crate::transport::Transport;
use crate::wire::{Close, Io, Read, Wire};

/// What every connection of the listener shares.
pub(crate) struct Shared {
    pub(crate) app: Arc<App>,
    pub(crate) settings: Arc<MqttSettings>,
    pub(crate) shutdown: CancellationToken,
}

/// Why there was no connection.
enum Failure {
    /// Nothing can be said.
    Silent(&'static str),
    /// The transport says it in its own words.
    Framing,
    /// The version is known and the answer is CONNACK.
    Refused(Version, Refusal),
    /// The version is none of ours.
    Version(ConnectFault),
    /// Room was needed, or somebody else has the identity's.
    Cut(CutReason),
}

impl Failure {
    fn of(error: &std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::InvalidData {
            Self::Framing
        } else {
            Self::Silent("io")
        }
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Silent(fault.what)
    }
}

/// Serves one accepted transport to its end, and gives its `place` back. CONNECT is
/// expected by `deadline`.
pub(crate) fn serve<T: Transport>(
    shared: Shared,
    transport: T,
    peer: IpAddr,
    visitor: Visitor,
    deadline: Instant,
    place: OwnedSemaphorePermit,
) -> impl Future<Output = ()> + Send {
    // Boxed before the future is made, so that neither what the handshake is given nor
    // what it needs is kept for the connection's life.
    let opening = Box::pin(open(shared, transport, peer, visitor, deadline));
    async move {
        if let Some(connection) = opening.await {
            connection.run().await;
        }
        drop(place);
    }
}

async fn open<T: Transport>(
    shared: Shared,
    transport: T,
    peer: IpAddr,
    visitor: Visitor,
    deadline: Instant,
) -> Option<Box<Connection<T>>> {
    let mut wire = Wire::new(transport);
    let mut framer = Framer::new();
    let opened = tokio::select! {
        biased;
        reason = visitor.cut() => Err(Failure::Cut(reason)),
        () = shared.shutdown.cancelled() => Err(Failure::Silent("shutting_down")),
        opened = timeout_at(deadline, first_packet(&mut wire, &mut framer)) => {
            opened.unwrap_or(Err(Failure::Silent("no_connect")))
        }
    };
    let admitted = match opened {
        Ok(connect) => {
            let deadline = Instant::now() + shared.settings.connect_timeout;
            let checked = timeout_at(deadline, check(&shared.app, &connect, peer, visitor)).await;
            match checked.unwrap_or(Err(Refusal::UNAVAILABLE)) {
                Ok((caller, membership)) => Ok((connect, caller, membership)),
                Err(refusal) => Err(Failure::Refused(connect.version, refusal)),
            }
        }
        Err(failure) => Err(failure),
    };
    match admitted {
        Ok((connect, caller, membership)) => {
            accept(shared, wire, framer, connect, caller, membership).await
        }
        Err(failure) => {
            refuse(&shared.app, wire, failure, peer).await;
            None
        }
    }
}

async fn first_packet<T: Transport>(
    wire: &mut Wire<T>,
    framer: &mut Framer,
) -> Result<Connect, Failure> {
    loop {
        // Another protocol, most likely: nobody waits for the rest of it.
        if wire.inbox.first().is_some_and(|first| *first != CONNECT) {
            return Err(Failure::Silent(NO_CONNECT.what));
        }
        let want = match framer.next(&mut wire.inbox, |_| false)? {
            Step::Frame(Frame { first, body }) => {
                return connect::decode(first, &body).map_err(|fault| match fault {
                    ConnectFault::Malformed(fault) => Failure::Silent(fault.what),
                    other => Failure::Version(other),
                });
            }
            Step::More(want) => want,
            Step::Oversized(_) => return Err(Failure::Silent(NO_CONNECT.what)),
        };
        match wire.ready(true).await {
            Ok(Io::Readable) => match wire.read(want) {
                Ok(Read::Bytes | Read::Nothing) => {}
                Ok(Read::Closed) => return Err(Failure::Silent("closed")),
                Err(error) => return Err(Failure::of(&error)),
            },
            Ok(Io::Wrote) => {}
            Err(error) => return Err(Failure::of(&error)),
        }
    }
}

/// Checks the proof, registers the connection, and checks once more: somebody
/// who was blocked in between is either found by the block in the registry or
/// by the second check.
async fn check(
    app: &App,
    connect: &Connect,
    peer: IpAddr,
    visitor: Visitor,
) -> Result<(Arc<Caller>, Membership), Refusal> {
    if connect.wants_auth_method {
        return Err(Refusal::AUTH_METHOD);
    }
    if connect.version == Version::V311 && connect.client_id.is_empty() && !connect.clean {
        return Err(Refusal::CLIENT_ID);
    }
    let refused = |error: AppError| {
        app.metrics().auth_refused(Via::Mqtt, &error);
        reason::refusal(&error)
    };
    let caller = prove(app, connect, peer).await.map_err(refused)?;
    let caller = Arc::new(caller);
    let membership = visitor.admit(Arc::clone(&caller), &connect.client_id);
    app.recheck(&caller).await.map_err(refused)?;
    app.mqtt_seen(&caller, &mut None);
    Ok((caller, membership))
}

/// Whose the username and the password are: a user's with a hash, or a session's
/// with its access token.
async fn prove(app: &App, connect: &Connect, peer: IpAddr) -> Result<Caller, AppError> {
    let username = connect.username.as_deref().and_then(parse_username);
    let password = connect.password.as_deref().map(std::str::from_utf8);
    let (Some(username), Some(Ok(password))) = (username, password) else {
        return Err(app.unreadable_proof(peer));
    };
    app.authenticate_client(username, password, peer).await
}

async fn accept<T: Transport>(
    shared: Shared,
    mut wire: Wire<T>,
    mut framer: Framer,
    connect: Connect,
    caller: Arc<Caller>,
    membership: Membership,
) -> Option<Box<Connection<T>>> {
    let Shared {
        app,
        settings,
        shutdown,
    } = shared;
    framer.set(connect.version, settings.max_packet_bytes);
    let keep_alive = keep_alive(&connect, &settings);
    let terms = Terms {
        receive_maximum: settings.receive_maximum,
        max_packet_bytes: settings.max_packet_bytes,
        keep_alive,
        assigned_client_id: connect
            .client_id
            .is_empty()
            .then(|| format!("auto-{}", membership.number())),
        no_session: connect.wants_session,
    };
    encode::accept(connect.version, &terms, &mut wire.outbox).ok()?;
    app.metrics().mqtt_connect("accepted");
    tracing::debug!(
        app.id = %caller.app_id,
        user.id = %caller.user,
        connection.number = membership.number(),
        version = ?connect.version,
        standing = ?caller.standing,
        "mqtt connection opened"
    );
    let alias_shadowed = is_shadowed(&app, &caller).await;
    let will = kept_will(&connect, &caller, alias_shadowed);
    Some(Box::new(Connection {
        queue: Queue::new(settings.in_flight),
        outbound: Outbound::new(connect.receive_maximum, connect.max_packet_bytes),
        timers: Timers::new(keep_alive, settings.write_timeout, settings.chatter),
        stop: Box::pin(shutdown.cancelled_owned()),
        _level: app.metrics().mqtt_connection(),
        app,
        settings,
        wire,
        framer,
        version: connect.version,
        caller,
        alias_shadowed,
        membership,
        unanswered: 0,
        mqtt_seen: None,
        qos2: HashSet::new(),
        subscriptions: Subscriptions::default(),
        feed: Feed::default(),
        will,
        draining: false,
        want: READ_CHUNK_BYTES,
    }))
}

/// In seconds; 0 is none. Only 5 can be told another than it asked for.
fn keep_alive(connect: &Connect, settings: &MqttSettings) -> u16 {
    let most = u16::try_from(settings.keep_alive_max.as_secs()).unwrap_or(u16::MAX);
    match (connect.version, connect.keep_alive) {
        (Version::V311, asked) => asked,
        (Version::V5, 0) => most,
        (Version::V5, asked) => asked.min(most),
    }
}

/// Whether the caller's external id is the text of another user's UUID. When
/// that cannot be told now, the alias is the caller's: whatever its text, what is
/// published on it is the caller's own and what is heard on it are the caller's
/// events, while a shadow that is not there would refuse a cry for help.
async fn is_shadowed(app: &App, caller: &Caller) -> bool {
    let Ok(other) = caller.external_id.as_str().parse::<UserId>() else {
        return false;
    };
    if other == caller.user {
        return false;
    }
    match app.is_user_id(other).await {
        Ok(shadowed) => shadowed,
        Err(error) => {
            tracing::warn!(user.id = %caller.user, %error, "whose alias it is was not found out");
            false
        }
    }
}

/// The will that is kept: one on the own telemetry topic (contract: MQTT).
fn kept_will(connect: &Connect, caller: &Caller, alias_shadowed: bool) -> Option<Bytes> {
    let will = connect.will.as_ref()?;
    match identity(caller, alias_shadowed).publish(&will.topic) {
        Some(PublishTopic::Telemetry(_)) => Some(will.payload.clone()),
        Some(PublishTopic::Sos(_)) => {
            tracing::info!(
                app.id = %caller.app_id,
                user.id = %caller.user,
                "a will on an SOS topic is ignored: a lost network is no cry for help"
            );
            None
        }
        None => {
            tracing::debug!(user.id = %caller.user, "a will on a foreign topic is ignored");
            None
        }
    }
}

async fn refuse<T: Transport>(app: &App, mut wire: Wire<T>, failure: Failure, peer: IpAddr) {
    let (word, close) = match failure {
        Failure::Silent(word) => (word, Close::Said),
        Failure::Framing => ("websocket", Close::Lingering),
        Failure::Cut(reason) => (reason::cut(reason).1, Close::Said),
        Failure::Version(ConnectFault::TooNew) => {
            let _ = encode::refuse(Version::V5, &Refusal::VERSION, &mut wire.outbox);
            ("version", Close::Lingering)
        }
        Failure::Version(_) => {
            let _ = encode::refuse(Version::V311, &Refusal::VERSION, &mut wire.outbox);
            ("version", Close::Lingering)
        }
        Failure::Refused(version, refusal) => {
            let _ = encode::refuse(version, &refusal, &mut wire.outbox);
            (refusal.word, Close::Lingering)
        }
    };
    app.metrics().mqtt_connect(word);
    tracing::debug!(peer.address = %peer, reason = word, "mqtt connection refused");
    wire.close(close, None).await;
}

#[cfg(test)]
mod tests {
    use hyper::upgrade::Upgraded;
    use hyper_util::rt::TokioIo;
    use tokio::net::TcpStream;
    use tokio_rustls::server::TlsStream;

    use super::*;
    use crate::transport::stream::Stream;
    use crate::transport::websocket::WebSocket;

    fn size_of_future<A, B, C, D, E, F, G>(_: impl Fn(A, B, C, D, E, F) -> G) -> usize {
        size_of::<G>()
    }

    fn size_on<T: Transport>() -> usize {
        size_of_future(serve::<T>) + size_of::<Connection<T>>()
    }

    #[test]
    fn an_idle_connection_costs_less_than_one_and_a_half_kilobytes_of_ours() {
        let sizes = [
            size_on::<TcpStream>(),
            size_on::<Stream<Box<TlsStream<TcpStream>>>>(),
            size_on::<WebSocket<TokioIo<Upgraded>>>(),
        ];
        assert!(sizes.iter().all(|size| *size < 1_536), "{sizes:?} bytes");
    }
}
