//! Takes in a cry for help. Nothing about an authenticated SOS is an error; a
//! store that cannot commit is the only one.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mayday_core::identity::Caller;
use mayday_core::ids::UserId;
use mayday_core::relay::Unfound;
use mayday_core::sos::{Flag, Flags, Incident, Trigger};
use mayday_core::telemetry::Position;
use mayday_core::time::Timestamp;
use mayday_core::transport::Transport;
use mayday_store::incidents::{TriggerOutcome, TriggerSos};
use mayday_store::{Lane, StoreError, devices};
use tokio::time::{Instant, timeout_at};
use tracing::Instrument as _;

use crate::{App, AppError};

/// How long an SOS without position waits for the last known one.
const LAST_KNOWN_WAIT: Duration = Duration::from_millis(100);

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
        let received_at = self.clock.now();
        let (heard, transport) = (Instant::now(), trigger.transport);
        let (app, caller) = (Arc::clone(self), caller.clone());
        let work = async move { app.hear_sos(&caller, trigger, received_at).await };
        let stored = tokio::spawn(work.in_current_span())
            .await
            .unwrap_or_else(|gone| {
                Err(AppError::Internal {
                    source: gone.into(),
                })
            });
        let outcome = stored.as_ref().map_or("failed", |(_, stored)| word(stored));
        self.metrics
            .sos_triggered(transport, outcome, heard.elapsed());
        let (sender, stored) = stored?;
        Ok(match stored {
            TriggerOutcome::Opened(incident)
            | TriggerOutcome::Updated(incident)
            | TriggerOutcome::Redelivered(incident) => {
                if incident.user == sender {
                    TriggerReceipt::Own(incident)
                } else {
                    TriggerReceipt::Relayed(incident)
                }
            }
            TriggerOutcome::Unattributed => TriggerReceipt::Unattributed,
        })
    }

    /// Stores it; answers for whom as the sender.
    async fn hear_sos(
        &self,
        caller: &Caller,
        sent: SosTrigger,
        received_at: Timestamp,
    ) -> Result<(UserId, TriggerOutcome), AppError> {
        // Held until the cry is stored.
        let _turn = self.cries.turn(caller.user, sent.body.len()).await?;
        let trigger = Trigger::parse(&sent.body);
        let battery = battery_of(&trigger);
        let command = TriggerSos {
            app: caller.app,
            sender: caller.user,
            flags: flags_of(caller, &sent, &trigger),
            last_known: self.last_known(caller, &trigger).await,
            body: sent.body,
            trigger,
            transport: sent.transport,
            received_at,
            receipt: self.fresh_id(),
        };
        let stored = self.store.write(Lane::Sos, command.clone()).await;
        // A row that must be there was not: the sender's, perhaps.
        if let Err(StoreError::RowCount { got: 0, .. }) = stored
            && let Some(sender) = self.successor(caller).await?
        {
            let command = TriggerSos { sender, ..command };
            return Ok((sender, self.store.write(Lane::Sos, command).await?));
        }
        let stored = stored?;
        if let TriggerOutcome::Opened(incident) | TriggerOutcome::Updated(incident) = &stored
            && incident.user == caller.user
        {
            self.listening.note(incident.id, received_at, battery);
        }
        Ok((caller.user, stored))
    }

    /// Where the user was last, if the trigger does not say: samples that came
    /// before it and are not stored yet are asked in memory. A slow answer is
    /// none: an SOS never waits for telemetry.
    async fn last_known(&self, caller: &Caller, trigger: &Trigger) -> Option<(UserId, Position)> {
        if trigger.fix.is_some() {
            return None;
        }
        let until = Instant::now() + LAST_KNOWN_WAIT;
        let owner = timeout_at(until, self.probable_owner(caller, trigger));
        let owner = owner.await.ok().flatten()?;
        // Asked first: what arrives meanwhile is found by the look-up.
        let on_its_way = self.telemetry.on_its_way(owner);
        let stored = timeout_at(until, self.newest_position(owner)).await;
        let newest = Position::newer(on_its_way, stored.ok().flatten())?;
        Some((owner, newest))
    }

    /// Whose incident it seems to be; the command finds out for certain.
    async fn probable_owner(&self, caller: &Caller, trigger: &Trigger) -> Option<UserId> {
        let naming = trigger.naming();
        if naming.look_ups().is_empty() {
            return (naming.unfound() == Unfound::Sender).then_some(caller.user);
        }
        let mut tx = self.store.read_urgent().await.ok()?;
        let found = devices::whose(&mut tx, caller.app, caller.user, &naming).await;
        found.ok()?.owner(caller.user)
    }
}

/// What the phone says about its battery, in whole percent.
fn battery_of(trigger: &Trigger) -> Option<u8> {
    let percent = trigger.mobile_battery.as_ref()?.as_f64()?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked: within 0 to 100"
    )]
    (0.0..=100.0)
        .contains(&percent)
        .then(|| percent.floor() as u8)
}

/// The word that a stored trigger is counted under: one of those of
/// [`crate::Metrics::sos_triggered`].
fn word(outcome: &TriggerOutcome) -> &'static str {
    match outcome {
        TriggerOutcome::Opened(_) => "opened",
        TriggerOutcome::Updated(_) => "updated",
        TriggerOutcome::Redelivered(_) => "redelivered",
        TriggerOutcome::Unattributed => "unattributed",
    }
}

/// All flags that a trigger raises by itself.
fn flags_of(caller: &Caller, sent: &SosTrigger, trigger: &Trigger) -> Flags {
    let mut flags = trigger.flags;
    flags.insert_if(sent.oversized, Flag::Oversized);
    flags.insert_if(sent.retained, Flag::Retained);
    flags.insert_if(!caller.is_full(), Flag::StaleCredentials);
    let other = trigger.user_id.as_deref().is_some_and(|named| {
        named != caller.external_id.as_str() && named.parse() != Ok(caller.user)
    });
    flags.insert_if(other, Flag::UserMismatch);
    flags
}
