//! Too much of everything: each limit is overstepped from outside, by people who
//! have proven nothing and by people who have. The server answers or closes,
//! holds no more memory than it may, and hears the next cry.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::harness::clock;
use super::harness::http;
use super::harness::ledger::{Ledger, Way, What};
use super::harness::mqtt::{Mqtt, Packet, Version, frame, length};
use super::harness::person::{Partner, Person};
use super::harness::server::{Home, Server};

/// By how much any of these may raise the server's memory.
const GROWTH_MIB: u64 = 96;
/// CONNECTs of people who do not exist, over so many connections at once.
const LIARS: usize = 10_000;
const LIARS_AT_ONCE: usize = 8;
/// No answer takes longer.
const ANSWERED_WITHIN: Duration = Duration::from_mins(1);
/// The largest packet of MQTT that is taken (contract: SOS).
const PACKET_BYTES: usize = 256 * 1_024;

struct Attacked {
    partner: Partner,
    server: Server,
    before: u64,
    _home: Home,
}

impl Attacked {
    fn start() -> Self {
        let home = Home::new();
        let partner = home.app("acme");
        let server = home.serve();
        cry(&server, &partner);
        Self {
            before: server.memory_mib(),
            partner,
            server,
            _home: home,
        }
    }

    /// The server still hears, and has not grown.
    fn is_well(&self, attack: &str) {
        cry(&self.server, &self.partner);
        let memory = self.server.memory_mib();
        println!("{attack}: {} MiB, then {memory} MiB", self.before);
        assert!(memory < self.before + GROWTH_MIB, "{attack}: {memory} MiB");
    }

    fn person(&self) -> Person {
        self.partner.person("ana")
    }
}

fn cry(server: &Server, partner: &Partner) {
    let mut ledger = Ledger::new(partner);
    for way in Way::ALL {
        assert!(ledger.send(server, "victim", What::Sos, way), "{way:?}");
    }
    ledger.check(server);
}

/// Sends bytes as they are; the status of the answer, if there is one.
fn raw(server: &Server, bytes: &[u8]) -> Option<u16> {
    let mut stream = TcpStream::connect(&server.http).unwrap();
    stream.set_read_timeout(Some(ANSWERED_WITHIN)).unwrap();
    stream.set_write_timeout(Some(ANSWERED_WITHIN)).unwrap();
    // It may be refused before all of it was sent.
    let _ = stream.write_all(bytes);
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).ok()?;
    std::str::from_utf8(&answer[9..]).ok()?.parse().ok()
}

fn post(person: &Person, path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-app-id: {}\r\nx-user-id: {}\r\n\
         authorization: Bearer {}\r\n{headers}content-length: {}\r\n\r\n",
        person.app_id,
        person.external_id,
        person.hash,
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(body);
    request
}

#[test]
fn ten_thousand_liars_leave_nothing_behind() {
    let attacked = Attacked::start();
    let (server, partner) = (&attacked.server, &attacked.partner);
    std::thread::scope(|scope| {
        for thread in 0..LIARS_AT_ONCE {
            scope.spawn(move || {
                for number in (thread..LIARS).step_by(LIARS_AT_ONCE) {
                    let mut liar = partner.person("nobody");
                    liar.external_id = format!("liar {number}");
                    let version = Version::BOTH[number % 2];
                    // Some are let go in the middle of it, to make room.
                    if let Ok(answer) = Mqtt::connect(&server.mqtt, &liar.login(version, "liar")) {
                        assert!(answer.is_err(), "liar {number} got in");
                    }
                }
            });
        }
    });
    attacked.is_well("liars");
}

#[test]
fn heads_and_targets_without_end_are_refused() {
    let attacked = Attacked::start();
    let server = &attacked.server;
    let many = "x-h: y\r\n".repeat(20_000);
    let long = "y".repeat(4 << 20);
    for (what, request) in [
        ("many headers", format!("GET / HTTP/1.1\r\n{many}\r\n")),
        (
            "a long header",
            format!("GET / HTTP/1.1\r\nx-h: {long}\r\n\r\n"),
        ),
        (
            "a long target",
            format!("GET /{long} HTTP/1.1\r\nhost: x\r\n\r\n"),
        ),
        (
            "a long method",
            format!("{long} / HTTP/1.1\r\nhost: x\r\n\r\n"),
        ),
        ("no HTTP", long.clone()),
    ] {
        let status = raw(server, request.as_bytes());
        let refused = status.is_none_or(|status| (400..=431).contains(&status));
        assert!(refused, "{what}: {status:?}");
    }
    attacked.is_well("heads");
}

#[test]
fn bodies_without_end_or_bottom_are_refused_unless_they_are_a_cry() {
    let attacked = Attacked::start();
    let (server, ana) = (&attacked.server, attacked.person());
    let timestamp = clock::iso(clock::now());
    let deep = [
        format!("{{\"timestamp\":\"{timestamp}\",\"x\":").into_bytes(),
        b"[".repeat(200_000),
    ]
    .concat();
    let nested = b"{\"a\":".repeat(40_000);
    let mut wide = "{".to_owned();
    for number in 0..20_000 {
        write!(wide, "\"{number}\":0,").unwrap();
    }
    wide.push_str("\"z\":1}");
    let huge = vec![b' '; 16 << 20];
    // 1 KiB that would be a GiB: nothing here unpacks it.
    let packed = "content-encoding: gzip\r\n";
    let bodies: [(&str, &str, &[u8]); 6] = [
        ("deep", "", &deep),
        ("nested", "", &nested),
        ("wide", "", wide.as_bytes()),
        ("huge", "", &huge),
        (
            "packed",
            packed,
            b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xed\xc1\x01\x0d\0\0\0\xc2\xa0\xf7Om\x0e7\xa0\0",
        ),
        ("empty", "", b""),
    ];
    for (what, headers, body) in bodies {
        let status = raw(server, &post(&ana, "/v1/sdk/sos", headers, body));
        assert_eq!(status, Some(200), "a cry, {what}");
        for path in ["/v1/sdk/telemetry", "/v1/sdk/contacts", "/v1/sdk/devices"] {
            // An answer may be lost under the rest of a body that nobody reads.
            let status = raw(server, &post(&ana, path, headers, body));
            let refused = status.is_none_or(|status| [400, 413, 415].contains(&status));
            assert!(refused, "{path}, {what}: {status:?}");
        }
        let status = raw(server, &post(&ana, "/v1/sdk/sos/cancel", headers, body));
        let sane = status.is_some_and(|status| [200, 400, 409].contains(&status));
        assert!(sane, "a cancel, {what}: {status:?}");
    }
    let announced = post(&ana, "/v1/sdk/telemetry", "", b"");
    let announced = String::from_utf8(announced).unwrap();
    let announced = announced.replace("length: 0", "length: 99999999999999999999");
    let status = raw(server, announced.as_bytes());
    assert!(
        status.is_none_or(|status| status == 400 || status == 413),
        "{status:?}"
    );
    attacked.is_well("bodies");
}

#[test]
fn cries_over_mqtt_survive_any_body_and_any_property() {
    let attacked = Attacked::start();
    let (server, ana) = (&attacked.server, attacked.person());
    let deep = b"[".repeat(200_000);
    let beyond = vec![b'x'; 4 * PACKET_BYTES];
    for version in Version::BOTH {
        for body in [&deep[..], &beyond[..], b"", b"\xff\xfe\0"] {
            let mut phone = ana.connect(server, version, "phone");
            assert_eq!(phone.publish_acked("sos/alerts", body).unwrap(), 0);
            phone.disconnect();
        }
        // A sample like that is kept as a dead letter or ends the connection.
        let mut phone = ana.connect(server, version, "phone");
        let code = phone.publish_acked("tel/data", &deep).unwrap();
        assert_eq!(code, if version == Version::V5 { 0x99 } else { 0 });
        let mut phone = ana.connect(server, version, "phone");
        assert!(phone.publish_acked("tel/data", &beyond).is_err());
    }
    // As many user properties as a packet holds.
    let properties = b"\x26\0\0\0\0".repeat(PACKET_BYTES / 5 - 20);
    let mut body = b"\0\x0asos/alerts\0\x07".to_vec();
    body.extend(length(properties.len()));
    body.extend(&properties);
    let mut phone = ana.connect(server, Version::V5, "phone");
    phone.write_all(&frame(0x32, &body)).unwrap();
    let answer = phone.next(ANSWERED_WITHIN).unwrap();
    assert_eq!(answer, Some(Packet::Puback { id: 7, code: 0 }));
    attacked.is_well("cries");
}

#[test]
fn packets_full_of_topics_are_answered() {
    let attacked = Attacked::start();
    let (server, ana) = (&attacked.server, attacked.person());
    for version in Version::BOTH {
        let mut phone = ana.connect(server, version, "phone");
        let none: &[u8] = if version == Version::V5 { &[0] } else { &[] };
        let filters = (PACKET_BYTES - 16) / 4;
        let subscribe = [&[0, 9], none, &b"\0\x01a\x01".repeat(filters)].concat();
        phone.write_all(&frame(0x82, &subscribe)).unwrap();
        match phone.next(ANSWERED_WITHIN).unwrap() {
            Some(Packet::Suback { codes }) => {
                assert_eq!(codes.len(), filters);
                assert!(codes.iter().all(|code| *code >= 0x80));
            }
            other => panic!("{version:?}: {other:?}"),
        }
        let own = format!("sos/events/{}", ana.uuid(server));
        assert_eq!(phone.subscribe(&[&own]).unwrap(), [1], "{version:?}");
    }
    // Before the proof a CONNECT is small, whatever it announces.
    for announced in [PACKET_BYTES, 268_435_455] {
        let mut stream = TcpStream::connect(&server.mqtt).unwrap();
        stream.set_read_timeout(Some(ANSWERED_WITHIN)).unwrap();
        let mut packet = vec![0x10];
        packet.extend(length(announced));
        let _ = stream.write_all(&packet);
        let _ = stream.write_all(&vec![0; 64 * 1_024]);
        assert!(matches!(stream.read(&mut [0; 1]), Ok(0) | Err(_)));
    }
    attacked.is_well("topics");
}

#[test]
fn the_admin_listener_is_no_way_in_either() {
    let attacked = Attacked::start();
    let address = &attacked.server.admin;
    let long = "y".repeat(1 << 20);
    for header in [("host", "evil.example"), ("x-h", &long)] {
        let answer = http::send(address, "GET", "/health/ready", &[header], b"");
        let refused = answer.is_err() || answer.is_ok_and(|answer| answer.status >= 400);
        assert!(refused, "{}", header.0);
    }
    attacked.is_well("admin");
}
