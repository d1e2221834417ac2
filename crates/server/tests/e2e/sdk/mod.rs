//! A model of the public SDK client against the binary, over randomised runs.
//!
//! [`phone`] holds what the client demands of every event and answer, written
//! from the contract alone; whatever displeases it is a complaint. [`run`]
//! plays a person with one or two phones for a while. A seed tells a run.

mod phone;
mod run;

use std::time::Duration;

use super::harness::clock;
use super::harness::dice::Dice;
use super::harness::mqtt::{LIMIT, Mqtt, Packet, Version};
use super::harness::server::Home;

/// Runs in one test; each plays one person.
const RUNS: u64 = 24;

#[test]
fn the_public_client_has_no_complaint_over_randomised_runs() {
    play(&Home::new());
}

#[test]
fn the_public_client_has_no_complaint_on_postgres() {
    if let Some(home) = Home::on_postgres() {
        play(&home);
    }
}

fn play(home: &Home) {
    let seed = Dice::seed();
    let partner = home.app("acme");
    let server = home.serve();
    let (mut events, mut late) = (0, 0);
    for number in 0..RUNS {
        let mut dice = Dice::new(seed.wrapping_add(number));
        let played = run::play(&server, &partner, number, &mut dice);
        assert!(
            played.complaints.is_empty(),
            "seed {seed}, run {number}: {:#?}\nafter: {:#?}",
            played.complaints,
            played.story
        );
        events += played.events;
        late += played.late;
    }
    assert!(late * 20 <= events, "seed {seed}: {late} of {events} late");
    assert_eq!(server.stop(), Some(0));
}

/// Two phones of one user share a client id. A server that let the newer one
/// take over would make them evict each other for ever, every 2 s.
///
/// Simulated time: the keep-alive is 10 s instead of 30 s, so each second stands
/// for three; twenty of them are the minute in question, pings included.
#[test]
fn two_phones_with_one_client_id_stay_for_a_minute() {
    const KEEP_ALIVE: u16 = 10;
    const MINUTE: Duration = Duration::from_secs(20);
    let home = Home::new();
    let partner = home.app("acme");
    let server = home.serve();
    let person = partner.person("ana");
    let topic = format!("sos/events/{}", person.uuid(&server));
    let mut phones: Vec<Mqtt> = Version::BOTH
        .into_iter()
        .map(|version| {
            let mut login = person.login(version, "eixam_flutter_sdk");
            login.keep_alive = KEEP_ALIVE;
            let mut phone = Mqtt::connect(&server.mqtt, &login).unwrap().unwrap();
            assert_eq!(phone.subscribe(&[&topic]).unwrap(), [1]);
            phone
        })
        .collect();
    let end = clock::now() + i64::try_from(MINUTE.as_micros()).unwrap();
    while clock::now() < end {
        for phone in &mut phones {
            // A cut would come as an error here.
            assert_eq!(phone.next(Duration::from_millis(250)).unwrap(), None);
            phone.ping().unwrap();
        }
    }
    let sos = format!(r#"{{"timestamp":"{}"}}"#, clock::iso(clock::now()));
    assert_eq!(
        phones[0]
            .publish_acked("sos/alerts", sos.as_bytes())
            .unwrap(),
        0
    );
    for phone in &mut phones {
        let event = phone.next(LIMIT).unwrap();
        assert!(matches!(event, Some(Packet::Publish { .. })), "{event:?}");
    }
}
