//! Pages of a user's samples.

use mayday_core::ids::UserId;
use mayday_core::telemetry::Sample;
use mayday_core::time::Timestamp;

use super::{Engine, Telemetry, TelemetryError, merge};
use crate::spill;

/// Which samples are read: those of a time, in the order of their times, devices and
/// events; texts are compared byte for byte.
#[derive(Clone, Debug)]
pub struct Span {
    /// From this time on.
    pub from: Timestamp,
    /// Up to this time, included.
    pub to: Timestamp,
    /// Of the samples of `from`, only those behind this device and event.
    pub after: Option<(String, String)>,
    /// What becomes of the answer while a file cannot be used.
    pub gaps: Gaps,
}

/// What is answered while a telemetry file is damaged, and its samples are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gaps {
    /// What the other files hold: better than nothing for whoever looks at a map.
    Skipped,
    /// An error: who is promised all must not be given less.
    Refused,
}

impl Span {
    /// The device and the event of the lower bound; the empty texts come first.
    pub(crate) fn lower(&self) -> (&str, &str) {
        let after = self.after.as_ref();
        after.map_or(("", ""), |(device, event)| (device, event))
    }

    /// Whether a sample of these times lies behind the lower bound.
    pub(super) fn admits(&self, sample: &Sample) -> bool {
        let key = (sample.time, &*sample.device, &*sample.event_id);
        let (device, event) = self.lower();
        let lower = (self.from, device, event);
        key > lower || (self.after.is_none() && key == lower)
    }

    /// How a key stands to the lower bound.
    pub(super) fn operator(&self) -> &'static str {
        if self.after.is_some() { ">" } else { ">=" }
    }
}

impl Telemetry {
    /// A user's samples from `from` to `to`, both included, oldest first, at
    /// most `limit`.
    pub async fn range(
        &self,
        user: UserId,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Vec<Sample>, TelemetryError> {
        let span = Span {
            from,
            to,
            after: None,
            gaps: Gaps::Skipped,
        };
        self.page(user, &span, limit).await
    }

    /// The first samples of a span, at most `limit`.
    pub async fn page(
        &self,
        user: UserId,
        span: &Span,
        limit: usize,
    ) -> Result<Vec<Sample>, TelemetryError> {
        let inner = &self.0;
        // The spill table first: a row on its way leaves it only after it has arrived.
        let mut tx = inner
            .store
            .read()
            .await
            .map_err(|e| TelemetryError::read(&e))?;
        let spilled = spill::range(&mut tx, user, span, limit).await;
        drop(tx);
        let spilled = spilled.map_err(|e| TelemetryError::read(&e))?;
        let stored = match &inner.engine {
            Engine::Sqlite(files) => files.range(user, span.clone(), limit).await?,
            Engine::Postgres(tables) => tables.range(user, span, limit).await?,
        };
        Ok(merge::samples(stored.into_iter().chain(spilled), limit))
    }
}
