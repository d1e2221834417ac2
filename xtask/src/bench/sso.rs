//! `--only sso`: log-ins a second at a partner that answers at once, held against how
//! often the same partner can be asked directly by the same client.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::servers::Mayday;
use super::{build, machine, number, servers};
use crate::Failure;
use crate::run::{command, must};

/// The word that asks for it.
pub(super) const NAME: &str = "sso";

/// Phones that log in one after the other, each as another user each time.
const CONNECTIONS: &str = "64";

/// How often both are measured, in turn.
const ROUNDS: usize = 3;

/// `aud` of the partner's tokens.
const AUDIENCE: &str = "bench";

/// Measures and writes the result.
pub(super) fn run() -> Result<(), Failure> {
    let binary = build()?;
    let place = servers::place()?;
    let partner = partner()?;
    let mayday = Mayday::start(&binary, place.path(), None)?;
    let app = mayday.signed.get(1).map_or("", String::as_str);
    let url = format!("http://{partner}/tokeninfo");
    let mut set = command(&binary, &["sso", "set", "--app", app, "--local", "true"]);
    set.args(["--audience", AUDIENCE, "--token-info-url", &url]);
    set.arg("--data-dir").arg(place.path().join("data"));
    must(set, "bench-sso-set")?;
    let login = format!(r#"{{"realm":"{app}","token":"bench-%n","device":{{"id":"p"}}}}"#);
    let load = |target: &str, path: &str, body: &str| -> Result<Value, Failure> {
        let words = ["bench", "http", "--json", "--connections", CONNECTIONS];
        let mut bench = command(&binary, &words);
        bench.args(["--target", target, "--path", path, "--body", body]);
        let said = must(bench, "bench-sso")?;
        let line = said.text.lines().find(|line| line.starts_with('{'));
        serde_json::from_str(line.unwrap_or_default()).map_err(|error| format!("bench: {error}"))
    };
    let mut table = "| log-ins/s | p50 | p99 | the partner alone/s | ratio | load |\n\
                     |---|---|---|---|---|---|\n"
        .to_owned();
    for round in 1..=ROUNDS {
        println!("sso, round {round}");
        let ours = load(&mayday.http, "/v1/sso/login", &login)?;
        let theirs = load(&partner, "/tokeninfo", "token=bench-%n")?;
        let rate = |said: &Value| number(said, "/per_second");
        writeln!(
            table,
            "| {:.0} | {:.1} ms | {:.1} ms | {:.0} | {:.2}x | {:.1} |",
            rate(&ours),
            number(&ours, "/latency_ms/p50"),
            number(&ours, "/latency_ms/p99"),
            rate(&theirs),
            rate(&ours) / rate(&theirs).max(1.0),
            machine::load_average(),
        )
        .map_err(|error| error.to_string())?;
    }
    print!("\n{table}");
    let path = crate::target().join("xtask/bench-sso.md");
    fs::write(&path, table).map_err(|error| format!("{}: {error}", path.display()))?;
    println!("{} written", path.display());
    Ok(())
}

/// A partner who takes every token at once, on a thread per connection.
fn partner() -> Result<String, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || serve(&stream));
        }
    });
    Ok(address.to_string())
}

/// Answers until the connection ends.
fn serve(stream: &TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    let mut answers = stream;
    loop {
        let mut length = 0;
        let mut line = String::new();
        while reader.read_line(&mut line)? > 2 {
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().unwrap_or(0);
            }
            line.clear();
        }
        if length == 0 {
            return Ok(());
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let body = String::from_utf8_lossy(&body);
        let user = body.rsplit('=').next().unwrap_or_default();
        answers.write_all(claims(user).as_bytes())?;
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "claims carry the real time: the server under test compares"
)]
fn claims(user: &str) -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = since.unwrap_or_default().as_secs();
    let until = now + 600;
    let body = format!(
        r#"{{"sub":"{user}","iat":{now},"exp":{until},"email":"{user}@example.org","aud":"{AUDIENCE}"}}"#
    );
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}
