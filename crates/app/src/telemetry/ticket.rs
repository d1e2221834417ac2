//! What a transport holds between a telemetry PUBLISH and its PUBACK.

use std::sync::Arc;

use mayday_core::field::FieldError;
use mayday_core::transport::Transport;
use mayday_store::telemetry::{Pending, StoredIn};
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use crate::AppError;
use crate::metrics::Metrics;

/// What became of a telemetry body; each of them is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TelemetryReceipt {
    /// Stored (or, from a stale proof without an open incident, let go):
    /// HTTP 200, PUBACK 0x00.
    Stored,
    /// Kept as a dead letter: HTTP 400, PUBACK 0x99 (3.1.1: PUBACK).
    Malformed(Vec<FieldError>),
    /// A relayed sample of a device that the app does not know, kept as a dead
    /// letter: HTTP 422 [`AppError::unknown_device`], PUBACK 0x00.
    UnknownDevice,
}

/// A telemetry body on its way to the disk. Dropping it does not stop it.
#[derive(Debug)]
pub struct TelemetryTicket {
    way: Way,
    count: Count,
}

/// What became of a body, and the word that it is counted under: one of those
/// of [`Metrics::telemetry_answered`].
#[derive(Debug)]
pub(super) struct Outcome {
    receipt: TelemetryReceipt,
    word: &'static str,
}

impl Outcome {
    /// Of a stale proof without an open incident, acknowledged and not kept.
    pub(super) const LET_GO: Self = Self {
        receipt: TelemetryReceipt::Stored,
        word: "let_go",
    };
    /// Kept as a dead letter, for its device.
    pub(super) const UNKNOWN_DEVICE: Self = Self {
        receipt: TelemetryReceipt::UnknownDevice,
        word: "dead_letter",
    };

    pub(super) fn stored_in(stored_in: StoredIn) -> Self {
        Self {
            receipt: TelemetryReceipt::Stored,
            word: match stored_in {
                StoredIn::Telemetry => "stored",
                StoredIn::Spill => "spilled",
            },
        }
    }

    pub(super) fn malformed(fields: Vec<FieldError>) -> Self {
        Self {
            receipt: TelemetryReceipt::Malformed(fields),
            word: "dead_letter",
        }
    }
}

/// Where the outcome is counted, and since when it is waited for.
#[derive(Debug)]
pub(super) struct Count {
    pub(super) metrics: Metrics,
    pub(super) transport: Transport,
    pub(super) since: Instant,
}

#[derive(Debug)]
enum Way {
    /// Straight to the telemetry writer.
    Direct(Pending),
    /// Through a task that has to ask the state store first.
    Asking {
        receiver: oneshot::Receiver<Result<Outcome, AppError>>,
        wish: SpillWish,
    },
}

/// A wish for the spill table, told to the task that is still asking.
#[derive(Clone, Debug, Default)]
pub(super) struct SpillWish(Arc<Notify>);

impl SpillWish {
    /// Ends when the wish was made, be it earlier or later.
    pub(super) async fn wished(&self) {
        self.0.notified().await;
    }
}

impl Count {
    fn answered(&self, outcome: &Result<Outcome, AppError>) {
        let outcome = outcome.as_ref().map_or("failed", |found| found.word);
        let waited = self.since.elapsed();
        self.metrics
            .telemetry_answered(self.transport, outcome, waited);
    }
}

impl TelemetryTicket {
    pub(super) fn stored_by(pending: Pending, count: Count) -> Self {
        let way = Way::Direct(pending);
        Self { way, count }
    }

    pub(super) fn waiting(
        receiver: oneshot::Receiver<Result<Outcome, AppError>>,
        wish: SpillWish,
        count: Count,
    ) -> Self {
        let way = Way::Asking { receiver, wish };
        Self { way, count }
    }

    /// Waits until the body is durable. Safe to cancel and call again until it
    /// has answered once.
    pub async fn stored(&mut self) -> Result<TelemetryReceipt, AppError> {
        let outcome = match &mut self.way {
            Way::Direct(pending) => match pending.stored().await {
                Ok(stored_in) => Ok(Outcome::stored_in(stored_in)),
                Err(error) => Err(error.into()),
            },
            Way::Asking { receiver, .. } => receiver.await.unwrap_or_else(|gone| {
                Err(AppError::Unavailable {
                    source: gone.into(),
                })
            }),
        };
        self.count.answered(&outcome);
        outcome.map(|outcome| outcome.receipt)
    }

    /// Asks for the spill table now instead of waiting for the telemetry
    /// writer; [`stored`](Self::stored) then resolves from whichever commits
    /// first. Does not block; a second call does nothing.
    pub fn spill(&mut self) {
        match &self.way {
            Way::Direct(pending) => pending.spill(),
            Way::Asking { wish, .. } => wish.0.notify_one(),
        }
    }
}
