//! The app's own server in the story: the reference partner, on a port that the
//! system gives.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use mayday_core::clock::{SharedClock, SharedEntropy};
use mayday_core::identity::AppId;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::account::{APP_ID, AUDIENCE, TOKEN_PARAMETER};
use crate::clock::AnchoredClock;
use crate::entropy::SystemEntropy;
use crate::failure::{Failure, Outcome};
use crate::partner::{self, Listener, PartnerSettings};

/// How long a token lives: time enough for a visitor to copy it.
const TOKEN_LIFE: Duration = Duration::from_mins(10);

/// Lines that wait to be heard; the story hears each before it goes on.
const MAX_UNHEARD: usize = 16;

/// Time for the partner to say what the story waits for.
const WORD_LIMIT: Duration = Duration::from_secs(10);

/// Time for open connections once the demo ends.
const END_LIMIT: Duration = Duration::from_secs(1);

/// A partner that serves; dropped, it is cut.
#[derive(Debug)]
pub(crate) struct DemoPartner {
    address: SocketAddr,
    said: mpsc::Receiver<String>,
    ended: CancellationToken,
    serving: AbortOnDropHandle<io::Result<()>>,
}

impl DemoPartner {
    /// Starts it on the loopback address, since it asks for no password.
    pub(crate) async fn start() -> Result<Self, Failure> {
        let unstarted =
            |why: String| Failure::new(format!("the partner server does not start: {why}"));
        let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = bound.map_err(|error| unstarted(error.to_string()))?;
        let address = listener.local_addr();
        let address = address.map_err(|error| unstarted(error.to_string()))?;
        let app = AppId::parse(APP_ID).map_err(|error| unstarted(error.to_string()))?;
        let entropy = SystemEntropy::new().map_err(|error| unstarted(error.to_string()))?;
        let (tell, said) = mpsc::channel(MAX_UNHEARD);
        let settings = PartnerSettings {
            app,
            audience: AUDIENCE.to_owned(),
            token_life: TOKEN_LIFE,
            parameter: TOKEN_PARAMETER.to_owned(),
            api_key: None,
            app_secret: None,
            webhook_secrets: None,
            listener: Listener::Program(tell),
        };
        let ended = CancellationToken::new();
        let serving = tokio::spawn(partner::serve(
            listener,
            settings,
            Arc::new(AnchoredClock::new()) as SharedClock,
            Arc::new(entropy) as SharedEntropy,
            ended.clone(),
        ));
        Ok(Self {
            address,
            said,
            ended,
            serving: AbortOnDropHandle::new(serving),
        })
    }

    /// Where it accepts.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it says next that holds `words`.
    pub(super) async fn says(&mut self, words: &str) -> Result<String, Failure> {
        let silent = || Failure::new(format!("the partner never said {words:?}"));
        let heard = async {
            loop {
                match self.said.recv().await {
                    Some(line) if line.contains(words) => return Ok(line),
                    Some(_) => {}
                    None => return Err(silent()),
                }
            }
        };
        timeout(WORD_LIMIT, heard).await.map_err(|_| silent())?
    }

    /// Takes nothing new and ends.
    pub(crate) async fn end(self) -> Outcome {
        self.ended.cancel();
        // Somebody's open connection keeps nobody.
        let failed = |error: String| Err(Failure::new(format!("the partner failed: {error}")));
        match timeout(END_LIMIT, self.serving).await {
            Ok(Ok(Err(error))) => failed(error.to_string()),
            Ok(Err(error)) => failed(error.to_string()),
            Ok(Ok(Ok(()))) | Err(_) => Ok(()),
        }
    }
}
