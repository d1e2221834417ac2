//! A PostgreSQL server of its own, to be stopped and started: the one that
//! `cargo xtask test` runs is everybody's.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::tools;

/// From the start to the first answer, and from a signal to the end.
const LIMIT: Duration = Duration::from_secs(40);

/// How a server is told to stop.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stop {
    /// Connections are cut, and it closes in order.
    Fast,
    /// At once, as in a crash: its next start recovers.
    Immediate,
}

/// A cluster in a temporary directory, on a port of 127.0.0.1; dropped, it is gone.
pub(crate) struct Cluster {
    directory: TempDir,
    programs: PathBuf,
    port: u16,
    server: Option<Child>,
}

impl Cluster {
    /// A new one that answers; `None` when PostgreSQL is left out.
    pub(crate) fn start() -> Option<Self> {
        if tools::skipped("postgres") {
            return None;
        }
        let programs = programs().expect("initdb and postgres are installed with PostgreSQL");
        // Below the system's temporary directory: `postgres` reaches no home.
        let directory = tempfile::Builder::new()
            .prefix("mayday-cluster-")
            .tempdir()
            .unwrap();
        if is_root() {
            let said = tools::run(
                Command::new("chown").arg("postgres").arg(directory.path()),
                "",
            );
            assert!(said.success, "{said:?}");
        }
        let mut cluster = Self {
            directory,
            programs,
            port: tools::free_port(),
            server: None,
        };
        let mut initdb = cluster.program("initdb");
        initdb
            .args(["--username=postgres", "--auth=trust", "--encoding=UTF8"])
            .args(["--no-locale", "--no-sync", "--no-instructions", "-D"])
            .arg(cluster.data());
        let said = tools::run(&mut initdb, "");
        assert!(said.success, "{said:?}");
        cluster.begin();
        Some(cluster)
    }

    /// Where a server of ours connects.
    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Starts it, and waits until it answers.
    pub(crate) fn begin(&mut self) {
        let mut postgres = self.program("postgres");
        postgres
            .arg("-D")
            .arg(self.data())
            .args(["-p", &self.port.to_string()])
            .args(["-c", "listen_addresses=127.0.0.1"])
            .args(["-c", "unix_socket_directories="])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        self.server = Some(postgres.spawn().unwrap());
        let answers = tools::until(LIMIT, || {
            Command::new(self.programs.join("pg_isready"))
                .args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()])
                .status()
                .is_ok_and(|status| status.success())
        });
        assert!(answers, "PostgreSQL did not answer");
    }

    /// Stops it, and waits for its end.
    pub(crate) fn stop(&mut self, how: Stop) {
        let Some(mut server) = self.server.take() else {
            return;
        };
        let signal = match how {
            Stop::Fast => "-INT",
            Stop::Immediate => "-QUIT",
        };
        let _ = Command::new("kill")
            .args([signal, &server.id().to_string()])
            .status();
        if !tools::until(LIMIT, || !matches!(server.try_wait(), Ok(None))) {
            let _ = server.kill();
            let _ = server.wait();
        }
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// PostgreSQL refuses to run as root: root becomes `postgres` for it. It ends
    /// with this process, however that ends.
    fn program(&self, name: &str) -> Command {
        let mut command = Command::new("setpriv");
        command
            .current_dir(self.directory.path())
            .args(["--pdeathsig", "INT"]);
        if is_root() {
            command.args(["--reuid", "postgres", "--regid", "postgres"]);
            command.arg("--clear-groups");
        }
        command.arg("--").arg(self.programs.join(name));
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop(Stop::Fast);
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The directory of the newest version's programs.
fn programs() -> Option<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .filter(|(_, path)| path.join("initdb").is_file())
        .collect();
    found.sort();
    found.pop().map(|(_, path)| path)
}
