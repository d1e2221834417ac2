//! What a phone that only stays connected costs the server, behind TLS too.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::harness::mqtt::LIMIT;
use super::harness::person::Person;
use super::harness::server::{Home, Server};

/// A connection with TLS.
type Secure = StreamOwned<ClientConnection, TcpStream>;

/// The most that an idle connection may cost, in bytes.
const COST: u64 = 20 * 1024;

/// Connections that are measured of each kind.
const IDLERS: u64 = 400;

/// Connections before them, after which the server has what it keeps for all.
const FIRST: u64 = 100;

fn trust(home: &Home) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(home.certificate()).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(client)
}

fn dial(address: &str, trust: &Arc<ClientConfig>) -> Secure {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let client = ClientConnection::new(Arc::clone(trust), name).unwrap();
    StreamOwned::new(client, stream)
}

/// CONNECT of 3.1.1 with a keep-alive of ten minutes.
fn connect(person: &Person) -> Vec<u8> {
    let mut body = b"\x00\x04MQTT\x04\xC2\x02\x58".to_vec();
    for text in ["idler", &person.username(), &person.hash] {
        body.extend(u16::try_from(text.len()).unwrap().to_be_bytes());
        body.extend(text.as_bytes());
    }
    let length = body.len();
    assert!((0x80..0x4000).contains(&length));
    let digits = [(length % 0x80) | 0x80, length / 0x80];
    let mut packet = vec![0x10];
    packet.extend(digits.map(|digit| u8::try_from(digit).unwrap()));
    packet.extend(body);
    packet
}

/// What the stream brings next must be this.
fn expect(stream: &mut impl Read, expected: &[u8]) {
    let mut found = vec![0; expected.len()];
    stream.read_exact(&mut found).unwrap();
    assert_eq!(found, expected);
}

fn over_tls(server: &Server, person: &Person, trust: &Arc<ClientConfig>) -> Secure {
    let mut stream = dial(server.mqtts.as_ref().unwrap(), trust);
    stream.write_all(&connect(person)).unwrap();
    expect(&mut stream, b"\x20\x02\x00\x00");
    stream
}

fn over_wss(server: &Server, person: &Person, trust: &Arc<ClientConfig>) -> Secure {
    let mut stream = dial(server.https.as_ref().unwrap(), trust);
    let request = "GET /mqtt HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n\
        Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    expect(&mut stream, b"HTTP/1.1 101 ");
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    let packet = connect(person);
    // One binary frame under a mask of zeros.
    let mut frame = vec![0x82, 0xFE];
    frame.extend(u16::try_from(packet.len()).unwrap().to_be_bytes());
    frame.extend([0; 4]);
    frame.extend(packet);
    stream.write_all(&frame).unwrap();
    expect(&mut stream, b"\x82\x04\x20\x02\x00\x00");
    stream
}

/// The memory that the server holds, in bytes.
fn resident(server: &Server) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid)).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.unwrap().trim().trim_end_matches(" kB");
    kilobytes.parse::<u64>().unwrap() * 1024
}

/// What one of many idle connections costs a server of its own, in bytes.
fn cost(kind: &str, open: fn(&Server, &Person, &Arc<ClientConfig>) -> Secure) -> u64 {
    let home = Home::new();
    let partner = home.app("acme");
    let server = home.serve_with_tls();
    let trust = trust(&home);
    let mut idlers = Vec::new();
    let mut before = 0;
    for number in 0..FIRST + IDLERS {
        if number == FIRST {
            before = resident(&server);
        }
        let person = partner.person(&format!("{number:0>60}"));
        idlers.push(open(&server, &person, &trust));
    }
    let cost = resident(&server).saturating_sub(before) / IDLERS;
    println!("an idle connection over {kind}: {cost} bytes");
    cost
}

#[test]
fn an_idle_connection_costs_at_most_20_kb_behind_tls() {
    for (kind, open) in [("tls", over_tls as fn(&_, &_, &_) -> _), ("wss", over_wss)] {
        let cost = cost(kind, open);
        assert!(cost <= COST, "{cost} bytes over {kind}");
    }
}
