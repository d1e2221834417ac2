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
const DEATH: Duration = Duration::from_secs(20);
/// Everything is looked up and sent by then, whatever was in doubt.
const SOON: Duration = Duration::from_mins(1);

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
    _runtime: Runtime,
}

impl Scene {
    fn with(contacts: &[&str]) -> Self {
        // One thread: all that the simulator needs beside the test's own.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let provider = runtime
            .block_on(TwilioSimulator::start(Arc::new(WallClock)))
            .unwrap();
        let home = Home::new();
        let ana = home.app("shop").person("ana");
        let policy = home.beside("policy.json");
        let text = json!({
            "grace_seconds": 1, "channels": ["sms"], "mode": "broadcast",
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
            let is_cry = one.get("Body").unwrap().contains("/t/");
            let to = one.get("To").unwrap().to_owned();
            told.entry(to).or_default().push(is_cry);
        }
        told
    }

    /// An SOS whose senders die so; then the escalation goes on to its end and the
    /// all-clear. What each number got.
    fn killed(&self, deaths: &[&'static str]) -> BTreeMap<String, Vec<bool>> {
        let mut cried = false;
        for death in deaths {
            let server = self.serve(Some(death));
            if !cried {
                let sos = json!({"latitude": 41.5, "longitude": 2.25});
                self.ask(&server, "POST", "/v1/sdk/sos", &sos);
                cried = true;
            }
            let ended = server.dies(DEATH);
            assert_eq!(ended.signal(), Some(ABORTED), "{death}: {ended}");
        }
        let server = self.serve(None);
        let taken = || self.all_are_told(&server);
        assert!(
            tools::until(SOON, taken),
            "{deaths:?}: {:#?}",
            self.sos(&server)
        );
        self.ask(&server, "POST", "/v1/sdk/sos/resolve", &Value::Null);
        // The copy of the trail is all that is left to do.
        let mut jobs = Value::Null;
        let over = tools::until(SOON, || {
            jobs = server.engine()["jobs"].clone();
            jobs["ready"].as_i64().unwrap() + jobs["leased"].as_i64().unwrap() <= 1
        });
        assert!(over && jobs["poison"] == 0, "{deaths:?}: {jobs}");
        assert_eq!(server.stop(), Some(0));
        self.told()
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

/// A cry and the all-clear.
const ONCE: [bool; 2] = [true, false];

#[test]
fn wherever_a_sender_dies_each_contact_hears_once() {
    if tools::skipped("faults") {
        return;
    }
    for deaths in DEATHS {
        let scene = Scene::with(&[ANN, BOB]);
        let told = scene.killed(deaths);
        let once = [ANN, BOB].map(|phone| (phone.to_owned(), ONCE.to_vec()));
        assert_eq!(told, BTreeMap::from(once), "{deaths:?}");
    }
}

#[test]
fn a_provider_that_cannot_be_asked_costs_one_duplicate_and_misses_nobody() {
    if tools::skipped("faults") {
        return;
    }
    let scene = Scene::with(&[ANN]);
    scene.provider.fail_look_ups(true);
    let told = scene.killed(&["die_after_send"]);
    let twice = vec![true, true, false];
    assert_eq!(told, BTreeMap::from([(ANN.to_owned(), twice)]));
}
