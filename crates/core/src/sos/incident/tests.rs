use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::sos::{Decision, OpenIncident, SECOND_CRY_AFTER, decide};

const NOW: Timestamp = Timestamp::from_secs(1_788_948_000);

fn ids() -> Opened {
    Opened {
        id: IncidentId(Uuid::from_u128(1)),
        opening: SampleId(Uuid::from_u128(2)),
        app: AppUuid(Uuid::from_u128(3)),
        user: UserId(Uuid::from_u128(4)),
    }
}

fn report(trigger: &Trigger, received_at: Timestamp) -> Report<'_> {
    Report {
        trigger,
        flags: trigger.flags,
        received_at,
        transport: Transport::Mqtt,
        relayed: false,
        device_id: trigger.device_id.as_deref(),
        last_known: None,
    }
}

fn trigger(body: &Value) -> Trigger {
    Trigger::parse(body.to_string().as_bytes())
}

fn open(body: &Value) -> Incident {
    Incident::open(ids(), &report(&trigger(body), NOW))
}

fn later(secs: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(secs))
}

fn position(secs: u64, latitude: f64) -> Position {
    Position {
        time: later(secs),
        received_at: later(secs),
        latitude,
        longitude: 2.0,
        altitude: None,
        accuracy_meters: None,
    }
}

#[test]
fn origin_fields_are_set_at_opening_and_never_overwritten() {
    let mut incident = open(&json!({"source": "button_ui", "owner": "app"}));
    let external = trigger(&json!({
        "source": "remote_lora_relay", "triggerSource": "remote_lora_relay",
        "relaySource": "remote_lora_relay", "owner": "external", "relayNodeId": 7,
        "originatorNodeId": 8, "message": "help",
    }));
    let before = incident.origin.clone();
    incident.update(&report(&external, later(5)), false);
    assert_eq!(incident.origin, before);
    assert_eq!(incident.message.as_deref(), Some("help"));
}

#[test]
fn an_update_keeps_the_first_device_and_the_latest_message_and_correlation() {
    let mut incident = open(&json!({"message": "one", "clientIncidentId": "a"}));
    let update = trigger(&json!({"deviceId": "d", "hardwareId": "h", "clientIncidentId": "b"}));
    incident.update(&report(&update, later(1)), false);
    let other = trigger(&json!({"deviceId": "e", "message": "two"}));
    incident.update(&report(&other, later(2)), false);
    assert_eq!(incident.device_id.as_deref(), Some("d"));
    assert_eq!(incident.hardware_id.as_deref(), Some("h"));
    assert_eq!(incident.message.as_deref(), Some("two"));
    assert_eq!(incident.echo.client_incident_id.as_deref(), Some("b"));
    assert_eq!((incident.triggers, incident.snapshot_version), (3, 3));
}

#[test]
fn without_a_position_the_last_known_one_is_shown_with_its_age() {
    let empty = trigger(&json!({}));
    let plain = Incident::open(ids(), &report(&empty, NOW));
    assert_eq!(plain.flags.shown(), ["no_position"]);
    assert!(plain.position.is_none());
    let known = Position {
        time: Timestamp::from_secs(1_788_900_000),
        ..position(0, 41.0)
    };
    let filled = Report {
        last_known: Some(known),
        ..report(&empty, NOW)
    };
    let mut stale = Incident::open(ids(), &filled);
    assert_eq!(stale.flags.shown(), ["no_position", "stale_position"]);
    let shown = stale.position.unwrap();
    assert_eq!(
        (shown.source, shown.time),
        (PositionSource::LastKnown, known.time)
    );
    assert_eq!(stale.opening.latitude, None);
    // A position that arrives later takes its place, whatever the phone's clock says.
    let fix = trigger(&json!({"latitude": 1, "longitude": 2, "timestamp": "2020-01-01T00:00:00Z"}));
    stale.update(&report(&fix, later(5)), false);
    assert_eq!(stale.position.unwrap().source, PositionSource::Sos);
    assert_eq!(stale.flags.shown(), ["clock_skew"]);
}

#[test]
fn a_late_trigger_never_moves_a_newer_position() {
    let at = |secs, latitude| {
        trigger(
            &json!({"timestamp": later(secs).to_string(), "latitude": latitude, "longitude": 0}),
        )
    };
    let mut incident = Incident::open(ids(), &report(&at(5, 5.0), later(5)));
    incident.update(&report(&at(3, 3.0), later(6)), false);
    assert!((incident.position.unwrap().fix.latitude - 5.0).abs() < 1e-9);
    incident.update(&report(&at(7, 7.0), later(7)), false);
    assert!((incident.position.unwrap().fix.latitude - 7.0).abs() < 1e-9);
    // A repeat without a position loses nothing and flags nothing.
    incident.update(&report(&trigger(&json!({})), later(8)), false);
    assert!(incident.position.is_some() && incident.flags == Flags::NONE);
}

#[test]
fn telemetry_since_the_opening_moves_the_position_and_older_does_not() {
    let mut incident = open(&json!({"latitude": 1, "longitude": 2}));
    incident.show_latest(&Position {
        time: later(30),
        received_at: NOW.minus(Duration::from_secs(1)),
        ..position(0, 9.0)
    });
    assert_eq!(incident.position.unwrap().source, PositionSource::Sos);
    incident.show_latest(&Position {
        time: NOW.minus(Duration::from_secs(9)),
        ..position(5, 9.0)
    });
    assert_eq!(incident.position.unwrap().source, PositionSource::Sos);
    incident.show_latest(&position(5, 9.0));
    assert_eq!(incident.position.unwrap().source, PositionSource::Telemetry);
    let mut none = open(&json!({}));
    none.show_latest(&position(5, 9.0));
    assert_eq!(none.flags, Flags::NONE);
}

#[test]
fn a_sample_that_came_before_the_opening_and_was_found_after_it_is_the_last_known() {
    let before = |secs: u64, latitude| Position {
        time: NOW.minus(Duration::from_secs(secs)),
        received_at: NOW.minus(Duration::from_secs(secs)),
        ..position(0, latitude)
    };
    let latitude = |incident: &Incident| incident.position.unwrap().fix.latitude;
    let mut shown = open(&json!({}));
    for (secs, at, expected) in [(600, 1.0, 1.0), (2, 2.0, 2.0), (3, 3.0, 2.0)] {
        shown.show_latest(&before(secs, at));
        assert!((latitude(&shown) - expected).abs() < 1e-9, "{secs}");
        assert_eq!(shown.position.unwrap().source, PositionSource::LastKnown);
        assert!(shown.flags.contains(Flag::NoPosition));
        assert!(shown.flags.contains(Flag::StalePosition));
    }
    // Telemetry since the opening, and a trigger, are nearer to the truth.
    shown.show_latest(&position(1, 5.0));
    shown.show_latest(&before(1, 4.0));
    assert!((latitude(&shown) - 5.0).abs() < 1e-9);
    assert_eq!(shown.flags, Flags::NONE);
}

#[test]
fn a_clock_that_was_ahead_freezes_no_position() {
    let at = |secs, latitude| {
        trigger(
            &json!({"timestamp": later(secs).to_string(), "latitude": latitude, "longitude": 0}),
        )
    };
    let ahead = Incident::open(ids(), &report(&at(86_400, 1.0), NOW));
    assert_eq!(ahead.position.unwrap().time, later(86_400));
    let latitude = |incident: &Incident| incident.position.unwrap().fix.latitude;

    let mut repeated = ahead.clone();
    repeated.update(&report(&at(5, 5.0), later(5)), false);
    assert!((latitude(&repeated) - 5.0).abs() < 1e-9);

    let mut shown = ahead.clone();
    shown.show_latest(&position(5, 9.0));
    assert!((latitude(&shown) - 9.0).abs() < 1e-9);

    let mut ended = ahead;
    ended.end(End::Resolved, later(60));
    ended.show_end_of_trail(&TrailPoint {
        occurred_at: later(50),
        latitude: 7.0,
        longitude: 0.0,
        altitude: None,
    });
    assert!((latitude(&ended) - 7.0).abs() < 1e-9);
}

#[test]
fn the_phones_offset_is_learnt_from_the_owner_alone() {
    let sent = trigger(&json!({"timestamp": later(300).to_string()}));
    let relay = Report {
        relayed: true,
        ..report(&sent, NOW)
    };
    assert_eq!(Incident::open(ids(), &relay).phone_offset_micros, 0);
    let mut own = Incident::open(ids(), &report(&sent, NOW));
    assert_eq!(own.phone_offset_micros, 300_000_000);
    assert!(own.flags.contains(Flag::ClockSkew));
    let right = trigger(&json!({"timestamp": later(60).to_string()}));
    own.update(&report(&right, later(60)), false);
    assert_eq!(own.phone_offset_micros, 0);
}

#[test]
fn it_ends_once() {
    let mut incident = open(&json!({}));
    assert!(incident.end(End::Resolved, later(1)));
    let ended = incident.clone();
    assert!(!incident.end(End::Cancelled, later(2)));
    assert_eq!(incident, ended);
}

/// What can happen to a user, in an order.
#[derive(Clone, Debug)]
enum Step {
    Trigger { fresh: u8, relayed: bool, wait: u64 },
    End(bool),
    Acknowledge,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_u8..6, any::<bool>(), 0_u64..900).prop_map(|(fresh, relayed, wait)| {
            Step::Trigger { fresh, relayed, wait }
        }),
        1 => any::<bool>().prop_map(Step::End),
        1 => Just(Step::Acknowledge),
    ]
}

/// The plain model: what the contract says, without how.
#[derive(Default)]
struct Model {
    heard: Vec<u8>,
    open: Option<ModelOpen>,
    opened: u32,
}

struct ModelOpen {
    rounds: u32,
    last: Timestamp,
    acknowledged_since: bool,
}

impl Model {
    fn trigger(&mut self, fresh: u8, now: Timestamp) {
        if self.heard.contains(&fresh) {
            return;
        }
        self.heard.push(fresh);
        match &mut self.open {
            None => {
                self.opened += 1;
                self.open = Some(ModelOpen {
                    rounds: 1,
                    last: now,
                    acknowledged_since: false,
                });
            }
            Some(open) => {
                if open.acknowledged_since || now.since(open.last) > SECOND_CRY_AFTER {
                    open.rounds += 1;
                }
                open.acknowledged_since = false;
                open.last = now;
            }
        }
    }
}

proptest! {
    #[test]
    fn it_behaves_as_the_plain_model(steps in prop::collection::vec(step(), 1..60)) {
        let (mut model, mut now) = (Model::default(), NOW);
        let (mut current, mut heard, mut opened): (Option<Incident>, Vec<u8>, u32) = (None, vec![], 0);
        for step in steps {
            let before = current.clone();
            match step {
                Step::Trigger { fresh, relayed, wait } => {
                    now = now.plus(Duration::from_secs(wait + 1));
                    model.trigger(fresh, now);
                    let sent = trigger(&json!({"message": fresh.to_string()}));
                    let report = Report { relayed, ..report(&sent, now) };
                    let open = current.as_ref().filter(|i| i.state.is_open());
                    // What was heard before is recognised and never decided upon.
                    if !heard.contains(&fresh) {
                        match decide(open.map(OpenIncident::of), now) {
                            Decision::Open => {
                                opened += 1;
                                current = Some(Incident::open(ids(), &report));
                            }
                            Decision::Update { new_round } => {
                                current.as_mut().unwrap().update(&report, new_round);
                            }
                        }
                    }
                    heard.push(fresh);
                }
                Step::End(cancelled) => {
                    model.open = None;
                    if let Some(incident) = &mut current {
                        incident.end(if cancelled { End::Cancelled } else { End::Resolved }, now);
                    }
                }
                Step::Acknowledge => {
                    now = now.plus(Duration::from_secs(1));
                    if let Some(open) = &mut model.open {
                        open.acknowledged_since = true;
                    }
                    if let Some(incident) = current.as_mut().filter(|i| i.state.is_open()) {
                        incident.state = State::Acknowledged;
                        incident.acknowledged_at = Some(now);
                    }
                }
            }
            let open = current.as_ref().filter(|i| i.state.is_open());
            prop_assert_eq!(open.is_some(), model.open.is_some());
            prop_assert_eq!(opened, model.opened);
            if let (Some(open), Some(model)) = (open, &model.open) {
                prop_assert_eq!(open.round, model.rounds);
                prop_assert_eq!(open.last_trigger_at, model.last);
            }
            if let (Some(before), Some(after)) = (&before, &current) {
                let same = before.created_at == after.created_at;
                let grew = after.snapshot_version >= before.snapshot_version;
                prop_assert!(!same || grew);
                prop_assert!(!same || before.state.is_open() || before == after);
            }
        }
    }
}
