//! Every command in the documents is run.
//!
//! A fenced block marked `sh` is run as it stands, all blocks of one document
//! in one shell, top to bottom. Only the ports are replaced, since a test may
//! not take fixed ones, and `mayday serve` goes to the background as a second
//! terminal would; the next `mayday serve` ends it first, as a reader does. Transcripts and one-off installations are marked `console`
//! and are not run.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::harness::server::{Home, LITTLE_RESERVE, binary};
use super::harness::tools;

/// Ports as the documents name them.
const PORTS: [&str; 6] = ["8080", "8090", "1883", "9090", "8443", "8883"];

/// All commands of a document take a fraction of this on an idle machine.
const LIMIT: Duration = Duration::from_mins(6);

/// Waits until the server that the document started accepts, a minute at most.
const WAIT: &str = "for _ in $(seq 1200); do curl -s -o /dev/null http://127.0.0.1:8080/ && break; read -rt 0.05 <> <(:) || :; done";

/// Ends the server of before and waits for its end.
const STOP: &str = "if [ -n \"${SERVER:-}\" ]; then kill $SERVER; wait $SERVER; fi";

#[test]
fn admin_api() {
    run("docs/admin-api.md");
}

#[test]
fn getting_started() {
    run("docs/getting-started.md");
}

#[test]
fn brokers() {
    run("docs/brokers.md");
}

#[test]
fn data_rights() {
    run("docs/data-rights.md");
}

#[test]
fn devices() {
    run("docs/devices.md");
}

#[test]
fn duress() {
    run("docs/duress.md");
}

#[test]
fn escalation() {
    run("docs/escalation.md");
}

#[test]
fn mails() {
    run("docs/mails.md");
}

#[test]
fn mqtt() {
    run("docs/mqtt.md");
}

#[test]
fn partner_guide() {
    run("docs/partner-guide.md");
}

#[test]
fn providers() {
    run("docs/providers.md");
}

#[test]
fn running() {
    run("docs/running.md");
}

#[test]
fn sso() {
    run("docs/sso.md");
}

#[test]
fn backup() {
    run("docs/backup.md");
}

#[test]
fn webhooks() {
    run("docs/webhooks.md");
}

#[test]
fn no_document_with_commands_is_left_out() {
    let here = fs::read_to_string(root().join("crates/server/tests/e2e/guides.rs")).unwrap();
    let documents = fs::read_dir(root().join("docs")).unwrap();
    for document in documents.map(|entry| entry.unwrap().path()) {
        if document
            .extension()
            .is_none_or(|extension| extension != "md")
        {
            continue;
        }
        let name = document.file_name().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&document).unwrap();
        assert!(
            blocks(&text).is_empty() || here.contains(&format!("run(\"docs/{name}\")")),
            "docs/{name} holds commands: run it here"
        );
    }
}

fn run(document: &str) {
    if tools::skipped("mosquitto") {
        return;
    }
    let home = Home::new();
    let text = fs::read_to_string(root().join(document)).unwrap();
    let script = script(&text);
    assert!(!script.is_empty(), "{document} holds no commands");

    let programs = home.beside("bin");
    fs::create_dir(&programs).unwrap();
    symlink(fs::canonicalize(binary()).unwrap(), programs.join("mayday")).unwrap();
    let file = home.beside("script.sh");
    fs::write(&file, &script).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o700)).unwrap();
    let path = std::env::var("PATH").unwrap();
    let said = tools::run_within(
        Command::new("bash")
            .arg(&file)
            .current_dir(home.beside(""))
            .envs(LITTLE_RESERVE)
            .env("HOME", home.beside(""))
            .env("PATH", format!("{}:{path}", programs.display())),
        "",
        LIMIT,
    );
    assert!(
        said.success,
        "{document}: {}\n{}\n--- the script\n{script}",
        said.out, said.err
    );
}

/// One shell script of all blocks; the shell ends at the first command that fails.
fn script(text: &str) -> String {
    let blocks = blocks(text);
    if blocks.is_empty() {
        return String::new();
    }
    let mut script =
        String::from("set -eu -o pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || :' EXIT\n");
    for block in blocks {
        let serves = block.lines().any(|line| line.starts_with("mayday serve"));
        if serves {
            let command = block.trim_end();
            let tls = if command.contains("--tls") {
                " --https 127.0.0.1:8443 --mqtts 127.0.0.1:8883"
            } else {
                ""
            };
            writeln!(script, "{STOP}\n{command} --http 127.0.0.1:8080 --mqtt 127.0.0.1:1883 --admin 127.0.0.1:9090{tls} 2>server.log &\nSERVER=$!\n{WAIT}").unwrap();
        } else {
            writeln!(script, "echo '--- {}'\n{block}", first_words(&block)).unwrap();
        }
    }
    for port in PORTS {
        script = script.replace(port, &other_port());
    }
    script
}

/// What the log of a failing script calls a block.
fn first_words(block: &str) -> String {
    let line = block.lines().next().unwrap_or_default();
    line.chars()
        .filter(|letter| *letter != '\'')
        .take(60)
        .collect()
}

fn blocks(text: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut block: Option<String> = None;
    for line in text.lines() {
        match &mut block {
            None if line == "```sh" => block = Some(String::new()),
            None => {}
            Some(_) if line == "```" => blocks.extend(block.take()),
            Some(inside) => {
                inside.push_str(line);
                inside.push('\n');
            }
        }
    }
    blocks
}

/// One in which no port of the documents would be found and replaced again.
fn other_port() -> String {
    loop {
        let port = tools::free_port().to_string();
        if PORTS.iter().all(|named| !port.contains(named)) {
            return port;
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
