//! The guarded client under attack.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hyper::{Method, StatusCode};
use mayday_gateway::guard::{
    Answer, BodyEnd, GuardError, GuardErrorKind, GuardSettings, GuardedClient, OutgoingRequest,
    Pending, Place, Policy, Proxy, ProxyNames, Reach, Resolve, Roots, SystemResolver,
    authorities_from_pem,
};
use mayday_gateway::secret::Secret;
use tokio::time::timeout;

use crate::support::authority::authority;
use crate::support::peer::{Peer, Reply};
use crate::support::{LIMIT, impatient, local_client, url};

async fn get(client: &GuardedClient, to: &str) -> Result<Answer, GuardError> {
    let request = OutgoingRequest::new(Method::GET, url(to));
    timeout(LIMIT, client.send(request)).await.unwrap()
}

/// Asks a peer of this machine, without waiting long for what never comes.
async fn ask(peer: &Peer) -> Result<Answer, GuardError> {
    let (client, url) = (local_client(GuardSettings::default()), peer.http("/"));
    impatient(|| peer.fell_silent(), get(&client, &url)).await
}

fn public_client() -> GuardedClient {
    GuardedClient::new(GuardSettings::default(), Arc::new(SystemResolver)).unwrap()
}

/// Answers from a list, one per question, the last for ever.
struct Script {
    answers: Vec<Vec<IpAddr>>,
    asked: AtomicUsize,
}

impl Script {
    fn new(answers: &[&[&str]]) -> Arc<Self> {
        let parse = |list: &&[&str]| list.iter().map(|text| text.parse().unwrap()).collect();
        Arc::new(Self {
            answers: answers.iter().map(parse).collect(),
            asked: AtomicUsize::new(0),
        })
    }
}

impl Resolve for Script {
    fn resolve<'a>(&'a self, _: &'a str, port: u16) -> Pending<'a, io::Result<Vec<SocketAddr>>> {
        let turn = self.asked.fetch_add(1, Ordering::SeqCst);
        let answer = self.answers.get(turn).or(self.answers.last()).unwrap();
        let found = answer.iter().map(|ip| SocketAddr::new(*ip, port)).collect();
        Box::pin(async move { Ok(found) })
    }
}

#[tokio::test]
async fn every_spelling_of_a_forbidden_address_is_refused() {
    let peer = Peer::start(vec![Reply::answer("200 OK", &[], "")]).await;
    let port = peer.address.port();
    let client = public_client().with_policy(Policy {
        reach: Reach::Public,
        plain_http: true,
    });
    for host in [
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "0177.1",
        "127.0.0.1.",
        "%31%32%37.0.0.1",
        "１２７.0.0.1",
        "0",
        "0.0.0.0",
        "localhost",
        "LOCALHOST.",
        "a.localhost",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[0:0:0:0:0:ffff:7f00:0001]",
        "[::127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[2002:7f00:1::]",
        "[2001:0:7f00:1::]",
        "169.254.169.254",
        "2852039166",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "192.0.2.1",
        "metadata.google.internal",
    ] {
        let error = get(&client, &format!("http://{host}:{port}/"))
            .await
            .expect_err(host);
        assert!(
            matches!(error.kind(), GuardErrorKind::Forbidden(_)),
            "{host}: {error}"
        );
        assert!(!error.maybe_sent());
    }
    assert!(peer.seen().is_empty());
}

#[tokio::test]
async fn a_name_that_leads_to_a_private_address_is_refused() {
    for (addresses, place) in [
        (&["127.0.0.1"][..], Place::Loopback),
        (&["10.1.2.3", "fd00::1"], Place::UniqueLocal),
        (&["::ffff:127.0.0.1"], Place::Translated),
    ] {
        let resolver = Script::new(&[addresses]);
        let client = GuardedClient::new(GuardSettings::default(), resolver).unwrap();
        let error = get(&client, "https://evil.example/").await.unwrap_err();
        assert_eq!(error.kind(), &GuardErrorKind::Forbidden(place));
    }
}

/// The first answer is what was checked and what is connected to; the second,
/// which would lead to this machine, is never asked for.
#[tokio::test]
async fn a_resolver_that_changes_its_mind_gains_nothing() {
    let peer = Peer::start(vec![Reply::answer("200 OK", &[], "inside")]).await;
    // No connection leads to a public address from a loopback one, so this
    // request ends without reaching the Internet.
    let settings = || GuardSettings {
        connect_timeout: Duration::from_millis(300),
        bind: Some("127.0.0.1".parse().unwrap()),
        ..GuardSettings::default()
    };
    let plain = Policy {
        reach: Reach::Public,
        plain_http: true,
    };
    let resolver = Script::new(&[&["9.9.9.9"], &["127.0.0.1"]]);
    let client = GuardedClient::new(settings(), resolver.clone())
        .unwrap()
        .with_policy(plain);
    let to = format!("http://rebind.example:{}/", peer.address.port());
    let error = get(&client, &to).await.unwrap_err();
    assert!(
        matches!(
            error.kind(),
            GuardErrorKind::Unreachable | GuardErrorKind::ConnectTimeout
        ),
        "{error}"
    );
    assert_eq!(resolver.asked.load(Ordering::SeqCst), 1);
    // The next request asks again, and is refused for what it hears.
    let error = get(&client, &to).await.unwrap_err();
    assert_eq!(error.kind(), &GuardErrorKind::Forbidden(Place::Loopback));
    assert!(peer.seen().is_empty());
}

#[tokio::test]
async fn the_checked_address_is_the_one_connected_to() {
    let peer = Peer::start(vec![Reply::answer("200 OK", &[], "here")]).await;
    let resolver = Script::new(&[&["169.254.1.1", "127.0.0.1"]]);
    let client = GuardedClient::new(GuardSettings::default(), resolver)
        .unwrap()
        .with_policy(Policy::LOCAL);
    let port = peer.address.port();
    let answer = get(&client, &format!("http://app.example:{port}/a?b=c"))
        .await
        .unwrap();
    assert_eq!(&answer.body[..], b"here");
    let seen = peer.seen();
    assert!(seen[0].head.starts_with("GET /a?b=c HTTP/1.1\r\n"));
    let host = format!("app.example:{port}");
    assert_eq!(seen[0].header("host"), Some(host.as_str()));
}

#[tokio::test]
async fn plain_http_needs_leave() {
    let client = public_client().with_policy(Policy {
        reach: Reach::PrivateToo,
        plain_http: false,
    });
    let error = get(&client, "http://127.0.0.1:9/").await.unwrap_err();
    assert_eq!(error.kind(), &GuardErrorKind::Url("https only"));
}

#[tokio::test]
async fn redirects_are_answers() {
    let target = Peer::start(vec![Reply::answer("200 OK", &[], "")]).await;
    for status in ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"] {
        let location = format!("location: {}", target.http("/"));
        let peer = Peer::start(vec![Reply::answer(status, &[&location], "")]).await;
        let client = local_client(GuardSettings::default());
        let answer = get(&client, &peer.http("/")).await.unwrap();
        assert!(answer.status.is_redirection());
    }
    assert!(target.seen().is_empty());
}

#[tokio::test]
async fn a_slow_body_ends_with_the_time_and_keeps_the_status() {
    let peer = Peer::start(vec![Reply::Drip]).await;
    let answer = ask(&peer).await.unwrap();
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.body_end, BodyEnd::TimedOut);
    assert!(!answer.body.is_empty() && answer.json().is_none());
}

#[tokio::test]
async fn an_endless_body_is_cut_at_the_limit() {
    let peer = Peer::start(vec![Reply::Endless]).await;
    let client = local_client(GuardSettings {
        max_body_bytes: 10_000,
        ..GuardSettings::default()
    });
    let answer = get(&client, &peer.http("/")).await.unwrap();
    assert_eq!(
        (answer.body.len(), answer.body_end),
        (10_000, BodyEnd::TooLong)
    );
}

#[tokio::test]
async fn a_broken_body_is_told_from_a_whole_one() {
    let short = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{}";
    let peer = Peer::start(vec![Reply::Bytes(short.to_vec())]).await;
    let answer = ask(&peer).await.unwrap();
    assert_eq!(answer.body_end, BodyEnd::Broken);
    assert_eq!(answer.json(), None);
}

#[tokio::test]
async fn heads_have_limits() {
    let big = format!("x-big: {}", "x".repeat(100_000));
    let lines = vec!["x-a: b"; 100];
    for reply in [
        Reply::EndlessHead,
        Reply::answer("200 OK", &[&big], ""),
        Reply::answer("200 OK", &lines, ""),
        Reply::Bytes(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()),
    ] {
        let peer = Peer::start(vec![reply.clone()]).await;
        let error = get(&local_client(GuardSettings::default()), &peer.http("/"))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), &GuardErrorKind::BadAnswer, "{error}");
        assert!(error.maybe_sent());
    }
}

#[tokio::test]
async fn silence_and_a_cut_are_maybe_sent() {
    let peer = Peer::start(vec![Reply::Hold]).await;
    let error = ask(&peer).await.unwrap_err();
    assert_eq!(error.kind(), &GuardErrorKind::Timeout);
    assert!(error.maybe_sent());
    let peer = Peer::start(vec![Reply::Close]).await;
    let error = ask(&peer).await.unwrap_err();
    assert_eq!(error.kind(), &GuardErrorKind::BrokenOff);
    assert!(error.maybe_sent());
}

#[tokio::test]
async fn nobody_there_was_not_sent() {
    // A port that is taken, and on which nobody listens.
    let taken = tokio::net::TcpSocket::new_v4().unwrap();
    taken.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = taken.local_addr().unwrap();
    let client = local_client(GuardSettings::default());
    let error = get(&client, &format!("http://{address}/"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), &GuardErrorKind::Unreachable);
    assert!(!error.maybe_sent());
}

#[tokio::test]
async fn errors_and_debug_hold_no_credentials() {
    let peer = Peer::start(vec![Reply::Close]).await;
    let request = OutgoingRequest::new(Method::POST, url(&peer.http("/T0/s3cret?key=s3cret")))
        .header("authorization", "Bearer s3cret")
        .unwrap()
        .body("s3cret");
    let shown = format!("{request:?}");
    let client = local_client(GuardSettings::default());
    let error = client.send(request).await.unwrap_err();
    for text in [shown, error.to_string(), format!("{error:?}")] {
        assert!(!text.contains("s3cret"), "{text}");
        assert!(text.contains(&peer.address.to_string()), "{text}");
    }
}

#[tokio::test]
async fn tls_proves_the_name_against_the_configured_authorities() {
    let (pem, acceptor) = authority(&["partner.example"]);
    let reply = vec![Reply::answer("200 OK", &[], "proved")];
    let peer = Peer::start_with(reply, Some(acceptor)).await;
    let port = peer.address.port();
    let client = |roots| {
        let settings = GuardSettings {
            roots,
            ..GuardSettings::default()
        };
        GuardedClient::new(settings, Script::new(&[&["127.0.0.1"]]))
            .unwrap()
            .with_policy(Policy::LOCAL)
    };
    let own = authorities_from_pem(pem.as_bytes()).unwrap();
    let good = format!("https://partner.example:{port}/");
    for roots in [Roots::Only(own.clone()), Roots::MozillaAnd(own.clone())] {
        let answer = get(&client(roots), &good).await.unwrap();
        assert_eq!(&answer.body[..], b"proved");
    }
    let another = format!("https://other.example:{port}/");
    for (roots, to) in [(Roots::Mozilla, &good), (Roots::Only(own), &another)] {
        let error = get(&client(roots), to).await.unwrap_err();
        assert_eq!(error.kind(), &GuardErrorKind::Untrusted, "{error}");
        assert!(!error.maybe_sent());
    }
    assert!(authorities_from_pem(b"no certificate").is_err());
}

/// A proxy that answers CONNECT and then, as the far end of the tunnel, the request.
#[tokio::test]
async fn a_proxy_is_asked_for_the_checked_address() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    for (names, expected) in [
        (ProxyNames::Here, "CONNECT 127.0.0.9:80 HTTP/1.1\r\n"),
        (ProxyNames::AtProxy, "CONNECT app.example:80 HTTP/1.1\r\n"),
    ] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let far = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut connect = Vec::new();
            while !connect.ends_with(b"\r\n\r\n") {
                stream.read_buf(&mut connect).await.unwrap();
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                stream.read_buf(&mut request).await.unwrap();
            }
            let answer = b"HTTP/1.1 204 No Content\r\n\r\n";
            stream.write_all(answer).await.unwrap();
            String::from_utf8(connect).unwrap()
        });
        let settings = GuardSettings {
            proxy: Some(Proxy {
                host: "127.0.0.1".to_owned(),
                port,
                credentials: Some(Secret::new("ann:s3cret")),
                names,
            }),
            ..GuardSettings::default()
        };
        assert!(!format!("{settings:?}").contains("s3cret"));
        let resolver = Arc::new(OneName("app.example", "127.0.0.9"));
        let client = GuardedClient::new(settings, resolver)
            .unwrap()
            .with_policy(Policy::LOCAL);
        let answer = get(&client, "http://app.example/").await.unwrap();
        assert_eq!(answer.status, StatusCode::NO_CONTENT);
        let connect = far.await.unwrap();
        assert!(connect.starts_with(expected), "{connect}");
        assert!(connect.contains("Proxy-Authorization: Basic YW5uOnMzY3JldA==\r\n"));
    }
}

/// Knows one name; anything else is an address already.
struct OneName(&'static str, &'static str);

impl Resolve for OneName {
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> Pending<'a, io::Result<Vec<SocketAddr>>> {
        let text = if host == self.0 { self.1 } else { host };
        let address = SocketAddr::new(text.parse().unwrap(), port);
        Box::pin(async move { Ok(vec![address]) })
    }
}
