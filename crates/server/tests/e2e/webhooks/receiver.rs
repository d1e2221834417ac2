//! The receivers of `docs/webhooks.md` as processes, and a peer of our own that
//! keeps what it was sent and answers as it is told.

use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver as Heard, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use crate::harness::http;
use crate::harness::tools::{self, Talker};

/// In which language a receiver is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    JavaScript,
    Python,
}

impl Language {
    /// What marks its block in the guide.
    const fn mark(self) -> &'static str {
        match self {
            Self::JavaScript => "js",
            Self::Python => "python",
        }
    }
}

/// A receiver of the guide, running.
pub(super) struct Receiver {
    talker: Talker,
    _place: TempDir,
}

impl Receiver {
    pub(super) fn start(language: Language, port: u16, secret: &str) -> Self {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("receiver");
        fs::write(&file, block(language.mark())).unwrap();
        let mut command = match language {
            Language::JavaScript => {
                let mut node = Command::new("node");
                node.env("NODE_PATH", tools::clients().join("webhooks/node_modules"));
                node
            }
            Language::Python => Command::new(tools::clients().join("venv/bin/python3")),
        };
        command
            .arg(&file)
            .env("PORT", port.to_string())
            .env("WEBHOOK_SECRET", secret);
        let talker = Talker::start(&mut command);
        talker.hear(&format!("listening on {port}"));
        Self {
            talker,
            _place: place,
        }
    }

    /// Waits for a line that holds `words`.
    pub(super) fn hear(&self, words: &str) {
        self.talker.hear(words);
    }
}

/// The block of the guide in a language.
fn block(mark: &str) -> String {
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/webhooks.md");
    let guide = fs::read_to_string(guide).unwrap();
    let (_, rest) = guide.split_once(&format!("```{mark}\n")).unwrap();
    let (block, _) = rest.split_once("```\n").unwrap();
    block.to_owned()
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) path: String,
    headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Seen {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let fits = |(key, _): &&(String, String)| key == name;
        self.headers
            .iter()
            .find(fits)
            .map(|(_, value)| value.as_str())
    }

    pub(super) fn with_body(&self, change: impl Fn(&str) -> String) -> Self {
        let body = std::str::from_utf8(&self.body).unwrap();
        Self {
            body: change(body).into_bytes(),
            ..self.clone()
        }
    }

    pub(super) fn with_header(&self, name: &str, value: &str) -> Self {
        let mut changed = self.clone();
        for (key, old) in &mut changed.headers {
            if key == name {
                value.clone_into(old);
            }
        }
        changed
    }

    /// Posts it to another receiver; answers the status.
    pub(super) fn post_to(&self, port: u16) -> u16 {
        let skip = ["host", "content-length", "connection"];
        let kept = self.headers.iter();
        let kept = kept.filter(|(name, _)| !skip.contains(&name.as_str()));
        let headers: Vec<_> = kept.map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let address = format!("127.0.0.1:{port}");
        let answer = http::send(&address, "POST", "/hook", &headers, &self.body);
        answer.unwrap().status
    }
}

struct Manner {
    answer: Mutex<String>,
    hold: AtomicBool,
    endless: AtomicBool,
    count: AtomicUsize,
}

/// A peer that keeps what it was sent.
pub(super) struct Peer {
    port: u16,
    manner: Arc<Manner>,
    heard: Heard<Seen>,
}

impl Peer {
    /// Answers 204 until it is told otherwise.
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let manner = Arc::new(Manner {
            answer: Mutex::new(answer(204, "", "")),
            hold: AtomicBool::new(false),
            endless: AtomicBool::new(false),
            count: AtomicUsize::new(0),
        });
        let (sender, heard) = mpsc::channel();
        let shared = Arc::clone(&manner);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (manner, sender) = (Arc::clone(&shared), sender.clone());
                thread::spawn(move || serve(stream, &manner, &sender));
            }
        });
        Self {
            port,
            manner,
            heard,
        }
    }

    pub(super) const fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook/", self.port)
    }

    /// Whether it says nothing and holds on.
    pub(super) fn hold(&self, hold: bool) {
        self.manner.hold.store(hold, Ordering::SeqCst);
    }

    pub(super) fn answer(&self, status: u16, body: &str) {
        *self.manner.answer.lock().unwrap() = answer(status, "", body);
    }

    pub(super) fn redirect(&self, to: &str) {
        let location = format!("location: {to}\r\n");
        *self.manner.answer.lock().unwrap() = answer(307, &location, "");
    }

    /// A head, then a body without end.
    pub(super) fn endless(&self) {
        self.manner.endless.store(true, Ordering::SeqCst);
    }

    /// The next request that arrives.
    pub(super) fn next(&self, limit: Duration) -> Seen {
        self.heard.recv_timeout(limit).expect("a delivery in time")
    }

    /// Whether nothing has arrived that was not taken yet.
    pub(super) fn is_quiet(&self) -> bool {
        matches!(
            self.heard.recv_timeout(Duration::from_millis(200)),
            Err(RecvTimeoutError::Timeout)
        )
    }

    /// How many requests arrived.
    pub(super) fn count(&self) -> usize {
        self.manner.count.load(Ordering::SeqCst)
    }
}

fn answer(status: u16, headers: &str, body: &str) -> String {
    let length = body.len();
    let mut text = format!("HTTP/1.1 {status} Said\r\ncontent-length: {length}\r\n{headers}");
    write!(text, "connection: close\r\n\r\n{body}").unwrap();
    text
}

fn serve(mut stream: TcpStream, manner: &Manner, sender: &mpsc::Sender<Seen>) {
    let Some(seen) = read(&mut stream) else {
        return;
    };
    manner.count.fetch_add(1, Ordering::SeqCst);
    let _ = sender.send(seen);
    if manner.hold.load(Ordering::SeqCst) {
        // Until the other side has had enough.
        let _ = stream.read(&mut [0; 1]);
        return;
    }
    if manner.endless.load(Ordering::SeqCst) {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        while stream.write_all(&[b'x'; 4096]).is_ok() {}
        return;
    }
    let text = manner.answer.lock().unwrap().clone();
    let _ = stream.write_all(text.as_bytes());
}

fn read(stream: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    let end = loop {
        let count = stream.read(&mut piece).ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&piece[..count]);
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.lines();
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let headers: Vec<_> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.map_or(0, |(_, value)| value.parse().unwrap_or(0));
    let mut body = bytes[end..].to_vec();
    while body.len() < length {
        let count = stream.read(&mut piece).ok().filter(|count| *count > 0)?;
        body.extend_from_slice(&piece[..count]);
    }
    Some(Seen {
        path,
        headers,
        body,
    })
}
