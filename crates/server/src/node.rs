//! One node of mayday: the data directory, the store and the app on top of it,
//! opened alike by `serve` and by commands that work without a server.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mayday_app::admin::{AdminReply, AdminRequest};
#[cfg(feature = "fault-points")]
use mayday_app::escalation::SendPoint;
use mayday_app::presence::PresenceLimits;
use mayday_app::{App, IdentitySettings, Metrics, Parts};
use mayday_core::clock::{SharedClock, SharedEntropy};
use mayday_gateway::guard::SystemResolver;
use mayday_gateway::introspection::Introspector;
use mayday_store::heartbeat::{DoubtedBeat, Heartbeat};
use mayday_store::telemetry::{Telemetry, TelemetryConfig};
use mayday_store::{CopySettings, Database, Lane, OpenError, Store, StoreConfig, StoreError};
use tokio_util::sync::CancellationToken;

use crate::clock::{AnchoredClock, Start};
use crate::config::Config;
use crate::entropy::SystemEntropy;
use crate::failure::Failure;
use crate::senders;

/// The file that every used data directory holds, whichever the database.
const MASTER_KEY_FILE: &str = "master.key";

/// The embedded database in it.
const DATABASE_FILE: &str = "mayday.db";

/// How often the store is told that this server is alive. After a crash the
/// clock may start this much earlier than it stood, never more.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(2);

/// Whether data may be made where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Creation {
    /// Yes: the first start, the first app.
    IfMissing,
    /// No: a command that only reads or changes would otherwise leave an empty
    /// store wherever it was called by mistake.
    Never,
}

/// Whether the master key must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    /// Yes, for a server, and for what seals or opens a secret.
    Needed,
    /// No: what nothing is sealed for works without it.
    IfThere,
}

/// An opened node.
pub(crate) struct Node {
    /// The use cases.
    pub(crate) app: Arc<App>,
    /// The clock of the whole process.
    pub(crate) clock: Arc<AnchoredClock>,
    store: Store,
    telemetry: Telemetry,
    shutdown: CancellationToken,
}

impl Node {
    /// Opens the store and starts the app on it. `own_url` is where this server is
    /// reached if the settings do not say.
    pub(crate) async fn open(config: &Config, own_url: Option<String>) -> Result<Self, Failure> {
        let public_url = config.http.public_url.clone().or(own_url);
        Self::open_with(config, Key::Needed, public_url).await
    }

    async fn open_with(
        config: &Config,
        key: Key,
        public_url: Option<String>,
    ) -> Result<Self, Failure> {
        let clock = Arc::new(AnchoredClock::new());
        let entropy = SystemEntropy::new().map_err(|error| {
            Failure::new(format!(
                "the system's random generator does not answer: {error}"
            ))
        })?;
        let shared_clock: SharedClock = Arc::clone(&clock) as SharedClock;
        let entropy: SharedEntropy = Arc::new(entropy);
        let store_config = store_config(config);
        let mut telemetry_config = TelemetryConfig::beside(&store_config);
        telemetry_config.retention_days = config.telemetry.retention_days;
        let (clock_of_store, entropy_of_store) = (Arc::clone(&shared_clock), Arc::clone(&entropy));
        let opened = match key {
            Key::Needed => Store::open(store_config, clock_of_store, entropy_of_store).await,
            Key::IfThere => {
                Store::open_keyless(store_config, clock_of_store, entropy_of_store).await
            }
        };
        let store = opened.map_err(|error| told(&error))?;
        #[cfg(feature = "fault-points")]
        let dies_at = cause_faults(&store, &telemetry_config.faults)?;
        anchor(&clock, &store).await?;
        let telemetry = Telemetry::open(telemetry_config, &store, Arc::clone(&shared_clock))
            .await
            .map_err(|error| Failure::new(error.to_string()))?;
        let senders = senders::build(config, public_url, &shared_clock)?;
        let shutdown = CancellationToken::new();
        let app = App::start(Parts {
            store: store.clone(),
            telemetry: telemetry.clone(),
            clock: shared_clock,
            entropy,
            metrics: Metrics::new(),
            identity: IdentitySettings {
                failures_per_minute: config.identity.failures_per_minute,
                pin_hash: config.identity.pin_hash,
            },
            introspector: introspector(config)?,
            presence: PresenceLimits {
                members: config.mqtt.max_connections,
                reserve: config.mqtt.max_unproven_connections,
            },
            senders,
            shutdown: shutdown.clone(),
        })
        .await
        .map_err(|error| Failure::new(format!("mayday cannot start: {}", with_source(&error))))?;
        #[cfg(feature = "fault-points")]
        if let Some(point) = dies_at {
            app.send_faults().die_at(point);
        }
        Ok(Self {
            app,
            clock,
            store,
            telemetry,
            shutdown,
        })
    }

    /// Tells the store every [`HEARTBEAT_INTERVAL`] that this server is alive.
    pub(crate) fn beat(&self) -> impl Future<Output = ()> + Send + 'static {
        let (store, shutdown) = (self.store.clone(), self.shutdown.clone());
        let clock = Arc::clone(&self.clock);
        async move {
            let mut ticks = tokio::time::interval(HEARTBEAT_INTERVAL);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    () = shutdown.cancelled() => return,
                    _ = ticks.tick() => {}
                }
                if let Err(error) = sign_of_life(&store, &clock).await {
                    tracing::warn!(%error, "the heartbeat could not be written");
                }
            }
        }
    }

    /// Ends what the app started, and closes the store.
    pub(crate) async fn close(self) {
        // The next start's clock begins no earlier than this.
        if let Err(error) = sign_of_life(&self.store, &self.clock).await {
            tracing::warn!(%error, "the last heartbeat could not be written");
        }
        self.shutdown.cancel();
        // Telemetry first: what cannot be written goes to the store.
        self.telemetry.close().await;
        self.store.close().await;
    }
}

fn store_config(config: &Config) -> StoreConfig {
    let url = config.store.database_url.as_ref();
    StoreConfig {
        data_dir: config.store.data_dir.clone(),
        database: url.map_or(Database::Embedded, |url| {
            Database::Postgres(url.reveal().clone())
        }),
        disk: config.store.disk,
        copy: config.store.copy_dir.clone().map(|directory| CopySettings {
            warn_after: config.store.copy_lag,
            ..CopySettings::to(directory)
        }),
    }
}

/// A time that is doubted must not become one that is believed: of such a one only
/// how long it is still doubted is noted.
async fn sign_of_life(store: &Store, clock: &AnchoredClock) -> Result<(), StoreError> {
    let left = clock.doubt_left();
    if left.is_zero() {
        store.write(Lane::Rest, Heartbeat).await
    } else {
        store.write(Lane::Rest, DoubtedBeat { left }).await
    }
}

/// Asks partners about tokens.
fn introspector(config: &Config) -> Result<Introspector, Failure> {
    let resolver = Arc::new(SystemResolver);
    Introspector::new(config.outbound.guard.clone(), resolver)
        .map_err(|error| Failure::new(format!("outbound.ca_file: {error}")))
}

/// Takes the clock up at the store's last heartbeat.
async fn anchor(clock: &AnchoredClock, store: &Store) -> Result<(), Failure> {
    let unreadable = |error| Failure::new(format!("the store cannot be read: {error}"));
    let last = store.last_heartbeat().await.map_err(unreadable)?;
    let left = store.doubt_left().await.map_err(unreadable)?;
    match last.map_or(Start::Smooth, |last| clock.take_up(last, left)) {
        Start::Smooth => {}
        Start::Leapt(gap) => tracing::error!(
            clock.gap_hours = gap.as_secs() / 3_600,
            "by the system's clock no server was alive for more than a day: if that is not so, \
             set the system's clock right and restart mayday within 24 h of its running; until \
             then nothing is deleted for its age"
        ),
        Start::Behind(behind) => tracing::error!(
            clock.behind_ms = u64::try_from(behind.as_millis()).unwrap_or(u64::MAX),
            "the system's clock is behind what was already stored; mayday goes on from there: \
             set the system's clock right"
        ),
    }
    Ok(())
}

/// Causes the faults that a test asks for in `MAYDAY_FAULTS`, but for the point at
/// which a sender dies: senders come later.
#[cfg(feature = "fault-points")]
fn cause_faults(
    store: &Store,
    telemetry: &mayday_store::telemetry::Faults,
) -> Result<Option<SendPoint>, Failure> {
    let list = std::env::var("MAYDAY_FAULTS").unwrap_or_default();
    let of_senders = |word: &&str| SendPoint::of_word(word.trim()).is_some();
    let (senders, others): (Vec<_>, Vec<_>) = list.split(',').partition(of_senders);
    mayday_store::faults::cause(&others.join(","), store.faults(), telemetry)
        .map_err(|error| Failure::new(format!("MAYDAY_FAULTS: {error}")))?;
    let points = senders.into_iter().map(str::trim);
    Ok(points.filter_map(SendPoint::of_word).next_back())
}

/// Carries out one request without a server.
pub(crate) async fn administer(
    config: &Config,
    creation: Creation,
    request: AdminRequest,
) -> Result<AdminReply, Failure> {
    let data_dir = &config.store.data_dir;
    // Beside an embedded database lies its key; a server's need not be at hand.
    let key = if config.store.database_url.is_some() && !request.needs_master_key() {
        Key::IfThere
    } else {
        Key::Needed
    };
    if key == Key::Needed && creation == Creation::Never && !holds_data(data_dir) {
        let advice = match config.store.database_url {
            None => "or begin with `mayday serve` or `mayday app create`",
            Some(_) => "which holds the master key that seals the secret",
        };
        return Err(Failure::new(format!(
            "there is no mayday data in {}: name the directory with --data-dir, {advice}",
            data_dir.display()
        )));
    }
    // The next server begins a copy of its own; this one would be over at once.
    let mut config = config.clone();
    config.store.copy_dir = None;
    let node = Node::open_with(&config, key, config.http.public_url.clone()).await?;
    let reply = node.app.admin(request).await;
    node.close().await;
    reply.map_err(|error| Failure::new(error.to_string()))
}

/// Whether a server ever used the directory. A directory that cannot be looked
/// into may: opening it will tell why it cannot.
fn holds_data(data_dir: &Path) -> bool {
    // A database without its key is data too: opening it tells that the key is
    // missing.
    [MASTER_KEY_FILE, DATABASE_FILE]
        .iter()
        .any(|name| data_dir.join(name).try_exists().unwrap_or(true))
}

/// An opening error in one line that says what to do.
fn told(error: &OpenError) -> Failure {
    let text = error.to_string();
    match error {
        OpenError::InUse { .. } => Failure::in_use(text),
        OpenError::Io { .. } => Failure::new(format!(
            "{text}: check the directory and its owner, or choose another --data-dir"
        )),
        _ => Failure::new(text),
    }
}

/// An error and what caused it, in one line.
fn with_source(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// The async runtime.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("the system gives no threads: {error}")))
}
