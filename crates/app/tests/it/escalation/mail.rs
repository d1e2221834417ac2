//! Mail inside an escalation, through a server that refuses, hesitates or breaks off.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mayday_app::gateway::guard::Roots;
use mayday_app::gateway::mail::{Security, SmtpMailer, SmtpSettings};
use mayday_app::gateway::testing::TwilioSimulator;
use mayday_app::senders::{Mailing, Senders};
use mayday_app::testing::TestApp;
use mayday_app::testing::senders::{MakeSenders, no_sender_settings};
use mayday_core::escalation::{AttemptState, Channel};
use mayday_store::escalation::AttemptRow;
use mayday_store::testing::TestStore;
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::driver::{Stage, on_both_stores};

const ANN: &str = "+34600111222";

/// What becomes of the next mail.
#[derive(Clone, Copy, Debug)]
enum Fate {
    /// Its receiver is answered so.
    Receiver(&'static str),
    /// It is read to its end, and the connection is cut instead of an answer.
    Cut,
}

/// A mail server; it ends with this value.
struct Post {
    address: SocketAddr,
    fates: Arc<Mutex<Vec<Fate>>>,
    mails: Arc<Mutex<Vec<String>>>,
    _server: JoinSet<()>,
}

impl Post {
    /// One whose first mails have these fates; all others are taken.
    async fn start(fates: &[Fate]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let fates = Arc::new(Mutex::new(fates.to_vec()));
        let mails = Arc::new(Mutex::new(Vec::new()));
        let (next, taken) = (Arc::clone(&fates), Arc::clone(&mails));
        let mut server = JoinSet::new();
        server.spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (next, taken) = (Arc::clone(&next), Arc::clone(&taken));
                open.spawn(async move {
                    // A connection that is cut is what the test is about.
                    let _ = serve(stream, &next, &taken).await;
                });
            }
        });
        Self {
            address,
            fates,
            mails,
            _server: server,
        }
    }

    /// Mails that were read to their end.
    fn mails(&self) -> Vec<String> {
        self.mails.lock().unwrap().clone()
    }

    fn left(&self) -> usize {
        self.fates.lock().unwrap().len()
    }

    /// A node that sends mail through it, and nothing else.
    fn senders(&self) -> MakeSenders {
        let address = self.address;
        Arc::new(move |clock| {
            let settings = SmtpSettings {
                host: "localhost".to_owned(),
                port: address.port(),
                security: Security::Plain,
                credentials: None,
                hello: "mayday.example".to_owned(),
                bind: Some("127.0.0.1".parse().unwrap()),
                roots: Roots::Mozilla,
                connect_timeout: Duration::from_mins(1),
                send_timeout: Duration::from_mins(1),
            };
            let mut senders = no_sender_settings(clock.clone());
            senders.mail = Some(Mailing {
                mailer: SmtpMailer::new(settings, clock).unwrap(),
                from: "sos@mayday.example".to_owned(),
                from_name: "Mayday".to_owned(),
            });
            Senders::new(senders).unwrap()
        })
    }
}

async fn serve(
    stream: TcpStream,
    fates: &Mutex<Vec<Fate>>,
    mails: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    write.write_all(b"220 here\r\n").await?;
    while let Some(line) = lines.next_line().await? {
        let command = line.to_ascii_uppercase();
        let fate = fates.lock().unwrap().first().copied();
        let answer = match (fate, command.as_str()) {
            (Some(Fate::Receiver(answer)), to) if to.starts_with("RCPT") => {
                fates.lock().unwrap().remove(0);
                answer
            }
            (_, "DATA") => {
                write.write_all(b"354 go on\r\n").await?;
                let mut mail = String::new();
                while let Some(line) = lines.next_line().await?.filter(|line| line != ".") {
                    mail.push_str(&line);
                    mail.push('\n');
                }
                mails.lock().unwrap().push(mail);
                if let Some(Fate::Cut) = fate {
                    fates.lock().unwrap().remove(0);
                    return Ok(());
                }
                "250 taken"
            }
            (_, "QUIT") => "221 bye",
            _ => "250 fine",
        };
        write.write_all(format!("{answer}\r\n").as_bytes()).await?;
    }
    Ok(())
}

/// A cry that is told to one contact by mail; what became of that a minute later.
async fn told_by_mail(store: TestStore, post: &Post) -> AttemptRow {
    told_by_mail_within(store, post, 60).await
}

/// The attempt as it stands so many seconds after the grace window.
async fn told_by_mail_within(store: TestStore, post: &Post, seconds: u64) -> AttemptRow {
    let node = TestApp::with_senders(store, post.senders()).await;
    // Nobody calls them.
    let clock = node.store.clock.clone();
    let first = TwilioSimulator::start(clock.clone()).await.unwrap();
    let second = TwilioSimulator::start(clock).await.unwrap();
    let stage = Stage::of(node, first, second, &[ANN]).await;
    stage.policy(json!({"channels": ["email"]})).await;
    let incident = stage.cry().await;
    stage.pass(15 + seconds).await;
    let rows = stage.attempts(incident.id).await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].attempt.key.channel, Channel::Email);
    rows[0].clone()
}

on_both_stores!(
    a_mail_that_is_put_off_is_sent_again,
    async |store: TestStore| {
        let post = Post::start(&[Fate::Receiver("451 greylisted"); 3]).await;
        let row = told_by_mail(store, &post).await;
        assert_eq!(row.attempt.state, AttemptState::Sent);
        assert_eq!((row.tries, post.left(), post.mails().len()), (4, 0, 1));
        assert!(post.mails()[0].contains("ana needs help"));
    }
);

on_both_stores!(
    a_mail_that_is_refused_is_not_sent_again,
    async |store: TestStore| {
        let post = Post::start(&[Fate::Receiver("550 nobody here")]).await;
        let row = told_by_mail(store, &post).await;
        assert_eq!(row.attempt.state, AttemptState::Failed);
        assert_eq!((row.tries, row.code.as_deref()), (1, Some("550")));
        assert!(post.mails().is_empty());
    }
);

on_both_stores!(
    a_mail_that_is_cut_off_arrives_and_twice_at_most,
    async |store: TestStore| {
        // Nobody can ask a mail server what it took.
        let post = Post::start(&[Fate::Cut]).await;
        let row = told_by_mail(store, &post).await;
        assert_eq!(row.attempt.state, AttemptState::Sent);
        assert_eq!((row.tries, row.doubts, post.mails().len()), (2, 1, 2));
        let id = |mail: &String| {
            let line = mail.lines().find(|line| line.starts_with("Message-ID"));
            line.map(str::to_owned)
        };
        let ids: Vec<_> = post.mails().iter().map(id).collect();
        assert!(ids[0].is_some() && ids[0] == ids[1], "one message: {ids:?}");
    }
);

on_both_stores!(
    a_mail_server_that_always_breaks_off_is_given_up,
    async |store: TestStore| {
        let post = Post::start(&[Fate::Cut; 9]).await;
        let row = told_by_mail_within(store, &post, 135).await;
        assert_eq!(row.attempt.state, AttemptState::Failed);
        assert_eq!((row.tries, row.doubts, post.mails().len()), (5, 5, 5));
    }
);
