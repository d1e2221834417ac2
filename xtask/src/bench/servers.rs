//! The two servers, on free ports of 127.0.0.1 and in a directory that is
//! removed with them.

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::Failure;
use crate::postgres::free_port;
use crate::run::{self, must};

/// From the start to the first answer.
const START_LIMIT: Duration = Duration::from_secs(30);

/// A directory that is removed when dropped.
pub(super) struct Place(PathBuf);

/// Makes a directory for this run.
pub(super) fn place() -> Result<Place, Failure> {
    let path = std::env::temp_dir().join(format!("mayday-bench-{}", std::process::id()));
    run::directory(&path)?;
    Ok(Place(path))
}

impl Place {
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A running Mosquitto; dropped, it is gone.
pub(super) struct Broker {
    child: Child,
    pub(super) address: String,
}

impl Broker {
    /// Starts one that stores nothing and asks nobody who they are.
    pub(super) fn start(program: &Path, place: &Path) -> Result<Self, Failure> {
        let port = free_port()?;
        let config = place.join("mosquitto.conf");
        let text = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n\
             max_inflight_messages 0\nmax_queued_messages 0\nset_tcp_nodelay true\nlog_dest none\n"
        );
        fs::write(&config, text).map_err(|error| format!("{}: {error}", config.display()))?;
        let mut command = Command::new(program);
        command.arg("-c").arg(&config);
        let child = quietly(command)?;
        let broker = Self {
            child,
            address: format!("127.0.0.1:{port}"),
        };
        if run::until(START_LIMIT, || TcpStream::connect(&broker.address).is_ok()) {
            Ok(broker)
        } else {
            Err("mosquitto did not answer within 30 s of its start".to_owned())
        }
    }
}

impl Broker {
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A running mayday with an app; dropped, it is gone.
pub(super) struct Mayday {
    child: Child,
    pub(super) binary: PathBuf,
    pub(super) http: String,
    pub(super) mqtt: String,
    pub(super) mqtts: String,
    pub(super) https: String,
    /// The file with its certificate.
    pub(super) certificate: String,
    pub(super) admin: String,
    pub(super) pid: u32,
    /// The flags that make `mayday bench` sign its users.
    pub(super) signed: Vec<String>,
    database: Option<String>,
    place: PathBuf,
}

impl Mayday {
    /// Starts one, with the embedded database or on PostgreSQL.
    pub(super) fn start(
        binary: &Path,
        place: &Path,
        database: Option<&str>,
    ) -> Result<Self, Failure> {
        let at = data(place, database);
        let app = format!("bench-{}", std::process::id());
        let mut create = run::command(binary, &["app", "create", "--json", "--id", &app]);
        create.args(&at);
        let made = must(create, "bench-app")?;
        let made: Option<Value> = made
            .text
            .lines()
            .find_map(|line| serde_json::from_str(line).ok());
        let secret = made.as_ref().and_then(|made| made.get("secret")?.as_str());
        let secret = secret.ok_or("`mayday app create` printed no secret")?;
        let file = place.join("secret");
        fs::write(&file, secret).map_err(|error| format!("{}: {error}", file.display()))?;

        let signed = ["--app", &app, "--secret-file", &file.display().to_string()];
        let signed = signed.map(str::to_owned).to_vec();
        Self::serve(binary, place, database, signed)
    }

    /// Starts a server on what lies there, and waits until it is ready.
    fn serve(
        binary: &Path,
        place: &Path,
        database: Option<&str>,
        signed: Vec<String>,
    ) -> Result<Self, Failure> {
        let at = data(place, database);
        let ready = place.join("ready.json");
        let _ = fs::remove_file(&ready);
        let mut serve = Command::new(binary);
        serve.arg("serve").args(&at).arg("--ready-file").arg(&ready);
        for listener in ["--http", "--https", "--mqtt", "--mqtts", "--admin"] {
            serve.args([listener, "127.0.0.1:0"]);
        }
        serve.args(["--tls", "self-signed"]);
        // Room for the idle connections and for those of the other figures.
        serve.args(["--set", "mqtt.max_connections=12000"]);
        serve.args(["--set", "http.max_connections=12000"]);
        serve.args(["--set", "log.filter=warn"]);
        let mut child = quietly(serve)?;
        let up = || fs::read_to_string(&ready).ok();
        if !run::until(START_LIMIT, || up().is_some()) {
            let _ = child.kill();
            return Err("mayday was not ready within 30 s of its start".to_owned());
        }
        let told: Value = serde_json::from_str(&up().unwrap_or_default())
            .map_err(|error| format!("the ready file: {error}"))?;
        let text = |name: &str| {
            let text = told.get(name).and_then(Value::as_str);
            text.unwrap_or_default().to_owned()
        };
        Ok(Self {
            pid: child.id(),
            child,
            binary: binary.to_owned(),
            http: text("http"),
            mqtt: text("mqtt"),
            mqtts: text("mqtts"),
            https: text("https"),
            certificate: place.join("data/tls-certificate.pem").display().to_string(),
            admin: text("admin"),
            signed,
            database: database.map(str::to_owned),
            place: place.to_owned(),
        })
    }
}

impl Mayday {
    /// Runs `mayday bench` with these arguments against its MQTT listener.
    pub(super) fn bench(&self, arguments: &[&str]) -> Result<Value, Failure> {
        load(&self.binary, arguments, &self.mqtt, &self.signed)
    }

    /// `kill -9`: no farewell, no flush; then a server on what that left.
    pub(super) fn kill_and_serve(mut self) -> Result<Self, Failure> {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let signed = self.signed.clone();
        Self::serve(&self.binary, &self.place, self.database.as_deref(), signed)
    }
}

/// Runs `mayday bench` and reads its result.
pub(super) fn load(
    binary: &Path,
    arguments: &[&str],
    target: &str,
    more: &[String],
) -> Result<Value, Failure> {
    let mut command = run::command(binary, &["bench"]);
    command.args(arguments);
    command.args(["--target", target, "--json"]);
    command.args(more);
    let said = must(command, "bench")?;
    let line = said.text.lines().rev().find(|line| line.starts_with('{'));
    let value = line.and_then(|line| serde_json::from_str(line).ok());
    value.ok_or_else(|| format!("no result in:\n{}", said.end()))
}

/// The flags that name where the data lies.
fn data(place: &Path, database: Option<&str>) -> Vec<String> {
    let data = place.join("data");
    let mut at = vec!["--data-dir".to_owned(), data.display().to_string()];
    if let Some(url) = database {
        at.extend(["--database".to_owned(), url.to_owned()]);
    }
    at
}

impl Drop for Mayday {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn quietly(mut command: Command) -> Result<Child, Failure> {
    let name = command.get_program().to_string_lossy().into_owned();
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("{name}: {error}"))
}
