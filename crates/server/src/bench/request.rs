//! `bench http`: one request after the other on each connection.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::crew::{Run, Tally, Worker};
use super::people::People;
use crate::failure::Failure;

/// Room for an answer at first.
const INBOX_BYTES: usize = 16 * 1024;
/// The longest answer that is read, in bytes.
const MAX_ANSWER_BYTES: usize = 16 * 1024 * 1024;

/// What stands for the next number in a body.
const NUMBER: &str = "%n";

/// Sends requests.
#[derive(Clone, Debug)]
pub(crate) struct Requests {
    pub(crate) address: SocketAddr,
    pub(crate) people: Arc<People>,
    /// The path with its query.
    pub(crate) path: String,
    /// The body of a POST; without one it is a GET. `%n` is another number each time.
    pub(crate) body: Option<String>,
    /// The next number.
    pub(crate) numbers: Arc<AtomicU64>,
}

/// A connection with what it sends.
pub(crate) struct Ready {
    stream: TcpStream,
    number: usize,
    request: Vec<u8>,
    inbox: Vec<u8>,
}

/// An answer that has arrived whole.
struct Answer {
    status: u16,
    closes: bool,
}

impl Worker for Requests {
    type Ready = Ready;

    async fn make(&self, number: usize) -> Result<Ready, Failure> {
        let stream = TcpStream::connect(self.address).await;
        let stream = stream.and_then(|stream| stream.set_nodelay(true).map(|()| stream));
        let stream = stream
            .map_err(|error| Failure::new(format!("connecting to {}: {error}", self.address)))?;
        Ok(Ready {
            stream,
            number,
            request: self.request(number)?,
            inbox: vec![0; INBOX_BYTES],
        })
    }

    async fn work(&self, mut ready: Ready, run: &Run, start: Instant) -> Tally {
        let (from, to) = (run.measured_from(start), run.measured_to(start));
        let mut tally = Tally::default();
        loop {
            let asked = Instant::now();
            if asked >= to || run.take(1) == 0 {
                return tally;
            }
            if self.is_numbered()
                && let Ok(request) = self.request(ready.number)
            {
                ready.request = request;
            }
            let exchange = timeout_at(run.answers_by(start), ready.exchange()).await;
            let answer = match exchange {
                Ok(Ok(answer)) => answer,
                Ok(Err(error)) => {
                    tally.break_off(&error);
                    return tally;
                }
                Err(_) => {
                    tally.unanswered += 1;
                    return tally;
                }
            };
            run.answered(1);
            let now = Instant::now();
            if answer.status >= 400 {
                tally.refused += 1;
            } else if now >= from && now < to {
                tally.latency.record(now - asked);
            }
            if answer.closes {
                match self.make(0).await {
                    Ok(again) => ready.stream = again.stream,
                    Err(error) => {
                        tally.break_off(&error);
                        return tally;
                    }
                }
            }
        }
    }
}

impl Requests {
    fn is_numbered(&self) -> bool {
        let body = self.body.as_deref();
        body.is_some_and(|body| body.contains(NUMBER))
    }

    fn request(&self, number: usize) -> Result<Vec<u8>, Failure> {
        let person = self.people.person(number)?;
        let method = if self.body.is_some() { "POST" } else { "GET" };
        let mut request = format!(
            "{method} {} HTTP/1.1\r\nHost: {}\r\n",
            self.path, self.address
        );
        let mut header = |name: &str, value: &str| {
            for part in [name, ": ", value, "\r\n"] {
                request.push_str(part);
            }
        };
        if let Some(credentials) = &person.credentials {
            header("X-App-ID", &credentials.app);
            header("X-User-ID", &person.id);
            header("Authorization", &format!("Bearer {}", credentials.hash));
        }
        let body = self.body.as_deref().map(|body| {
            let number = self.numbers.fetch_add(1, Ordering::Relaxed);
            body.replace(NUMBER, &number.to_string())
        });
        if let Some(body) = &body {
            header("Content-Type", "application/json");
            header("Content-Length", &body.len().to_string());
        }
        request.push_str("\r\n");
        request.push_str(body.as_deref().unwrap_or_default());
        Ok(request.into_bytes())
    }
}

impl Ready {
    async fn exchange(&mut self) -> io::Result<Answer> {
        self.stream.write_all(&self.request).await?;
        let mut filled = 0;
        loop {
            if filled == self.inbox.len() {
                if filled >= MAX_ANSWER_BYTES {
                    return Err(io::Error::other("an answer beyond 16 MiB"));
                }
                self.inbox.resize(filled * 2, 0);
            }
            let room = self.inbox.get_mut(filled..).unwrap_or_default();
            let read = self.stream.read(room).await?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            filled += read;
            if let Some(answer) = parse(self.inbox.get(..filled).unwrap_or_default())? {
                return Ok(answer);
            }
        }
    }
}

/// The answer, once all of it is there.
fn parse(bytes: &[u8]) -> io::Result<Option<Answer>> {
    let Some(head_end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = bytes.get(..head_end).unwrap_or_default();
    let head = std::str::from_utf8(head).map_err(io::Error::other)?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1));
    let status = status.and_then(|status| status.parse().ok());
    let status: u16 = status.ok_or_else(|| io::Error::other("no HTTP status"))?;
    let (mut length, mut closes) = (None, false);
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse::<usize>().ok();
        } else if name.eq_ignore_ascii_case("connection") {
            closes = value.trim().eq_ignore_ascii_case("close");
        }
    }
    let length = match (length, status) {
        (Some(length), _) => length,
        (None, 204 | 304) => 0,
        (None, _) => return Err(io::Error::other("an answer without Content-Length")),
    };
    let whole = bytes.len() >= head_end + 4 + length;
    Ok(whole.then_some(Answer { status, closes }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_taken_when_it_is_whole() {
        let whole = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nConnection: close\r\n\r\n{}";
        for end in 0..whole.len() {
            assert!(parse(&whole[..end]).unwrap().is_none(), "{end}");
        }
        let answer = parse(whole).unwrap().unwrap();
        assert_eq!((answer.status, answer.closes), (200, true));
        assert!(parse(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
        assert!(parse(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap().is_some());
    }
}
