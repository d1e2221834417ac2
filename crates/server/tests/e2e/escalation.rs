//! The sender's process dies, wherever it may be: the next one carries on, nobody is
//! missed, and the provider's own log tells whether anybody was told twice.
//!
//! The provider is the simulator, outside of the server and alive through its deaths.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mayday_core::clock::Clock;
use mayday_core::time::Timestamp;
use mayday_gateway::testing::TwilioSimulator;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::harness::person::Person;
use super::harness::server::{Home, How, Server};
use super::harness::{clock, tools};

const ANN: &str = "+34600111222";
const BOB: &str = "+34600333444";

/// The signal of a process that aborts.
const ABORTED: i32 = 6;
/// A server dies soon after its senders have work.
const DEATH: Duration = Duration::from_mins(1);
/// Everything is looked up and sent by then, whatever was in doubt.
const SOON: Duration = Duration::from_mins(2);
/// On PostgreSQL, where a dead server's work is anybody's when its leases have lapsed, and
/// one message is looked up before it is sent again.
const TAKEN_UP: Duration = Duration::from_secs(50);

/// Where a sender dies, one death after the other. A look-up needs a death before it.
const DEATHS: [&[&str]; 10] = [
    &["die_before_plan"],
    &["die_after_plan"],
    &["die_before_permit"],
    &["die_before_send"],
    &["die_after_send"],
    &["die_after_record"],
    &["die_before_send", "die_before_look_up"],
    &["die_before_send", "die_after_look_up"],
    &["die_after_send", "die_before_look_up"],
    &["die_after_send", "die_after_look_up"],
];

struct WallClock;

impl Clock for WallClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(clock::now())
    }
}

/// A data directory whose servers send through a simulated provider, and somebody with
/// contacts.
struct Scene {
    home: Home,
    provider: TwilioSimulator,
    ana: Person,
    /// By when everybody is told after a death.
    soon: Duration,
    _runtime: Runtime,
}

impl Scene {
    fn with(channel: &str, contacts: &[&str]) -> Self {
        Self::at(Home::new(), SOON, channel, contacts)
    }

    fn at(home: Home, soon: Duration, channel: &str, contacts: &[&str]) -> Self {
        // One thread: all that the simulator needs beside the test's own.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let provider = runtime
            .block_on(TwilioSimulator::start(Arc::new(WallClock)))
            .unwrap();
        let ana = home.app("shop").person("ana");
        let policy = home.beside("policy.json");
        let text = json!({
            "grace_seconds": 1, "channels": [channel], "mode": "broadcast",
            "acknowledge_timeout_seconds": 900,
        });
        fs::write(&policy, text.to_string()).unwrap();
        let policy = policy.to_str().unwrap();
        let set = home.command(&["policy", "set", "--app", "shop", "--file", policy]);
        assert!(set.status.success(), "{set:?}");
        let scene = Self {
            home,
            provider,
            ana,
            soon,
            _runtime: runtime,
        };
        let server = scene.serve(None);
        for phone in contacts {
            let contact = json!({"name": "Contact", "phone": phone, "email": "c@example.org"});
            scene.ask(&server, "POST", "/v1/sdk/contacts", &contact);
        }
        assert_eq!(server.stop(), Some(0));
        scene
    }

    /// A server on the directory, which dies where it is told to.
    fn serve(&self, dies: Option<&'static str>) -> Server {
        let settings = self.provider.settings();
        let faulty = std::env::var_os("MAYDAY_BIN_FAULTS").map(PathBuf::from);
        let faulty = faulty.expect("MAYDAY_BIN_FAULTS: `cargo xtask test` builds and names it");
        let token = TwilioSimulator::TOKEN.to_owned();
        self.home.serve_how(&How {
            binary: dies.map(|_| faulty),
            faults: dies,
            environment: vec![
                (
                    "MAYDAY_HTTP__PUBLIC_URL",
                    "https://sos.example.org".to_owned(),
                ),
                ("MAYDAY_PROVIDER__MAIN__KIND", "twilio".to_owned()),
                (
                    "MAYDAY_PROVIDER__MAIN__ALLOW_PRIVATE_NETWORK",
                    "true".to_owned(),
                ),
                ("MAYDAY_PROVIDER__MAIN__BASE_URL", settings.base_url),
                ("MAYDAY_PROVIDER__MAIN__ACCOUNT_SID", settings.account_sid),
                ("MAYDAY_PROVIDER__MAIN__AUTH_TOKEN", token),
                ("MAYDAY_PROVIDER__MAIN__FROM", "+15005550006".to_owned()),
            ],
            ..How::default()
        })
    }

    /// A signed request that succeeds.
    fn ask(&self, server: &Server, method: &str, path: &str, body: &Value) -> Value {
        let answer = self
            .ana
            .http(server, method, path, &body.to_string())
            .unwrap();
        assert!(answer.status < 300, "{method} {path}: {answer:?}");
        answer.json()
    }

    /// What each number got so far, the oldest first: whether it was a cry for help.
    fn told(&self) -> BTreeMap<String, Vec<bool>> {
        let mut told: BTreeMap<String, Vec<bool>> = BTreeMap::new();
        for one in self.provider.log() {
            let asks = |name, mark| one.get(name).is_some_and(|text| text.contains(mark));
            let is_cry = asks("Body", "/t/") || asks("Twiml", "Press 4");
            let to = one.get("To").unwrap().to_owned();
            told.entry(to).or_default().push(is_cry);
        }
        told
    }

    /// An SOS whose senders die so, and so again when they say that all is clear. In the
    /// end each number got this and no more.
    fn tells(&self, deaths: &[&'static str], expected: &BTreeMap<String, Vec<bool>>) {
        let sos = json!({"latitude": 41.5, "longitude": 2.25});
        let server = self.after(deaths, "/v1/sdk/sos", &sos);
        let taken = || self.all_are_told(&server);
        assert!(
            tools::until(self.soon, taken),
            "{deaths:?}: {:#?}",
            self.sos(&server)
        );
        assert_eq!(server.stop(), Some(0));
        let server = self.after(deaths, "/v1/sdk/sos/resolve", &Value::Null);
        // The copy of the trail is all that is left to do, or was done already. There are
        // no figures while the store has no time for them.
        let mut jobs = Value::Null;
        let over = tools::until(self.soon, || {
            jobs = server.engine()["jobs"].clone();
            let left = jobs["ready"].as_i64().zip(jobs["leased"].as_i64());
            left.is_some_and(|(ready, leased)| ready + leased <= 1) && self.told() == *expected
        });
        let told = self.told();
        assert!(
            over && jobs["poison"] == 0,
            "{deaths:?}: {jobs}, told {told:?} instead of {expected:?}"
        );
        assert_eq!(server.stop(), Some(0));
        assert_eq!(self.told(), *expected, "{deaths:?}");
    }

    /// Asks for something that gives senders work, of which they die, one server after
    /// the other; then a server that goes on with it.
    fn after(&self, deaths: &[&'static str], path: &str, body: &Value) -> Server {
        for (count, death) in deaths.iter().enumerate() {
            let server = self.serve(Some(death));
            if count == 0 {
                // The answer may be lost with the server: what was asked for is stored.
                let _ = self.ana.http(&server, "POST", path, &body.to_string());
            }
            let ended = server.dies(DEATH);
            assert_eq!(ended.signal(), Some(ABORTED), "{death}: {ended}");
        }
        self.serve(None)
    }

    fn sos(&self, server: &Server) -> Value {
        self.ask(server, "GET", "/v1/sdk/sos", &Value::Null)
    }

    /// Whether the provider is known to have taken each contact's message.
    fn all_are_told(&self, server: &Server) -> bool {
        let sos = self.sos(server);
        let receipts = sos["receipts"].as_array().unwrap();
        !receipts.is_empty() && receipts.iter().all(|one| one["step"] == "accepted")
    }
}

/// Each contact hears the cry and the all-clear once, though senders die so.
fn hears_once(channel: &str, deaths: &[&'static str]) {
    Scene::with(channel, &[ANN, BOB]).tells(deaths, &once());
}

fn once() -> BTreeMap<String, Vec<bool>> {
    [ANN, BOB]
        .map(|phone| (phone.to_owned(), vec![true, false]))
        .into()
}

#[test]
fn wherever_a_sender_dies_each_contact_hears_once() {
    if tools::skipped("faults") {
        return;
    }
    for deaths in DEATHS {
        hears_once("sms", deaths);
    }
}

#[test]
fn on_postgres_a_dead_senders_messages_are_taken_up_within_seconds() {
    if tools::skipped("faults") {
        return;
    }
    for deaths in [
        ["die_before_permit"],
        ["die_before_send"],
        ["die_after_send"],
    ] {
        let Some(home) = Home::on_postgres() else {
            return;
        };
        Scene::at(home, TAKEN_UP, "sms", &[ANN, BOB]).tells(&deaths, &once());
    }
}

#[test]
fn calls_are_looked_up_too() {
    if tools::skipped("faults") {
        return;
    }
    hears_once("voice", &["die_before_send"]);
    hears_once("voice", &["die_after_send"]);
}

#[test]
fn a_provider_that_cannot_be_asked_costs_one_duplicate_and_misses_nobody() {
    if tools::skipped("faults") {
        return;
    }
    let scene = Scene::with("sms", &[ANN]);
    scene.provider.fail_look_ups(true);
    // One for each death.
    let twice = vec![true, true, false, false];
    let expected = BTreeMap::from([(ANN.to_owned(), twice)]);
    scene.tells(&["die_after_send"], &expected);
}
