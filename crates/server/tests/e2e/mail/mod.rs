//! Mail over a foreign SMTP server: taken, refused for now, refused for good, cut off.
//!
//! The server is aiosmtpd; it wants STARTTLS and a password, and reads what it took
//! with Python's own parser.

mod system;

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::harness::server::Home;
use super::harness::tools::{self, Talker};

/// A mail server and settings that lead to it.
struct Post {
    home: Home,
    settings: String,
    server: Talker,
}

impl Post {
    fn open() -> Self {
        let home = Home::new();
        // The certificate is the one that a server makes for itself.
        home.serve_with_tls().stop();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/mail/server.py");
        let mut command = Command::new(tools::clients().join("venv/bin/python3"));
        command
            .arg(script)
            .arg(home.certificate())
            .arg(home.data().join("tls-key.pem"));
        let server = Talker::start(&mut command);
        let port = heard(&server, "port")["port"].as_u64().unwrap();
        let password = home.beside("password");
        fs::write(&password, "right\n").unwrap();
        let settings = home.beside("mail.toml");
        let text = format!(
            "[http]\npublic_url = \"https://sos.example.org\"\n\
             [outbound]\nca_file = {:?}\n\
             [smtp]\nhost = \"localhost\"\nport = {port}\nuser = \"mayday\"\n\
             password_file = {password:?}\nfrom = \"sos@example.org\"\n",
            home.certificate()
        );
        fs::write(&settings, text).unwrap();
        let settings = settings.to_str().unwrap().to_owned();
        Self {
            home,
            settings,
            server,
        }
    }

    /// Sends a test; what its one attempt came to.
    fn send(&self, to: &str) -> Value {
        let said = self.home.command(&[
            "provider",
            "test",
            "--to",
            to,
            "--json",
            "--config",
            &self.settings,
        ]);
        let out = String::from_utf8(said.stdout).unwrap();
        let attempts: Value = serde_json::from_str(&out).unwrap_or_else(|error| {
            panic!("{to}: {error}: {}", String::from_utf8_lossy(&said.stderr))
        });
        assert_eq!(attempts[0]["provider"], "smtp", "{attempts}");
        assert_eq!(attempts.as_array().unwrap().len(), 1);
        attempts[0].clone()
    }
}

/// The next line that holds a word, as JSON.
fn heard(server: &Talker, word: &str) -> Value {
    let lines = server.hear_all_until(|line| line.contains(word));
    serde_json::from_str(lines.last().unwrap()).unwrap()
}

#[test]
fn a_foreign_server_decides_what_can_follow() {
    if tools::skipped("aiosmtpd") {
        return;
    }
    let post = Post::open();
    assert_eq!(post.send("ann@example.org")["outcome"], "accepted");
    let mail = heard(&post.server, "subject");
    assert_eq!(mail["to"], json!(["ann@example.org"]));
    assert_eq!(
        (&mail["tls"], &mail["user"]),
        (&json!(true), &json!("mayday"))
    );
    assert_eq!(mail["from"], "mayday <sos@example.org>");
    assert_eq!(mail["automatic"], "auto-generated");
    for part in ["text", "html"] {
        let part = mail[part].as_str().unwrap();
        assert!(part.contains("This is a test of mayday."), "{mail}");
    }
    for (to, outcome, next, word) in [
        ("later@example.org", "refused", json!("retry"), "451"),
        ("never@example.org", "refused", json!("never"), "550"),
        // All was handed over and no answer came: nobody knows.
        (
            "cut@example.org",
            "ambiguous",
            Value::Null,
            "within the mail",
        ),
    ] {
        let attempt = post.send(to);
        assert_eq!(
            (&attempt["outcome"], &attempt["next"]),
            (&json!(outcome), &next),
            "{attempt}"
        );
        assert!(
            attempt["detail"].as_str().unwrap().contains(word),
            "{attempt}"
        );
    }
    replace_password(&post.home.beside("password"));
    let attempt = post.send("ann@example.org");
    assert_eq!(attempt["next"], "other_provider", "{attempt}");
    assert!(
        attempt["detail"].as_str().unwrap().contains("535"),
        "{attempt}"
    );
}

fn replace_password(file: &Path) {
    fs::write(file, "wrong\n").unwrap();
}
