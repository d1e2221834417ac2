//! A crowd at the door: people who dawdle, who never read, who never stop. The
//! SOS of somebody else is acknowledged in under a second, and memory stays
//! within a bound.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::harness::clock;
use super::harness::ledger::{Ledger, Way, What};
use super::harness::mqtt::{Mqtt, Version};
use super::harness::person::Partner;
use super::harness::server::{Home, How, Server};
use super::harness::tools;

/// Cries whose acknowledgement is timed, from the first packet to the last.
const CRIES: usize = 100;
/// 99 of 100 are acknowledged within this ..
const LIMIT: Duration = Duration::from_secs(1);
/// .. in one of so many rounds: a machine that stands still makes any of them late.
const ROUNDS: usize = 4;
/// What the whole server may hold in memory under any of these attacks.
const MEMORY_MIB: u64 = 384;
/// Dawdlers of each kind; far more than there are seats for people unproven.
const DAWDLERS: usize = 300;
const SEATS: &str = "128";
/// How often each sends another byte, and how many come back meanwhile.
const DRIP: Duration = Duration::from_millis(500);
const BACK_AT_ONCE: usize = 16;
/// Connections that never read, and send without end.
const DEAF: usize = 1_000;
/// What each of them says at a time.
const PINGS: usize = 500;
/// Requests for a page of some hundred KiB that are sent in one go.
const UNREAD_ANSWERS: usize = 4;
/// Connections of the one who never stops.
const RELENTLESS: usize = 4;

/// Raises an SOS over and over on all ways while the attack goes on.
fn cries_are_heard(server: &Server, partner: &Partner, attack: &str) {
    let mut ledger = Ledger::new(partner);
    let mut most = Vec::new();
    let in_time = (0..ROUNDS).any(|number| {
        most.push(round(server, &mut ledger, attack, number));
        most.last().is_some_and(|most| *most < LIMIT)
    });
    assert!(in_time, "{attack}: p99 {most:?}");
    ledger.check(server);
}

/// One round, with people of its own: how long the slowest of 99 of 100 took.
#[expect(
    clippy::disallowed_methods,
    reason = "the acknowledgement is timed from outside"
)]
fn round(server: &Server, ledger: &mut Ledger, attack: &str, round: usize) -> Duration {
    let mut took: Vec<(Duration, usize, Way)> = (0..CRIES)
        .map(|number| {
            let began = Instant::now();
            // Some cry for the first time, some again.
            let who = format!("victim {round} {}", number % 50);
            let way = Way::ALL[number % Way::ALL.len()];
            let heard = ledger.send(server, &who, What::Sos, way);
            assert!(
                heard,
                "{attack}: cry {number} ({way:?}) was not acknowledged"
            );
            (began.elapsed(), number, way)
        })
        .collect();
    took.sort_unstable_by_key(|(took, _, _)| *took);
    let (half, most) = (took[CRIES / 2].0, took[CRIES * 99 / 100 - 1].0);
    let memory = server.memory_mib();
    println!("{attack}: p50 {half:?}, p99 {most:?}, {memory} MiB");
    println!("the slowest: {:?}", &took[CRIES - 3..]);
    assert!(memory < MEMORY_MIB, "{attack}: {memory} MiB");
    most
}

/// Runs `attack` in so many threads until the cries were heard.
fn while_attacked(
    server: &Server,
    partner: &Partner,
    name: &str,
    attackers: usize,
    attack: impl Fn(usize, &AtomicBool) + Sync,
) {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        for number in 0..attackers {
            let (attack, over) = (&attack, &over);
            scope.spawn(move || attack(number, over));
        }
        let heard = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            cries_are_heard(server, partner, name);
        }));
        // The attackers end whatever came of it.
        over.store(true, Ordering::Relaxed);
        if let Err(panic) = heard {
            std::panic::resume_unwind(panic);
        }
    });
}

/// A connection, and how many bytes it has sent after its beginning.
type Dawdler = (TcpStream, usize);

/// Opens a connection that sends `opening` and no more for now.
fn begin(address: &str, opening: &[u8]) -> Option<Dawdler> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_nonblocking(true).ok()?;
    stream.write_all(opening).ok()?;
    Some((stream, 0))
}

/// Sends a byte of `rest` on each connection now and then; some of those that were
/// closed come back.
fn dawdle(address: &str, opening: &[u8], rest: &[u8], mut held: Vec<Dawdler>, over: &AtomicBool) {
    while !over.load(Ordering::Relaxed) {
        let missing = DAWDLERS - held.len();
        held.extend((0..missing.min(BACK_AT_ONCE)).filter_map(|_| begin(address, opening)));
        held.retain_mut(|(stream, sent)| {
            let byte = rest[*sent % rest.len()];
            *sent += 1;
            let closed = matches!(stream.read(&mut [0; 64]), Ok(0));
            !closed && stream.write_all(&[byte]).is_ok()
        });
        tools::until(DRIP, || over.load(Ordering::Relaxed));
    }
}

#[test]
fn dawdlers_at_every_door_keep_no_cry_out() {
    let home = Home::new();
    let partner = home.app("acme");
    let server = home.serve_how(&How {
        environment: vec![
            ("MAYDAY_MQTT__MAX_UNPROVEN_CONNECTIONS", SEATS.to_owned()),
            ("MAYDAY_HTTP__MAX_CONNECTIONS", SEATS.to_owned()),
        ],
        tls: true,
        ..How::default()
    });
    // A CONNECT that announces 120 bytes, a request whose head never ends, a
    // WebSocket's upgrade likewise, and a body that is announced and trickles.
    let connect = b"\x10\x78\0\x04MQTT\x04\xc2\0\x1e\0\x50";
    let head = b"GET /v1/sdk/sos HTTP/1.1\r\nx-slow: ";
    let upgrade =
        b"GET /mqtt HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\nx-slow: ";
    let body = b"POST /v1/sdk/sos HTTP/1.1\r\nhost: x\r\ncontent-length: 60000\r\n\r\n";
    // A handshake that stops in the middle of its first message, and a WebSocket whose
    // first frame never ends.
    let hello = b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03";
    let socket = b"GET /mqtt HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
        sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        sec-websocket-protocol: mqtt\r\n\r\n\x82\xfe\x10\0mask";
    let (https, mqtts) = (server.https.as_ref(), server.mqtts.as_ref());
    let doors: [(&str, &[u8], &[u8]); 7] = [
        (https.expect("behind TLS"), hello, b"y"),
        (mqtts.expect("behind TLS"), hello, b"y"),
        (&server.http, socket, b"y"),
        (&server.mqtt, connect, b"i"),
        (&server.http, head, b"y"),
        (&server.http, upgrade, b"y"),
        (&server.http, body, b"{"),
    ];
    // All are there before the first cry.
    let crowds = doors.map(|(address, opening, _)| {
        let crowd = (0..DAWDLERS).filter_map(|_| begin(address, opening));
        Mutex::new(crowd.collect::<Vec<Dawdler>>())
    });
    let crowd: usize = crowds.iter().map(|crowd| crowd.lock().unwrap().len()).sum();
    assert_eq!(
        crowd,
        doors.len() * DAWDLERS,
        "all were let in, then let go"
    );
    while_attacked(
        &server,
        &partner,
        "dawdlers",
        doors.len(),
        |number, over| {
            let (address, opening, rest) = doors[number];
            let dawdlers = std::mem::take(&mut *crowds[number].lock().unwrap());
            dawdle(address, opening, rest, dawdlers, over);
        },
    );
}

#[test]
fn a_thousand_who_never_read_cost_little() {
    let home = Home::new();
    let partner = home.app("acme");
    let server = home.serve();
    let before = server.memory_mib();
    let mut deaf: Vec<Mqtt> = (0..DEAF)
        .map(|number| {
            // Several phones each.
            let person = partner.person(&format!("deaf {}", number / 4));
            let mut phone = person.connect(&server, Version::V311, &format!("{number}"));
            let events = format!("sos/events/{}", person.external_id);
            phone.subscribe(&[&events]).unwrap();
            phone.set_nonblocking();
            phone
        })
        .collect();
    println!("{before} MiB before, {} MiB with them", server.memory_mib());
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let (over, loud) = (&over, &mut deaf);
        scope.spawn(move || {
            let pings = [0xc0, 0].repeat(PINGS);
            while !over.load(Ordering::Relaxed) {
                let sent: usize = loud.iter_mut().map(|phone| phone.write_some(&pings)).sum();
                if sent == 0 {
                    tools::until(DRIP, || over.load(Ordering::Relaxed));
                }
            }
        });
        // Answers that are asked for and never taken.
        let request = b"GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n".repeat(UNREAD_ANSWERS);
        let _unread: Vec<TcpStream> = (0..DAWDLERS)
            .map(|_| {
                let mut stream = TcpStream::connect(&server.http).unwrap();
                stream.set_nonblocking(true).unwrap();
                let _ = stream.write(&request);
                stream
            })
            .collect();
        let heard = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            cries_are_heard(&server, &partner, "the deaf");
        }));
        over.store(true, Ordering::Relaxed);
        if let Err(panic) = heard {
            std::panic::resume_unwind(panic);
        }
    });
}

#[test]
fn one_who_never_stops_keeps_nobody_waiting() {
    let home = Home::new();
    let partner = home.app("acme");
    let server = home.serve();
    let relentless = partner.person("relentless");
    let uuid = relentless.uuid(&server);
    while_attacked(
        &server,
        &partner,
        "line rate",
        RELENTLESS,
        |number, over| {
            let topic = if number == 0 {
                "sos/alerts".to_owned()
            } else {
                format!("tel/{uuid}/data")
            };
            let mut phone = relentless.connect(&server, Version::V311, &format!("{number}"));
            phone.set_nonblocking();
            let mut at = clock::now();
            let mut unsent = Vec::new();
            while !over.load(Ordering::Relaxed) {
                if unsent.is_empty() {
                    at += 1_000;
                    let body =
                        json!({"timestamp": clock::iso(at), "latitude": 1.0, "longitude": 2.0});
                    let id = u16::try_from(at / 1_000 % 65_535).unwrap() + 1;
                    unsent = Mqtt::publish_bytes(&topic, id, body.to_string().as_bytes());
                }
                let sent = phone.write_some(&unsent);
                unsent.drain(..sent);
                phone.throw_away();
                if sent == 0 {
                    thread::yield_now();
                }
            }
        },
    );
}
