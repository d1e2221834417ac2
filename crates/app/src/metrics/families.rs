//! The families behind [`super::Metrics`]: names, help texts and units.

use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;

use mayday_core::transport::Transport;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::labels::{
    Direction, JobRun, Lane, OutcomeOf, Provider, Reason, ReasonOf, Request, Route, Sent, Via,
};

/// Upper bounds in seconds for what somebody waits for.
const WAIT_SECONDS: [f64; 14] = [
    0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0,
];

/// Upper bounds in seconds for the delay of a first message: its p99 is promised to
/// be below a quarter of a second.
const FIRST_SEND_SECONDS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];

/// The outcome of nearly every sample.
pub(super) const STORED: &str = "stored";

type Seconds<L> = Family<L, Histogram, fn() -> Histogram>;

/// Every metric there is.
pub(super) struct Families {
    pub(super) registry: Registry,
    pub(super) sos_trigger: Seconds<Via>,
    pub(super) sos_triggers: Family<OutcomeOf, Counter>,
    pub(super) sos_ended: Family<Reason, Counter>,
    pub(super) sos_first_send_delay: Histogram,
    pub(super) events_sent: Counter,
    pub(super) feed_overflows: Counter,
    pub(super) telemetry_samples: Family<OutcomeOf, Counter>,
    pub(super) telemetry_store: Seconds<Via>,
    pub(super) auth_failures: Family<ReasonOf, Counter>,
    pub(super) sso_logins: Family<Reason, Counter>,
    pub(super) sso_unavailable: Family<Reason, Counter>,
    pub(super) codes_asked: Family<Reason, Counter>,
    pub(super) login_bans: Counter,
    pub(super) sessions_ended: Family<Reason, Counter>,
    pub(super) mqtt_connections: Gauge,
    pub(super) mqtt_connects: Family<Reason, Counter>,
    pub(super) mqtt_disconnects: Family<Reason, Counter>,
    pub(super) mqtt_packets: Family<Direction, Counter>,
    hot: Hot,
    pub(super) http_connections: Gauge,
    pub(super) http_requests: Family<Request, Counter>,
    pub(super) http_request: Seconds<Route>,
    pub(super) jobs: Family<JobRun, Counter>,
    pub(super) store_queue_length: Family<Lane, Gauge>,
    pub(super) store_commits: Counter,
    pub(super) store_commands: Counter,
    pub(super) store_commit: Counter<f64, AtomicU64>,
    pub(super) job_oldest_due: Gauge<f64, AtomicU64>,
    pub(super) jobs_poison: Gauge,
    pub(super) telemetry_queue_length: Gauge,
    pub(super) telemetry_stalled: Gauge,
    pub(super) telemetry_unusable_files: Gauge,
    pub(super) telemetry_committed: Counter,
    pub(super) spill_rows: Gauge,
    pub(super) disk_free: Gauge,
    pub(super) disk_ballast: Gauge,
    pub(super) copy_lag: Gauge<f64, AtomicU64>,
    pub(super) copy_following: Gauge,
    pub(super) clock_system_ahead: Gauge<f64, AtomicU64>,
    pub(super) clock_leapt: Gauge,
    pub(super) ready: Gauge,
    pub(super) sends: Family<Sent, Counter>,
    pub(super) provider_failing: Family<Provider, Gauge>,
}

/// Series that every publish counts in, looked up once each: finding one by
/// its labels costs more than counting.
#[derive(Default)]
pub(super) struct Hot {
    packets_in: OnceLock<Counter>,
    packets_out: OnceLock<Counter>,
    mqtt_stored: OnceLock<(Counter, Histogram)>,
}

impl Families {
    /// MQTT packets that were read.
    pub(super) fn packets_in(&self) -> &Counter {
        let label = Direction { direction: "in" };
        let found = || self.mqtt_packets.get_or_create_owned(&label);
        self.hot.packets_in.get_or_init(found)
    }

    /// MQTT packets that were written.
    pub(super) fn packets_out(&self) -> &Counter {
        let label = Direction { direction: "out" };
        let found = || self.mqtt_packets.get_or_create_owned(&label);
        self.hot.packets_out.get_or_init(found)
    }

    /// Samples over MQTT that were stored, and how long they waited.
    pub(super) fn mqtt_stored(&self) -> &(Counter, Histogram) {
        self.hot.mqtt_stored.get_or_init(|| {
            let transport = Transport::Mqtt.as_str();
            let stored = OutcomeOf {
                transport,
                outcome: STORED,
            };
            (
                self.telemetry_samples.get_or_create_owned(&stored),
                self.telemetry_store.get_or_create_owned(&Via { transport }),
            )
        })
    }
}

impl Families {
    /// All zero, all registered.
    pub(super) fn new() -> Self {
        let mut families = Self::empty();
        families.register_sos();
        families.register_transports();
        families.register_work();
        families.register_store();
        families.register_background();
        families.register_senders();
        families
    }

    fn empty() -> Self {
        Self {
            hot: Hot::default(),
            registry: Registry::with_prefix("mayday"),
            sos_trigger: waits(),
            sos_triggers: Family::default(),
            sos_ended: Family::default(),
            sos_first_send_delay: Histogram::new(FIRST_SEND_SECONDS),
            events_sent: Counter::default(),
            feed_overflows: Counter::default(),
            telemetry_samples: Family::default(),
            telemetry_store: waits(),
            auth_failures: Family::default(),
            sso_logins: Family::default(),
            sso_unavailable: Family::default(),
            codes_asked: Family::default(),
            login_bans: Counter::default(),
            sessions_ended: Family::default(),
            mqtt_connections: Gauge::default(),
            mqtt_connects: Family::default(),
            mqtt_disconnects: Family::default(),
            mqtt_packets: Family::default(),
            http_connections: Gauge::default(),
            http_requests: Family::default(),
            http_request: waits(),
            jobs: Family::default(),
            store_queue_length: Family::default(),
            store_commits: Counter::default(),
            store_commands: Counter::default(),
            store_commit: Counter::default(),
            job_oldest_due: Gauge::default(),
            jobs_poison: Gauge::default(),
            telemetry_queue_length: Gauge::default(),
            telemetry_stalled: Gauge::default(),
            telemetry_unusable_files: Gauge::default(),
            telemetry_committed: Counter::default(),
            spill_rows: Gauge::default(),
            disk_free: Gauge::default(),
            disk_ballast: Gauge::default(),
            copy_lag: Gauge::default(),
            copy_following: Gauge::default(),
            clock_system_ahead: Gauge::default(),
            clock_leapt: Gauge::default(),
            ready: Gauge::default(),
            sends: Family::default(),
            provider_failing: Family::default(),
        }
    }

    fn register_sos(&mut self) {
        self.registry.register_with_unit(
            "sos_trigger",
            "From reading an SOS trigger to its durable commit",
            Unit::Seconds,
            self.sos_trigger.clone(),
        );
        self.registry.register(
            "sos_triggers",
            "SOS triggers by what became of them",
            self.sos_triggers.clone(),
        );
        self.registry
            .register("sos_ended", "Incidents that ended", self.sos_ended.clone());
        self.registry.register_with_unit(
            "sos_first_send_delay",
            "From the end of the grace window to the door of a provider, of first messages",
            Unit::Seconds,
            self.sos_first_send_delay.clone(),
        );
        self.registry.register(
            "events_sent",
            "Incident events handed to a subscriber's connection",
            self.events_sent.clone(),
        );
        self.registry.register(
            "feed_overflows",
            "Subscribers disconnected because they were too slow for their events",
            self.feed_overflows.clone(),
        );
    }

    fn register_transports(&mut self) {
        self.registry.register(
            "auth_failures",
            "Refused proofs of identity",
            self.auth_failures.clone(),
        );
        self.registry.register(
            "sso_logins",
            "Log-ins with tokens of apps, by what became of them",
            self.sso_logins.clone(),
        );
        self.registry.register(
            "sso_unavailable",
            "Log-ins that the app's own server did not answer so that it means anything, by why",
            self.sso_unavailable.clone(),
        );
        self.registry.register(
            "codes_asked",
            "Requests for codes by mail, by what became of them",
            self.codes_asked.clone(),
        );
        self.registry.register(
            "login_bans",
            "Addresses whose log-ins this node began to refuse for a while",
            self.login_bans.clone(),
        );
        self.registry.register(
            "sessions_ended",
            "Sessions that this node ended, by reason",
            self.sessions_ended.clone(),
        );
        self.registry.register(
            "mqtt_connections",
            "Open MQTT connections",
            self.mqtt_connections.clone(),
        );
        self.registry.register(
            "mqtt_connects",
            "Answered MQTT CONNECT packets",
            self.mqtt_connects.clone(),
        );
        self.registry.register(
            "mqtt_disconnects",
            "Ended MQTT connections",
            self.mqtt_disconnects.clone(),
        );
        self.registry.register(
            "mqtt_packets",
            "MQTT packets read and written",
            self.mqtt_packets.clone(),
        );
        self.registry.register(
            "http_connections",
            "Open HTTP connections",
            self.http_connections.clone(),
        );
        self.registry.register(
            "http_requests",
            "Answered HTTP requests by route template",
            self.http_requests.clone(),
        );
        self.registry.register_with_unit(
            "http_request",
            "From the head of an HTTP request to the head of its answer",
            Unit::Seconds,
            self.http_request.clone(),
        );
    }

    fn register_work(&mut self) {
        self.registry.register(
            "telemetry_samples",
            "Telemetry samples by what became of them",
            self.telemetry_samples.clone(),
        );
        self.registry.register_with_unit(
            "telemetry_store",
            "From reading a telemetry sample to its durable commit",
            Unit::Seconds,
            self.telemetry_store.clone(),
        );
        self.registry
            .register("jobs", "Background jobs that ran", self.jobs.clone());
    }

    fn register_store(&mut self) {
        self.registry.register(
            "store_queue_length",
            "Commands waiting in a lane of the state store's writer",
            self.store_queue_length.clone(),
        );
        self.registry.register(
            "store_commits",
            "Commits of the state store",
            self.store_commits.clone(),
        );
        self.registry.register(
            "store_commands",
            "Commands committed by the state store",
            self.store_commands.clone(),
        );
        self.registry.register_with_unit(
            "store_commit",
            "Time spent in commits of the state store",
            Unit::Seconds,
            self.store_commit.clone(),
        );
        self.registry.register_with_unit(
            "disk_free",
            "Free space under the data directory",
            Unit::Bytes,
            self.disk_free.clone(),
        );
        self.registry.register_with_unit(
            "disk_ballast",
            "Room held back for SOS on a full disk; 0 beside PostgreSQL",
            Unit::Bytes,
            self.disk_ballast.clone(),
        );
        self.registry.register_with_unit(
            "store_copy_lag",
            "For how long commits may be missing in the copy of the state store; 0 without one",
            Unit::Seconds,
            self.copy_lag.clone(),
        );
        self.registry.register(
            "store_copy_following",
            "Whether the copy of the state store follows commit by commit: 1 or 0",
            self.copy_following.clone(),
        );
        self.registry.register(
            "ready",
            "Whether an SOS can be stored on this node: 1 or 0",
            self.ready.clone(),
        );
    }

    fn register_senders(&mut self) {
        self.registry.register(
            "sends",
            "Attempts to send to contacts, by provider, channel and end",
            self.sends.clone(),
        );
        self.registry.register(
            "provider_failing",
            "Whether a provider failed again and again and is tried last: 1 or 0",
            self.provider_failing.clone(),
        );
    }

    fn register_background(&mut self) {
        self.registry.register_with_unit(
            "clock_system_ahead",
            "By how much the system's clock is ahead of mayday's since it stepped",
            Unit::Seconds,
            self.clock_system_ahead.clone(),
        );
        self.registry.register(
            "clock_leapt",
            "Whether the time may have leapt before the start, and nothing is deleted: 1 or 0",
            self.clock_leapt.clone(),
        );
        self.registry.register_with_unit(
            "job_oldest_due",
            "For how long the oldest job has been due",
            Unit::Seconds,
            self.job_oldest_due.clone(),
        );
        self.registry.register(
            "jobs_poison",
            "Jobs set aside after failing for good",
            self.jobs_poison.clone(),
        );
        self.registry.register(
            "telemetry_queue_length",
            "Samples waiting for the telemetry writer",
            self.telemetry_queue_length.clone(),
        );
        self.registry.register(
            "telemetry_stalled",
            "Whether samples wait and the telemetry writer has not committed for 1 s: 1 or 0",
            self.telemetry_stalled.clone(),
        );
        self.registry.register(
            "telemetry_unusable_files",
            "Telemetry files that cannot be used until somebody mends them",
            self.telemetry_unusable_files.clone(),
        );
        self.registry.register(
            "telemetry_committed",
            "Samples committed by the telemetry writer",
            self.telemetry_committed.clone(),
        );
        self.registry.register(
            "spill_rows",
            "Samples in the spill table",
            self.spill_rows.clone(),
        );
    }
}

fn waits<L: Clone + std::hash::Hash + Eq>() -> Seconds<L> {
    Family::new_with_constructor(|| Histogram::new(WAIT_SECONDS))
}
