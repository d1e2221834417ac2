//! A node, its router, and callers who sign their requests.

use std::net::SocketAddr;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Method, Request, Response, StatusCode};
use mayday_app::testing::{APP_ID, TestApp};
use mayday_core::clock::Clock;
use mayday_http::{HttpSettings, router};
use serde_json::Value;
use tower::ServiceExt;

/// The largest answer that a test reads, in bytes.
const ANSWER_LIMIT: usize = 16 * 1024 * 1024;

pub(crate) struct Server {
    pub(crate) node: TestApp,
    pub(crate) router: Router,
}

/// A user of the node's app, who signs what they send.
pub(crate) struct User<'s> {
    server: &'s Server,
    pub(crate) external_id: String,
    pub(crate) hash: String,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::with(HttpSettings::default()).await
    }

    pub(crate) async fn with(settings: HttpSettings) -> Self {
        let node = TestApp::sqlite().await;
        let router = router(node.app.clone(), settings);
        Self { node, router }
    }

    /// Before a node that was made otherwise.
    pub(crate) fn on(node: TestApp) -> Self {
        let router = router(node.app.clone(), HttpSettings::default());
        Self { node, router }
    }

    pub(crate) fn user(&self, external_id: &str) -> User<'_> {
        User {
            server: self,
            external_id: external_id.to_owned(),
            hash: self.node.hash(external_id),
        }
    }

    /// The same user with a proof that is genuine but expired an hour ago.
    pub(crate) fn stale(&self, external_id: &str) -> User<'_> {
        let now = self.node.store.clock.now();
        let expiry = now.minus(std::time::Duration::from_hours(1));
        User {
            server: self,
            external_id: external_id.to_owned(),
            hash: self.node.expiring_hash(external_id, expiry),
        }
    }

    pub(crate) async fn send(&self, mut request: Request<Body>) -> Answer {
        let from: SocketAddr = "192.0.2.7:4711".parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(from));
        Answer::read(self.router.clone().oneshot(request).await.unwrap()).await
    }

    /// A request without any proof.
    pub(crate) async fn bare(&self, method: Method, path: &str) -> Answer {
        let request = Request::builder().method(method).uri(path);
        self.send(request.body(Body::empty()).unwrap()).await
    }
}

impl User<'_> {
    pub(crate) fn request(&self, method: Method, path: &str, body: Body) -> Request<Body> {
        Request::builder()
            .method(method)
            .uri(path)
            .header("X-App-ID", APP_ID)
            .header("X-User-ID", self.external_id.as_bytes())
            .header("Authorization", format!("Bearer {}", self.hash))
            // As the client does, on GET and on an empty POST too.
            .header("Content-Type", "application/json")
            .body(body)
            .unwrap()
    }

    pub(crate) async fn call(&self, method: Method, path: &str, body: impl Into<Body>) -> Answer {
        let request = self.request(method, path, body.into());
        self.server.send(request).await
    }

    /// Sends a request that the test has changed.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        self.server.send(request).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, Body::empty()).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, body.to_string()).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PUT, path, body.to_string()).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path, Body::empty()).await
    }
}

impl Answer {
    async fn read(response: Response<Body>) -> Self {
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, ANSWER_LIMIT).await.unwrap();
        Self {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }

    /// The body of an answer with this status.
    #[track_caller]
    pub(crate) fn body(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        assert_eq!(self.headers["content-type"], "application/json");
        serde_json::from_str(&self.text).unwrap()
    }

    /// A 204 without a body.
    #[track_caller]
    pub(crate) fn nothing(&self) {
        assert_eq!(self.status.as_u16(), 204, "{}", self.text);
        assert_eq!(self.text, "");
        assert!(!self.headers.contains_key("content-type"));
    }

    /// The error of an answer with this status and code.
    #[track_caller]
    pub(crate) fn error(&self, status: u16, code: &str) -> Value {
        let error = self.body(status)["error"].take();
        assert_eq!(error["code"], code, "{error}");
        assert!(
            error["message"]
                .as_str()
                .is_some_and(|text| !text.is_empty())
        );
        assert_eq!(
            error["request_id"].as_str().unwrap(),
            self.headers["x-request-id"].to_str().unwrap()
        );
        crate::words::mislead_nobody(&error);
        error
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// The members of an object, sorted.
#[track_caller]
pub(crate) fn keys(object: &Value) -> Vec<&str> {
    let mut keys: Vec<_> = object
        .as_object()
        .unwrap_or_else(|| panic!("an object, not {object}"))
        .keys()
        .map(String::as_str)
        .collect();
    keys.sort_unstable();
    keys
}

/// Whether a text is a time with three fractional digits in UTC.
pub(crate) fn is_time(value: &Value) -> bool {
    value.as_str().is_some_and(|text| {
        text.len() == "2026-09-09T10:15:30.123Z".len()
            && text.ends_with('Z')
            && mayday_core::time::Timestamp::parse(text).is_ok()
    })
}
