//! As much of an HTTP/1.1 client as the story needs: one request a connection.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::failure::Failure;

/// Time for a whole exchange.
const EXCHANGE_TIMEOUT: Duration = Duration::from_secs(10);

/// Longest answer that is read, in bytes.
const MAX_ANSWER_BYTES: u64 = 4 * 1024 * 1024;

/// A phone's HTTP side.
pub(super) struct HttpClient {
    address: SocketAddr,
    /// The three headers of the contract, with their line ends.
    credentials: String,
}

/// What the server said.
pub(super) struct Answer {
    /// The status: 200 to 299, or 400 and more from [`HttpClient::refused`].
    pub(super) status: u16,
    /// The JSON body; null when there is none.
    pub(super) body: Value,
    /// From connecting to the last byte.
    pub(super) took: Duration,
}

/// Somebody who follows a link, without credentials.
pub(super) struct Visitor(HttpClient);

/// A page that was opened.
pub(super) struct Page {
    /// What was read of it, head aside.
    pub(super) bytes: usize,
    /// From connecting to the last byte.
    pub(super) took: Duration,
}

impl Visitor {
    /// Of the server there.
    pub(super) const fn new(address: SocketAddr) -> Self {
        Self(HttpClient {
            address,
            credentials: String::new(),
        })
    }

    /// Opens a page.
    pub(super) async fn page(&self, path: &str) -> Result<Page, Failure> {
        let began = Instant::now();
        let told = |why: String| Failure::new(format!("the page was not opened: {why}"));
        let bytes = self.0.ask("GET", path, "").await?;
        let text = String::from_utf8_lossy(&bytes);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_default();
        if !head.starts_with("HTTP/1.1 200") {
            return Err(told(head.lines().next().unwrap_or_default().to_owned()));
        }
        Ok(Page {
            bytes: body.len(),
            took: began.elapsed(),
        })
    }

    /// POST with a JSON body.
    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Answer, Failure> {
        self.0.post(path, body).await
    }
}

impl HttpClient {
    /// A client that signs as this user.
    pub(super) fn new(address: SocketAddr, app_id: &str, user: &str, hash: &str) -> Self {
        Self {
            address,
            credentials: format!(
                "X-App-ID: {app_id}\r\nX-User-ID: {user}\r\nAuthorization: Bearer {hash}\r\n"
            ),
        }
    }

    /// A client that shows a session's access token.
    pub(super) fn bearing(address: SocketAddr, access_token: &str) -> Self {
        Self {
            address,
            credentials: format!("Authorization: Bearer {access_token}\r\n"),
        }
    }

    /// GET.
    pub(super) async fn get(&self, path: &str) -> Result<Answer, Failure> {
        self.call("GET", path, "").await
    }

    /// POST with a JSON body.
    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Answer, Failure> {
        self.call("POST", path, &body.to_string()).await
    }

    /// PUT with a JSON body.
    pub(super) async fn put(&self, path: &str, body: &Value) -> Result<Answer, Failure> {
        self.call("PUT", path, &body.to_string()).await
    }

    /// GET of what the server is to refuse.
    pub(super) async fn refused(&self, path: &str) -> Result<Answer, Failure> {
        let answer = self.answer("GET", path, "").await?;
        if answer.status >= 400 {
            Ok(answer)
        } else {
            let status = answer.status;
            Err(Failure::new(format!(
                "GET {path} was not refused: {status}"
            )))
        }
    }

    async fn call(&self, method: &str, path: &str, body: &str) -> Result<Answer, Failure> {
        let answer = self.answer(method, path, body).await?;
        if (200..300).contains(&answer.status) {
            Ok(answer)
        } else {
            let Answer { status, body, .. } = answer;
            Err(Failure::new(format!(
                "{method} {path} failed: {status} {body}"
            )))
        }
    }

    /// The answer, whatever its status.
    async fn answer(&self, method: &str, path: &str, body: &str) -> Result<Answer, Failure> {
        let began = Instant::now();
        let bytes = self.ask(method, path, body).await?;
        let took = began.elapsed();
        let (status, body) = parse(&bytes)
            .ok_or_else(|| Failure::new(format!("{method} {path} failed: unreadable answer")))?;
        Ok(Answer { status, body, took })
    }

    /// Asks, and reads the whole answer.
    async fn ask(&self, method: &str, path: &str, body: &str) -> Result<Vec<u8>, Failure> {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\n{}Content-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.address,
            self.credentials,
            body.len(),
        );
        let told = |why: String| Failure::new(format!("{method} {path} failed: {why}"));
        timeout(EXCHANGE_TIMEOUT, self.exchange(&request))
            .await
            .map_err(|_| told(format!("no answer within {} s", EXCHANGE_TIMEOUT.as_secs())))?
            .map_err(|error| told(error.to_string()))
    }

    async fn exchange(&self, request: &str) -> io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(self.address).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut bytes = Vec::new();
        stream
            .take(MAX_ANSWER_BYTES)
            .read_to_end(&mut bytes)
            .await?;
        Ok(bytes)
    }
}

/// Status and JSON body of an answer without transfer coding.
fn parse(bytes: &[u8]) -> Option<(u16, Value)> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    let body = if body.is_empty() {
        Value::Null
    } else {
        serde_json::from_str(body).ok()?
    };
    Some((status, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_an_answer_with_and_without_a_body() {
        let full = b"HTTP/1.1 201 Created\r\ncontent-length: 7\r\n\r\n{\"a\":1}";
        assert_eq!(parse(full), Some((201, serde_json::json!({ "a": 1 }))));
        let empty = b"HTTP/1.1 204 No Content\r\n\r\n";
        assert_eq!(parse(empty), Some((204, Value::Null)));
        assert_eq!(parse(b"HTTP/1.1 200 OK\r\n"), None);
    }
}
