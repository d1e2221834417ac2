//! A reference partner that runs, whatever it is written in.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use mayday_core::time::Timestamp;
use mayday_gateway::webhook::{WebhookSecret, sign};
use serde_json::{Value, json};

use super::json_of;
use crate::harness::http::{self, Answer};
use crate::harness::person::Partner;
use crate::harness::server::{Home, binary};
use crate::harness::tools::{self, Talker};

/// The key that mayday shows to it.
pub(super) const KEY: &str = "key-of-mayday";

/// What it is written in.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Binary,
    Node,
    Python,
    Go,
}

/// It runs until it is dropped.
pub(super) struct Reference {
    pub(super) url: String,
    pub(super) address: String,
    /// Its endpoint at mayday.
    pub(super) endpoint: String,
    secret: String,
    talker: Talker,
}

impl Reference {
    /// Starts one for the app `shop`, with an endpoint for notifications.
    pub(super) fn start(kind: Kind, home: &Home, app: &Partner) -> Self {
        // Its webhook's secret is made for its URL: the port comes first.
        let port = tools::free_port();
        let address = format!("127.0.0.1:{port}");
        let url = format!("http://{address}");
        let hook = format!("{url}/webhook");
        let mut words = vec!["webhook", "add", "--app", "shop", "--url", &hook];
        words.extend(["--local", "--json"]);
        let added = json_of(home, &words);
        let text = |name: &str| added[name].as_str().unwrap().to_owned();
        let secret = text("secret");
        let mut command = command(kind, home, app, &secret, port);
        let talker = Talker::start(&mut command);
        talker.hear(&format!("listening on {url}"));
        Self {
            url,
            address,
            endpoint: text("endpoint_id"),
            secret,
            talker,
        }
    }

    /// With which mayday signs what it tells it.
    pub(super) fn secret(&self) -> &str {
        &self.secret
    }

    pub(super) fn hear(&self, word: &str) {
        self.talker.hear(word);
    }

    pub(super) fn post(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        http::send(&self.address, "POST", path, headers, body).unwrap()
    }

    /// A token of a user.
    pub(super) fn log_in(&self, user: &str) -> String {
        let json = [("content-type", "application/json")];
        let body = json!({"user": user}).to_string();
        let answer = self.post("/login", &json, body.as_bytes());
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["token"].as_str().unwrap().to_owned()
    }

    /// The user hash of whoever has this token.
    pub(super) fn sign(&self, token: &str, query: &str) -> Value {
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str())];
        let answer = self.post(&format!("/sign{query}"), &headers, b"");
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// Delivers a notification as mayday would.
    pub(super) fn notify(&self, id: &str, at: i64, body: &str) -> Answer {
        let secret = WebhookSecret::parse(&self.secret).unwrap();
        let signature = sign(&[secret], id, Timestamp::from_secs(at), body.as_bytes());
        self.notify_as(id, at, body, &signature)
    }

    /// Delivers one with any signature.
    pub(super) fn notify_as(&self, id: &str, at: i64, body: &str, signature: &str) -> Answer {
        let at = at.to_string();
        let headers = [
            ("content-type", "application/json"),
            ("webhook-id", id),
            ("webhook-timestamp", &at),
            ("webhook-signature", signature),
        ];
        self.post("/webhook", &headers, body.as_bytes())
    }
}

fn command(kind: Kind, home: &Home, app: &Partner, hook: &str, port: u16) -> Command {
    let file = |name: &str, text: &str| {
        let path = home.beside(name);
        fs::write(&path, text).unwrap();
        path
    };
    let mut command = match kind {
        Kind::Binary => {
            let mut command = Command::new(binary());
            command.args(["partner", "--app", "shop", "--listen"]);
            command.arg(format!("127.0.0.1:{port}"));
            command
                .arg("--secret-file")
                .arg(file("app.secret", &app.secret));
            command.arg("--api-key-file").arg(file("api.key", KEY));
            command
                .arg("--webhook-secret-file")
                .arg(file("hook.secret", hook));
            return command;
        }
        Kind::Node => {
            let mut command = Command::new("node");
            command.arg(examples().join("node/partner.mjs"));
            command
        }
        Kind::Python => {
            let mut command = Command::new("python3");
            command.arg(examples().join("python/partner.py"));
            command.env("PYTHONDONTWRITEBYTECODE", "1");
            command
        }
        Kind::Go => {
            // `go run` would leave its child behind when it is killed.
            let program = home.beside("partner-in-go");
            let built = go(&["build", "-o", program.to_str().unwrap(), "."]).status();
            assert!(built.unwrap().success());
            Command::new(program)
        }
    };
    command
        .env("PORT", port.to_string())
        .env("APP_ID", &app.app_id)
        .env("APP_SECRET", &app.secret)
        .env("API_KEY", KEY)
        .env("WEBHOOK_SECRET", hook);
    command
}

/// Go in its example, without the network.
pub(super) fn go(words: &[&str]) -> Command {
    let mut command = Command::new("go");
    command
        .args(words)
        .current_dir(examples().join("go"))
        .env("GOPROXY", "off")
        .env("GOFLAGS", "-mod=mod");
    command
}

pub(super) fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

/// Seconds since 1970.
#[expect(
    clippy::disallowed_methods,
    reason = "the partner is another process with the system's clock"
)]
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}
