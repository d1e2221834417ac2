//! Takes in a cry for help. Nothing about an authenticated SOS is an error; a
//! store that cannot commit is the only one.

use std::sync::Arc;

use bytes::Bytes;
use mayday_core::identity::Caller;
use mayday_core::sos::Incident;
use mayday_core::transport::Transport;

use crate::{App, AppError};

/// A trigger as a transport received it.
#[derive(Clone, Debug)]
pub struct SosTrigger {
    /// The body: whole up to 256 KiB; of a longer one the first 64 KiB.
    pub body: Bytes,
    /// The body was longer than is read.
    pub oversized: bool,
    /// The PUBLISH carried the RETAIN flag.
    pub retained: bool,
    /// How it came.
    pub transport: Transport,
}

/// What became of a trigger; each of them is durable.
#[derive(Clone, Debug)]
pub enum TriggerReceipt {
    /// The caller's own incident: HTTP 200 with the whole of it.
    Own(Box<Incident>),
    /// Somebody else's incident, relayed by the caller: HTTP 200 with `id`,
    /// `state`, `status` and `flags` alone, because nobody sees another's SOS
    /// by naming a node.
    Relayed(Box<Incident>),
    /// A relay of a device that the app does not know, kept for operators: HTTP
    /// 422 [`AppError::unknown_device`], MQTT PUBACK 0x00.
    Unattributed,
}

impl App {
    /// Opens or updates an incident. Goes on when the caller is dropped.
    pub async fn trigger_sos(
        self: &Arc<Self>,
        caller: &Caller,
        trigger: SosTrigger,
    ) -> Result<TriggerReceipt, AppError> {
        let _ = (caller, trigger);
        Err(AppError::Internal {
            source: "the store is not connected".into(),
        })
    }
}
