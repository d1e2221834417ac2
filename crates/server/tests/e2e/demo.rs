//! The demo's printed lines do what they say, typed as they stand.

use std::process::Command;

use serde_json::Value;

use super::harness::server::{Home, binary};
use super::harness::tools::{self, Said, Talker};

/// Said last; after it the demo only serves.
const LAST: &str = "/v1/sdk/sos/history";

struct Demo {
    lines: Vec<String>,
    _home: Home,
    _running: Talker,
}

impl Demo {
    fn start() -> Self {
        let home = Home::new();
        let mut command = Command::new(binary());
        command
            .arg("demo")
            .args(["--http", "127.0.0.1:0", "--mqtt", "127.0.0.1:0"])
            .args(["--admin", "127.0.0.1:0", "--data-dir"])
            .arg(home.data());
        let running = Talker::start(&mut command);
        let lines = running.hear_all_until(|line| line.contains("curl ") && line.contains(LAST));
        Self {
            lines,
            _home: home,
            _running: running,
        }
    }

    /// The printed line for a shell that starts with `program` and holds `word`.
    fn line(&self, program: &str, word: &str) -> &str {
        self.lines
            .iter()
            .map(|line| line.trim().trim_start_matches("$ "))
            .find(|line| line.starts_with(program) && line.contains(word))
            .unwrap_or_else(|| panic!("no {program} line with {word}: {:#?}", self.lines))
    }

    fn run(&self, program: &str, word: &str) -> Said {
        let said = tools::run(&mut shell(self.line(program, word)), "");
        assert!(said.success, "{said:?}");
        said
    }

    fn json(&self, word: &str) -> Value {
        let said = self.run("curl", word);
        serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{error}: {said:?}"))
    }
}

fn shell(line: &str) -> Command {
    let mut command = Command::new("bash");
    command.args(["-c", line]);
    command
}

#[test]
fn the_printed_lines_raise_show_and_cancel_an_sos() {
    if tools::skipped("mosquitto") {
        return;
    }
    let demo = Demo::start();
    // Into a pipe it would keep its lines to itself.
    let watching = format!(
        "exec stdbuf -oL {} -d",
        demo.line("mosquitto_sub", "sos/events/")
    );
    let watching = Talker::start(&mut shell(&watching));
    watching.hear("Subscribed");

    demo.run("mosquitto_pub", "sos/alerts/");
    let event: Value = serde_json::from_str(&watching.hear("processed")).unwrap();
    demo.run("mosquitto_pub", "tel/");
    let open = demo.json("/v1/sdk/sos ");
    assert_eq!(open["incident"]["id"], event["incidentId"]);
    assert_eq!(open["incident"]["state"], "active");
    assert_eq!(open["incident"]["message"], "help");

    let ended = demo.json("/v1/sdk/sos/cancel");
    assert_eq!(ended["incident"]["state"], "cancelled");
    watching.hear("cancelled");
    let history = demo.json(LAST);
    assert_eq!(
        history["incidents"][0]["incident"]["id"],
        event["incidentId"]
    );
}

#[test]
fn piped_it_tells_the_story_in_plain_lines() {
    let demo = Demo::start();
    for line in &demo.lines {
        assert!(!line.contains('\u{1b}'), "colour in a pipe: {line:?}");
    }
    for word in ["processed", "cancel"] {
        assert!(
            demo.lines
                .iter()
                .any(|line| line.to_lowercase().contains(word)),
            "the story never says {word}: {:#?}",
            demo.lines
        );
    }
}
