//! A server to start, kill and start again.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use super::link::Link;
use super::person::Partner;
use super::postgres::Database;
use super::tools;

/// From spawn to the ready file; how soon a crashed one must be back, the crash test
/// asks for itself.
const READY_LIMIT: Duration = Duration::from_mins(1);
/// From SIGTERM to the end.
const STOP_LIMIT: Duration = Duration::from_mins(1);

/// The binary under test: what `cargo xtask test` built, else cargo's own.
pub(crate) fn binary() -> PathBuf {
    std::env::var_os("MAYDAY_BIN").map_or_else(
        || PathBuf::from(env!("CARGO_BIN_EXE_mayday")),
        PathBuf::from,
    )
}

/// Servers run one at a time: they are killed at full speed and measured.
/// (Under nextest each test is a process; `.config/nextest.toml` says the same.)
static ALONE: Mutex<()> = Mutex::new(());

/// A place where a server keeps its data, surviving the server.
pub(crate) struct Home {
    directory: TempDir,
    database: Option<Arc<Database>>,
    _alone: Option<MutexGuard<'static, ()>>,
}

/// How a server is started.
#[derive(Default)]
pub(crate) struct How {
    /// Another binary than [`binary`].
    pub(crate) binary: Option<PathBuf>,
    /// Its fault points.
    pub(crate) faults: Option<&'static str>,
    /// Settings.
    pub(crate) environment: Vec<(&'static str, String)>,
    /// A program with arguments that the server runs under.
    pub(crate) under: Vec<String>,
    /// With a self-signed certificate on two more ports.
    pub(crate) tls: bool,
    /// With the share of the disk held back that is the default. Otherwise it is
    /// little, so that tests pass on a disk that others have nearly filled.
    pub(crate) default_reserve: bool,
}

/// What a server holds back of the disk that tests share with everybody else.
pub(crate) const LITTLE_RESERVE: [(&str, &str); 2] = [
    ("MAYDAY_STORE__DISK_RESERVE_MIB", "64"),
    ("MAYDAY_STORE__DISK_RESERVE_PERCENT", "0"),
];

impl Home {
    /// An empty one, with the embedded database.
    pub(crate) fn new() -> Self {
        Self::with(None)
    }

    /// An empty one on PostgreSQL; `None` when that is left out.
    pub(crate) fn on_postgres() -> Option<Self> {
        Database::new().map(|database| Self::with(Some(database)))
    }

    /// An empty one on PostgreSQL behind a link; `None` when that is left out.
    pub(crate) fn on_linked_postgres() -> Option<(Self, Link)> {
        let mut database = Database::new()?;
        let server = database.server().to_owned();
        let link = Link::to(&server);
        database.url = database.url.replacen(&server, &link.address.to_string(), 1);
        Some((Self::with(Some(database)), link))
    }

    /// An empty one on the PostgreSQL at this URL.
    pub(crate) fn on(url: String) -> Self {
        Self::with(Some(Database::at(url)))
    }

    /// A directory of its own for a second server on the same PostgreSQL, with the
    /// same master key.
    pub(crate) fn second(&self) -> Self {
        let directory = tempfile::Builder::new()
            .prefix("mayday-e2e-second-")
            .tempdir()
            .unwrap();
        let data = directory.path().join("data");
        fs::create_dir(&data).unwrap();
        fs::copy(self.data().join("master.key"), data.join("master.key")).unwrap();
        Self {
            directory,
            database: self.database.clone(),
            // The first one is alone for both.
            _alone: None,
        }
    }

    fn with(database: Option<Database>) -> Self {
        Self {
            // A test that failed while it was alone leaves nothing behind.
            _alone: Some(ALONE.lock().unwrap_or_else(PoisonError::into_inner)),
            database: database.map(Arc::new),
            directory: tempfile::Builder::new()
                .prefix("mayday-e2e-")
                .tempdir()
                .unwrap(),
        }
    }

    /// The data directory.
    pub(crate) fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// The self-signed certificate of a server with TLS.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.data().join("tls-certificate.pem")
    }

    /// A path beside the data directory.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The flags that name this place.
    fn place(&self) -> Vec<OsString> {
        let mut flags = vec!["--data-dir".into(), self.data().into()];
        if let Some(database) = &self.database {
            flags.extend(["--database".into(), database.url.clone().into()]);
        }
        flags
    }

    /// Runs a command of the binary on this data and returns what it printed.
    pub(crate) fn command(&self, arguments: &[&str]) -> Output {
        Command::new(binary())
            .args(arguments)
            .args(self.place())
            .current_dir(self.directory.path())
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// Makes an app.
    pub(crate) fn app(&self, id: &str) -> Partner {
        let output = self.command(&["app", "create", "--id", id, "--json"]);
        assert!(
            output.status.success(),
            "app create: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let made: Value = serde_json::from_slice(&output.stdout).unwrap();
        Partner {
            app_id: made["app_id"].as_str().unwrap().to_owned(),
            secret: made["secret"].as_str().unwrap().to_owned(),
        }
    }

    /// Starts a server on it and waits until it is ready.
    pub(crate) fn serve(&self) -> Server {
        self.serve_how(&How::default())
    }

    /// As [`Home::serve`], with TLS too.
    pub(crate) fn serve_with_tls(&self) -> Server {
        self.serve_how(&How {
            tls: true,
            ..How::default()
        })
    }

    /// As [`Home::serve`], in a special way.
    #[expect(
        clippy::disallowed_methods,
        reason = "the time to readiness is measured from outside"
    )]
    pub(crate) fn serve_how(&self, how: &How) -> Server {
        let ready = self.beside("ready.json");
        let log = self.beside("server.log");
        let _ = fs::remove_file(&ready);
        let program = how.binary.clone().unwrap_or_else(binary);
        let mut command = if let Some((first, rest)) = how.under.split_first() {
            let mut command = Command::new(first);
            command.args(rest).arg(program);
            command
        } else {
            Command::new(program)
        };
        command
            .arg("serve")
            .args(["--http", "127.0.0.1:0", "--mqtt", "127.0.0.1:0"])
            .args(["--admin", "127.0.0.1:0", "--ready-file"])
            .arg(&ready)
            .args(self.place())
            .current_dir(self.directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(
                File::options()
                    .create(true)
                    .append(true)
                    .open(&log)
                    .unwrap(),
            );
        if how.tls {
            command.args(["--tls", "self-signed"]);
            command.args(["--mqtts", "127.0.0.1:0", "--https", "127.0.0.1:0"]);
        }
        if !how.default_reserve {
            command.envs(LITTLE_RESERVE);
        }
        for (name, value) in &how.environment {
            command.env(name, value);
        }
        if let Some(faults) = how.faults {
            command.env("MAYDAY_FAULTS", faults);
        }
        let began = Instant::now();
        let mut child = command.spawn().unwrap();
        let mut ended = None;
        tools::until(READY_LIMIT, || {
            ended = child.try_wait().unwrap();
            ready.exists() || ended.is_some()
        });
        let took = began.elapsed();
        let Ok(text) = fs::read(&ready) else {
            // Nothing may be left running by a test that fails.
            let _ = child.kill();
            let _ = child.wait();
            panic!("not ready after {took:?} ({ended:?}): {}", end_of(&log));
        };
        let addresses: Value = serde_json::from_slice(&text).unwrap();
        let optional = |name: &str| addresses[name].as_str().map(str::to_owned);
        let address = |name: &str| optional(name).unwrap();
        Server {
            https: optional("https"),
            mqtts: optional("mqtts"),
            http: address("http"),
            mqtt: address("mqtt"),
            admin: address("admin"),
            pid: u32::try_from(addresses["pid"].as_u64().unwrap()).unwrap(),
            ready_after: took,
            child,
            log,
        }
    }
}

/// A running server; dropped, it is killed.
pub(crate) struct Server {
    pub(crate) http: String,
    pub(crate) mqtt: String,
    pub(crate) admin: String,
    /// HTTP with TLS, if it was asked for.
    pub(crate) https: Option<String>,
    /// MQTT with TLS, if it was asked for.
    pub(crate) mqtts: Option<String>,
    pub(crate) pid: u32,
    /// From spawn to the ready file.
    pub(crate) ready_after: Duration,
    child: Child,
    log: PathBuf,
}

impl Server {
    /// What it has logged on this data so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits for it to end by itself; how it ended.
    pub(crate) fn dies(mut self, limit: Duration) -> ExitStatus {
        let mut ended = None;
        tools::until(limit, || {
            ended = self.child.try_wait().unwrap();
            ended.is_some()
        });
        ended.unwrap_or_else(|| panic!("still alive after {limit:?}"))
    }

    /// `kill -9`: no farewell, no flush.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and waits for the end; the exit code.
    pub(crate) fn stop(mut self) -> Option<i32> {
        let sent = Command::new("kill")
            .args(["-TERM", &self.pid.to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
        let mut ended = None;
        tools::until(STOP_LIMIT, || {
            ended = self.child.try_wait().unwrap();
            ended.is_some()
        });
        ended.expect("ends within a minute of SIGTERM").code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Under strace the server is a grandchild.
        if self.pid != self.child.id() && matches!(self.child.try_wait(), Ok(None)) {
            let _ = Command::new("kill")
                .args(["-9", &self.pid.to_string()])
                .status();
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- the server's log\n{}", end_of(&self.log));
        }
    }
}

fn end_of(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}
