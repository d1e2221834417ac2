//! Foreign programs, and waiting with a limit.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

/// Pause between two looks at something that is awaited.
const LOOK_AGAIN: Duration = Duration::from_millis(3);
/// No foreign program takes longer unless it hangs.
const PROGRAM_LIMIT: Duration = Duration::from_mins(2);
/// A program that keeps talking is not silent for longer before what is awaited.
const WORD_LIMIT: Duration = Duration::from_mins(1);
/// The ports that [`free_port`] takes: below those that the system gives to whoever asks
/// for any.
const FIRST_PORT: u16 = 10_000;
const PORTS: u16 = 20_000;

/// Looks until `done` says so; whether it did within `limit`.
#[expect(
    clippy::disallowed_methods,
    reason = "the server is another process: only real time can limit the wait"
)]
pub(crate) fn until(limit: Duration, mut done: impl FnMut() -> bool) -> bool {
    let began = Instant::now();
    loop {
        if done() {
            return true;
        }
        if began.elapsed() >= limit {
            return false;
        }
        thread::park_timeout(LOOK_AGAIN);
    }
}

/// A port that nothing listens on, never the same twice. Nobody else is given it meanwhile:
/// the system hands out others.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Another process begins elsewhere.
    let start = std::process::id().wrapping_mul(31) % u32::from(PORTS);
    let start = u16::try_from(start).unwrap();
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        assert!(number < PORTS, "no port is free");
        let port = FIRST_PORT + (start + number) % PORTS;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Whether tests that need `name` were left out with `cargo xtask test --skip`.
pub(crate) fn skipped(name: &str) -> bool {
    let skip = std::env::var("MAYDAY_TEST_SKIP").unwrap_or_default();
    let skipped = skip.split(',').any(|word| word == name);
    if skipped {
        println!("left out: {name}");
    }
    skipped
}

/// Where `cargo xtask test` put the client libraries.
pub(crate) fn clients() -> PathBuf {
    std::env::var_os("MAYDAY_TEST_CLIENTS").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/e2e")),
        PathBuf::from,
    )
}

/// What a program that ran to its end said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) success: bool,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs a program to its end, fed with `input`.
pub(crate) fn run(command: &mut Command, input: &str) -> Said {
    run_within(command, input, PROGRAM_LIMIT)
}

/// As [`run`], for a program that may take longer.
pub(crate) fn run_within(command: &mut Command, input: &str, limit: Duration) -> Said {
    let mut child = spawn(command);
    let mut stdin = child.stdin.take().unwrap();
    // A program may end without reading what it was given.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let out = collect(child.stdout.take().unwrap());
    let err = collect(child.stderr.take().unwrap());
    let mut status = None;
    until(limit, || {
        status = child.try_wait().unwrap();
        status.is_some()
    });
    if status.is_none() {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    Said {
        success: status.is_some_and(|status| status.success()),
        out: out.join().unwrap(),
        err: err.join().unwrap(),
    }
}

/// A program that keeps talking; dropped, it is killed.
pub(crate) struct Talker {
    child: Child,
    lines: Receiver<String>,
}

impl Talker {
    /// Starts it. What it says on either stream is heard.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = spawn(command);
        let (sender, lines) = mpsc::channel();
        for stream in [
            child
                .stdout
                .take()
                .map(|out| Box::new(out) as Box<dyn Read + Send>),
            child
                .stderr
                .take()
                .map(|err| Box::new(err) as Box<dyn Read + Send>),
        ] {
            let sender = sender.clone();
            let stream = stream.unwrap();
            thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    if sender.send(line).is_err() {
                        return;
                    }
                }
            });
        }
        Self { child, lines }
    }

    /// Every line up to the first that fits, that one included.
    pub(crate) fn hear_all_until(&self, fits: impl Fn(&str) -> bool) -> Vec<String> {
        let mut heard = Vec::new();
        loop {
            match self.lines.recv_timeout(WORD_LIMIT) {
                Ok(line) => {
                    heard.push(line);
                    if heard.last().is_some_and(|line| fits(line)) {
                        return heard;
                    }
                }
                Err(error) => panic!("the awaited line was never said ({error}), only: {heard:#?}"),
            }
        }
    }

    /// The first line that holds `word`; panics with all that was said when
    /// there is none.
    pub(crate) fn hear(&self, word: &str) -> String {
        let mut heard = Vec::new();
        loop {
            match self.lines.recv_timeout(WORD_LIMIT) {
                Ok(line) if line.contains(word) => return line,
                Ok(line) => heard.push(line),
                Err(error) => panic!("`{word}` was never said ({error}), only: {heard:#?}"),
            }
        }
    }
}

impl Drop for Talker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(command: &mut Command) -> Child {
    let program = command.get_program().to_string_lossy().into_owned();
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| {
            panic!("{program}: {error}; `cargo xtask test` gets what the tests need")
        })
}

fn collect(mut stream: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
