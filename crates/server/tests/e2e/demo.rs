//! The demo's printed lines do what they say, typed as they stand.

use std::process::Command;

use serde_json::{Value, json};

use super::harness::http;
use super::harness::server::{Home, LITTLE_RESERVE, binary};
use super::harness::tools::{self, Said, Talker};

/// Said last; after it the demo only serves.
const LAST: &str = "/v1/sdk/sos/history";

struct Demo {
    lines: Vec<String>,
    home: Home,
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
            .arg(home.data())
            .envs(LITTLE_RESERVE);
        let running = Talker::start(&mut command);
        let lines = running.hear_all_until(|line| line.contains("curl ") && line.contains(LAST));
        Self {
            lines,
            home,
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

/// The lines of the chapter about the partner, in their order.
fn check_log_in(lines: &[String]) {
    let told = lines
        .iter()
        .skip_while(|line| !line.contains("a partner"))
        .map(|line| line.trim())
        .filter(|line| !line.is_empty())
        .skip(1)
        .collect::<Vec<_>>();
    let steps = [
        "Ana's phone    logs in to the partner",
        "Partner        asked about a token of ana: valid",
        "mayday         opens a session",
        "New phone      logs in the same way",
        "Ana's phone    is refused, 401: session_evicted",
    ];
    for (line, step) in told.iter().zip(steps) {
        assert!(line.starts_with(step), "{step}: {lines:#?}");
        assert!(line.ends_with(" ms"), "no latency: {line}");
    }
    let by = told.get(steps.len()).copied().unwrap_or_default();
    let at = by.strip_prefix("by \"Ana's new phone\", ");
    let at = at.unwrap_or_else(|| panic!("by whom and when: {lines:#?}"));
    assert!(at.len() == 24 && at.ends_with('Z'), "a time: {at}");
}

#[test]
fn a_phone_logs_in_at_the_partner_until_another_takes_its_place() {
    let demo = Demo::start();
    check_log_in(&demo.lines);
    let address = |name: &str| {
        let line = demo.lines.iter().find(|line| line.trim().starts_with(name));
        let word = line.and_then(|line| line.split_whitespace().nth(1));
        let address = word.and_then(|url| url.strip_prefix("http://"));
        address.unwrap_or_else(|| panic!("no {name}: {:#?}", demo.lines))
    };
    let devices = || {
        let words = [
            "session", "list", "--app", "demo", "--user", "ana", "--json",
        ];
        let said = demo.home.command(&words);
        let page: Value = serde_json::from_slice(&said.stdout).unwrap();
        let items = page["items"].as_array().unwrap().iter();
        items
            .map(|one| one["device"]["name"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(devices(), ["Ana's new phone"]);

    // The partner stays for whoever wants to try it.
    let post = |to: &str, path: &str, body: &Value| {
        let json = [("content-type", "application/json")];
        let answer = http::send(to, "POST", path, &json, body.to_string().as_bytes());
        answer.unwrap().json()
    };
    let logged_in = post(address("Partner"), "/login", &json!({"user": "ana"}));
    let login = json!({
        "realm": "demo",
        "token": logged_in["token"],
        "device": {"id": "third", "name": "a third"},
    });
    let session = post(address("HTTP"), "/v1/sso/login", &login);
    assert_eq!(session["responseCode"], "ok", "{session}");
    assert_eq!(devices(), ["a third"]);
}
