//! A partner's token endpoint that runs on this machine: it knows the tokens that
//! a test gave out, and answers for each as it was told.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use mayday_core::time::Timestamp;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use url::form_urlencoded;

/// The constant that the partner's tokens are for.
const AUDIENCE: &str = "safety-app";

struct State {
    answers: Mutex<HashMap<String, (u16, Value)>>,
    asked: Mutex<Vec<String>>,
    /// Questions that may be answered; closed while nobody is held up.
    gate: Semaphore,
    held: Mutex<bool>,
    /// Tokens at which the connection ends without an answer.
    cut_off: Mutex<HashSet<String>>,
    /// `Retry-After` of all answers, in seconds.
    ask_again_in: Mutex<Option<u64>>,
}

/// The running partner; it ends with this value.
pub struct Partner {
    address: SocketAddr,
    state: Arc<State>,
    _server: JoinSet<()>,
}

impl Partner {
    /// Listens on a free port of the loopback address. Fails when there is none.
    pub async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let state = Arc::new(State {
            answers: Mutex::default(),
            asked: Mutex::default(),
            gate: Semaphore::new(0),
            held: Mutex::new(false),
            cut_off: Mutex::default(),
            ask_again_in: Mutex::default(),
        });
        let mut server = JoinSet::new();
        let shared = Arc::clone(&state);
        server.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let shared = Arc::clone(&shared);
                connections.spawn(async move {
                    let service = service_fn(|request| serve(request, &shared));
                    // A client that hangs up is no matter of the partner's.
                    let _ = http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Ok(Self {
            address,
            state,
            _server: server,
        })
    }

    /// The token info URL.
    pub fn url(&self) -> String {
        format!("http://{}/tokeninfo", self.address)
    }

    /// The constant that its tokens are for.
    pub fn audience(&self) -> &'static str {
        AUDIENCE
    }

    /// A token of `subject` that is valid for ten minutes from `now`.
    pub fn give(&self, token: &str, subject: &str, now: Timestamp) {
        let now = now.as_secs();
        let claims = json!({
            "sub": subject,
            "iat": now,
            "exp": now + 600,
            "email": format!("{}@example.org", subject.replace(|c: char| !c.is_ascii_alphanumeric(), "-")),
            "aud": AUDIENCE,
        });
        self.answer(token, 200, claims);
    }

    /// Has questions about a token answered so.
    pub fn answer(&self, token: &str, status: u16, body: Value) {
        lock(&self.state.answers).insert(token.to_owned(), (status, body));
    }

    /// Has questions about a token end without an answer.
    pub fn cut_off(&self, token: &str) {
        lock(&self.state.cut_off).insert(token.to_owned());
    }

    /// Has all answers say `Retry-After`.
    pub fn ask_again_in(&self, seconds: u64) {
        *lock(&self.state.ask_again_in) = Some(seconds);
    }

    /// The tokens that were asked about, in their order.
    pub fn asked(&self) -> Vec<String> {
        lock(&self.state.asked).clone()
    }

    /// Answers nothing until [`Partner::let_go`].
    pub fn hold(&self) {
        *lock(&self.state.held) = true;
    }

    /// Answers `questions` that are held up, and whatever comes after them.
    pub fn let_go(&self, questions: usize) {
        *lock(&self.state.held) = false;
        self.state.gate.add_permits(questions);
    }
}

async fn serve(
    request: Request<Incoming>,
    state: &State,
) -> std::io::Result<Response<Full<Bytes>>> {
    let body = request.into_body().collect().await;
    let body = body
        .map(http_body_util::Collected::to_bytes)
        .unwrap_or_default();
    let token = form_urlencoded::parse(&body)
        .find_map(|(name, value)| (name == "token").then(|| value.into_owned()))
        .unwrap_or_default();
    lock(&state.asked).push(token.clone());
    let held = *lock(&state.held);
    if held && let Ok(permit) = state.gate.acquire().await {
        permit.forget();
    }
    if lock(&state.cut_off).contains(&token) {
        return Err(std::io::Error::other("cut off, as the test wants it"));
    }
    let unknown = (401, json!({"error": "invalid_token"}));
    let known = lock(&state.answers).get(&token).cloned();
    let (status, body) = known.unwrap_or(unknown);
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    if let Some(seconds) = *lock(&state.ask_again_in) {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    Ok(response)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
