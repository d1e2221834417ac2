//! `mayday bench`: puts load on a running server and says what it took.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clap::{Args, Subcommand, ValueHint};
use mayday_core::clock::Clock as _;
use serde::Serialize;

use super::serve::parse_address;
use super::sign::read_secret;
use crate::bench::client::Target;
use crate::bench::connect::Visitors;
use crate::bench::crew::{self, Bounds, Summary};
use crate::bench::histogram::Latency;
use crate::bench::idle::{Idlers, resident_bytes};
use crate::bench::link::{Under, trust};
use crate::bench::packets::Protocol;
use crate::bench::people::People;
use crate::bench::publish::Publisher;
use crate::bench::request::Requests;
use crate::bench::sos::Cries;
use crate::clock::AnchoredClock;
use crate::failure::{Failure, Outcome};
use crate::limits;
use crate::output::{Cell, Output};

/// Connections of a run at most.
const MAX_CONNECTIONS: i64 = 50_000;
/// Descriptors beside the connections.
const OWN_DESCRIPTORS: u64 = 64;

/// `mayday bench`
#[derive(Debug, Args)]
#[command(
    subcommand_required = true,
    after_help = "\
Users are made by their first connection, and `bench sos` raises real incidents:
use a server whose data you can throw away. Without --app no identity is sent,
for MQTT servers that ask for none.

Examples:
  mayday bench mqtt --app shop --secret-file key --connections 100 --window 16
  mayday bench mqtt --target 127.0.0.1:1884 --window 1 --json
  mayday bench sos --app shop --secret-file key --background-rate 10000
  mayday bench idle --app shop --secret-file key --connections 10000 --pid 4711"
)]
pub(crate) struct BenchArgs {
    #[command(subcommand)]
    load: Load,
}

#[derive(Debug, Subcommand)]
enum Load {
    /// Publish telemetry, at full speed or at a rate
    Mqtt(MqttArgs),
    /// Raise SOS beside telemetry; time PUBACK and event
    Sos(SosArgs),
    /// Connect and disconnect
    Connect(ConnectArgs),
    /// Hold connections that do nothing
    Idle(IdleArgs),
    /// Send HTTP requests
    Http(HttpArgs),
}

/// What every kind of load takes.
#[derive(Debug, Args)]
struct Common {
    /// The app whose users connect
    #[arg(long, value_name = "ID", requires = "secret_file")]
    app: Option<String>,
    /// Read the app's secret from this file
    #[arg(long, value_name = "FILE", requires = "app", value_hint = ValueHint::FilePath)]
    secret_file: Option<PathBuf>,
    /// Users are named by this and a number
    #[arg(long, value_name = "TEXT", default_value = "bench")]
    user_prefix: String,
    /// Connections
    #[arg(long, short, value_name = "N", default_value_t = 100,
          value_parser = clap::value_parser!(u32).range(1..=MAX_CONNECTIONS))]
    connections: u32,
    /// Seconds that are measured
    #[arg(long, short, value_name = "N", default_value_t = 10,
          value_parser = clap::value_parser!(u32).range(1..=86_400))]
    seconds: u32,
    /// Seconds of load before them that are not
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u32).range(0..=600))]
    warm_up: u32,
    /// Stop after so many operations, the unmeasured included
    #[arg(long, value_name = "N")]
    count: Option<u64>,
    /// Threads that make the load
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u32).range(1..=64))]
    threads: u32,
    /// Print one JSON value
    #[arg(long)]
    json: bool,
}

/// How MQTT is spoken.
#[derive(Clone, Debug, Args)]
struct Wire {
    /// The MQTT listener
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:1883",
          value_parser = parse_address)]
    target: SocketAddr,
    /// Protocol version: 3.1.1 or 5
    #[arg(long, value_name = "VERSION", value_enum, default_value_t = Protocol::V311,
          hide_possible_values = true)]
    protocol: Protocol,
    /// Keep-alive in seconds
    #[arg(long, value_name = "N", default_value_t = 60)]
    keep_alive: u16,
    /// TLS: believe the certificates in this PEM file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    ca_file: Option<PathBuf>,
    /// MQTT in a WebSocket; --target is an HTTP listener
    #[arg(long)]
    websocket: bool,
}

#[derive(Debug, Args)]
struct MqttArgs {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    wire: Wire,
    /// Quality of service: 0, 1 or 2
    #[arg(long, value_name = "QOS", default_value_t = 1,
          value_parser = clap::value_parser!(u8).range(0..=2))]
    qos: u8,
    /// Publishes that one connection leaves unanswered (MQTT 5: at most what
    /// the server's receive maximum allows)
    #[arg(long, short, value_name = "N", default_value_t = 16,
          value_parser = clap::value_parser!(u16).range(1..=1024))]
    window: u16,
    /// Bytes of a body
    #[arg(long, value_name = "BYTES", default_value_t = 200,
          value_parser = clap::value_parser!(u32).range(1..=200_000))]
    payload: u32,
    /// Publishes a second, of all connections [default: as fast as they are answered]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,
}

#[derive(Debug, Args)]
struct SosArgs {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    wire: Wire,
    /// Users who raise them
    #[arg(long, value_name = "N", default_value_t = 20,
          value_parser = clap::value_parser!(u32).range(1..=1000))]
    victims: u32,
    /// SOS a second, of all victims
    #[arg(long, value_name = "N", default_value_t = 20,
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: u32,
    /// Telemetry samples a second beside them, on --connections; 0: none
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    background_rate: u32,
}

#[derive(Debug, Args)]
struct ConnectArgs {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    wire: Wire,
    /// Users that take turns on each of --connections
    #[arg(long, value_name = "N", default_value_t = 10,
          value_parser = clap::value_parser!(u32).range(1..=1000))]
    users: u32,
}

#[derive(Debug, Args)]
struct IdleArgs {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    wire: Wire,
    /// Tell how much the resident memory of this process grew for them
    #[arg(long, value_name = "PID")]
    pid: Option<u32>,
}

#[derive(Debug, Args)]
struct HttpArgs {
    #[command(flatten)]
    common: Common,
    /// The HTTP listener
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8080",
          value_parser = parse_address)]
    target: SocketAddr,
    /// Path and query
    #[arg(long, default_value = "/v1/sdk/me", value_parser = parse_path)]
    path: String,
    /// Send a POST with this body instead of a GET; `%n` counts in it
    #[arg(long, value_name = "JSON")]
    body: Option<String>,
}

/// What is printed with `--json`.
#[derive(Serialize)]
struct Report<'a> {
    /// The kind of load.
    bench: &'static str,
    /// What it consisted of.
    load: serde_json::Value,
    #[serde(flatten)]
    summary: &'a Summary,
    /// Resident bytes of the server for each connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    resident_bytes_each: Option<u64>,
}

/// Loads the server.
pub(crate) fn run(args: BenchArgs) -> Outcome {
    match args.load {
        Load::Mqtt(args) => mqtt(&args),
        Load::Sos(args) => sos(&args),
        Load::Connect(args) => connect(&args),
        Load::Idle(args) => idle(&args),
        Load::Http(args) => http(&args),
    }
}

fn mqtt(args: &MqttArgs) -> Outcome {
    let publisher = Publisher {
        target: args.wire.target()?,
        people: args.common.people("")?,
        qos: args.qos,
        window: args.window,
        payload: size(args.payload),
        every: args.rate.map(|rate| args.common.interval(rate)),
    };
    let summary = crew::run(&publisher, args.common.bounds(), "acks")?;
    let load = serde_json::json!({
        "qos": args.qos,
        "window": args.window,
        "payload_bytes": args.payload,
        "protocol": args.wire.protocol,
        "rate": args.rate,
    });
    args.common.print("mqtt", load, &summary, None)
}

fn sos(args: &SosArgs) -> Outcome {
    let common = &args.common;
    let background_connections = match args.background_rate {
        0 => 0,
        _ => size(common.connections),
    };
    let cries = Cries {
        target: args.wire.target()?,
        people: common.people("-victim")?,
        every: Duration::from_secs(1) * args.victims / args.rate,
        background: Publisher {
            target: args.wire.target()?,
            people: common.people("")?,
            qos: 1,
            window: 256,
            payload: 200,
            every: (args.background_rate > 0).then(|| common.interval(args.background_rate)),
        },
        background_connections,
    };
    let bounds = Bounds {
        connections: background_connections + size(args.victims),
        ..common.bounds()
    };
    let summary = crew::run(&cries, bounds, "answers")?;
    let load = serde_json::json!({
        "victims": args.victims,
        "rate": args.rate,
        "background_rate": args.background_rate,
        "protocol": args.wire.protocol,
    });
    common.print("sos", load, &summary, None)
}

fn connect(args: &ConnectArgs) -> Outcome {
    let visitors = Visitors {
        target: args.wire.target()?,
        people: args.common.people("")?,
        users_per_lane: size(args.users),
    };
    let summary = crew::run(&visitors, args.common.bounds(), "connects")?;
    let load = serde_json::json!({ "users": args.users, "protocol": args.wire.protocol });
    args.common.print("connect", load, &summary, None)
}

fn idle(args: &IdleArgs) -> Outcome {
    let before = args.pid.and_then(resident_bytes);
    if let (Some(pid), None) = (args.pid, before) {
        return Err(Failure::new(format!(
            "--pid: the memory of process {pid} cannot be read"
        )));
    }
    let idlers = Idlers {
        target: args.wire.target()?,
        people: args.common.people("")?,
        pid: args.pid,
        resident: Arc::new(Mutex::new(None)),
    };
    let bounds = Bounds {
        warm_up: Duration::ZERO,
        ..args.common.bounds()
    };
    let summary = crew::run(&idlers, bounds, "pings")?;
    let after = *idlers
        .resident
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let each = before.zip(after).map(|(before, after)| {
        after.saturating_sub(before) / u64::from(args.common.connections.max(1))
    });
    let load = serde_json::json!({ "protocol": args.wire.protocol });
    args.common.print("idle", load, &summary, each)
}

fn http(args: &HttpArgs) -> Outcome {
    let requests = Requests {
        address: args.target,
        people: args.common.people("")?,
        path: args.path.clone(),
        body: args.body.clone(),
        // No number comes twice, not in a later run either.
        numbers: Arc::new(AtomicU64::new(
            u64::try_from(AnchoredClock::new().now().as_micros()).unwrap_or_default(),
        )),
    };
    let summary = crew::run(&requests, args.common.bounds(), "answers")?;
    let load = serde_json::json!({ "path": args.path });
    args.common.print("http", load, &summary, None)
}

impl Wire {
    fn target(&self) -> Result<Target, Failure> {
        Ok(Target {
            address: self.target,
            under: Under {
                tls: self.ca_file.as_deref().map(trust).transpose()?,
                websocket: self.websocket,
            },
            protocol: self.protocol,
            keep_alive_seconds: self.keep_alive,
        })
    }
}

impl Common {
    fn bounds(&self) -> Bounds {
        // A victim of `bench sos` holds two connections.
        let descriptors = u64::from(self.connections) * 2 + OWN_DESCRIPTORS;
        limits::raise_file_descriptors(descriptors, u64::from(self.connections));
        Bounds {
            threads: size(self.threads.min(self.connections)),
            connections: size(self.connections),
            warm_up: Duration::from_secs(self.warm_up.into()),
            measured: Duration::from_secs(self.seconds.into()),
            count: self.count.unwrap_or(u64::MAX),
        }
    }

    fn people(&self, suffix: &str) -> Result<Arc<People>, Failure> {
        let app = match (&self.app, &self.secret_file) {
            (Some(app), Some(file)) => Some((app.clone(), read_secret(Some(file))?)),
            _ => None,
        };
        let prefix = format!("{}{suffix}", self.user_prefix);
        Ok(Arc::new(People::new(app, &prefix)))
    }

    /// Time between two publishes of one connection at `rate` of all.
    fn interval(&self, rate: u32) -> Duration {
        Duration::from_secs(1) * self.connections / rate.max(1)
    }

    fn print(
        &self,
        bench: &'static str,
        load: serde_json::Value,
        summary: &Summary,
        resident_bytes_each: Option<u64>,
    ) -> Outcome {
        let out = Output::new(self.json);
        let report = Report {
            bench,
            load,
            summary,
            resident_bytes_each,
        };
        out.value(&report, |out| {
            out.pairs(&pairs(summary, resident_bytes_each))
        })?;
        // A run that broke is told in its result and by the exit code.
        match &summary.why {
            Some(why) if summary.answered == 0 => Err(Failure::new(format!(
                "nothing was answered; the first connection ended because: {why}"
            ))),
            _ => Ok(()),
        }
    }
}

fn pairs(summary: &Summary, resident: Option<u64>) -> Vec<(&'static str, Cell)> {
    let mut pairs = vec![
        ("connections", Cell::from(summary.connections.to_string())),
        ("measured", Cell::from(format!("{:.1} s", summary.seconds))),
        ("answered", Cell::from(summary.answered.to_string())),
        ("a second", Cell::from(format!("{:.0}", summary.per_second))),
    ];
    if let Some(latency) = &summary.latency_ms {
        pairs.push(("latency", latency_cell(latency)));
    }
    if let Some(latency) = &summary.event_after_ms {
        pairs.push(("event after it", latency_cell(latency)));
    }
    if let Some(background) = &summary.background {
        let rate = format!("{:.0} a second", background.per_second);
        pairs.push(("background", Cell::from(rate)));
        pairs.push(("its latency", latency_cell(&background.latency_ms)));
    }
    if let Some(bytes) = resident {
        pairs.push(("resident each", Cell::from(format!("{bytes} bytes"))));
    }
    for (name, count) in [
        ("refused", summary.refused),
        ("unanswered", summary.unanswered),
        ("broken", summary.broken),
    ] {
        if count > 0 {
            pairs.push((name, Cell::from(count.to_string())));
        }
    }
    if let Some(why) = &summary.why {
        pairs.push(("because", Cell::from(why.as_str())));
    }
    let cpu = format!("{:.0} % of a core", summary.client_cpu_percent);
    pairs.push(("client", Cell::from(cpu)));
    pairs
}

fn latency_cell(latency: &Latency) -> Cell {
    Cell::from(format!(
        "p50 {:.2}  p90 {:.2}  p99 {:.2}  p99.9 {:.2}  max {:.2} ms",
        latency.p50, latency.p90, latency.p99, latency.p999, latency.max
    ))
}

fn parse_path(text: &str) -> Result<String, String> {
    if text.starts_with('/') && !text.chars().any(|c| c.is_control() || c == ' ') {
        Ok(text.to_owned())
    } else {
        Err("a path that begins with /, such as /v1/sdk/me".to_owned())
    }
}

fn size(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
