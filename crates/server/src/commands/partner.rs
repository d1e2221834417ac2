//! `mayday partner`: a reference partner server, to integrate against and to read.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueHint};
use mayday_core::clock::{SharedClock, SharedEntropy};
use mayday_core::identity::AppId;
use tokio::net::TcpListener;
use zeroize::Zeroizing;

use super::serve::parse_address;
use super::sign::{parse_duration, read_secret};
use crate::clock::AnchoredClock;
use crate::entropy::SystemEntropy;
use crate::failure::{Failure, Outcome};
use crate::input;
use crate::lifecycle::Signals;
use crate::node;
use crate::output::print_line;
use crate::partner::{self, Listener, PartnerSettings};

/// The largest file that is taken for a key, in bytes.
const MAX_KEY_BYTES: u64 = 1_024;

/// The longest life of a token that is of use: mayday takes no longer one.
const MAX_TOKEN_LIFE: Duration = Duration::from_hours(24);

/// `mayday partner`
#[derive(Debug, Args)]
#[command(after_help = "\
A partner is your own server beside mayday. This one logs users in on a page (or
by POST /login), says what its tokens are (/tokeninfo), signs hashes (/sign)
and receives notifications (/webhook). It prints what happens, never a token. It
asks for no password: who reaches it may be anybody.

Examples:
  mayday partner --app shop
  mayday partner --app shop --webhook-secret-file hook.secret
  curl -d user=ana http://127.0.0.1:8090/login
  mayday sso set --app shop --audience safety-app --local true \\
      --token-info-url http://127.0.0.1:8090/tokeninfo")]
pub(crate) struct PartnerArgs {
    /// The app's id
    #[arg(long, value_name = "ID")]
    app: String,
    /// Listen here; port 0 picks a free one
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8090", value_parser = parse_address)]
    listen: SocketAddr,
    /// Listen on an address that others reach, who may then log in as anybody
    #[arg(long)]
    let_anybody_in: bool,
    /// `aud` of its tokens
    #[arg(long, value_name = "TEXT", default_value = "safety-app")]
    audience: String,
    /// How long a token lives: a number with s, m, h or d
    #[arg(long, value_name = "10m", default_value = "10m", value_parser = parse_duration)]
    token_life: Duration,
    /// The parameter that carries the token at /tokeninfo
    #[arg(long, value_name = "NAME", default_value = "token")]
    parameter: String,
    /// Ask mayday for the key in this file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    api_key_file: Option<PathBuf>,
    /// The header that the key comes in
    #[arg(
        long,
        value_name = "NAME",
        default_value = "x-api-key",
        requires = "api_key_file"
    )]
    api_key_header: String,
    /// Sign user hashes with the app's secret in this file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    secret_file: Option<PathBuf>,
    /// Believe notifications by the secrets in this file, one a line; it is read
    /// for each, so it may be written later
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    webhook_secret_file: Option<PathBuf>,
}

/// Serves until a signal.
pub(crate) fn run(args: PartnerArgs) -> Outcome {
    let listen = args.listen;
    if !listen.ip().is_loopback() && !args.let_anybody_in {
        return Err(Failure::new(format!(
            "{listen} can be reached by others, who would log in as anybody: listen on \
             {}, or say --let-anybody-in",
            IpAddr::V4(Ipv4Addr::LOCALHOST)
        )));
    }
    let settings = args.settings()?;
    node::runtime()?.block_on(async {
        let signals = Signals::listen()?;
        let listener = TcpListener::bind(listen).await.map_err(|error| {
            Failure::new(format!(
                "{listen} cannot be listened on: {error}; see --listen"
            ))
        })?;
        print_line(&format!("listening on http://{}", listener.local_addr()?))?;
        let entropy = SystemEntropy::new()
            .map_err(|error| Failure::new(format!("the system gives no randomness: {error}")))?;
        let clock = Arc::new(AnchoredClock::new()) as SharedClock;
        let entropy = Arc::new(entropy) as SharedEntropy;
        tokio::select! {
            served = partner::serve(listener, settings, clock, entropy, signals.drain.clone()) => {
                served.map_err(|error| Failure::new(format!("the partner ended: {error}")))
            }
            // Somebody's open connection keeps nobody.
            () = signals.stop.cancelled() => Ok(()),
        }
    })
}

impl PartnerArgs {
    fn settings(self) -> Result<PartnerSettings, Failure> {
        let app =
            AppId::parse(&self.app).map_err(|error| Failure::new(format!("--app: {error}")))?;
        if self.token_life > MAX_TOKEN_LIFE {
            return Err(Failure::new("--token-life: a day at most"));
        }
        let key = self.api_key_file.map(|path| {
            let text = input::file(&path, MAX_KEY_BYTES)?;
            let key = Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned());
            if key.is_empty() {
                return Err(Failure::new("the key file is empty"));
            }
            Ok(key)
        });
        let secret = self.secret_file.as_deref();
        Ok(PartnerSettings {
            app,
            audience: self.audience,
            token_life: self.token_life,
            parameter: self.parameter,
            api_key: key.transpose()?.map(|key| (self.api_key_header, key)),
            app_secret: secret.map(|path| read_secret(Some(path))).transpose()?,
            webhook_secrets: self.webhook_secret_file,
            listener: Listener::Terminal,
        })
    }
}
