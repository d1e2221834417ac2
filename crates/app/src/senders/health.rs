//! How providers fare, for readiness, operators and metrics.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use mayday_core::escalation::Channel;
use mayday_core::time::Timestamp;
use mayday_gateway::outcome::Outcome;
use serde::{Deserialize, Serialize};

use super::{SMTP, Senders};

/// The longest reason that is kept, in characters.
const MAX_REASON_CHARS: usize = 300;

/// Attempts since the start, by their end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendCounts {
    /// The provider took it.
    pub accepted: u64,
    /// The provider did not take it.
    pub refused: u64,
    /// Nobody knows.
    pub ambiguous: u64,
}

/// A provider and how it fares by one channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderHealth {
    /// Its name in the configuration; `smtp` is the mail server.
    pub name: String,
    /// What it is: `twilio`, `template`, `screen`, `smtp`.
    pub kind: String,
    /// What it carries.
    pub channel: Channel,
    /// The beginnings of the numbers that are routed through it; none for mail.
    pub prefixes: Vec<String>,
    /// It failed again and again and is tried last.
    pub failing: bool,
    /// Attempts since the start.
    pub sends: SendCounts,
    /// When it last took something.
    pub last_accepted_at: Option<Timestamp>,
    /// When it last refused, or did not answer.
    pub last_failure_at: Option<Timestamp>,
    /// What it said then.
    pub last_failure: Option<String>,
}

/// What attempts through one provider by one channel came to.
#[derive(Clone, Debug, Default)]
struct Record {
    sends: SendCounts,
    last_accepted: Option<Timestamp>,
    last_failure: Option<(Timestamp, String)>,
}

/// By provider and channel; both come from the configuration.
#[derive(Debug, Default)]
pub(super) struct Records(BTreeMap<(String, Channel), Record>);

impl Records {
    pub(super) fn note(
        &mut self,
        channel: Channel,
        provider: &str,
        outcome: &Outcome,
        now: Timestamp,
    ) {
        let record = self.0.entry((provider.to_owned(), channel)).or_default();
        let reason = match outcome {
            Outcome::Accepted { .. } => {
                record.sends.accepted += 1;
                record.last_accepted = Some(now);
                return;
            }
            Outcome::Refused(refusal) => {
                record.sends.refused += 1;
                &refusal.reason
            }
            Outcome::Ambiguous { reason } => {
                record.sends.ambiguous += 1;
                reason
            }
        };
        let reason = reason.chars().take(MAX_REASON_CHARS).collect();
        record.last_failure = Some((now, reason));
    }
}

impl Senders {
    /// Each provider that anything is routed through, by channel, and the mail server.
    pub fn health(&self, now: Timestamp) -> Vec<ProviderHealth> {
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        let told = |name: &str, kind: &str, channel, prefixes, breaker_open| {
            let record = records.0.get(&(name.to_owned(), channel));
            let record = record.cloned().unwrap_or_default();
            let (last_failure_at, last_failure) = record.last_failure.unzip();
            ProviderHealth {
                name: name.to_owned(),
                kind: kind.to_owned(),
                channel,
                prefixes,
                // Mail has no other way to go, and no breaker: its last word counts.
                failing: breaker_open
                    || (channel == Channel::Email && last_failure_at > record.last_accepted),
                sends: record.sends,
                last_accepted_at: record.last_accepted,
                last_failure_at,
                last_failure,
            }
        };
        let mut healths = Vec::new();
        for (channel, routes) in [(Channel::Sms, &self.sms), (Channel::Voice, &self.voice)] {
            let mut prefixes = BTreeMap::<&str, Vec<String>>::new();
            for route in routes.all() {
                for name in &route.providers {
                    prefixes.entry(name).or_default().push(route.prefix.clone());
                }
            }
            for (name, prefixes) in prefixes {
                let kind = self.providers.get(name).map_or(name, |found| found.kind);
                let failing = routes.is_failing(name, now);
                healths.push(told(name, kind, channel, prefixes, failing));
            }
        }
        if self.mail.is_some() {
            healths.push(told(SMTP, SMTP, Channel::Email, Vec::new(), false));
        }
        healths
    }
}
