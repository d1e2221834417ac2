//! What a transport holds between a telemetry PUBLISH and its PUBACK.

use std::sync::Arc;

use mayday_core::field::FieldError;
use mayday_store::telemetry::Pending;
use tokio::sync::{Notify, oneshot};

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

/// A telemetry body on its way to the disk. Dropping it does not stop it.
#[derive(Debug)]
pub struct TelemetryTicket(Way);

#[derive(Debug)]
enum Way {
    /// Straight to the telemetry writer.
    Direct(Pending),
    /// Through a task that has to ask the state store first.
    Asking {
        receiver: oneshot::Receiver<Result<TelemetryReceipt, AppError>>,
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

impl TelemetryTicket {
    pub(super) fn stored_by(pending: Pending) -> Self {
        Self(Way::Direct(pending))
    }

    pub(super) fn waiting(
        receiver: oneshot::Receiver<Result<TelemetryReceipt, AppError>>,
        wish: SpillWish,
    ) -> Self {
        Self(Way::Asking { receiver, wish })
    }

    /// Waits until the body is durable. Safe to cancel and call again until it
    /// has answered once.
    pub async fn stored(&mut self) -> Result<TelemetryReceipt, AppError> {
        match &mut self.0 {
            Way::Direct(pending) => {
                pending.stored().await?;
                Ok(TelemetryReceipt::Stored)
            }
            Way::Asking { receiver, .. } => receiver.await.unwrap_or_else(|gone| {
                Err(AppError::Unavailable {
                    source: gone.into(),
                })
            }),
        }
    }

    /// Asks for the spill table now instead of waiting for the telemetry
    /// writer; [`stored`](Self::stored) then resolves from whichever commits
    /// first. Does not block; a second call does nothing.
    pub fn spill(&mut self) {
        match &self.0 {
            Way::Direct(pending) => pending.spill(),
            Way::Asking { wish, .. } => wish.0.notify_one(),
        }
    }
}
