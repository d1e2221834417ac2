//! Partner notifications from outside: the receivers of `docs/webhooks.md`, which
//! use the official Standard Webhooks libraries of two languages, hear of an SOS
//! through the real server; whoever tampers is refused; a crash loses nothing and
//! two servers tell nothing twice.

mod attacks;
mod receiver;

use std::collections::HashSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::harness::person::Partner;
use super::harness::server::{Home, Server};
use super::harness::tools;
use receiver::{Language, Peer, Receiver, Seen};

/// From a cancel, a trigger or a replay to a delivery; the grace is off.
const SOON: Duration = Duration::from_mins(1);
/// After so long nothing more is on its way, unless a server stands still.
const QUIET: Duration = Duration::from_millis(200);
/// A server that stands still for longer may be taken for dead, and its work be done again:
/// what is left of a lease when it is to be renewed.
const LEASE_LEFT: Duration = Duration::from_secs(3);
/// Turns of which one must meet no such server.
const TURNS: usize = 4;
/// Cries of a turn.
const CRIES: usize = 40;

fn json_of(home: &Home, words: &[&str]) -> Value {
    let output = home.command(words);
    assert!(
        output.status.success(),
        "{words:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap_or(Value::Null)
}

/// An endpoint of the app `shop`: its id and its secret.
fn add(home: &Home, url: &str, more: &[&str]) -> (String, String) {
    let mut words = vec!["webhook", "add", "--app", "shop", "--url", url];
    words.extend(["--local", "--json"]);
    words.extend(more);
    let added = json_of(home, &words);
    let text = |name: &str| added[name].as_str().unwrap().to_owned();
    (text("endpoint_id"), text("secret"))
}

/// What is told is told at once.
fn without_grace(home: &Home) {
    let policy = home.beside("policy.json");
    std::fs::write(&policy, "{\"grace_seconds\":0}").unwrap();
    let policy = policy.to_str().unwrap();
    json_of(
        home,
        &["policy", "set", "--app", "shop", "--file", policy, "--json"],
    );
}

fn cry(partner: &Partner, server: &Server, who: &str) {
    let person = partner.person(who);
    let answer = person.http(
        server,
        "POST",
        "/v1/sdk/sos",
        "{\"latitude\":41.3,\"longitude\":2.1}",
    );
    assert!(answer.unwrap().status < 300);
}

fn log(home: &Home) -> Vec<Value> {
    let page = json_of(home, &["webhook", "log", "--app", "shop", "--json"]);
    page["items"].as_array().unwrap().clone()
}

fn states(home: &Home) -> Vec<(String, String)> {
    let text = |one: &Value, name: &str| one[name].as_str().unwrap().to_owned();
    let mut states: Vec<_> = log(home)
        .iter()
        .map(|one| (text(one, "type"), text(one, "state")))
        .collect();
    states.sort();
    states
}

#[test]
fn the_receivers_of_the_guide_hear_an_sos() {
    if tools::skipped("standardwebhooks") {
        return;
    }
    for language in [Language::JavaScript, Language::Python] {
        let home = Home::new();
        let partner = home.app("shop");
        without_grace(&home);
        // The receiver needs the secret, which needs the URL: a peer's port first.
        let port = tools::free_port();
        let url = format!("http://127.0.0.1:{port}/hook");
        let (endpoint, secret) = add(&home, &url, &[]);
        let server = home.serve();
        let receiver = Receiver::start(language, port, &secret);
        cry(&partner, &server, "ana");
        receiver.hear("heard sos.opened ana: SOS: ana");
        let tested = json_of(
            &home,
            &["webhook", "test", &endpoint, "--app", "shop", "--json"],
        );
        assert_eq!(tested["state"], "delivered", "{tested}");
        receiver.hear("heard webhook.test");
        let mut opened = String::new();
        let recorded = tools::until(SOON, || {
            let log = log(&home);
            let mut all = log.iter();
            let Some(one) = all.find(|one| one["type"] == "sos.opened") else {
                return false;
            };
            one["delivery_id"].as_str().unwrap().clone_into(&mut opened);
            one["state"] == "delivered"
        });
        assert!(recorded, "{:#?}", log(&home));
        json_of(
            &home,
            &["webhook", "replay", &opened, "--app", "shop", "--json"],
        );
        receiver.hear("again sos.opened ana");
        rotation(&home, &endpoint, (language, port, receiver));
        drop(server);
    }
}

/// During a rotation receivers with the old and with the new secret are content;
/// after it ended, only the new one.
fn rotation(home: &Home, endpoint: &str, (language, port, old): (Language, u16, Receiver)) {
    let test = ["webhook", "test", endpoint, "--app", "shop", "--json"];
    let rotate = |hours: &str| {
        let mut words = vec!["webhook", "secret", "rotate", endpoint, "--app", "shop"];
        words.extend(["--overlap-hours", hours, "--json"]);
        json_of(home, &words)["secret"].as_str().unwrap().to_owned()
    };
    let second = rotate("24");
    json_of(home, &test);
    old.hear("heard webhook.test");
    drop(old);
    let new = Receiver::start(language, port, &second);
    json_of(home, &test);
    new.hear("heard webhook.test");
    rotate("0");
    let refused = home.command(&test);
    assert!(
        !refused.status.success(),
        "a test that is refused is a failure"
    );
    new.hear("refused:");
}

#[test]
fn tampering_is_refused_by_both_libraries() {
    if tools::skipped("standardwebhooks") {
        return;
    }
    let home = Home::new();
    let partner = home.app("shop");
    without_grace(&home);
    let peer = Peer::start();
    let (_, secret) = add(&home, &peer.url(), &["--event", "sos.opened"]);
    let server = home.serve();
    cry(&partner, &server, "ana");
    let genuine = peer.next(SOON);
    for language in [Language::JavaScript, Language::Python] {
        let port = tools::free_port();
        let receiver = Receiver::start(language, port, &secret);
        assert_eq!(genuine.post_to(port), 204, "as it was sent");
        receiver.hear("heard sos.opened ana");
        let id = genuine.header("webhook-id").unwrap();
        let changed: [(&str, Seen); 5] = [
            ("body", genuine.with_body(|body| body.replace("ana", "eve"))),
            ("id", genuine.with_header("webhook-id", "msg_other")),
            (
                "time",
                genuine.with_header("webhook-timestamp", "1600000000"),
            ),
            ("no signature", genuine.with_header("webhook-signature", "")),
            (
                "version",
                genuine.with_header("webhook-signature", "v2,AAAA"),
            ),
        ];
        for (what, changed) in changed {
            assert_eq!(changed.post_to(port), 400, "{what}");
            receiver.hear("refused:");
        }
        assert!(id.starts_with("msg_"), "{id}");
        let body: Value = serde_json::from_slice(&genuine.body).unwrap();
        assert_eq!(body["data"]["id"], id);
        assert_eq!(
            body["data"]["type"],
            genuine.header("webhook-type").unwrap()
        );
    }
}

#[test]
fn what_was_committed_is_delivered_after_kill_9() {
    let home = Home::new();
    let partner = home.app("shop");
    without_grace(&home);
    let peer = Peer::start();
    add(&home, &peer.url(), &["--event", "sos.opened"]);
    peer.hold(true);
    let server = home.serve();
    cry(&partner, &server, "ana");
    let first = peer.next(SOON);
    // Sent, not answered, not recorded: the next server sends it again.
    server.kill();
    peer.hold(false);
    let _server = home.serve();
    // The lease of the job lapses a minute after it was taken.
    let second = peer.next(Duration::from_secs(90));
    assert_eq!(first.header("webhook-id"), second.header("webhook-id"));
    assert_eq!(first.body, second.body);
    assert!(tools::until(SOON, || states(&home)
        == [("sos.opened".to_owned(), "delivered".to_owned())]));
}

#[test]
fn two_servers_on_one_database_tell_nothing_twice() {
    let Some(home) = Home::on_postgres() else {
        return;
    };
    let partner = home.app("shop");
    without_grace(&home);
    let peer = Peer::start();
    add(&home, &peer.url(), &["--event", "sos.opened"]);
    let one = home.serve();
    let beside = home.second();
    let other = beside.serve();
    let mut arrivals = Arrivals {
        peer,
        taken: 0,
        earlier: HashSet::new(),
    };
    let told_once = (0..TURNS).any(|turn| {
        let cry = |number: usize| {
            let server = if number.is_multiple_of(2) {
                &one
            } else {
                &other
            };
            cry(&partner, server, &format!("user-{turn}-{number}"));
        };
        are_told_once(&mut arrivals, cry)
    });
    assert!(told_once, "servers stood still in each turn");
    let told = ("sos.opened".to_owned(), "delivered".to_owned());
    let all = || {
        let states = states(&home);
        states.len() >= CRIES && states.iter().all(|state| *state == told)
    };
    assert!(tools::until(SOON, all));
    assert_eq!(arrivals.next(QUIET), None);
}

/// What arrives at a peer in several turns.
struct Arrivals {
    peer: Peer,
    /// How many came so far.
    taken: usize,
    /// The ids of turns in which a server stood still, which may come once more.
    earlier: HashSet<String>,
}

impl Arrivals {
    /// The id of the next delivery of this turn, if one comes in time.
    fn next(&mut self, limit: Duration) -> Option<String> {
        loop {
            let (peer, taken) = (&self.peer, self.taken);
            if !tools::until(limit, || peer.count() > taken) {
                return None;
            }
            let id = peer.next(SOON).header("webhook-id").unwrap().to_owned();
            self.taken += 1;
            if !self.earlier.contains(&id) {
                return Some(id);
            }
        }
    }
}

/// Whether each of them arrived, and none twice, which is excused only by a server that
/// stood still: then nothing happened for a while.
#[expect(
    clippy::disallowed_methods,
    reason = "how long the servers take is measured from outside"
)]
fn are_told_once(arrivals: &mut Arrivals, cry: impl Fn(usize)) -> bool {
    let (mut last, mut longest) = (Instant::now(), Duration::ZERO);
    let mut happened = || {
        longest = longest.max(last.elapsed());
        last = Instant::now();
    };
    for number in 0..CRIES {
        cry(number);
        happened();
    }
    let (mut arrived, mut ids) = (0, HashSet::new());
    while ids.len() < CRIES {
        ids.insert(arrivals.next(SOON).expect("a delivery in time"));
        arrived += 1;
        happened();
    }
    while arrivals.next(QUIET).is_some() {
        arrived += 1;
        happened();
    }
    let twice = arrived > CRIES;
    assert!(
        !twice || longest > LEASE_LEFT,
        "told twice, and nothing stood still for longer than {longest:?}"
    );
    if twice {
        arrivals.earlier.extend(ids);
    }
    !twice
}

#[test]
fn a_slack_channel_hears_and_its_url_is_never_shown() {
    let home = Home::new();
    let partner = home.app("shop");
    without_grace(&home);
    let peer = Peer::start();
    peer.answer(200, "ok");
    let file = home.beside("slack-url");
    std::fs::write(&file, format!("{}very-secret\n", peer.url())).unwrap();
    let file = file.to_str().unwrap();
    let mut words = vec!["slack", "add", "--app", "shop", "--name", "#sos", "--local"];
    words.extend(["--file", file, "--json"]);
    let added = json_of(&home, &words);
    assert_eq!(added["secret"], Value::Null);
    let channel = added["endpoint_id"].as_str().unwrap();
    let server = home.serve();
    cry(&partner, &server, "ana");
    let seen = peer.next(SOON);
    assert!(seen.path.ends_with("very-secret"), "{}", seen.path);
    assert_eq!(seen.header("webhook-signature"), None);
    let body: Value = serde_json::from_slice(&seen.body).unwrap();
    assert_eq!(body["text"], "SOS: ana");
    json_of(
        &home,
        &["slack", "test", channel, "--app", "shop", "--json"],
    );
    let shown = json_of(&home, &["slack", "list", "--app", "shop", "--json"]);
    // The SOS, the test, and that there is nobody who could be asked.
    let log = || json_of(&home, &["slack", "log", "--app", "shop", "--json"]);
    let told = || log()["items"].as_array().unwrap().len();
    assert!(tools::until(SOON, || told() == 3), "{}", log());
    for text in [
        server.log(),
        shown.to_string(),
        log().to_string(),
        added.to_string(),
    ] {
        assert!(!text.contains("very-secret"), "{text}");
    }
    json_of(&home, &["slack", "remove", channel, "--app", "shop"]);
    let none = json_of(&home, &["slack", "list", "--app", "shop", "--json"]);
    assert_eq!(none, json!([]));
}
