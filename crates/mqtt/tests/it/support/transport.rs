//! The four ways to the server, and each of them from the client's side.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use mayday_mqtt::{Door, Endpoint};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, duplex};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tokio_util::sync::CancellationToken;

use super::frames;

/// What carries a client's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Via {
    Tcp,
    Tls,
    Ws,
    Wss,
}

/// Either end of a connection.
pub(crate) trait Socket: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Socket for S {}

/// How many bytes lie between a WebSocket's client and its test.
const PIPE_BYTES: usize = 16 * 1024;

/// Runs each test, a function of a [`Via`], over all four.
#[macro_export]
macro_rules! over_every_transport {
    ($($test:ident),+ $(,)?) => {
        mod over_tcp { $crate::over_every_transport!(@ Tcp $($test)+); }
        mod over_tls { $crate::over_every_transport!(@ Tls $($test)+); }
        mod over_ws { $crate::over_every_transport!(@ Ws $($test)+); }
        mod over_wss { $crate::over_every_transport!(@ Wss $($test)+); }
    };
    (@ $via:ident $($test:ident)+) => {
        $(
            #[tokio::test]
            async fn $test() {
                super::$test($crate::support::transport::Via::$via).await;
            }
        )+
    };
}

/// Both sides of TLS, for one certificate.
pub(crate) struct Terms {
    pub(crate) server: Arc<ServerConfig>,
    client: TlsConnector,
}

impl Terms {
    pub(crate) fn new() -> Self {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let server = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(cert.der().clone()).unwrap();
        let client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self {
            server: Arc::new(server),
            client: TlsConnector::from(Arc::new(client)),
        }
    }

    pub(crate) async fn connect(&self, stream: TcpStream) -> Box<dyn Socket> {
        let name = ServerName::try_from("localhost").unwrap();
        Box::new(self.client.connect(name, stream).await.unwrap())
    }
}

/// Serves the endpoint on one listener, as the server does it.
pub(crate) async fn serve(
    via: Via,
    endpoint: Endpoint,
    listener: TcpListener,
    terms: Arc<ServerConfig>,
    shutdown: CancellationToken,
) {
    let tls = matches!(via, Via::Tls | Via::Wss).then_some(terms);
    match via {
        Via::Tcp | Via::Tls => endpoint.serve(vec![Door { listener, tls }]).await,
        Via::Ws | Via::Wss => {
            let router = endpoint.with_websocket(Router::new());
            let http = serve_http(listener, router, tls.map(TlsAcceptor::from), shutdown);
            tokio::join!(http, endpoint.serve(Vec::new()));
        }
    }
}

async fn serve_http(
    listener: TcpListener,
    router: Router,
    tls: Option<TlsAcceptor>,
    shutdown: CancellationToken,
) {
    loop {
        let (stream, _) = tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            accepted = listener.accept() => accepted.unwrap(),
        };
        stream.set_nodelay(true).unwrap();
        let (router, tls) = (router.clone(), tls.clone());
        tokio::spawn(async move {
            let io: Box<dyn Socket> = match tls {
                None => Box::new(stream),
                Some(tls) => match tls.accept(stream).await {
                    Ok(stream) => Box::new(stream),
                    Err(_) => return,
                },
            };
            // A client that leaves early is its own affair.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(io), TowerToHyperService::new(router))
                .with_upgrades()
                .await;
        });
    }
}

/// A connection on which nothing of MQTT was sent.
pub(crate) async fn dial(via: Via, address: SocketAddr, terms: &Terms) -> Box<dyn Socket> {
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    match via {
        Via::Tcp => Box::new(stream),
        Via::Tls => terms.connect(stream).await,
        Via::Ws => Box::new(frame(upgrade("/mqtt", Box::new(stream)).await)),
        Via::Wss => {
            let stream = terms.connect(stream).await;
            Box::new(frame(upgrade("/mqtt", stream).await))
        }
    }
}

/// What a client asks for.
pub(crate) fn request(path: &str, more: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive, Upgrade\r\n\
         Upgrade: WebSocket\r\n{more}\r\n"
    )
}

/// The headers of RFC 6455 and MQTT beside those.
pub(crate) const HEADERS: &str = "Sec-WebSocket-Version: 13\r\n\
     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: mqttv3.1, mqtt\r\n";

/// Makes a WebSocket of a connection.
pub(crate) async fn upgrade(path: &str, mut stream: Box<dyn Socket>) -> Box<dyn Socket> {
    let request = request(path, HEADERS);
    stream.write_all(request.as_bytes()).await.unwrap();
    let head = head(&mut stream).await;
    assert!(head.starts_with("http/1.1 101 "), "{head}");
    for line in [
        "sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=",
        "sec-websocket-protocol: mqtt",
    ] {
        assert!(head.lines().any(|found| found == line), "{head}");
    }
    stream
}

/// The head of an answer, in lower case.
pub(crate) async fn head(stream: &mut Box<dyn Socket>) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap().to_ascii_lowercase()
}

/// The bytes of MQTT on a WebSocket. What is written leaves in frames and
/// messages of all sizes, with pings between them.
fn frame(socket: Box<dyn Socket>) -> DuplexStream {
    let (near, far) = duplex(PIPE_BYTES);
    let (mut from_test, mut to_test) = tokio::io::split(far);
    let (mut from_server, mut to_server) = tokio::io::split(socket);
    tokio::spawn(async move {
        let mut outgoing = tokio::spawn(async move {
            let mut cutter = frames::Cutter::default();
            let mut chunk = vec![0; PIPE_BYTES];
            while let Ok(read @ 1..) = from_test.read(&mut chunk).await {
                let frames = cutter.cut(&chunk[..read]);
                if to_server.write_all(&frames).await.is_err() {
                    return;
                }
            }
        });
        let incoming = async {
            while let Some(frame) = frames::read(&mut from_server).await {
                match frame.opcode {
                    frames::BINARY => {
                        if to_test.write_all(&frame.payload).await.is_err() {
                            return;
                        }
                    }
                    frames::PONG => assert_eq!(frame.payload, frames::PING_PAYLOAD),
                    frames::CLOSE => break,
                    other => panic!("the server sent opcode {other}"),
                }
            }
            // As on TCP, what the client still sends goes out all the same.
            let _ = to_test.shutdown().await;
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = incoming => outgoing.abort(),
            _ = &mut outgoing => {}
        }
    });
    near
}
