//! `store.copy_dir`: a second copy that is seconds behind, whatever becomes of the
//! server or of the directory.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::backup::{open_incident, post};
use super::harness::{Home, Running, mayday, request, run, wait_for};

/// A metric's value.
fn metric(running: &Running, name: &str) -> f64 {
    let address = running.address("admin");
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).unwrap();
    let mut lines = page.lines();
    let line = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap().parse().unwrap()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the lag of another process is compared with real time"
)]
fn now() -> Instant {
    Instant::now()
}

/// Waits until what was acknowledged before this call is in the copy.
fn caught_up(running: &Running) {
    let since = now();
    wait_for("the copy to catch up", || {
        let following = metric(running, "mayday_store_copy_following") > 0.5;
        // Read before the lag is: later the comparison would be too generous.
        let passed = since.elapsed().as_secs_f64();
        let lag = metric(running, "mayday_store_copy_lag_seconds");
        (following && lag < passed).then_some(())
    });
}

fn restore(home: &Home, copy: &Path, to: &Path) {
    let mut command = mayday(&["restore"]);
    command.arg(copy).arg("--data-dir").arg(to);
    command.arg("--key").arg(home.data().join("master.key"));
    let said = run(&mut command);
    assert_eq!(said.code, Some(0), "{said:?}");
}

#[test]
fn a_killed_server_leaves_a_copy_with_all_but_the_last_seconds() {
    let home = Home::new();
    let secret = home.app("shop");
    let hash = home.hash(&secret, "ana");
    let copy = home.path().join("copy");
    let setting = format!("store.copy_dir={}", copy.display());
    for round in 0..3_u64 {
        let mut running = home.serve_with(&["--set", &setting]);
        post(&running, "/v1/sdk/sos", "ana", &hash, "{}");
        let incident = open_incident(&running, "ana", &hash).unwrap();
        caught_up(&running);

        // Killed in the middle of further commits.
        let address = running.address("http");
        let load = {
            let hash = home.hash(&secret, "bo");
            thread::spawn(move || while trigger(address, &hash).is_ok() {})
        };
        thread::park_timeout(Duration::from_millis(300 + 200 * round));
        running.signal(Signal::KILL);
        running.ended();
        load.join().unwrap();

        let checked = run(mayday(&["check"]).arg(&copy));
        assert_eq!(checked.code, Some(0), "{checked:?}");
        let second = Home::new();
        restore(&home, &copy, &second.data());
        let checked = second.say(&["check"]);
        assert_eq!(checked.code, Some(0), "{checked:?}");
        let restored = second.serve();
        assert_eq!(open_incident(&restored, "ana", &hash), Some(incident));
    }
}

fn trigger(address: std::net::SocketAddr, hash: &str) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(address)?;
    write!(
        stream,
        "POST /v1/sdk/sos HTTP/1.1\r\nHost: mayday\r\nConnection: close\r\nX-App-ID: shop\r\n\
         X-User-ID: bo\r\nAuthorization: Bearer {hash}\r\nContent-Length: 2\r\n\r\n{{}}"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    if answer.starts_with("HTTP/1.1 200") {
        Ok(())
    } else {
        Err(std::io::Error::other(answer))
    }
}

#[test]
fn a_directory_that_hangs_keeps_no_sos_waiting_and_is_told() {
    let home = Home::new();
    let secret = home.app("shop");
    let hash = home.hash(&secret, "ana");
    let copy = home.path().join("copy");
    fs::create_dir(&copy).unwrap();
    // Whoever opens a pipe that nobody reads waits, as for a file server that is gone.
    let made = run(Command::new("mkfifo").arg(copy.join("lock")));
    assert_eq!(made.code, Some(0), "{made:?}");
    let setting = format!("store.copy_dir={}", copy.display());
    let arguments = [
        "--set",
        &setting,
        "--set",
        "store.copy_lag_warning_seconds=5",
    ];
    let mut running = home.serve_with(&arguments);
    post(&running, "/v1/sdk/sos", "ana", &hash, "{}");
    wait_for("the warning", || {
        let (status, body) = request(running.address("admin"), "/health/ready", "");
        assert_eq!(status, 200, "{body}");
        (body["warnings"][0]["code"] == "copy_behind").then_some(())
    });
    post(&running, "/v1/sdk/sos", "ana", &hash, "{}");
    assert!(metric(&running, "mayday_store_copy_lag_seconds") > 5.0);
    running.signal(Signal::TERM);
    assert_eq!(running.ended(), Some(0), "{}", home.log());
}

#[test]
fn a_copy_directory_that_cannot_be_meant_is_refused() {
    let home = Home::new();
    let own = format!("store.copy_dir={}", home.data().display());
    home.say(&["serve", "--set", &own])
        .refused(&["store.copy_dir", "must not be the data directory"]);
    let postgres = ["--database", "postgres://localhost/mayday"];
    home.say(
        &[
            &["serve", "--set", "store.copy_dir=/mnt/copy"][..],
            &postgres,
        ]
        .concat(),
    )
    .refused(&["store.copy_dir", "PostgreSQL has replication"]);
    assert!(!home.data().exists());
}
