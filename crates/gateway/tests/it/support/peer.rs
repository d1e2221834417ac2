//! A peer that reads a request and then does as it was told, well or badly.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tokio_rustls::TlsAcceptor;

/// What the peer does with one request.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// Writes this and closes.
    Bytes(Vec<u8>),
    /// Closes without a word.
    Close,
    /// Says nothing and holds on.
    Hold,
    /// A head, then a byte at a time without end.
    Drip,
    /// A head, then a body as fast as it goes, without end.
    Endless,
    /// Header lines without end.
    EndlessHead,
}

impl Reply {
    /// An answer with that status line, headers and body.
    pub(crate) fn answer(status: &str, headers: &[&str], body: &str) -> Self {
        let mut text = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n", body.len());
        for header in headers {
            text.push_str(header);
            text.push_str("\r\n");
        }
        text.push_str("\r\n");
        text.push_str(body);
        Self::Bytes(text.into_bytes())
    }
}

/// After so many bytes of a drip the client has read the head.
const HEARD_AFTER: usize = 10;

/// A request as it arrived.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }
}

/// The running peer; it ends with this value.
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    silence: Arc<Notify>,
    _tasks: JoinSet<()>,
}

impl Peer {
    /// Answers one connection after the other with `replies`, the last one for ever.
    pub(crate) async fn start(replies: Vec<Reply>) -> Self {
        Self::start_with(replies, None).await
    }

    pub(crate) async fn start_with(replies: Vec<Reply>, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let silence = Arc::new(Notify::new());
        let mut tasks = JoinSet::new();
        let (log, rung) = (Arc::clone(&seen), Arc::clone(&silence));
        tasks.spawn(async move {
            let mut replies = VecDeque::from(replies);
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let reply = if replies.len() > 1 {
                    replies.pop_front()
                } else {
                    replies.front().cloned()
                };
                let reply = reply.unwrap_or(Reply::Close);
                let (log, tls, rung) = (Arc::clone(&log), tls.clone(), Arc::clone(&rung));
                connections.spawn(async move {
                    match tls {
                        None => serve(stream, reply, &log, &rung).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, reply, &log, &rung).await;
                            }
                        }
                    }
                });
            }
        });
        Self {
            address,
            seen,
            silence,
            _tasks: tasks,
        }
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Ends once a request has come that will get no answer, or none that ends.
    pub(crate) async fn fell_silent(&self) {
        self.silence.notified().await;
    }

    pub(crate) fn http(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

async fn serve<S>(mut stream: S, reply: Reply, log: &Mutex<Vec<Seen>>, silence: &Notify)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let Some(request) = read_request(&mut stream).await else {
        return;
    };
    log.lock().unwrap().push(request);
    match reply {
        Reply::Bytes(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
        }
        Reply::Close => {}
        Reply::Hold => {
            silence.notify_one();
            std::future::pending::<()>().await;
        }
        Reply::Drip => {
            let head = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n";
            let _ = stream.write_all(head).await;
            let mut beat = tokio::time::interval(Duration::from_millis(20));
            // Between any two beats the client has its turn.
            beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut beats = 0;
            while stream.write_all(b"x").await.is_ok() {
                beat.tick().await;
                beats += 1;
                if beats == HEARD_AFTER {
                    silence.notify_one();
                }
            }
        }
        Reply::Endless => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
            while stream.write_all(&[b'x'; 4096]).await.is_ok() {}
        }
        Reply::EndlessHead => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n").await;
            while stream
                .write_all(b"x-more: and more of it\r\n")
                .await
                .is_ok()
            {}
        }
    }
}

async fn read_request<S: AsyncRead + Unpin>(stream: &mut S) -> Option<Seen> {
    let mut bytes = Vec::new();
    let end = loop {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
    };
    let mut seen = Seen {
        head: String::from_utf8_lossy(&bytes[..end]).into_owned(),
        body: bytes[end..].to_vec(),
    };
    let length: usize = seen
        .header("content-length")
        .and_then(|length| length.parse().ok())
        .unwrap_or(0);
    while seen.body.len() < length {
        if stream.read_buf(&mut seen.body).await.ok()? == 0 {
            return None;
        }
    }
    Some(seen)
}
