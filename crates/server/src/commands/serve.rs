//! `mayday serve`: serves SDKs until a signal.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use super::config::FileArg;
use crate::config::{Config, OFF, Override, Sources};
use crate::failure::{Failure, Outcome};
use crate::lifecycle::{ReadyFile, Signals, outlive_hangups};
use crate::node;
use crate::serving::Server;
use crate::telemetry;

/// `mayday serve`
#[derive(Debug, Args)]
#[command(after_help = "\
Every setting can be made in three ways, the later winning: in the file, by a
variable MAYDAY_<SECTION>__<KEY>, by a flag. `mayday config example` prints all
settings with their defaults and units, `mayday config show` those in force. A
database's URL holds a password: prefer MAYDAY_STORE__DATABASE_URL to the flag.

The first SIGTERM or SIGINT drains: no new connections, commands under way are
acknowledged (see lifecycle.drain_seconds). The second stops at once. What was
acknowledged is safe either way. SIGHUP reads the certificate again; a changed
file is noticed without it.

Examples:
  mayday serve
  mayday serve --data-dir /var/lib/mayday --http 0.0.0.0:8080
  mayday serve --tls self-signed
  mayday serve --tls-cert chain.pem --tls-key key.pem --https 0.0.0.0:443
  mayday serve --config /etc/mayday.toml --set telemetry.retention_days=90
  mayday serve --http 127.0.0.1:0 --mqtt 127.0.0.1:0 --ready-file up.json")]
pub(crate) struct ServeArgs {
    /// Directory of the data [default: ./mayday-data]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    data_dir: Option<String>,
    /// Listen for HTTP here, or `off`; port 0 picks a free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR:PORT", value_parser = parse_listener)]
    http: Option<String>,
    /// Listen for MQTT here, or `off`; port 0 picks a free one [default: 127.0.0.1:1883]
    #[arg(long, value_name = "ADDR:PORT", value_parser = parse_listener)]
    mqtt: Option<String>,
    /// Serve with TLS too, with a certificate that is made in the data directory
    #[arg(long, value_name = "KIND", conflicts_with_all = ["tls_cert", "tls_key"])]
    tls: Option<TlsKind>,
    /// Serve with TLS too: PEM file of the certificate and its chain
    #[arg(long, value_name = "FILE", requires = "tls_key", value_hint = ValueHint::FilePath)]
    tls_cert: Option<String>,
    /// PEM file of the certificate's private key
    #[arg(long, value_name = "FILE", requires = "tls_cert", value_hint = ValueHint::FilePath)]
    tls_key: Option<String>,
    /// With TLS, listen for MQTT here, or `off` [default: 127.0.0.1:8883]
    #[arg(long, value_name = "ADDR:PORT", value_parser = parse_listener)]
    mqtts: Option<String>,
    /// With TLS, listen for HTTPS here, or `off` [default: 127.0.0.1:8443]
    #[arg(long, value_name = "ADDR:PORT", value_parser = parse_listener)]
    https: Option<String>,
    /// Listen for health and metrics here; port 0 picks a free one [default: 127.0.0.1:9090]
    #[arg(long, value_name = "ADDR:PORT", value_parser = parse_address)]
    admin: Option<SocketAddr>,
    /// Keep the state in this PostgreSQL [default: embedded, in the data directory]
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    #[command(flatten)]
    file: FileArg,
    /// Write addresses and pid here as JSON once every listener accepts [default: none]
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// Make any other setting, such as `telemetry.retention_days=90`; repeatable
    #[arg(long = "set", value_name = "SECTION.KEY=VALUE", value_parser = parse_setting)]
    settings: Vec<(String, String)>,
}

/// Which certificate is made.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum TlsKind {
    // Without a sentence in the help, which would make all of it twice as long.
    SelfSigned,
}

/// Serves until a signal.
pub(crate) fn run(args: ServeArgs) -> Outcome {
    let ready_file = args.ready_file.clone();
    let config = Config::load(&args.sources())?;
    telemetry::init(&config.log);
    if let Some(path) = &ready_file {
        ReadyFile::prepare(path).map_err(|error| unwritable(path, &error))?;
    }
    node::runtime()?.block_on(async {
        let signals = Signals::listen()?;
        outlive_hangups(config.tls.certificate.is_some())?;
        let started = tokio::select! {
            started = Server::start(&config) => started?,
            // Nothing was accepted yet: there is nothing to drain.
            () = signals.drain.cancelled() => return Ok(()),
        };
        let written = ready_file.map(|path| {
            ReadyFile::write(&path, started.addresses()).map_err(|error| unwritable(&path, &error))
        });
        let written = written.transpose();
        if written.is_err() {
            // Whoever started us waits for the file: serving on would help nobody.
            signals.drain.cancel();
        }
        let ended = started.run(&signals).await;
        written.and(ended)
    })
}

fn unwritable(path: &std::path::Path, error: &std::io::Error) -> Failure {
    let why = match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => {
            "its directory does not exist: make that first, or choose another --ready-file"
        }
        ErrorKind::PermissionDenied => {
            "permission denied: let the user that runs mayday write there, or choose another \
             --ready-file"
        }
        ErrorKind::IsADirectory => "it is a directory: name a file with --ready-file",
        _ => {
            return Failure::new(format!(
                "the ready file {} cannot be written: {error}; check --ready-file",
                path.display()
            ));
        }
    };
    Failure::new(format!(
        "the ready file {} cannot be written: {why}",
        path.display()
    ))
}

impl ServeArgs {
    fn sources(self) -> Sources {
        let flag = |key: &str, name: &str, value: Option<String>| {
            value.map(|value| Override {
                key: key.to_owned(),
                flag: name.to_owned(),
                value,
            })
        };
        let text = |address: Option<SocketAddr>| address.map(|address| address.to_string());
        let self_signed = self.tls.map(|TlsKind::SelfSigned| true.to_string());
        let named = [
            flag("store.data_dir", "--data-dir", self.data_dir),
            flag("http.listen", "--http", self.http),
            flag("mqtt.listen", "--mqtt", self.mqtt),
            flag("tls.self_signed", "--tls", self_signed),
            flag("tls.cert_file", "--tls-cert", self.tls_cert),
            flag("tls.key_file", "--tls-key", self.tls_key),
            flag("tls.mqtts_listen", "--mqtts", self.mqtts),
            flag("tls.https_listen", "--https", self.https),
            flag("admin.listen", "--admin", text(self.admin)),
            flag("store.database_url", "--database", self.database),
        ];
        let set = self.settings.into_iter().map(|(key, value)| Override {
            flag: format!("--set {key}"),
            key,
            value,
        });
        let flags = set.chain(named.into_iter().flatten()).collect();
        Sources::new(self.file.config, flags)
    }
}

fn parse_setting(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if key.contains('.') => Ok((key.trim().to_owned(), value.to_owned())),
        _ => Err("SECTION.KEY=VALUE, such as telemetry.retention_days=90".to_owned()),
    }
}

/// An address with a port, or `off`.
fn parse_listener(text: &str) -> Result<String, String> {
    if text == OFF {
        return Ok(text.to_owned());
    }
    match parse_address(text) {
        Ok(address) => Ok(address.to_string()),
        Err(wanted) => Err(format!("{wanted}, or {OFF}")),
    }
}

/// An address with a port.
pub(super) fn parse_address(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| "an IP address with a port, such as 127.0.0.1:8080 or [::]:8080".to_owned())
}
