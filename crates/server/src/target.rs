//! Which mayday an `app`, `user`, `device` or `inspect` command is about.
//!
//! A running server is asked through its socket. Without one the command takes
//! the data directory's lock and opens the store itself, so that there is never
//! a second writer.

use std::time::Duration;

use clap::{Args, ValueHint};
use mayday_app::admin::{AdminReply, AdminRequest};

use tokio::time::Instant;

use crate::admin_socket::{self, CallError};
use crate::commands::config::FileArg;
use crate::config::{Config, Override, Sources};
use crate::failure::Failure;
use crate::node::{self, Creation};
use crate::output::Output;

/// How long a command waits for a data directory that is in use without a
/// server to ask.
const IN_USE_LIMIT: Duration = Duration::from_secs(10);

/// Between two attempts.
const IN_USE_PAUSE: Duration = Duration::from_millis(50);

/// Where a command finds the data, and how it prints.
#[derive(Debug, Args)]
pub(crate) struct Target {
    /// Directory of the data, where a running server is found [default: ./mayday-data]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    data_dir: Option<String>,
    /// Work on this PostgreSQL, without asking a server; the master key in --data-dir is needed
    /// only where a secret is made
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    #[command(flatten)]
    file: FileArg,
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
}

impl Target {
    /// How to print.
    pub(crate) fn output(&self) -> Output {
        Output::new(self.json)
    }

    /// The data directory.
    pub(crate) fn data_dir(&self) -> Result<std::path::PathBuf, Failure> {
        Ok(self.config()?.store.data_dir)
    }

    /// Has the request carried out, by the running server or here.
    pub(crate) fn ask(&self, request: &AdminRequest) -> Result<AdminReply, Failure> {
        let config = self.config()?;
        let retry = async {
            let deadline = Instant::now() + IN_USE_LIMIT;
            loop {
                match self.ask_once(&config, request).await {
                    // A server that is starting has no socket yet, and another
                    // command is done in a moment.
                    Err(failure) if failure.is_in_use() && Instant::now() < deadline => {
                        tokio::time::sleep(IN_USE_PAUSE).await;
                    }
                    answered => return answered,
                }
            }
        };
        node::runtime()?.block_on(retry)
    }

    async fn ask_once(
        &self,
        config: &Config,
        request: &AdminRequest,
    ) -> Result<AdminReply, Failure> {
        if self.database.is_none() {
            match admin_socket::call(&config.store.data_dir, request.clone()).await {
                Err(CallError::NoServer) => {}
                answered => return answered.map_err(|error| Failure::new(error.to_string())),
            }
        }
        let creation = match request {
            AdminRequest::AppCreate { .. } => Creation::IfMissing,
            _ => Creation::Never,
        };
        node::administer(config, creation, request.clone()).await
    }

    /// The settings, with the flags over them.
    pub(crate) fn config(&self) -> Result<Config, Failure> {
        let given = |key: &str, flag: &str, value: Option<String>| {
            value.map(|value| Override {
                key: key.to_owned(),
                flag: flag.to_owned(),
                value,
            })
        };
        let flags = [
            given("store.data_dir", "--data-dir", self.data_dir.clone()),
            given("store.database_url", "--database", self.database.clone()),
        ];
        let flags = flags.into_iter().flatten().collect();
        Ok(Config::load(&Sources::new(
            self.file.config.clone(),
            flags,
        ))?)
    }
}

/// The reply was of another kind than the request's: a fault of ours.
pub(crate) fn unexpected(reply: &AdminReply) -> Failure {
    Failure::new(format!("the server gave an unexpected answer: {reply:?}"))
}
