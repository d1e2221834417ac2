//! An SMTP server that takes mail, or misbehaves at the command that a test names.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// What happens once to a command, by its first word; `.` is the end of a mail.
#[derive(Clone, Debug)]
pub(crate) enum Mishap {
    /// It is answered so.
    Answer(&'static str, &'static str),
    /// The connection is cut instead of an answer.
    Cut(&'static str),
    /// No answer comes.
    Hold(&'static str),
}

impl Mishap {
    fn command(&self) -> &'static str {
        match self {
            Self::Answer(command, _) | Self::Cut(command) | Self::Hold(command) => command,
        }
    }
}

/// How the server's connections are secured.
#[derive(Clone)]
pub(crate) enum Tls {
    None,
    Start(TlsAcceptor),
    AtOnce(TlsAcceptor),
}

#[derive(Default)]
struct State {
    mishaps: VecDeque<Mishap>,
    commands: Vec<String>,
    mails: Vec<String>,
    connections: usize,
    silence: Arc<Notify>,
}

/// The running server; it ends with this value.
pub(crate) struct Smtp {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<State>>,
    _tasks: JoinSet<()>,
}

impl Smtp {
    pub(crate) async fn start(tls: Tls) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                shared.lock().unwrap().connections += 1;
                let (shared, tls) = (Arc::clone(&shared), tls.clone());
                connections.spawn(async move {
                    match tls {
                        Tls::None => drop(session(stream, &shared, false, true).await),
                        Tls::AtOnce(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                session(stream, &shared, false, true).await;
                            }
                        }
                        Tls::Start(tls) => {
                            let plain = session(stream, &shared, true, true).await;
                            if let Some(plain) = plain
                                && let Ok(stream) = tls.accept(plain).await
                            {
                                session(stream, &shared, false, false).await;
                            }
                        }
                    }
                });
            }
        });
        Self {
            address,
            state,
            _tasks: tasks,
        }
    }

    pub(crate) fn misbehave(&self, mishaps: impl IntoIterator<Item = Mishap>) {
        self.state.lock().unwrap().mishaps.extend(mishaps);
    }

    /// Ends once a command has come that gets no answer.
    pub(crate) async fn fell_silent(&self) {
        let silence = Arc::clone(&self.state.lock().unwrap().silence);
        silence.notified().await;
    }

    pub(crate) fn mails(&self) -> Vec<String> {
        self.state.lock().unwrap().mails.clone()
    }

    pub(crate) fn commands(&self) -> Vec<String> {
        self.state.lock().unwrap().commands.clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.state.lock().unwrap().connections
    }
}

/// Speaks until the other side has enough; gives the stream back at STARTTLS.
async fn session<S>(stream: S, state: &Mutex<State>, starttls: bool, greet: bool) -> Option<S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut stream = BufReader::new(stream);
    if greet {
        stream.write_all(b"220 test ESMTP\r\n").await.ok()?;
    }
    let mut mail: Option<String> = None;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        if let Some(text) = &mut mail
            && line != ".\r\n"
        {
            text.push_str(&line);
            continue;
        }
        let word = line.split([' ', '\r']).next().unwrap_or_default();
        let word = word.to_ascii_uppercase();
        let mishap = {
            let mut state = state.lock().unwrap();
            state.commands.push(line.trim_end().to_owned());
            let hit = state
                .mishaps
                .front()
                .is_some_and(|next| next.command() == word);
            if hit { state.mishaps.pop_front() } else { None }
        };
        let answer = match mishap {
            Some(Mishap::Cut(_)) => return None,
            Some(Mishap::Hold(_)) => {
                state.lock().unwrap().silence.notify_one();
                std::future::pending().await
            }
            Some(Mishap::Answer(_, answer)) => {
                mail = None;
                answer
            }
            None => match word.as_str() {
                "EHLO" if starttls => "250-test\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN",
                "EHLO" => "250-test\r\n250 AUTH PLAIN LOGIN",
                "STARTTLS" => "220 go",
                "AUTH" => "235 welcome",
                "DATA" => {
                    mail = Some(String::new());
                    "354 go"
                }
                "." => {
                    let taken = mail.take().unwrap_or_default();
                    state.lock().unwrap().mails.push(taken);
                    "250 queued as 42"
                }
                "QUIT" => "221 bye",
                _ => "250 fine",
            },
        };
        stream.write_all(answer.as_bytes()).await.ok()?;
        stream.write_all(b"\r\n").await.ok()?;
        if word == "STARTTLS" && starttls {
            return Some(stream.into_inner());
        }
    }
}
