//! `mayday demo`: starts everything, tells the story, keeps serving.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::serve::parse_address;
use crate::config::{Config, Override, Sources};
use crate::demo::{Addresses, DemoPartner, Scene, Stage, play};
use crate::failure::{Failure, Outcome};
use crate::lifecycle::{self, Signals};
use crate::node;
use crate::output::print_line;
use crate::serving::Server;
use crate::telemetry;

/// Where the demo keeps its data unless told otherwise.
const DATA_DIR: &str = "./mayday-demo";

/// Connections of each kind: a visitor's, within any system's usual limits.
const CONNECTIONS: u32 = 256;

/// `mayday demo`
#[derive(Debug, Args)]
#[command(after_help = "\
Starts a whole server with its data in ./mayday-demo, lets a false alarm and a
true SOS go through it over real MQTT and HTTP connections, logs a user in with
a partner's token, prints lines for mosquitto_pub and curl with working
credentials, and keeps serving until Ctrl-C.
What would go to contacts stays on the screen; their links are real. The data is
kept, so lines that were copied go on working with the next demo. A usual port
that is taken is replaced by a free one.

Examples:
  mayday demo
  mayday demo --data-dir /tmp/try --once")]
pub(crate) struct DemoArgs {
    /// Directory of the data
    #[arg(long, value_name = "DIR", default_value = DATA_DIR, value_hint = ValueHint::DirPath)]
    data_dir: String,
    /// Listen for HTTP here [default: 127.0.0.1:8080, or a free port]
    #[arg(long, value_name = "ADDR:PORT", value_parser = parse_address)]
    http: Option<SocketAddr>,
    /// Listen for MQTT here [default: 127.0.0.1:1883, or a free port]
    #[arg(long, value_name = "ADDR:PORT", value_parser = parse_address)]
    mqtt: Option<SocketAddr>,
    /// Listen for health and metrics here [default: 127.0.0.1:9090, or a free port]
    #[arg(long, value_name = "ADDR:PORT", value_parser = parse_address)]
    admin: Option<SocketAddr>,
    /// End after the story, instead of printing lines to try and serving on
    #[arg(long)]
    once: bool,
}

/// Starts everything, tells the story, keeps serving.
pub(crate) fn run(args: DemoArgs) -> Outcome {
    let once = args.once;
    let data_dir = PathBuf::from(&args.data_dir);
    let config = Config::load(&args.sources())?;
    telemetry::init(&config.log);
    node::runtime()?.block_on(async {
        let signals = Signals::listen()?;
        let mut partner = DemoPartner::start().await?;
        let server = tokio::select! {
            server = Server::start(&config) => server?,
            () = signals.drain.cancelled() => return Ok(()),
        };
        let stage = Stage::new();
        let scene = Scene {
            data_dir: &data_dir,
            addresses: plain(server.addresses())?,
            stage,
            stays: !once,
        };
        let told = tokio::select! {
            told = play(server.app(), &scene, &mut partner) => told,
            () = signals.drain.cancelled() => Ok(()),
        };
        if once || told.is_err() {
            signals.drain.cancel();
        } else if !signals.drain.is_cancelled() {
            print_line("Serving. Ctrl-C ends the demo; its data is kept.")?;
        }
        let ended = server.run(&signals).await;
        told.and(ended).and(partner.end().await)?;
        if !once {
            // The terminal has written ^C.
            let data = data_dir.display();
            print_line(&format!(
                "\nEnded. Remove {data} to begin anew; with it the next demo goes on from here."
            ))?;
        }
        Ok(())
    })
}

impl DemoArgs {
    fn sources(self) -> Sources {
        let flag = |key: &str, flag: &str, value: String| Override {
            key: key.to_owned(),
            flag: flag.to_owned(),
            value,
        };
        let listen = |key: &str, name: &str, given: Option<SocketAddr>, usual: u16| {
            let address = given.unwrap_or_else(|| usual_or_free(usual));
            flag(key, name, address.to_string())
        };
        let flags = vec![
            flag("store.data_dir", "--data-dir", self.data_dir),
            // The story is told on the same terminal: only what is wrong is logged.
            flag("log.filter", "demo", "warn".to_owned()),
            // What would be sent stays on the screen, where the story finds it.
            flag("sending.sms_routes", "demo", "+ screen".to_owned()),
            flag("sending.voice_routes", "demo", "+ screen".to_owned()),
            // A disk that is nearly full is no reason to refuse the story its telemetry.
            flag("store.disk_reserve_mib", "demo", "64".to_owned()),
            flag("store.disk_reserve_percent", "demo", "0".to_owned()),
            flag("http.max_connections", "demo", CONNECTIONS.to_string()),
            flag("mqtt.max_connections", "demo", CONNECTIONS.to_string()),
            flag("mqtt.max_unproven_connections", "demo", "64".to_owned()),
            listen("http.listen", "--http", self.http, 8080),
            listen("mqtt.listen", "--mqtt", self.mqtt, 1883),
            listen("admin.listen", "--admin", self.admin, 9090),
        ];
        // The demo is the same everywhere: it reads no file and no variables.
        Sources {
            file: None,
            environment: Vec::new(),
            flags,
        }
    }
}

/// The listeners that the demo has turned on.
fn plain(addresses: lifecycle::Addresses) -> Result<Addresses, Failure> {
    let lifecycle::Addresses {
        http, mqtt, admin, ..
    } = addresses;
    match (http, mqtt) {
        (Some(http), Some(mqtt)) => Ok(Addresses { http, mqtt, admin }),
        _ => Err(Failure::new("the demo needs its HTTP and MQTT listeners")),
    }
}

/// The usual port on loopback, or port 0 when it is taken.
fn usual_or_free(port: u16) -> SocketAddr {
    let usual = SocketAddr::from(([127, 0, 0, 1], port));
    match std::net::TcpListener::bind(usual) {
        Ok(_) => usual,
        Err(_) => SocketAddr::from(([127, 0, 0, 1], 0)),
    }
}
