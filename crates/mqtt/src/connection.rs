//! One connection after its CONNECT was accepted.
//!
//! One task, one loop, four sources: packets of the client, answers of the
//! store, events of the user, and the clock. Nothing in the loop waits for
//! anything but all of them, so neither a slow store nor a slow client nor a
//! queue of telemetry keeps a cry for help from being decoded, and its work
//! begins when it is decoded.

use std::collections::HashSet;
use std::future::{self, poll_fn};
use std::num::NonZeroU16;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use mayday_app::presence::{CutReason, Membership};
use mayday_app::{App, LevelGuard, TelemetryTicket};
use mayday_core::event::UserEvent;
use mayday_core::identity::{Caller, Standing};
use mayday_core::time::Timestamp;
use mayday_core::topic::{PublishTopic, TopicForm, TopicIdentity};
use mayday_core::transport::Transport as Via;
use tokio_util::sync::WaitForCancellationFutureOwned;

use crate::codec::frame::{Framer, Step};
use crate::codec::packet::{self, Packet};
use crate::codec::{Fault, Version, encode};
use crate::feed::{Feed, News, OVERFLOW};
use crate::outbound::Outbound;
use crate::queue::{Progress, Queue};
use crate::reason::{self, Reason};
use crate::salvage::{Salvage, is_heard};
use crate::settings::{DECODE_TURN, MqttSettings, READ_CHUNK_BYTES};
use crate::subscriptions::{Subscription, Subscriptions};
use crate::timers::{Due, Timers};
use crate::transport::Transport;
use crate::wire::{Close, Io, Read, Wire};

/// A connection after its CONNECT was accepted.
pub(crate) struct Connection<T> {
    pub(crate) app: Arc<App>,
    pub(crate) settings: Arc<MqttSettings>,
    pub(crate) wire: Wire<T>,
    pub(crate) framer: Framer,
    pub(crate) version: Version,
    pub(crate) caller: Arc<Caller>,
    /// The external id is the text of another user's UUID.
    pub(crate) alias_shadowed: bool,
    pub(crate) membership: Membership,
    pub(crate) queue: Queue,
    /// Publishes of QoS 1 and 2 whose exchange has not ended.
    pub(crate) unanswered: usize,
    /// Ids of QoS 2 from PUBLISH to PUBREL.
    pub(crate) qos2: HashSet<NonZeroU16>,
    pub(crate) subscriptions: Subscriptions,
    pub(crate) feed: Feed,
    pub(crate) outbound: Outbound,
    /// The body of a will on the own telemetry topic.
    pub(crate) will: Option<Bytes>,
    pub(crate) timers: Timers,
    /// When it was last noted that the user is connected.
    pub(crate) mqtt_seen: Option<Timestamp>,
    pub(crate) stop: Pin<Box<WaitForCancellationFutureOwned>>,
    /// The server stops: nothing more is read.
    pub(crate) draining: bool,
    /// How many bytes complete the next packet.
    pub(crate) want: usize,
    /// Holds the gauge of connections.
    pub(crate) _level: LevelGuard,
}

/// Why a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The client said so.
    Disconnected,
    /// The network lost it.
    Lost(&'static str),
    /// It was silent for longer than its keep-alive allows.
    KeepAlive,
    /// It sent what it must not.
    Fault(Fault),
    /// A publish that 3.1.1 can only refuse by closing.
    Refused,
    /// It has to go.
    Cut(CutReason),
    /// Its events are more than it takes, or cannot be read.
    FeedLost(&'static str),
    /// The server stops.
    ShutDown,
}

impl End {
    /// What a failed read or write says about the client.
    fn of(error: &std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::InvalidData {
            Self::Fault(Fault::protocol("WebSocket frame"))
        } else {
            Self::Lost("io")
        }
    }
}

/// What the loop waited for.
enum Event {
    Cut(CutReason),
    Stop,
    Timer,
    Progress(Progress),
    News(News),
    Io(std::io::Result<Io>),
    /// More packets lie decodable in the inbox.
    More,
}

impl From<Fault> for End {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl<T: Transport> Connection<T> {
    /// Serves the connection to its end.
    pub(crate) async fn run(mut self: Box<Self>) {
        let end = loop {
            if let Err(end) = self.turn().await {
                break end;
            }
        };
        // Boxed, so that an idle connection holds no room for its end.
        Box::pin(self.finish(end)).await;
    }

    async fn turn(&mut self) -> Result<(), End> {
        let more = self.decode()?;
        self.queue
            .begin(&|body| submit(&self.app, &self.caller, body));
        self.send_events();
        if self.draining && self.queue.is_empty() {
            return Err(End::ShutDown);
        }
        if !self.wire.outbox.is_empty() {
            self.timers.unwritten();
        }
        match self.next(more).await {
            Event::Cut(reason) => Err(End::Cut(reason)),
            Event::Stop => self.on_stop(),
            Event::Timer => self.on_timer(),
            Event::Progress(progress) => self.on_progress(progress).await,
            Event::News(news) => self.on_news(news),
            Event::Io(Ok(Io::Readable)) => self.on_readable(),
            Event::Io(Ok(Io::Wrote)) => {
                self.timers.wrote(self.wire.outbox.is_empty());
                Ok(())
            }
            Event::Io(Err(error)) => Err(End::of(&error)),
            Event::More => {
                // Whoever sends without end must not keep a thread from others.
                tokio::task::yield_now().await;
                Ok(())
            }
        }
    }

    async fn next(&mut self, more: bool) -> Event {
        let listening = self.is_listening();
        self.timers.arm(listening);
        let hold_last = self.framer.is_skipping();
        let hears = self.feed.is_open() && !self.draining;
        let takes = self.outbound.is_idle() && !self.wire.is_clogged();
        let write_first = more && !self.wire.has_a_batch();
        tokio::select! {
            biased;
            reason = self.membership.cut() => Event::Cut(reason),
            () = self.stop.as_mut(), if !self.draining => Event::Stop,
            () = self.timers.elapsed() => Event::Timer,
            progress = poll_fn(|cx| self.queue.poll(cx, hold_last)) => Event::Progress(progress),
            news = news(&mut self.feed, takes), if hears => Event::News(news),
            () = future::ready(()), if write_first => Event::More,
            io = self.wire.ready(listening && !more) => Event::Io(io),
            () = future::ready(()), if more => Event::More,
        }
    }

    /// Whether the client is read from.
    fn is_listening(&self) -> bool {
        !self.draining
            && !self.queue.is_full()
            && !self.wire.is_clogged()
            && !self.timers.is_resting()
    }

    /// Decodes a bounded number of packets; `true` when there may be more.
    fn decode(&mut self) -> Result<bool, End> {
        let mut decoded = 0;
        while self.is_listening() {
            if decoded == DECODE_TURN {
                self.app.metrics().mqtt_packets_in(decoded);
                return Ok(true);
            }
            let identity = identity(&self.caller, self.alias_shadowed);
            let is_sos =
                |topic: &str| matches!(identity.publish(topic), Some(PublishTopic::Sos(_)));
            match self.framer.next(&mut self.wire.inbox, is_sos)? {
                Step::More(want) => {
                    self.want = want;
                    self.wire.drop_empty_inbox();
                    break;
                }
                Step::Oversized(publish) => self.on_publish(publish)?,
                Step::Frame(frame) => match packet::decode(self.version, frame)? {
                    Packet::Publish(publish) => self.on_publish(publish)?,
                    Packet::PubAck(id) => self.on_puback(id),
                    Packet::PubRel(id) => self.on_pubrel(id),
                    Packet::Subscribe(subscribe) => self.on_subscribe(&subscribe),
                    Packet::Unsubscribe(unsubscribe) => self.on_unsubscribe(&unsubscribe),
                    Packet::PingReq => self.on_pingreq(),
                    Packet::Disconnect => return Err(self.on_disconnect()),
                },
            }
            decoded += 1;
        }
        self.app.metrics().mqtt_packets_in(decoded);
        Ok(false)
    }

    fn on_readable(&mut self) -> Result<(), End> {
        match self.wire.read(self.want) {
            Ok(Read::Bytes) => {
                self.timers.heard();
                Ok(())
            }
            Ok(Read::Nothing) => Ok(()),
            Ok(Read::Closed) => Err(End::Lost("closed")),
            Err(error) => Err(End::of(&error)),
        }
    }

    /// Answers everything that is ready, in one write.
    async fn on_progress(&mut self, progress: Progress) -> Result<(), End> {
        let mut next = Some(progress);
        while let Some(progress) = next {
            if let Progress::Answer(publish, answer) = progress {
                self.answer(publish, answer)?;
            }
            let hold_last = self.framer.is_skipping();
            next = poll_fn(|cx| self.queue.poll(cx, hold_last)).now_or_never();
        }
        // Now, and not after another round of asking what is ready: with one
        // publish in flight each round counts.
        match self.wire.try_write().await {
            Ok(true) => self.timers.wrote(self.wire.outbox.is_empty()),
            Ok(false) => {}
            Err(_) => return Err(End::Lost("io")),
        }
        if self.queue.has_waiting_cry() {
            self.timers.spill_in(self.settings.spill_after);
        } else {
            self.timers.no_spill();
        }
        Ok(())
    }

    fn on_timer(&mut self) -> Result<(), End> {
        match self.timers.due(self.is_listening()) {
            Due::Nothing => Ok(()),
            Due::Spill => {
                self.queue
                    .spill(&|body| submit(&self.app, &self.caller, body));
                Ok(())
            }
            Due::KeepAlive => Err(End::KeepAlive),
            Due::Write => Err(End::Lost("write_timeout")),
            Due::Drain => Err(End::ShutDown),
        }
    }

    /// Takes what has arrived, then only waits for what is under way.
    fn on_stop(&mut self) -> Result<(), End> {
        if self.is_listening() {
            let _ = self.wire.read(READ_CHUNK_BYTES);
        }
        while self.decode()? {}
        self.draining = true;
        self.timers.drain_in(self.settings.drain_timeout);
        Ok(())
    }

    fn on_news(&mut self, news: News) -> Result<(), End> {
        match news {
            News::Event(event) => {
                for to in self.subscriptions.iter() {
                    add(&mut self.outbound, &self.caller, &event, to);
                }
                Ok(())
            }
            News::Again(Some(event), topics) => {
                let again = |to: &&Subscription| topics.contains(&to.topic);
                for to in self.subscriptions.iter().filter(again) {
                    add(&mut self.outbound, &self.caller, &event, to);
                }
                Ok(())
            }
            News::Again(None, _) => Ok(()),
            News::Lost(why) => Err(End::FeedLost(why)),
        }
    }

    fn send_events(&mut self) {
        if self.outbound.is_idle() || self.wire.is_clogged() {
            return;
        }
        let sent = self.outbound.write(self.version, &mut self.wire.outbox);
        let metrics = self.app.metrics();
        metrics.mqtt_packets_out(sent.packets);
        for _ in 0..sent.packets {
            metrics.event_sent();
        }
        if sent.too_large > 0 {
            tracing::warn!(
                user.id = %self.caller.user,
                packets = sent.too_large,
                "an event is larger than the packets that the client takes, and was left out"
            );
        }
    }

    async fn finish(mut self: Box<Self>, end: End) {
        let (reason, word, close) = match end {
            End::Disconnected => (None, "disconnected", Close::Said),
            End::Lost(word) => (None, word, Close::Silent),
            End::KeepAlive => (Some(Reason::KEEP_ALIVE), "keep_alive", Close::Said),
            End::Fault(fault) => (Some(fault.reason), "fault", Close::Lingering),
            End::Refused => (None, "refused", Close::Lingering),
            // Room is wanted now.
            End::Cut(CutReason::FullHouse) => {
                let (reason, word) = reason::cut(CutReason::FullHouse);
                (Some(reason), word, Close::Said)
            }
            End::Cut(cut) => {
                let (reason, word) = reason::cut(cut);
                (Some(reason), word, Close::Lingering)
            }
            End::FeedLost(word) => {
                if word == OVERFLOW {
                    self.app.metrics().feed_overflowed();
                }
                (Some(Reason::QUOTA), word, Close::Said)
            }
            End::ShutDown => (
                Some(Reason::SHUTTING_DOWN),
                "shutting_down",
                Close::Lingering,
            ),
        };
        self.app.metrics().mqtt_disconnect(word);
        tracing::debug!(
            app.id = %self.caller.app_id,
            user.id = %self.caller.user,
            connection.number = self.membership.number(),
            reason = word,
            fault = match end { End::Fault(fault) => fault.what, _ => "" },
            "mqtt connection ended"
        );
        self.leave_will(end);
        if let Some(reason) = reason {
            self.say_why(reason, word, end);
        }
        self.refresh_standing();
        if matches!(end, End::Cut(CutReason::SessionEnded(_))) {
            Arc::make_mut(&mut self.caller).standing = Standing::Stale;
        }
        self.leave_rest(end);
        let Self {
            membership,
            wire,
            app,
            settings,
            caller,
            alias_shadowed,
            version,
            framer,
            ..
        } = *self;
        drop(membership);
        let salvage = is_heard(end).then(|| Salvage {
            app,
            caller,
            alias_shadowed,
            version,
            framer,
            taken: Vec::new(),
            limit: settings.drain_timeout,
            deaf: false,
        });
        wire.close(close, salvage).await;
    }
}

impl<T> Connection<T> {
    /// Tells a client of 5 why it is closed.
    fn say_why(&mut self, reason: Reason, word: &'static str, end: End) {
        let why = match end {
            End::Fault(fault) => fault.what,
            _ => word,
        };
        let limit = self.outbound.max_packet_bytes();
        encode::disconnect(self.version, reason, why, limit, &mut self.wire.outbox);
    }

    /// Telemetry behind a cry that is not stored yet begins when that is, though
    /// the client did not wait for the answers: unless it is no longer let in.
    fn leave_rest(&mut self, end: End) {
        let is_welcome = end == End::Disconnected || is_heard(end);
        if !is_welcome || !self.queue.holds_back() {
            return;
        }
        let empty = Queue::new(self.settings.in_flight);
        let mut queue = std::mem::replace(&mut self.queue, empty);
        let (app, caller) = (Arc::clone(&self.app), Arc::clone(&self.caller));
        let limit = self.settings.drain_timeout;
        tokio::spawn(async move {
            let begun = async {
                while !queue.is_begun() {
                    poll_fn(|cx| queue.poll(cx, false)).await;
                    queue.begin(&|body| submit(&app, &caller, body));
                }
            };
            // What was not begun by then was never acknowledged.
            let _ = tokio::time::timeout(limit, begun).await;
        });
    }
}

/// Events as far as the client takes them; otherwise only that there are too
/// many of them.
async fn news(feed: &mut Feed, takes: bool) -> News {
    if takes {
        feed.next().await
    } else {
        feed.overflow().await
    }
}

/// Whom topics are held against.
pub(crate) fn identity(caller: &Caller, alias_shadowed: bool) -> TopicIdentity<'_> {
    TopicIdentity {
        user: caller.user,
        external_id: &caller.external_id,
        alias_shadowed,
    }
}

/// Starts storing a telemetry body.
pub(crate) fn submit(app: &Arc<App>, caller: &Caller, body: Bytes) -> TelemetryTicket {
    app.submit_telemetry(caller, body, Via::Mqtt)
}

fn add(outbound: &mut Outbound, caller: &Caller, event: &UserEvent, to: &Subscription) {
    match to.form {
        TopicForm::Alias => outbound.add(event, to, caller.external_id.as_str()),
        TopicForm::Uuid | TopicForm::Flat => outbound.add(event, to, &caller.user.to_string()),
    }
}
