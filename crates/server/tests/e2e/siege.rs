//! No flood of bad attempts, no full house, no lack of file descriptors and no
//! expired hash keeps a genuine SOS out; and whoever is to be kept out is, within a second.

use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::harness::clock;
use super::harness::mqtt::{Login, Mqtt, Packet, Version};
use super::harness::person::{Partner, Person};
use super::harness::server::{Home, How, Server};
use super::harness::tools;

/// Far beyond the limiter's threshold of 30 failures a minute.
const BAD_ATTEMPTS: usize = 120;
/// Connections of a small house.
const HOUSE: usize = 16;
/// Descriptors of a process that has too few: it uses some 30 for itself.
const DESCRIPTORS: usize = 96;
/// What each listener says when it cannot accept.
const COMPLAINTS: [(&str, &str); 2] = [
    ("HTTP", "cannot accept a connection"),
    ("MQTT", "no MQTT connection could be accepted"),
];
/// A listener that is in trouble says so by then, and whoever was cut off knows it.
const RECOVERY: Duration = Duration::from_mins(1);
/// What a listener waits at least after it could not accept.
const LEAST_PAUSE: Duration = Duration::from_millis(10);
/// A cut must come within a second of the command's end ..
const CUT_LIMIT: Duration = Duration::from_secs(1);
/// .. in so many attempts ..
const IN_TIME: usize = 3;
/// .. of these: a machine that stands still makes any of them late.
const ATTEMPTS: usize = 5;

fn sos() -> String {
    json!({"timestamp": clock::iso(clock::now()), "latitude": 41.38, "longitude": 2.17}).to_string()
}

fn liar(person: &Person) -> Person {
    Person {
        hash: "0".repeat(64),
        ..person.clone()
    }
}

/// A genuine SOS over both transports; panics when either is kept out.
fn genuine(server: &Server, person: &Person) {
    for version in Version::BOTH {
        let mut phone = person.connect(server, version, "genuine");
        assert_eq!(
            phone.publish_acked("sos/alerts", sos().as_bytes()).unwrap(),
            0
        );
        phone.disconnect();
    }
    let answer = person.http(server, "POST", "/v1/sdk/sos", &sos()).unwrap();
    assert_eq!(answer.status, 200, "{:?}", answer.json());
}

#[test]
fn a_flood_of_bad_attempts_in_her_name_keeps_nobody_out() {
    let home = Home::new();
    let partner = home.app("acme");
    let server = home.serve();
    let ana = partner.person("ana");
    let liar = liar(&ana);
    let mut limited = 0;
    for number in 0..BAD_ATTEMPTS {
        if number % 2 == 0 {
            let answer = liar.http(&server, "GET", "/v1/sdk/me", "").unwrap();
            limited += usize::from(answer.status == 429);
            assert!([401, 429].contains(&answer.status), "{}", answer.status);
        } else {
            let refused = Mqtt::connect(&server.mqtt, &liar.login(Version::V5, "liar")).unwrap();
            assert!(refused.is_err(), "a liar got in");
        }
    }
    assert!(limited > 0, "the limiter never said 429");
    genuine(&server, &ana);
}

#[test]
fn a_full_house_makes_room() {
    let home = Home::new();
    let partner = home.app("acme");
    let server = home.serve_how(&How {
        environment: vec![("MAYDAY_MQTT__MAX_CONNECTIONS", HOUSE.to_string())],
        ..How::default()
    });
    let mut idle: Vec<Mqtt> = (0..3 * HOUSE)
        .map(|number| {
            let guest = partner.person(&format!("guest {number}"));
            guest.connect(&server, Version::V5, "idle")
        })
        .collect();
    genuine(&server, &partner.person("ana"));
    // Room was made by closing the oldest, not by letting everybody in.
    let first = &mut idle[0];
    assert!(is_cut(first), "the oldest idle connection is still there");
}

/// Whether the server ends it.
fn is_cut(phone: &mut Mqtt) -> bool {
    match phone.next(RECOVERY) {
        Ok(packet) => matches!(packet, Some(Packet::Disconnect { .. })),
        Err(_) => true,
    }
}

/// Connections to both listeners that say nothing.
fn idlers(server: &Server, each: usize) -> Vec<TcpStream> {
    [&server.http, &server.mqtt]
        .into_iter()
        .flat_map(|address| (0..each).map(move |_| TcpStream::connect(address).unwrap()))
        .collect()
}

#[test]
fn with_few_descriptors_the_houses_are_smaller_and_make_room() {
    let home = Home::new();
    let partner = home.app("acme");
    let server = home.serve_how(&How {
        under: vec![
            "prlimit".to_owned(),
            format!("--nofile={DESCRIPTORS}:{DESCRIPTORS}"),
        ],
        ..How::default()
    });
    let idle = idlers(&server, DESCRIPTORS);
    genuine(&server, &partner.person("ana"));
    genuine(&server, &partner.person("ben"));
    drop(idle);
    assert!(server.log().contains("fewer connections are taken than"));
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "how often a listener complains is measured from outside"
)]
fn a_listener_without_any_descriptor_does_not_spin_and_recovers() {
    let home = Home::new();
    let partner = home.app("acme");
    let server = home.serve();
    let ana = partner.person("ana");
    ana.uuid(&server);
    let limit = |soft: &str| {
        let arguments = [
            "--pid",
            &server.pid.to_string(),
            &format!("--nofile={soft}:"),
        ];
        let said = tools::run(Command::new("prlimit").args(arguments), "");
        assert!(said.success, "{said:?}");
    };
    // Fewer than it has open: none can be added.
    limit("8");
    let began = Instant::now();
    let idle = idlers(&server, 8);
    for (who, complaint) in COMPLAINTS {
        let told = || server.log().matches(complaint).count() >= 4;
        assert!(tools::until(RECOVERY, told), "{who} does not say why");
    }
    // In this order: what is said after the reading is not counted.
    let log = server.log();
    let took = began.elapsed();
    for (who, complaint) in COMPLAINTS {
        let said = log.matches(complaint).count();
        println!("{who} complained {said} times in {} ms", took.as_millis());
        let most = took.as_millis() / LEAST_PAUSE.as_millis() + 10;
        assert!((said as u128) < most, "{who} spins: {said} in {took:?}");
    }
    limit("256");
    genuine(&server, &ana);
    drop(idle);
}

#[test]
fn an_expired_hash_calls_for_help_and_does_nothing_else() {
    let home = Home::new();
    let partner = home.app("acme");
    let server = home.serve();
    partner.person("ana").uuid(&server);
    let expired = Person {
        hash: partner.sign_until("ana", clock::now() / 1_000_000 - 3_600),
        ..partner.person("ana")
    };
    genuine(&server, &expired);
    let open = expired.http(&server, "GET", "/v1/sdk/sos", "").unwrap();
    assert_eq!(open.status, 200);
    let flags = &open.json()["incident"]["flags"];
    assert!(
        flags
            .as_array()
            .unwrap()
            .contains(&json!("stale_credentials")),
        "{flags}"
    );
    for (method, path) in [
        ("POST", "/v1/sdk/sos/cancel"),
        ("GET", "/v1/sdk/me"),
        ("GET", "/v1/sdk/contacts"),
        ("GET", "/v1/sdk/sos/history"),
    ] {
        let answer = expired.http(&server, method, path, "").unwrap();
        assert_eq!(answer.status, 401, "{method} {path}");
    }
    // One that does not expire yet is a full proof.
    let fresh = Person {
        hash: partner.sign_until("ana", clock::now() / 1_000_000 + 3_600),
        ..expired
    };
    let cancelled = fresh
        .http(&server, "POST", "/v1/sdk/sos/cancel", "")
        .unwrap();
    assert_eq!(cancelled.json()["incident"]["state"], "cancelled");
}

#[test]
fn block_retire_and_deactivate_cut_live_connections_within_a_second() {
    let home = Home::new();
    let partner = home.app("acme");
    let server = home.serve();
    let ana = partner.person("ana");
    ana.uuid(&server);
    for (keep_out, let_in) in [
        (
            ["user", "block", "ana", "--app", "acme"].as_slice(),
            ["user", "unblock", "ana", "--app", "acme"].as_slice(),
        ),
        (
            &["app", "deactivate", "--id", "acme"],
            &["app", "activate", "--id", "acme"],
        ),
    ] {
        in_time(|| {
            let took = cut(&home, &server, &ana, keep_out);
            assert!(home.command(let_in).status.success());
            genuine(&server, &ana);
            took
        });
    }
    in_time(|| {
        let added = home.command(&["app", "secret", "add", "--id", "acme", "--json"]);
        let added: Value = serde_json::from_slice(&added.stdout).unwrap();
        let text = |name: &str| added[name].as_str().unwrap().to_owned();
        let signer = Partner {
            secret: text("secret"),
            ..partner.clone()
        };
        let id = text("secret_id");
        let retire = ["app", "secret", "retire", "--id", "acme"];
        let retire = [&retire[..], &["--secret-id", &id]].concat();
        cut(&home, &server, &signer.person("ana"), &retire)
    });
    genuine(&server, &ana);
}

/// Most attempts are fast enough.
fn in_time(mut attempt: impl FnMut() -> Duration) {
    let mut took = Vec::new();
    let mut in_time = (0..ATTEMPTS).filter(|_| {
        took.push(attempt());
        took.last().is_some_and(|took| *took < CUT_LIMIT)
    });
    let are_enough = in_time.nth(IN_TIME - 1).is_some();
    assert!(are_enough, "still connected after a second: {took:?}");
}

/// Runs a command that keeps somebody out who is connected, and in no way lets them
/// in again; from its end to the cut.
#[expect(
    clippy::disallowed_methods,
    reason = "what a cut takes is measured from outside"
)]
fn cut(home: &Home, server: &Server, ana: &Person, keep_out: &[&str]) -> Duration {
    let login: Login = ana.login(Version::V5, "phone");
    let mut phone = Mqtt::connect(&server.mqtt, &login).unwrap().unwrap();
    let done = home.command(keep_out);
    let began = Instant::now();
    assert!(done.status.success(), "{keep_out:?}: {done:?}");
    assert!(is_cut(&mut phone), "{keep_out:?}: still connected");
    let took = began.elapsed();
    let again = Mqtt::connect(&server.mqtt, &login).unwrap();
    assert!(again.is_err(), "{keep_out:?}: back in");
    let answer = ana.http(server, "POST", "/v1/sdk/sos", &sos()).unwrap();
    assert!([401, 403].contains(&answer.status), "{}", answer.status);
    took
}
