//! `mayday demo`, from the first line to the last.

use super::harness::{Home, Said, run};

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
        "mosquitto_pub ",
        "curl -sS ",
    ] {
        assert!(
            first.out.contains(words),
            "{words:?} is not told: {}",
            first.out
        );
    }
    let again = demo(&home);
    let hash = |said: &Said| {
        let (_, rest) = said.out.split_once("Bearer ").unwrap();
        rest.split('\'').next().unwrap().to_owned()
    };
    assert_eq!(hash(&first), hash(&again), "copied lines go on working");
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
