//! What mayday counts and measures, for `/metrics` of the admin listener.
//!
//! Recorded once, at the boundary: a transport or a worker calls one method
//! here when it knows the outcome. Labels are closed sets of words (a route
//! template, never a path; no ids), so that the number of series is bounded.
//! Durations are seconds, sizes are bytes, and the names say so.

mod labels;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use mayday_core::transport::Transport;
use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::app::App;

use labels::{Direction, JobRun, OutcomeOf, Reason, ReasonOf, Request, Route, Via};

/// Upper bounds in seconds for what somebody waits for.
const WAIT_SECONDS: [f64; 14] = [
    0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0,
];

type Seconds<L> = Family<L, Histogram, fn() -> Histogram>;

/// The metrics of one server. Cheap to clone; clones share.
#[derive(Clone)]
pub struct Metrics(Arc<Families>);

struct Families {
    registry: Registry,
    sos_trigger: Seconds<Via>,
    sos_triggers: Family<OutcomeOf, Counter>,
    sos_ended: Family<Reason, Counter>,
    events_sent: Counter,
    feed_overflows: Counter,
    telemetry_samples: Family<OutcomeOf, Counter>,
    telemetry_store: Seconds<Via>,
    auth_failures: Family<ReasonOf, Counter>,
    mqtt_connections: Gauge,
    mqtt_connects: Family<Reason, Counter>,
    mqtt_disconnects: Family<Reason, Counter>,
    mqtt_packets: Family<Direction, Counter>,
    http_connections: Gauge,
    http_requests: Family<Request, Counter>,
    http_request: Seconds<Route>,
    jobs: Family<JobRun, Counter>,
}

impl Metrics {
    /// Fresh metrics, all zero.
    pub fn new() -> Self {
        let mut families = Families::empty();
        families.register_sos();
        families.register_transports();
        families.register_work();
        Self(Arc::new(families))
    }

    /// A trigger was answered after `waited`; `outcome` is `opened`, `updated`,
    /// `redelivered`, `relayed`, `unattributed` or `failed`.
    pub fn sos_triggered(&self, via: Transport, outcome: &'static str, waited: Duration) {
        let transport = via.as_str();
        self.0
            .sos_trigger
            .get_or_create(&Via { transport })
            .observe(waited.as_secs_f64());
        self.0
            .sos_triggers
            .get_or_create(&OutcomeOf { transport, outcome })
            .inc();
    }

    /// An incident ended; `reason` is `cancelled` or `resolved`.
    pub fn sos_ended(&self, reason: &'static str) {
        self.0.sos_ended.get_or_create(&Reason { reason }).inc();
    }

    /// An incident event was handed to a subscriber's connection.
    pub fn event_sent(&self) {
        self.0.events_sent.inc();
    }

    /// A subscriber was too slow for its events and is disconnected.
    pub fn feed_overflowed(&self) {
        self.0.feed_overflows.inc();
    }

    /// A telemetry sample was answered after `waited`; `outcome` is `stored`,
    /// `spilled`, `dead_letter`, `dropped` or `failed`.
    pub fn telemetry_answered(&self, via: Transport, outcome: &'static str, waited: Duration) {
        let transport = via.as_str();
        self.0
            .telemetry_store
            .get_or_create(&Via { transport })
            .observe(waited.as_secs_f64());
        self.0
            .telemetry_samples
            .get_or_create(&OutcomeOf { transport, outcome })
            .inc();
    }

    /// A proof of identity was refused; `reason` is an error code of the
    /// contract such as `unauthorized` or `rate_limited`.
    pub fn auth_failed(&self, via: Transport, reason: &'static str) {
        let transport = via.as_str();
        self.0
            .auth_failures
            .get_or_create(&ReasonOf { transport, reason })
            .inc();
    }

    /// An MQTT connection was answered; `reason` is `accepted` or why not.
    pub fn mqtt_connect(&self, reason: &'static str) {
        self.0.mqtt_connects.get_or_create(&Reason { reason }).inc();
    }

    /// An MQTT connection was opened; the gauge falls when the guard is dropped.
    pub fn mqtt_connection(&self) -> LevelGuard {
        LevelGuard::raise(&self.0.mqtt_connections)
    }

    /// An MQTT connection ended, and why.
    pub fn mqtt_disconnect(&self, reason: &'static str) {
        self.0
            .mqtt_disconnects
            .get_or_create(&Reason { reason })
            .inc();
    }

    /// MQTT packets were read.
    pub fn mqtt_packets_in(&self, count: u64) {
        let label = Direction { direction: "in" };
        self.0.mqtt_packets.get_or_create(&label).inc_by(count);
    }

    /// MQTT packets were written.
    pub fn mqtt_packets_out(&self, count: u64) {
        let label = Direction { direction: "out" };
        self.0.mqtt_packets.get_or_create(&label).inc_by(count);
    }

    /// An HTTP connection was opened; the gauge falls when the guard is dropped.
    pub fn http_connection(&self) -> LevelGuard {
        LevelGuard::raise(&self.0.http_connections)
    }

    /// An HTTP request to a route template was answered after `took`.
    pub fn http_answered(&self, method: &'static str, route: &str, status: u16, took: Duration) {
        let route = route.to_owned();
        self.0
            .http_request
            .get_or_create(&Route {
                route: route.clone(),
            })
            .observe(took.as_secs_f64());
        self.0
            .http_requests
            .get_or_create(&Request {
                method,
                route,
                status,
            })
            .inc();
    }

    /// A job ran; `outcome` is `done`, `retried` or `set_aside`.
    pub fn job_ran(&self, kind: &'static str, outcome: &'static str) {
        self.0.jobs.get_or_create(&JobRun { kind, outcome }).inc();
    }

    /// All families in the `OpenMetrics` text format, ended by `# EOF`.
    pub fn encode(&self) -> Result<String, fmt::Error> {
        let mut page = String::new();
        text::encode(&mut page, &self.0.registry)?;
        Ok(page)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Families {
    fn empty() -> Self {
        Self {
            registry: Registry::with_prefix("mayday"),
            sos_trigger: waits(),
            sos_triggers: Family::default(),
            sos_ended: Family::default(),
            events_sent: Counter::default(),
            feed_overflows: Counter::default(),
            telemetry_samples: Family::default(),
            telemetry_store: waits(),
            auth_failures: Family::default(),
            mqtt_connections: Gauge::default(),
            mqtt_connects: Family::default(),
            mqtt_disconnects: Family::default(),
            mqtt_packets: Family::default(),
            http_connections: Gauge::default(),
            http_requests: Family::default(),
            http_request: waits(),
            jobs: Family::default(),
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
}

impl App {
    /// Where transports and workers count.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}

/// Holds a gauge one higher until dropped.
#[derive(Debug)]
pub struct LevelGuard(Gauge);

impl LevelGuard {
    fn raise(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for LevelGuard {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn waits<L: Clone + std::hash::Hash + Eq>() -> Seconds<L> {
    Family::new_with_constructor(|| Histogram::new(WAIT_SECONDS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trigger_is_counted_and_timed_under_its_documented_names() {
        let metrics = Metrics::new();
        metrics.sos_triggered(Transport::Mqtt, "opened", Duration::from_millis(3));
        let page = metrics.encode().unwrap();
        assert!(
            page.contains("mayday_sos_triggers_total{transport=\"mqtt\",outcome=\"opened\"} 1"),
            "{page}"
        );
        assert!(
            page.contains("mayday_sos_trigger_seconds_bucket{le=\"0.005\",transport=\"mqtt\"} 1"),
            "{page}"
        );
        assert!(page.ends_with("# EOF\n"));
    }

    #[test]
    fn a_connection_counts_while_its_guard_lives() {
        let metrics = Metrics::new();
        let guard = metrics.mqtt_connection();
        assert!(
            metrics
                .encode()
                .unwrap()
                .contains("mayday_mqtt_connections 1")
        );
        drop(guard);
        assert!(
            metrics
                .encode()
                .unwrap()
                .contains("mayday_mqtt_connections 0")
        );
    }
}
