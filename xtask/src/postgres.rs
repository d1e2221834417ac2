//! A PostgreSQL of our own for the time of a test run.
//!
//! It listens on a free port of 127.0.0.1 only, lies in a fresh directory
//! under the system's temporary one (the user `postgres` could not reach into
//! a home directory), and is stopped and removed when this value is dropped.
//! `setpriv --pdeathsig` stops it even if this process is killed.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::Failure;
use crate::run::{self, must};

/// From the start to the first answer.
const START_LIMIT: Duration = Duration::from_secs(30);
/// From the signal to the end; then it is killed.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// A running server; dropped, it is gone.
pub(crate) struct Postgres {
    child: Child,
    directory: PathBuf,
    /// Where an administrator connects.
    pub(crate) url: String,
}

/// The directory of `initdb` and `postgres`, the newest version first.
pub(crate) fn programs() -> Option<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("bin"))
        .filter(|path| path.join("initdb").is_file())
        .collect();
    found.sort_by_key(|path| version(path));
    found.pop().or_else(|| {
        let initdb = run::find("initdb")?.canonicalize().ok()?;
        initdb.parent().map(Path::to_path_buf)
    })
}

fn version(path: &Path) -> u32 {
    path.parent()
        .and_then(Path::file_name)
        .and_then(|name| name.to_str()?.parse().ok())
        .unwrap_or(0)
}

impl Postgres {
    /// Makes and starts one; returns when it answers.
    pub(crate) fn start() -> Result<Self, Failure> {
        let programs = programs().ok_or("PostgreSQL is not installed")?;
        let directory =
            std::env::temp_dir().join(format!("mayday-postgres-{}", std::process::id()));
        run::directory(&directory)?;
        let data = directory.join("data");
        if run::is_root() {
            let mut chown = run::command("chown", &["postgres"]);
            chown.arg(&directory);
            must(chown, "postgres-chown")?;
        }
        let mut initdb = as_postgres(&programs.join("initdb"), &directory);
        initdb
            .args(["--username=postgres", "--auth=trust", "--encoding=UTF8"])
            .args(["--no-locale", "--no-sync", "--no-instructions", "-D"])
            .arg(&data);
        must(initdb, "postgres-initdb")?;

        let port = free_port()?;
        let mut server = as_postgres(&programs.join("postgres"), &directory);
        server
            .arg("-D")
            .arg(&data)
            .args(["-p", &port.to_string()])
            .args(["-c", "listen_addresses=127.0.0.1"])
            .args(["-c", "unix_socket_directories="])
            .args(["-c", "max_connections=400"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = server
            .spawn()
            .map_err(|error| format!("postgres: {error}"))?;
        let started = Self {
            child,
            directory,
            url: format!("postgres://postgres@127.0.0.1:{port}/postgres"),
        };
        let answers = || {
            Command::new(programs.join("pg_isready"))
                .args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()])
                .status()
                .is_ok_and(|status| status.success())
        };
        if run::until(START_LIMIT, answers) {
            Ok(started)
        } else {
            Err("PostgreSQL did not answer within 30 s of its start".to_owned())
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // SIGINT is PostgreSQL's fast shutdown.
        let _ = Command::new("kill")
            .args(["-INT", &self.child.id().to_string()])
            .status();
        let child = &mut self.child;
        if !run::until(STOP_LIMIT, || !matches!(child.try_wait(), Ok(None))) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// PostgreSQL refuses to run as root: root becomes `postgres` for it.
fn as_postgres(program: &Path, directory: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.current_dir(directory).args(["--pdeathsig", "INT"]);
    if run::is_root() {
        command.args([
            "--reuid",
            "postgres",
            "--regid",
            "postgres",
            "--clear-groups",
        ]);
    }
    command.arg("--").arg(program);
    command
}

/// A port of 127.0.0.1 that nobody listens on.
pub(crate) fn free_port() -> Result<u16, Failure> {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|error| format!("no free port on 127.0.0.1: {error}"))
}
