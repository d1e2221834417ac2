//! What these tests share: a node, callers, triggers, and the events that a
//! subscriber would be sent.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mayday_app::testing::TestApp;
use mayday_app::{AppError, SosTrigger, TriggerReceipt};
use mayday_core::device::{Device, DeviceDraft};
use mayday_core::event::UserEvent;
use mayday_core::identity::{Caller, Standing};
use mayday_core::sos::{Incident, State};
use mayday_core::transport::Transport;
use mayday_store::events;
use serde_json::Value;

/// One test body, run on SQLite and on PostgreSQL, each on a fresh node.
macro_rules! on_both_nodes {
    ($name:ident, async |$node:ident: TestApp| $body:block) => {
        mod $name {
            use super::*;

            async fn body($node: TestApp) $body

            #[tokio::test]
            async fn sqlite() {
                body(TestApp::sqlite().await).await;
            }

            #[tokio::test]
            async fn postgres() {
                if let Some(node) = TestApp::postgres().await {
                    body(node).await;
                }
            }
        }
    };
}
pub(crate) use on_both_nodes;

/// Waits until something is so.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, holds: impl Fn() -> F) {
    let awaited = async {
        let mut looks = tokio::time::interval(Duration::from_millis(5));
        while !holds().await {
            looks.tick().await;
        }
    };
    let came = tokio::time::timeout(Duration::from_mins(1), awaited).await;
    assert!(came.is_ok(), "still not: {what}");
}

/// A trigger over MQTT.
pub(crate) fn mqtt(body: &Value) -> SosTrigger {
    raw(body.to_string().as_bytes())
}

/// A trigger over HTTP.
pub(crate) fn http(body: &Value) -> SosTrigger {
    SosTrigger {
        transport: Transport::Http,
        ..mqtt(body)
    }
}

/// A trigger over MQTT of any bytes.
pub(crate) fn raw(body: &[u8]) -> SosTrigger {
    SosTrigger {
        body: Bytes::copy_from_slice(body),
        oversized: false,
        retained: false,
        transport: Transport::Mqtt,
    }
}

/// The same caller with a proof that is genuine but expired.
pub(crate) fn stale(caller: &Caller) -> Caller {
    Caller {
        standing: Standing::Stale,
        ..caller.clone()
    }
}

/// Short words for what the tests do all the time.
pub(crate) trait NodeExt {
    /// Triggers and expects the caller's own incident.
    async fn own(&self, caller: &Caller, trigger: SosTrigger) -> Incident;
    /// Triggers and expects somebody else's incident.
    async fn relayed(&self, gateway: &Caller, trigger: SosTrigger) -> Incident;
    /// Triggers and expects that nobody's incident was opened.
    async fn unattributed(&self, gateway: &Caller, trigger: SosTrigger);
    /// The caller's open incident.
    async fn open(&self, caller: &Caller) -> Option<Incident>;
    /// All numbered events of a caller.
    async fn events(&self, caller: &Caller) -> Vec<UserEvent>;
    /// Registers a device.
    async fn device(&self, caller: &Caller, hardware_id: &str) -> Device;
    /// Moves the clock.
    fn pass(&self, seconds: u64);
}

impl NodeExt for TestApp {
    async fn own(&self, caller: &Caller, trigger: SosTrigger) -> Incident {
        match self.app.trigger_sos(caller, trigger).await {
            Ok(TriggerReceipt::Own(incident)) => *incident,
            other => panic!("an own incident, not {other:?}"),
        }
    }

    async fn relayed(&self, gateway: &Caller, trigger: SosTrigger) -> Incident {
        match self.app.trigger_sos(gateway, trigger).await {
            Ok(TriggerReceipt::Relayed(incident)) => *incident,
            other => panic!("a relayed incident, not {other:?}"),
        }
    }

    async fn unattributed(&self, gateway: &Caller, trigger: SosTrigger) {
        match self.app.trigger_sos(gateway, trigger).await {
            Ok(TriggerReceipt::Unattributed) => {}
            other => panic!("nobody's incident, not {other:?}"),
        }
    }

    async fn open(&self, caller: &Caller) -> Option<Incident> {
        self.app.current_sos(caller).await.expect("a state")
    }

    async fn events(&self, caller: &Caller) -> Vec<UserEvent> {
        let mut tx = self.store.read().await.expect("a read");
        let found = events::read_after(&mut tx, caller.user, 0, 1_000).await;
        found.expect("events")
    }

    async fn device(&self, caller: &Caller, hardware_id: &str) -> Device {
        let draft = DeviceDraft {
            hardware_id: hardware_id.to_owned(),
            firmware_version: None,
            hardware_model: None,
            paired_at: None,
        };
        let device = self.app.register_device(caller, draft).await;
        device.expect("a device")
    }

    fn pass(&self, seconds: u64) {
        self.store.clock.advance(Duration::from_secs(seconds));
    }
}

/// The words in an incident's `flags`.
pub(crate) fn flags(incident: &Incident) -> Vec<&'static str> {
    incident.flags.shown()
}

/// The types of events in order.
pub(crate) fn kinds(events: &[UserEvent]) -> Vec<&'static str> {
    events.iter().map(|event| event.kind.as_str()).collect()
}

/// That a use case refused a stale proof.
pub(crate) fn is_unauthorized<T>(answer: &Result<T, AppError>) -> bool {
    matches!(answer, Err(AppError::Unauthorized))
}

/// That an incident is over, and how.
pub(crate) fn ended(incident: &Incident) -> Option<State> {
    (!incident.state.is_open()).then_some(incident.state)
}

/// The node's events as they are hinted from now on.
pub(crate) type Hints = tokio::sync::broadcast::Receiver<Arc<[mayday_store::Hint]>>;

/// The events that were published again since the receiver was made.
pub(crate) fn replays(hints: &mut Hints) -> Vec<Arc<UserEvent>> {
    let mut found = Vec::new();
    while let Ok(commit) = hints.try_recv() {
        for hint in commit.iter() {
            if let mayday_store::Hint::Replay(event) = hint {
                found.push(Arc::clone(event));
            }
        }
    }
    found
}
