//! The binary under test, its servers and a few bytes of HTTP.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// Between two looks at a condition.
const LOOK: Duration = Duration::from_millis(5);

/// How often a condition is looked at before the test fails: 30 s.
const LOOKS: u32 = 6_000;

/// The binary with a clean environment and no input.
pub(crate) fn mayday(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mayday"));
    command.args(arguments).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("MAYDAY_") || name == "COLUMNS" {
            command.env_remove(name);
        }
    }
    command
}

/// What a finished command said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.code, Some(0), "{self:?}");
        serde_json::from_str(&self.out).unwrap()
    }

    /// Asserts a failure in one line that holds these words.
    pub(crate) fn refused(&self, words: &[&str]) {
        assert_eq!(self.code, Some(1), "{self:?}");
        assert_eq!(self.out, "", "{self:?}");
        let line = self.err.lines().last().unwrap_or_default();
        assert!(line.starts_with("error: "), "{self:?}");
        assert_eq!(self.err.matches("error: ").count(), 1, "{self:?}");
        for word in words {
            assert!(line.contains(word), "{word:?} is not said: {self:?}");
        }
    }
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Said {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    Said {
        code: status.code(),
        out: String::from_utf8(stdout).unwrap(),
        err: String::from_utf8(stderr).unwrap(),
    }
}

/// Runs the binary with arguments to its end.
pub(crate) fn say(arguments: &[&str]) -> Said {
    run(&mut mayday(arguments))
}

/// Waits for a condition.
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..LOOKS {
        if let Some(found) = look() {
            return found;
        }
        thread::park_timeout(LOOK);
    }
    panic!("{what} did not come");
}

/// A directory with a data directory in it.
pub(crate) struct Home {
    dir: TempDir,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self {
            dir: tempfile::Builder::new()
                .prefix("mayday-it-")
                .tempdir()
                .unwrap(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    /// Runs a command on this data.
    pub(crate) fn say(&self, arguments: &[&str]) -> Said {
        run(&mut self.command(arguments))
    }

    /// Runs the words of a line, followed by where they act.
    pub(crate) fn say_at(&self, words: &str, at: &[&str]) -> Said {
        let all: Vec<_> = words.split_whitespace().chain(at.iter().copied()).collect();
        self.say(&all)
    }

    /// A command on this data.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = mayday(arguments);
        command.arg("--data-dir").arg(self.data());
        command
    }

    /// Creates an app, and answers its secret.
    pub(crate) fn app(&self, id: &str) -> String {
        let created = self.say(&["app", "create", "--id", id, "--json"]).json();
        created["secret"].as_str().unwrap().to_owned()
    }

    /// The user hash that a secret gives.
    pub(crate) fn hash(&self, secret: &str, user: &str) -> String {
        let file = self.path().join("secret");
        fs::write(&file, secret).unwrap();
        let file = file.to_str().unwrap();
        let said = say(&["sign", "--user", user, "--secret-file", file]);
        assert_eq!(said.code, Some(0), "{said:?}");
        said.out.trim_end().to_owned()
    }

    /// A server on this data with free ports.
    pub(crate) fn serve(&self) -> Running {
        self.serve_with(&[])
    }

    /// A server with more arguments.
    pub(crate) fn serve_with(&self, arguments: &[&str]) -> Running {
        let ready = self.path().join("ready.json");
        // A killed server's would be taken for the new one's.
        let _ = fs::remove_file(&ready);
        let mut command = mayday(&["serve"]);
        command
            .args(["--http", "127.0.0.1:0", "--mqtt", "127.0.0.1:0"])
            .args(["--admin", "127.0.0.1:0", "--ready-file"])
            .arg(&ready)
            .arg("--data-dir")
            .arg(self.data())
            .args(arguments)
            // The disk is everybody's: others may have nearly filled it.
            .env("MAYDAY_STORE__DISK_RESERVE_MIB", "64")
            .env("MAYDAY_STORE__DISK_RESERVE_PERCENT", "0")
            .stdout(Stdio::null())
            .stderr(fs::File::create(self.path().join("log")).unwrap());
        let mut child = command.spawn().unwrap();
        let address = wait_for("the ready file", || {
            if let Some(status) = child.try_wait().unwrap() {
                panic!("ended with {status}: {}", self.log());
            }
            let text = fs::read_to_string(&ready).ok()?;
            Some(serde_json::from_str::<Value>(&text).unwrap())
        });
        Running {
            child,
            ready,
            address,
        }
    }

    /// What the server logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path().join("log")).unwrap_or_default()
    }
}

/// A server; killed when dropped.
pub(crate) struct Running {
    child: Child,
    pub(crate) ready: PathBuf,
    address: Value,
}

impl Running {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn ready_content(&self) -> &Value {
        &self.address
    }

    pub(crate) fn address(&self, listener: &str) -> SocketAddr {
        self.address[listener].as_str().unwrap().parse().unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).unwrap();
    }

    /// Waits for the end; answers the exit code.
    pub(crate) fn ended(&mut self) -> Option<i32> {
        wait_for("the server's end", || self.child.try_wait().unwrap()).code()
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// GET with a user's credentials; answers status and body.
    pub(crate) fn get(&self, path: &str, app: &str, user: &str, hash: &str) -> (u16, Value) {
        request(self.address("http"), path, &proof(app, user, hash))
    }

    /// POST of JSON with a user's credentials; answers status and body.
    pub(crate) fn post(&self, path: &str, app: &str, user: &str, hash: &str, body: &Value) -> u16 {
        let (line, head) = (format!("POST {path}"), proof(app, user, hash));
        exchange(self.address("http"), &line, &head, &body.to_string()).0
    }

    /// POST with other credentials than a user's; answers status and body.
    pub(crate) fn post_as(&self, path: &str, head: &str, body: &str) -> (u16, Value) {
        exchange(self.address("http"), &format!("POST {path}"), head, body)
    }
}

fn proof(app: &str, user: &str, hash: &str) -> String {
    format!("X-App-ID: {app}\r\nX-User-ID: {user}\r\nAuthorization: Bearer {hash}\r\n")
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One GET on a connection of its own.
pub(crate) fn request(address: SocketAddr, path: &str, head: &str) -> (u16, Value) {
    exchange(address, &format!("GET {path}"), head, "")
}

/// One request on a connection of its own; `line` is method and path.
fn exchange(address: SocketAddr, line: &str, head: &str, body: &str) -> (u16, Value) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    let length = body.len();
    write!(
        stream,
        "{line} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{head}\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let status = text[9..12].parse().unwrap();
    let body = text.split_once("\r\n\r\n").unwrap().1;
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}
