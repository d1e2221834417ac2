//! A reference partner: what an app's own server does beside mayday, in the small.
//!
//! The app's user logs in here ([`login`]) and gets a token of the app's own
//! ([`tokens`]). The app shows it to mayday, which asks here what it is
//! ([`token_info`]). [`sign`] makes the user hash for signed sessions, and
//! [`webhook`] hears what mayday tells. Nothing is kept: a partner that starts
//! again knows nobody's token.
//!
//! It asks for no password, so it listens on the loopback address.

mod login;
mod sign;
mod token_info;
mod tokens;
mod webhook;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, header};
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::{get, post};
use mayday_core::clock::{SharedClock, SharedEntropy};
use mayday_core::identity::{AppId, AppSecret};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use crate::output::print_line;
use tokens::Tokens;
use webhook::Heard;

/// The largest body that is read. A notification has a few kilobytes.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// What a partner is told when it starts.
pub(crate) struct PartnerSettings {
    /// The app's public id, which an expiring hash is bound to and the log-in page
    /// names.
    pub(crate) app: AppId,
    /// `aud` of its tokens.
    pub(crate) audience: String,
    /// How long a token lives.
    pub(crate) token_life: Duration,
    /// The parameter that carries the token when it is asked about.
    pub(crate) parameter: String,
    /// mayday's key and the header that it comes in; `None`: anybody may ask.
    pub(crate) api_key: Option<(String, Zeroizing<String>)>,
    /// The app's secret, with which user hashes are signed; `None`: none are.
    pub(crate) app_secret: Option<AppSecret>,
    /// Where the webhook's secrets stand, one a line; `None`: nothing is received.
    pub(crate) webhook_secrets: Option<std::path::PathBuf>,
    /// Who is told what happens.
    pub(crate) listener: Listener,
}

/// Who is told what happens, a line at a time.
pub(crate) enum Listener {
    /// Whoever watches standard output.
    Terminal,
    /// The program that runs the partner. A line for which there is no room is lost.
    Program(mpsc::Sender<String>),
}

/// What the routes share.
struct Partner {
    settings: PartnerSettings,
    clock: SharedClock,
    tokens: Mutex<Tokens>,
    heard: Mutex<Heard>,
    entropy: SharedEntropy,
}

type Shared = Arc<Partner>;

/// Serves until `ended`.
pub(crate) async fn serve(
    listener: TcpListener,
    settings: PartnerSettings,
    clock: SharedClock,
    entropy: SharedEntropy,
    ended: CancellationToken,
) -> io::Result<()> {
    let partner = Arc::new(Partner {
        settings,
        clock,
        tokens: Mutex::default(),
        heard: Mutex::default(),
        entropy,
    });
    axum::serve(listener, router(partner))
        .with_graceful_shutdown(ended.cancelled_owned())
        .await
}

fn router(partner: Shared) -> Router {
    Router::new()
        .route("/", get(login::page))
        .route("/style.css", get(login::style))
        .route("/login", post(login::log_in))
        .route("/tokeninfo", get(token_info::ask).post(token_info::ask))
        .route("/sign", post(sign::sign))
        .route("/webhook", post(webhook::receive))
        .layer(map_response(guarded))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(partner)
}

/// Answers hold tokens: no cache keeps them, and the page runs nothing.
async fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; \
             frame-ancestors 'none'",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

impl Partner {
    /// Tells whoever listens what happened; never a token.
    fn tell(&self, line: &str) {
        // Ids and titles come from outside: nothing in them steers the terminal.
        let shown: String = line
            .chars()
            .map(|c| if c.is_control() { '\u{fffd}' } else { c })
            .collect();
        // A listener who went away or is slow is no reason to end or to wait.
        match &self.settings.listener {
            Listener::Terminal => drop(print_line(&shown)),
            Listener::Program(lines) => drop(lines.try_send(shown)),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
