//! What mayday counts and measures, for `/metrics` of the admin listener.
//!
//! Recorded once, at the boundary: a transport or a worker calls one method
//! here when it knows the outcome. Labels are closed sets of words (a route
//! template, never a path; no ids), so that the number of series is bounded.
//! Durations are seconds, sizes are bytes, and the names say so.

mod families;
mod labels;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use mayday_core::sso::EndReason;
use mayday_core::sso::introspection::Unavailable;
use mayday_core::transport::Transport;
use prometheus_client::encoding::text;
use prometheus_client::metrics::gauge::Gauge;

use crate::app::App;
use crate::error::AppError;
use crate::health::HealthReport;
use crate::senders::ProviderHealth;

use families::{Families, STORED};
use labels::{JobRun, Lane, OutcomeOf, Provider, Reason, ReasonOf, Request, Route, Sent, Via};

/// The metrics of one server. Cheap to clone; clones share.
#[derive(Clone)]
pub struct Metrics(Arc<Families>);

impl Metrics {
    /// Fresh metrics, all zero.
    pub fn new() -> Self {
        Self(Arc::new(Families::new()))
    }

    /// A trigger was answered after `waited`; `outcome` says what it did to the
    /// sender's incident, or to that of the owner whom it was relayed for:
    /// `opened`, `updated` or `redelivered`; or it is `unattributed` or `failed`.
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

    /// The first message of an SOS reached a provider's door, so long after the grace
    /// window was over.
    pub fn sos_first_sent(&self, delay: Duration) {
        self.0.sos_first_send_delay.observe(delay.as_secs_f64());
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
    /// `spilled` (stored in the spill table first), `let_go` (of a stale proof,
    /// acknowledged and not kept), `dead_letter` or `failed`.
    pub fn telemetry_answered(&self, via: Transport, outcome: &'static str, waited: Duration) {
        if via == Transport::Mqtt && outcome == STORED {
            let (stored, waits) = self.0.mqtt_stored();
            waits.observe(waited.as_secs_f64());
            stored.inc();
            return;
        }
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

    /// A log-in with a token of an app ended so: `opened`, `again`, or why not.
    pub(crate) fn sso_login(&self, reason: &'static str) {
        self.0.sso_logins.get_or_create(&Reason { reason }).inc();
    }

    /// A log-in could not be checked.
    pub(crate) fn sso_unavailable(&self, why: Unavailable) {
        let reason = why.as_str();
        self.0
            .sso_unavailable
            .get_or_create(&Reason { reason })
            .inc();
    }

    /// Somebody asked for a code; it was `sent`, or why not.
    pub(crate) fn code_asked(&self, reason: &'static str) {
        self.0.codes_asked.get_or_create(&Reason { reason }).inc();
    }

    /// This node began to refuse the log-ins of an address.
    pub(crate) fn login_banned(&self) {
        self.0.login_bans.inc();
    }

    /// This node ended sessions.
    pub(crate) fn sessions_ended(&self, reason: EndReason, count: usize) {
        let reason = reason.as_str();
        let counter = self.0.sessions_ended.get_or_create(&Reason { reason });
        counter.inc_by(u64::try_from(count).unwrap_or(u64::MAX));
    }

    /// Counts why [`App::authenticate`] refused; an outage is no failed proof.
    pub fn auth_refused(&self, via: Transport, error: &AppError) {
        let reason = match error {
            AppError::Unauthorized => "unauthorized",
            AppError::AppInactive => "app_inactive",
            AppError::UserBlocked => "user_blocked",
            AppError::RateLimited { .. } => "rate_limited",
            AppError::Session { lapse } => lapse.code,
            AppError::InvalidToken { .. } => "invalid_token",
            _ => return,
        };
        self.auth_failed(via, reason);
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
        self.0.packets_in().inc_by(count);
    }

    /// MQTT packets were written.
    pub fn mqtt_packets_out(&self, count: u64) {
        self.0.packets_out().inc_by(count);
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

    /// Takes over the figures that the stores keep themselves.
    pub fn refresh(&self, report: &HealthReport) {
        let families = &self.0;
        let queued = report.store.queued;
        for (lane, length) in [
            ("sos", queued.sos),
            ("session", queued.session),
            ("job", queued.job),
            ("rest", queued.rest),
        ] {
            let gauge = families.store_queue_length.get_or_create(&Lane { lane });
            gauge.set(level(length));
        }
        let store = &report.store;
        families.store_commits.inner().store(store.commits, Relaxed);
        families
            .store_commands
            .inner()
            .store(store.commands, Relaxed);
        families
            .store_commit
            .inner()
            .store(store.commit_seconds.to_bits(), Relaxed);
        if let Some(jobs) = report.jobs {
            families.job_oldest_due.set(jobs.oldest_due_seconds);
            families.jobs_poison.set(jobs.poison);
        }
        let telemetry = report.telemetry;
        families.telemetry_queue_length.set(level(telemetry.queued));
        families.telemetry_stalled.set(i64::from(telemetry.stalled));
        let unusable = i64::try_from(telemetry.unusable_files).unwrap_or(i64::MAX);
        families.telemetry_unusable_files.set(unusable);
        families
            .telemetry_committed
            .inner()
            .store(telemetry.committed_samples, Relaxed);
        if let Some(rows) = telemetry.spill_rows {
            families.spill_rows.set(rows);
        }
        families.disk_free.set(level(report.disk.free_bytes));
        families.disk_ballast.set(level(report.disk.ballast_bytes));
        if let Some(copy) = report.copy {
            families.copy_lag.set(copy.lag_seconds);
            families.copy_following.set(i64::from(copy.following));
        }
        families
            .clock_system_ahead
            .set(report.clock.system_ahead_seconds);
        families.clock_leapt.set(i64::from(report.clock.leapt));
        families.ready.set(i64::from(report.is_ready()));
        self.refresh_senders(&report.providers);
    }

    fn refresh_senders(&self, providers: &[ProviderHealth]) {
        for health in providers {
            let (provider, channel) = (&health.name, health.channel.as_str());
            let label = Provider {
                provider: provider.clone(),
                channel,
            };
            let failing = self.0.provider_failing.get_or_create(&label);
            failing.set(i64::from(health.failing));
            let sends = health.sends;
            for (outcome, count) in [
                ("accepted", sends.accepted),
                ("refused", sends.refused),
                ("ambiguous", sends.ambiguous),
            ] {
                let label = Sent {
                    provider: provider.clone(),
                    channel,
                    outcome,
                };
                let counter = self.0.sends.get_or_create(&label);
                counter.inner().store(count, Relaxed);
            }
        }
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

fn level(value: impl TryInto<i64>) -> i64 {
    value.try_into().unwrap_or(i64::MAX)
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
