//! Partners whose servers hang keep nobody else's notifications waiting.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mayday_app::admin::{AdminRequest, NewEndpoint, PrintedSecret, WebhookRequest};
use mayday_app::testing::{APP_ID, TestApp};
use mayday_core::escalation::{Channel, Policy};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::urgent::run_clock;
use crate::{Workers, open_sos, until};

/// What may pass until the last healthy endpoint has heard: about a second, more on a busy
/// machine, and less than the 15 seconds after which one that hangs is given up.
const LIMIT: Duration = Duration::from_secs(10);

/// A server that takes every request, and answers if it is a healthy one.
struct Peer {
    url: String,
    heard: Arc<AtomicUsize>,
    _task: JoinSet<()>,
}

impl Peer {
    async fn start(healthy: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let heard = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&heard);
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let count = Arc::clone(&count);
                open.spawn(async move {
                    let mut bytes = vec![0; 16 * 1024];
                    if stream.read(&mut bytes).await.is_ok_and(|read| read > 0) {
                        count.fetch_add(1, Ordering::SeqCst);
                        if !healthy {
                            std::future::pending::<()>().await;
                        }
                        let answer = b"HTTP/1.1 204 Fine\r\n\r\n";
                        let _ = stream.write_all(answer).await;
                        let _ = stream.shutdown().await;
                    }
                });
            }
        });
        Self {
            url,
            heard,
            _task: task,
        }
    }

    fn heard(&self) -> usize {
        self.heard.load(Ordering::SeqCst)
    }
}

async fn add(node: &TestApp, peer: &Peer) {
    let new = NewEndpoint {
        app_id: APP_ID.to_owned(),
        channel: Channel::Webhook,
        url: PrintedSecret(peer.url.clone()),
        name: None,
        events: vec!["sos.opened".to_owned()],
        local: true,
    };
    let add = WebhookRequest::Add(new);
    node.admin(AdminRequest::Webhook(add)).await;
}

/// How long it takes until the healthy one has heard of so many SOS, all due at once,
/// beside so many endpoints that hang.
async fn heard_after(hanging: usize, alarms: usize) -> Duration {
    let node = TestApp::sqlite().await;
    let (dead, healthy) = (Peer::start(false).await, Peer::start(true).await);
    for _ in 0..hanging {
        add(&node, &dead).await;
    }
    add(&node, &healthy).await;
    for number in 0..alarms {
        let caller = node.caller(&format!("user-{number}")).await;
        open_sos(&node, &caller).await;
    }
    node.store.clock.advance(Policy::default().grace);
    let _clock = run_clock(&node);
    let begin = Instant::now();
    let workers = Workers::of(&node);
    until("the healthy one hears of all", || async {
        healthy.heard() == alarms
    })
    .await;
    let took = begin.elapsed();
    assert!(dead.heard() > 0, "the others were tried");
    workers.stop().await;
    took
}

#[tokio::test]
async fn many_endpoints_that_hang_keep_no_other_waiting() {
    // More attempts than there are workers.
    let took = heard_after(19, 5).await;
    assert!(took < LIMIT, "{took:?}");
}

#[tokio::test]
async fn one_endpoint_that_hangs_keeps_its_own_apps_others_not_waiting() {
    let took = heard_after(1, 40).await;
    assert!(took < LIMIT, "{took:?}");
}
