//! `mayday demo`, from the first line to the last.

use super::harness::{Home, Said, run};

/// What a phone is told whose place another took.
const EVICTED: &str = "is refused, 401: session_evicted";

fn demo(home: &Home) -> Said {
    let mut command = home.command(&["demo", "--once"]);
    for flag in ["--http", "--mqtt", "--admin"] {
        command.args([flag, "127.0.0.1:0"]);
    }
    let said = run(&mut command);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(said.err, "", "nothing to complain about");
    said
}

#[test]
fn the_story_is_told_to_its_end_and_again_on_the_same_data() {
    let home = Home::new();
    let first = demo(&home);
    for words in [
        "/docs",
        "connects over MQTT",
        "the event `processed`, status active",
        "state active, last position 42.6332, 0.5254",
        "cancels over HTTP: 200",
        "the event `cancelled` over MQTT",
        "history, cancelled, with 3 positions",
        // The whole escalation.
        "2 s of grace",
        "SOS: Ana needs help.",
        "This is an emergency call.",
        "rings out: it is Carla's turn at once",
        "opens it: a page of",
        "\"I am on it\"",
        "hears that Carla is coming, status acknowledged",
        "Ben    voice  failed",
        "Carla  sms    acknowledged",
        "closes the SOS as handled",
        "All clear",
        // The partner.
        "asked about a token of ana: valid",
        EVICTED,
        "by \"Ana's new phone\", 2",
    ] {
        assert!(
            first.out.contains(words),
            "{words:?} is not told: {}",
            first.out
        );
    }
    let (_, heard) = first
        .out
        .split_once("numbered and in order")
        .expect("what a subscriber heard");
    let kinds: Vec<_> = heard
        .lines()
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().nth(1))
        .collect();
    let expected = ["processed", "sos.actuator_update", "sos_ack", "resolved"];
    assert_eq!(kinds, expected, "what a subscriber heard");
    let secret = || std::fs::read(home.data().join("demo.json")).unwrap();
    let kept = secret();
    // The partner of this one has another port.
    let again = demo(&home);
    assert!(again.out.contains(EVICTED), "{}", again.out);
    assert_eq!(secret(), kept, "copied lines go on working");
    // Nobody would be there to answer them.
    assert!(!first.out.contains("curl"), "{}", first.out);
}

#[test]
fn its_data_is_plain_data_of_mayday() {
    let home = Home::new();
    demo(&home);
    let users = home
        .say(&["user", "list", "--app", "demo", "--json"])
        .json();
    let users = users["items"].as_array().unwrap();
    let names: Vec<_> = users.iter().map(|user| &user["external_user_id"]).collect();
    assert_eq!(names, ["ana", "ben"]);
}
