//! `mayday doctor` finds nothing wrong with the reference partner, and everything that
//! is wrong with partners who are wrong on purpose.

mod wrong;

use std::path::PathBuf;
use std::process::Output;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::reference::{Kind, Reference};
use super::{json_of, set_up};
use crate::harness::server::{Home, How};
use crate::harness::tools;
use wrong::{Wrong, WrongPartner};

struct Told {
    success: bool,
    report: Value,
    text: String,
}

impl Told {
    /// The verdict of a check and what was found; all checks of that name.
    fn all(&self, check: &str) -> Vec<(&str, &str)> {
        let parts = self.report["parts"].as_array().unwrap().iter();
        let findings = parts.flat_map(|part| part["findings"].as_array().unwrap());
        let of = findings.filter(|one| one["check"] == check);
        of.map(|one| {
            (
                one["verdict"].as_str().unwrap(),
                one["found"].as_str().unwrap(),
            )
        })
        .collect()
    }

    fn verdict(&self, check: &str) -> &str {
        let all = self.all(check);
        let [(verdict, _)] = all.as_slice() else {
            panic!("{check}: {}", self.text);
        };
        verdict
    }

    fn failed(&self) -> Vec<&str> {
        let parts = self.report["parts"].as_array().unwrap().iter();
        let findings = parts.flat_map(|part| part["findings"].as_array().unwrap());
        let failed = findings.filter(|one| one["verdict"] == "failed");
        failed
            .map(|one| {
                assert!(one["advice"].is_string(), "what to do: {one}");
                one["check"].as_str().unwrap()
            })
            .collect()
    }
}

fn told(output: &Output) -> Told {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Told {
        success: output.status.success(),
        report: serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("{error}: {text} {output:?}")),
        text,
    }
}

/// A visit that meets no slow partner is shorter. A longer one meets a machine that stands
/// still, of which a doctor rightly complains.
const SHORT: Duration = Duration::from_secs(1);
/// Visits of which one is to be short.
const VISITS: usize = 4;
/// A machine that stands still has time for a visit by then.
const SOON: Duration = Duration::from_mins(1);

/// What a visit finds that meets a machine with time for it.
#[expect(
    clippy::disallowed_methods,
    reason = "how long a visit takes is measured from outside"
)]
fn doctor(home: &Home, more: &[&str]) -> Told {
    let mut began = Instant::now();
    let mut told = visit(home, more);
    for _ in 1..VISITS {
        if began.elapsed() < SHORT {
            break;
        }
        began = Instant::now();
        told = visit(home, more);
    }
    told
}

fn visit(home: &Home, more: &[&str]) -> Told {
    let mut words = vec!["doctor", "--app", "shop", "--json"];
    words.extend(more);
    told(&home.command(&words))
}

fn file(home: &Home, name: &str, text: &str) -> PathBuf {
    let path = home.beside(name);
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn nothing_is_wrong_with_the_reference_partner() {
    let home = Home::new();
    let app = home.app("shop");
    let reference = Reference::start(Kind::Binary, &home, &app);
    set_up(&home, &reference, &[]);
    let server = home.serve();
    let one = file(&home, "one", &reference.log_in("ana"));
    let two = file(&home, "two", &reference.log_in("ana"));
    let (one, two) = (one.to_str().unwrap(), two.to_str().unwrap());
    let tokens = ["--token-file", one, "--token-file", two];
    let told_all = doctor(&home, &tokens);
    assert!(told_all.success, "{}", told_all.text);
    for check in [
        "token_info.invalid",
        "token_info.missing",
        "token_info.valid",
        "token_info.audience",
        "token_info.lifetime",
        "token_info.key",
        "token_info.subject",
        "token_info.clock",
        "token_info.latency",
        "token_info.breaker",
        "webhook.signature",
        "webhook.forged",
        "webhook.stale",
        "webhook.replay",
        "webhook.unknown_type",
    ] {
        assert_eq!(told_all.verdict(check), "passed", "{check}");
    }
    for check in ["branding", "logo", "support", "sender", "owner"] {
        let check = format!("mails.{check}");
        assert_eq!(told_all.verdict(&check), "noted", "{check}");
    }
    assert_eq!(told_all.verdict("sessions.cap"), "noted");
    assert_eq!(told_all.verdict("token_info.address"), "noted");
    assert_eq!(told_all.verdict("token_info.expired"), "not_tried");
    reference.hear("again webhook.test mayday-doctor");

    let mut readable = String::new();
    tools::until(SOON, || {
        let said = home.command(&["doctor", "--app", "shop", "--token-file", one]);
        readable = String::from_utf8(said.stdout).unwrap();
        readable.contains("nothing failed")
    });
    assert!(readable.contains("nothing failed"), "{readable}");
    assert!(readable.contains("token_info.subject: log in a second time"));
    let token = reference.log_in("ana");
    assert!(!readable.contains("pt_") && !server.log().contains(&token[..6]));

    // A log-in of somebody else, and the same token twice.
    let ben = file(&home, "ben", &reference.log_in("ben"));
    let ben = ben.to_str().unwrap();
    for other in [ben, one] {
        let told = doctor(&home, &["--token-file", one, "--token-file", other]);
        assert_eq!(told.failed(), ["token_info.subject"], "{}", told.text);
        assert!(!told.success);
    }
    // Without the server the same is found by the command itself.
    drop(server);
    let told = doctor(&home, &tokens);
    assert!(told.success, "{}", told.text);
}

#[test]
fn a_logo_that_nobody_can_fetch_is_found() {
    let home = Home::new();
    let app = home.app("shop");
    let reference = Reference::start(Kind::Binary, &home, &app);
    set_up(&home, &reference, &[]);
    let mut brand = vec!["mail", "branding", "--app", "shop", "--json"];
    brand.extend(["--logo-url", "https://127.0.0.1:9/logo.png"]);
    brand.extend(["--support-email", "help@shop.example"]);
    json_of(&home, &brand);
    let told = doctor(&home, &[]);
    assert_eq!(told.failed(), ["mails.logo"], "{}", told.text);
    assert_eq!(told.verdict("mails.branding"), "passed");
    assert_eq!(told.verdict("mails.support"), "passed");
}

#[test]
fn each_wrong_line_of_a_wrong_partner_is_found() {
    let home = Home::new();
    home.app("shop");
    let partner = WrongPartner::start();
    let key = file(&home, "key", "key-of-mayday");
    let token_info = format!("{}/tokeninfo", partner.url);
    let mut set = vec!["sso", "set", "--app", "shop", "--local", "true", "--json"];
    set.extend(["--audience", "safety-app", "--token-info-url", &token_info]);
    set.extend(["--key-header", "x-api-key", "--key-file"]);
    set.push(key.to_str().unwrap());
    json_of(&home, &set);
    let hook = format!("{}/webhook", partner.url);
    let mut add = vec!["webhook", "add", "--app", "shop", "--url", &hook];
    add.extend(["--local", "--json"]);
    let added = json_of(&home, &add);
    partner.knows_the_secret(added["secret"].as_str().unwrap());
    let _server = home.serve();
    let one = file(&home, "one", "live-1");
    let two = file(&home, "two", "live-2");
    let old = file(&home, "old", "expired");
    let words = [
        "--token-file",
        one.to_str().unwrap(),
        "--token-file",
        two.to_str().unwrap(),
        "--expired-token-file",
        old.to_str().unwrap(),
    ];
    let right = doctor(&home, &words);
    assert!(right.success, "right to begin with: {}", right.text);
    for (wrong, failed) in Wrong::ALL {
        partner.be(*wrong);
        let told = match wrong {
            Wrong::Slow => visit(&home, &words),
            _ => doctor(&home, &words),
        };
        assert_eq!(told.failed(), *failed, "{wrong:?}: {}", told.text);
        assert!(!told.success);
    }
    // A single pause is asked about again, in a visit that meets no other.
    let passed = tools::until(SOON, || {
        partner.be(Wrong::PausesOnce);
        visit(&home, &words).success
    });
    assert!(passed, "one pause is no finding");
}

#[test]
fn an_endpoint_that_cannot_be_reached_is_one_line() {
    let home = Home::new();
    home.app("shop");
    let nobody = format!("http://127.0.0.1:{}/x", tools::free_port());
    let mut set = vec!["sso", "set", "--app", "shop", "--json", "--audience", "a"];
    set.extend(["--local", "true", "--token-info-url", &nobody]);
    json_of(&home, &set);
    let told = doctor(&home, &[]);
    assert_eq!(told.failed(), ["token_info.tls"], "{}", told.text);
    // One that is not local may not be asked at a private address.
    let mut set = vec!["sso", "set", "--app", "shop", "--json", "--local", "false"];
    set.extend(["--token-info-url", "https://127.0.0.1:9/x"]);
    let set = home.command(&set);
    assert!(!set.status.success());
    assert!(
        String::from_utf8_lossy(&set.stderr).contains("loopback"),
        "{set:?}"
    );
    let unknown = home.command(&["doctor", "--app", "nobody", "--json"]);
    assert!(!unknown.status.success());
}

#[test]
fn the_server_itself_is_looked_at() {
    let home = Home::new();
    home.app("shop");
    let alone = told(&home.command(&["doctor", "--json"]));
    assert_eq!(alone.verdict("server.running"), "noted");
    let server = home.serve();
    let look = || told(&home.command(&["doctor", "--json"]));
    let mut told_all = look();
    tools::until(SOON, || {
        told_all = look();
        told_all.success
    });
    assert!(told_all.success, "{}", told_all.text);
    for check in [
        "server.running",
        "server.database",
        "server.disk",
        "server.clock",
        "server.jobs",
        "server.file_descriptors",
    ] {
        assert_eq!(told_all.verdict(check), "passed", "{check}");
    }
    assert_eq!(told_all.verdict("server.certificate"), "noted");
    drop(server);
    if tools::skipped("prlimit") {
        return;
    }
    let few = How {
        under: vec!["prlimit".to_owned(), "--nofile=400".to_owned()],
        ..How::default()
    };
    let server = home.serve_how(&few);
    let few = ["server.file_descriptors"];
    tools::until(SOON, || {
        told_all = look();
        told_all.failed() == few
    });
    assert_eq!(told_all.failed(), few);
    assert!(!told_all.success);
    drop(server);
}
