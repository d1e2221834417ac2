//! A Twilio that runs on this machine: the same requests, answers, lists and
//! signed callbacks, and the failures that a test asks for.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use mayday_core::clock::SharedClock;
use mayday_core::time::Timestamp;
use serde_json::{Value, json};
use sha1::Sha1;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use url::form_urlencoded::{self, Serializer};

use crate::guard::{Answer, GuardError, GuardedClient, OutgoingRequest, OutgoingUrl};
use crate::secret::Secret;
use crate::twilio::{Sender, TwilioSettings};

const ACCOUNT: &str = "AC00000000000000000000000000000000";
const TOKEN: &str = "simulated-token";

/// What happens to the next request that creates something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// 201.
    Accept,
    /// A refusal with that status and Twilio's error code.
    Refuse(u16, u64),
    /// 429 with `Retry-After` in seconds.
    TooMany(u64),
    /// 500 without a word that Twilio would say.
    Crash,
    /// It is taken over, and the answer never comes.
    AcceptInSilence,
    /// It is not taken over, and no answer comes.
    Silence,
}

/// A message or a call, as the account's log has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// `SM..` or `CA..`.
    pub sid: String,
    /// `Messages` or `Calls`.
    pub kind: String,
    /// The parameters of the request.
    pub form: Vec<(String, String)>,
    /// When it was created.
    pub created: Timestamp,
    /// The latest reported state.
    pub status: String,
}

impl Resource {
    /// A parameter of the request.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.form
            .iter()
            .find_map(|(key, value)| (key == name).then_some(value.as_str()))
    }

    fn json(&self) -> Value {
        json!({
            "sid": self.sid,
            "account_sid": ACCOUNT,
            "to": self.get("To"),
            "from": self.get("From"),
            "body": self.get("Body"),
            "status": self.status,
            "date_created": rfc2822(self.created),
            "date_sent": null,
        })
    }
}

/// What happens to reports on their way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mishap {
    /// Nothing.
    None,
    /// Each arrives twice.
    Twice,
    /// The last arrives first.
    Reversed,
}

struct State {
    behaviours: VecDeque<Behaviour>,
    log: Vec<Resource>,
    requests: usize,
    look_ups_fail: bool,
    /// Rung for each request that gets no answer.
    silence: Arc<Notify>,
    clock: SharedClock,
}

/// The running simulator; it ends with this value.
pub struct TwilioSimulator {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    _server: JoinSet<()>,
}

impl TwilioSimulator {
    /// [`TwilioSimulator::token`] as text.
    pub const TOKEN: &str = TOKEN;

    /// Listens on a free port of the loopback address. Fails when there is none.
    pub async fn start(clock: SharedClock) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let state = Arc::new(Mutex::new(State {
            behaviours: VecDeque::new(),
            log: Vec::new(),
            requests: 0,
            look_ups_fail: false,
            silence: Arc::default(),
            clock,
        }));
        let mut server = JoinSet::new();
        let shared = Arc::clone(&state);
        server.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let shared = Arc::clone(&shared);
                connections.spawn(async move {
                    let service = service_fn(|request| serve(request, &shared));
                    // A client that hangs up is no matter of the simulator's.
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

    /// What a client of this account is set up with.
    pub fn settings(&self) -> TwilioSettings {
        TwilioSettings {
            base_url: format!("http://{}", self.address),
            account_sid: ACCOUNT.to_owned(),
            user: ACCOUNT.to_owned(),
            password: Self::token(),
            sender: Sender::From("+15005550006".to_owned()),
        }
    }

    /// The account's token, which signs reports.
    pub fn token() -> Secret {
        Secret::new(TOKEN)
    }

    /// What happens to the next requests; after them all are accepted.
    pub fn behave(&self, behaviours: impl IntoIterator<Item = Behaviour>) {
        lock(&self.state).behaviours.extend(behaviours);
    }

    /// Whether look-ups are answered 503 from now on.
    pub fn fail_look_ups(&self, fail: bool) {
        lock(&self.state).look_ups_fail = fail;
    }

    /// Ends once a request has come that gets no answer.
    pub async fn fell_silent(&self) {
        let silence = Arc::clone(&lock(&self.state).silence);
        silence.notified().await;
    }

    /// Everything that was taken over, the oldest first.
    pub fn log(&self) -> Vec<Resource> {
        lock(&self.state).log.clone()
    }

    /// Requests with the right credentials, look-ups included.
    pub fn requests(&self) -> usize {
        lock(&self.state).requests
    }

    /// Reports states of a message or call to its `StatusCallback`, signed. The
    /// answers come in the order of the posts. A resource without a callback is
    /// not reported.
    pub async fn report(
        &self,
        client: &GuardedClient,
        sid: &str,
        states: &[&str],
        mishap: Mishap,
    ) -> Result<Vec<Answer>, GuardError> {
        let mut posts: Vec<&str> = match mishap {
            Mishap::Twice => states.iter().flat_map(|state| [*state, *state]).collect(),
            Mishap::None | Mishap::Reversed => states.to_vec(),
        };
        if mishap == Mishap::Reversed {
            posts.reverse();
        }
        let found = {
            let mut state = lock(&self.state);
            let found = state.log.iter_mut().find(|resource| resource.sid == sid);
            found.map(|resource| {
                if let Some(last) = states.last() {
                    (*last).clone_into(&mut resource.status);
                }
                resource.clone()
            })
        };
        let mut answers = Vec::new();
        let Some((resource, url)) =
            found.and_then(|found| Some((found.clone(), found.get("StatusCallback")?.to_owned())))
        else {
            return Ok(answers);
        };
        let (id, word) = if resource.kind == "Calls" {
            ("CallSid", "CallStatus")
        } else {
            ("MessageSid", "MessageStatus")
        };
        for state in posts {
            let form = [
                ("AccountSid", ACCOUNT),
                (id, sid),
                (word, state),
                ("To", resource.get("To").unwrap_or_default()),
                ("From", resource.get("From").unwrap_or_default()),
            ];
            answers.push(Self::post(client, &url, &form).await?);
        }
        Ok(answers)
    }

    /// The body of a report, and its signature for that URL.
    pub fn signed(url: &str, form: &[(&str, &str)]) -> (String, String) {
        let body = Serializer::new(String::new()).extend_pairs(form).finish();
        (body, sign(url, form))
    }

    /// Posts a signed report of any kind: a pressed digit, an incoming message.
    pub async fn post(
        client: &GuardedClient,
        url: &str,
        form: &[(&str, &str)],
    ) -> Result<Answer, GuardError> {
        let body = Serializer::new(String::new()).extend_pairs(form).finish();
        let request = OutgoingRequest::post(
            OutgoingUrl::parse(url)?,
            "application/x-www-form-urlencoded",
            body,
        )
        .header("x-twilio-signature", &sign(url, form))?;
        client.send(request).await
    }
}

async fn serve(
    request: Request<Incoming>,
    state: &Mutex<State>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    if !authorised(&request) {
        return Ok(error(StatusCode::UNAUTHORIZED, 20_003));
    }
    let path = request.uri().path().to_owned();
    let kind = path
        .strip_prefix(&format!("/2010-04-01/Accounts/{ACCOUNT}/"))
        .and_then(|rest| rest.strip_suffix(".json"))
        .filter(|kind| matches!(*kind, "Messages" | "Calls"));
    let Some(kind) = kind else {
        return Ok(error(StatusCode::NOT_FOUND, 20_404));
    };
    lock(state).requests += 1;
    match *request.method() {
        Method::GET if lock(state).look_ups_fail => {
            Ok(error(StatusCode::SERVICE_UNAVAILABLE, 20_503))
        }
        Method::GET => Ok(list(kind, request.uri().query().unwrap_or_default(), state)),
        Method::POST => {
            let Ok(body) = request.into_body().collect().await else {
                return Ok(error(StatusCode::BAD_REQUEST, 20_001));
            };
            let form: Vec<_> = form_urlencoded::parse(&body.to_bytes())
                .into_owned()
                .collect();
            Ok(create(kind, form, state).await)
        }
        _ => Ok(error(StatusCode::METHOD_NOT_ALLOWED, 20_004)),
    }
}

fn authorised(request: &Request<Incoming>) -> bool {
    let expected = format!("Basic {}", STANDARD.encode(format!("{ACCOUNT}:{TOKEN}")));
    request
        .headers()
        .get(AUTHORIZATION)
        .is_some_and(|sent| sent.as_bytes() == expected.as_bytes())
}

async fn create(
    kind: &str,
    form: Vec<(String, String)>,
    state: &Mutex<State>,
) -> Response<Full<Bytes>> {
    let behaviour = lock(state).behaviours.pop_front();
    match behaviour.unwrap_or(Behaviour::Accept) {
        Behaviour::Accept => accept(kind, form, state),
        Behaviour::Refuse(status, code) => {
            error(StatusCode::from_u16(status).unwrap_or_default(), code)
        }
        Behaviour::TooMany(seconds) => {
            let mut answer = error(StatusCode::TOO_MANY_REQUESTS, 20_429);
            answer.headers_mut().insert(RETRY_AFTER, seconds.into());
            answer
        }
        Behaviour::Crash => respond(StatusCode::INTERNAL_SERVER_ERROR, &Value::Null),
        Behaviour::AcceptInSilence => {
            accept(kind, form, state);
            say_nothing(state).await
        }
        Behaviour::Silence => say_nothing(state).await,
    }
}

async fn say_nothing(state: &Mutex<State>) -> Response<Full<Bytes>> {
    lock(state).silence.notify_one();
    std::future::pending().await
}

fn accept(kind: &str, form: Vec<(String, String)>, state: &Mutex<State>) -> Response<Full<Bytes>> {
    let has = |name: &str| {
        form.iter()
            .any(|(key, value)| key == name && !value.is_empty())
    };
    let text = if kind == "Messages" { "Body" } else { "Twiml" };
    if !has("To") {
        return error(StatusCode::BAD_REQUEST, 21_604);
    }
    if !has(text) {
        return error(StatusCode::BAD_REQUEST, 21_602);
    }
    let mut state = lock(state);
    let prefix = if kind == "Messages" { "SM" } else { "CA" };
    let resource = Resource {
        sid: format!("{prefix}{:032x}", state.log.len() + 1),
        kind: kind.to_owned(),
        form,
        created: state.clock.now(),
        status: "queued".to_owned(),
    };
    let body = resource.json();
    state.log.push(resource);
    respond(StatusCode::CREATED, &body)
}

/// A page of the list, the newest first.
fn list(kind: &str, query: &str, state: &Mutex<State>) -> Response<Full<Bytes>> {
    let query: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect();
    let get = |name: &str| {
        query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    };
    let size: usize = get("PageSize")
        .and_then(|size| size.parse().ok())
        .unwrap_or(50)
        .max(1);
    let page: usize = get("Page").and_then(|page| page.parse().ok()).unwrap_or(0);
    let state = lock(state);
    let fitting: Vec<&Resource> = state
        .log
        .iter()
        .rev()
        .filter(|resource| resource.kind == kind)
        .filter(|resource| get("To").is_none_or(|to| resource.get("To") == Some(to)))
        .collect();
    let shown: Vec<Value> = fitting
        .iter()
        .skip(page * size)
        .take(size)
        .map(|resource| resource.json())
        .collect();
    let next = (fitting.len() > (page + 1) * size).then(|| {
        let query = Serializer::new(String::new())
            .append_pair("To", get("To").unwrap_or_default())
            .append_pair("PageSize", &size.to_string())
            .append_pair("Page", &(page + 1).to_string())
            .finish();
        format!("/2010-04-01/Accounts/{ACCOUNT}/{kind}.json?{query}")
    });
    let body = json!({kind.to_ascii_lowercase(): shown, "page_size": size, "next_page_uri": next});
    respond(StatusCode::OK, &body)
}

fn error(status: StatusCode, code: u64) -> Response<Full<Bytes>> {
    let body = json!({
        "code": code,
        "message": "as simulated",
        "more_info": format!("https://www.twilio.com/docs/errors/{code}"),
        "status": status.as_u16(),
    });
    respond(status, &body)
}

fn respond(status: StatusCode, body: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

/// As Twilio signs: written a second time, so that a fault in the check does
/// not hide behind the same fault here.
fn sign(url: &str, form: &[(&str, &str)]) -> String {
    let mut sorted = form.to_vec();
    sorted.sort_by_key(|(key, _)| *key);
    let content = sorted
        .iter()
        .fold(url.to_owned(), |text, (key, value)| text + key + value);
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(TOKEN.as_bytes()) else {
        return String::new();
    };
    mac.update(content.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

fn rfc2822(time: Timestamp) -> String {
    let seconds = u64::try_from(time.as_secs()).unwrap_or(0);
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
    httpdate::fmt_http_date(time).replace("GMT", "+0000")
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
