//! A device changes hands between the look at its owner and the owner's lock:
//! the second look under the lock counts. (On SQLite one command runs at a time.)

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mayday_core::device::DeviceDraft;
use mayday_core::ids::{DeviceId, UserId};
use mayday_core::sos::{CancelRequest, Trigger};
use mayday_core::transport::Transport;
use serde_json::json;
use tokio::sync::Semaphore;

use crate::args;
use crate::command::{Command, Lane};
use crate::devices::{AssignDevice, Assigned, RegisterDevice, Registered, RemoveDevice};
use crate::error::StoreError;
use crate::incidents::{self, CancelOutcome, CancelSos, TriggerOutcome, TriggerSos};
use crate::sql::Sql;
use crate::testing::{START, TestApp, TestStore};
use crate::tx::Tx;

const DEVICE: &str = "77";

static WAITING: Sql = Sql::new(
    "SELECT COUNT(*) FROM pg_stat_activity \
     WHERE datname = current_database() AND wait_event_type = 'Lock'",
);

static DECIDED: Sql = Sql::new("SELECT COUNT(*) FROM devices WHERE assigned_at IS NOT NULL");

/// Removes a device, then keeps its transaction open until let go.
struct Handover {
    remove: RemoveDevice,
    removed: Arc<Semaphore>,
    gate: Arc<Semaphore>,
}

impl Command for Handover {
    type Output = ();
    const NAME: &'static str = "test.handover";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        assert!(self.remove.run(tx).await?);
        self.removed.add_permits(1);
        self.gate.acquire().await.unwrap().forget();
        Ok(())
    }
}

/// Decides whose a device is, then keeps its transaction open until let go.
struct Decision {
    assign: AssignDevice,
    decided: Arc<Semaphore>,
    gate: Arc<Semaphore>,
}

impl Command for Decision {
    type Output = Assigned;
    const NAME: &'static str = "test.decision";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Assigned, StoreError> {
        let assigned = self.assign.run(tx).await?;
        self.decided.add_permits(1);
        self.gate.acquire().await.unwrap().forget();
        Ok(assigned)
    }
}

/// Ana owns the device and Ben lists it too; Ana has an open incident with it.
struct Scene {
    store: TestStore,
    app: TestApp,
    ana: UserId,
    ben: UserId,
    eve: UserId,
    device: DeviceId,
}

impl Scene {
    async fn set() -> Option<Self> {
        let store = TestStore::postgres().await?;
        let app = store.app("acme").await;
        let ana = store.user(&app, "ana").await;
        let ben = store.user(&app, "ben").await;
        let eve = store.user(&app, "eve").await;
        let mut scene = Self {
            store,
            app,
            ana,
            ben,
            eve,
            device: DeviceId(uuid::Uuid::nil()),
        };
        scene.device = scene.list(ana).await;
        scene.store.clock.advance(Duration::from_secs(1));
        scene.list(ben).await;
        Some(scene)
    }

    async fn list(&self, user: UserId) -> DeviceId {
        let register = RegisterDevice {
            app: self.app.id,
            user,
            draft: DeviceDraft {
                hardware_id: DEVICE.to_owned(),
                firmware_version: None,
                hardware_model: None,
                paired_at: None,
            },
        };
        match self.store.write(Lane::Rest, register).await.unwrap() {
            Registered::Device(device) => device.id,
            Registered::TooMany => panic!("it is the first"),
        }
    }

    fn trigger(&self, sender: UserId, body: &serde_json::Value) -> TriggerSos {
        let body = Bytes::from(body.to_string());
        let trigger = Trigger::parse(&body);
        TriggerSos {
            app: self.app.id,
            sender,
            flags: trigger.flags,
            trigger,
            body,
            transport: Transport::Mqtt,
            received_at: START,
            receipt: uuid::Uuid::from_u128(1),
            last_known: None,
        }
    }

    /// Runs a command that has looked at the owner when the device changes hands.
    async fn overtaken<C: Command>(&self, command: C) -> C::Output {
        let (removed, gate) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let handover = Handover {
            remove: RemoveDevice {
                app: self.app.id,
                user: self.ana,
                device: self.device,
            },
            removed: Arc::clone(&removed),
            gate: Arc::clone(&gate),
        };
        let (done, outcome, ()) = tokio::join!(
            self.store.write(Lane::Rest, handover),
            async {
                removed.acquire().await.unwrap().forget();
                self.store.write(Lane::Sos, command).await
            },
            async {
                self.until_somebody_waits().await;
                gate.add_permits(1);
            },
        );
        done.unwrap();
        outcome.unwrap()
    }

    async fn until_somebody_waits(&self) {
        let mut looks = tokio::time::interval(Duration::from_millis(10));
        for _ in 0..6_000 {
            looks.tick().await;
            let mut tx = self.store.read().await.unwrap();
            let row = tx.fetch_optional(&WAITING, args![]).await.unwrap();
            if row.unwrap().get::<i64>(0).unwrap() > 0 {
                return;
            }
        }
        panic!("nobody waits for the lock");
    }

    async fn is_open(&self, user: UserId) -> bool {
        let mut tx = self.store.read().await.unwrap();
        incidents::open_of(&mut tx, user).await.unwrap().is_some()
    }
}

#[tokio::test]
async fn a_cancel_ends_no_sos_for_a_device_that_was_anas_a_moment_ago() {
    let Some(scene) = Scene::set().await else {
        return;
    };
    let cry = scene.trigger(scene.ana, &json!({"deviceId": DEVICE}));
    scene.store.write(Lane::Sos, cry).await.unwrap();
    let request = json!({"deviceId": DEVICE}).to_string();
    let cancel = CancelSos {
        app: scene.app.id,
        caller: scene.eve,
        request: CancelRequest::parse(request.as_bytes()).unwrap(),
        any_user: true,
        duress: false,
    };
    // It is Ben's by then, and he has no incident.
    assert_eq!(scene.overtaken(cancel).await, CancelOutcome::Nothing);
    assert!(scene.is_open(scene.ana).await);
}

#[tokio::test]
async fn a_relay_is_heard_for_whose_device_it_is_by_then() {
    let Some(scene) = Scene::set().await else {
        return;
    };
    let relay = scene.trigger(scene.eve, &json!({"deviceId": DEVICE, "relayNodeId": 5}));
    match scene.overtaken(relay).await {
        TriggerOutcome::Opened(incident) => assert_eq!(incident.user, scene.ben),
        other => panic!("{other:?}"),
    }
    assert!(!scene.is_open(scene.ana).await);
}

#[tokio::test]
async fn of_two_decisions_at_once_the_later_one_holds() {
    let Some(scene) = Scene::set().await else {
        return;
    };
    let assign = |user| AssignDevice {
        app: scene.app.id,
        user,
        device: DEVICE.to_owned(),
    };
    let (decided, gate) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let first = Decision {
        assign: assign(scene.ana),
        decided: Arc::clone(&decided),
        gate: Arc::clone(&gate),
    };
    let (ana, ben, ()) = tokio::join!(
        scene.store.write(Lane::Rest, first),
        async {
            decided.acquire().await.unwrap().forget();
            scene.store.write(Lane::Rest, assign(scene.ben)).await
        },
        async {
            scene.until_somebody_waits().await;
            gate.add_permits(1);
        },
    );
    for answer in [ana, ben] {
        assert!(matches!(answer.unwrap(), Assigned::Device { .. }));
    }
    let mut tx = scene.store.read().await.unwrap();
    let counted = tx.fetch_one(&DECIDED, args![]).await.unwrap();
    assert_eq!(counted.get::<i64>(0).unwrap(), 1);
}
