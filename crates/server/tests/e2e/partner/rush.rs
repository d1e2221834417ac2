//! A thousand people log in at once at a partner that takes two seconds: each gets in,
//! the memory stays bounded, and an SOS in the middle of it waits for nobody.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::json;

use super::json_of;
use super::reference::now;
use crate::harness::http;
use crate::harness::server::{Home, Server};
use crate::harness::tools;

const PEOPLE: usize = 1_000;
/// How long the partner takes for each.
const THINKS: Duration = Duration::from_secs(2);
/// From the first request to the last answer, with several turns at the partner.
const ALL: Duration = Duration::from_mins(3);
/// Whoever is told to come again does so then.
const AGAIN: Duration = Duration::from_secs(3);
/// So often at most is anybody told that: one address has 128 turns at a time, and who has
/// waited ten seconds for one comes again.
const TOLD_AT_MOST: u32 = 2;
/// What each SOS may take in the middle of it, in a debug build on a busy machine, which
/// may stand still in one of them.
const SOS_LIMIT: Duration = Duration::from_secs(2);
/// From an SOS to the next.
const PAUSE: Duration = Duration::from_millis(200);
/// Resident memory that the rush may cost.
const MEMORY: u64 = 192 << 20;

/// A partner that lets everybody in, slowly; how many it is asked about at once.
fn slow_partner(most: Arc<AtomicUsize>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/tokeninfo", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let (asked, most) = (Arc::clone(&asked), Arc::clone(&most));
            thread::spawn(move || {
                most.fetch_max(asked.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                let _ = think(stream, &asked);
            });
        }
    });
    url
}

/// Answers one question; it counts as asked until the answer begins, for with the answer
/// the server may ask the next.
fn think(mut stream: TcpStream, asked: &AtomicUsize) -> std::io::Result<()> {
    let claims = heard(&mut stream);
    asked.fetch_sub(1, Ordering::SeqCst);
    let Some(body) = claims? else { return Ok(()) };
    write!(
        stream,
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Reads a question, takes its time over it, and returns the claims of its token; nothing
/// if the asker went away.
fn heard(stream: &mut TcpStream) -> std::io::Result<Option<String>> {
    let mut question = Vec::new();
    let mut piece = [0; 2048];
    let token = loop {
        let taken = stream.read(&mut piece)?;
        question.extend_from_slice(&piece[..taken]);
        let text = String::from_utf8_lossy(&question);
        if let Some(token) = text.split("token=rush-").nth(1) {
            break token.to_owned();
        }
        if taken == 0 {
            return Ok(None);
        }
    };
    thread::park_timeout(THINKS);
    let now = now();
    let claims = json!({
        "sub": format!("rush-{token}"), "iat": now, "exp": now + 600,
        "email": format!("rush-{token}@example.org"), "aud": "safety-app",
    });
    Ok(Some(claims.to_string()))
}

fn log_in(server: &str, number: usize) -> u16 {
    let body = json!({"realm": "shop", "token": format!("rush-{number}")}).to_string();
    let json = [("content-type", "application/json")];
    let answer = http::send_within(ALL, server, "POST", "/v1/sso/login", &json, body.as_bytes());
    answer.unwrap().status
}

/// Logs in until the answer is another than to come again; how often it was that.
fn log_in_at_last(server: &str, number: usize) -> (u16, u32) {
    let (mut status, mut told) = (0, 0);
    tools::until(ALL, || {
        status = log_in(server, number);
        if status == 503 {
            told += 1;
            thread::park_timeout(AGAIN);
        }
        status != 503
    });
    (status, told)
}

/// Everybody, who begin together.
fn rush(server: &Server, start: &Arc<Barrier>) -> Vec<JoinHandle<(u16, u32)>> {
    let person = |number| {
        let (address, start) = (server.http.clone(), Arc::clone(start));
        let person = move || {
            start.wait();
            log_in_at_last(&address, number)
        };
        let builder = thread::Builder::new().stack_size(256 << 10);
        builder.spawn(person).unwrap()
    };
    (0..PEOPLE).map(person).collect()
}

/// Whoever was told to come again had no turn in time, and that seldom: the partner never
/// seemed to fail, and nothing else did.
fn none_failed(server: &Server, told: &[u32]) {
    let most = told.iter().max().unwrap();
    assert!(*most <= TOLD_AT_MOST, "{told:?}");
    let all: u32 = told.iter().sum();
    if all > 0 {
        let busy = server.metric("mayday_sso_unavailable_total{reason=\"busy\"}");
        let others = f64::from(all) - busy;
        assert!(others.abs() < f64::EPSILON, "{others} of {all} failed");
    }
}

/// Bytes that the server holds in memory.
fn resident(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid)).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kibibytes: u64 = line
        .unwrap()
        .split_whitespace()
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    kibibytes * 1024
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "what others wait is measured from outside"
)]
fn a_thousand_at_a_slow_partner_get_in_and_an_sos_waits_for_nobody() {
    let home = Home::new();
    let app = home.app("shop");
    let most = Arc::new(AtomicUsize::new(0));
    let url = slow_partner(Arc::clone(&most));
    let mut set = vec!["sso", "set", "--app", "shop", "--local", "true", "--json"];
    set.extend(["--audience", "safety-app", "--token-info-url", &url]);
    json_of(&home, &set);
    let server = home.serve();
    let victim = app.person("ana");
    let cry = |latitude: usize| {
        let body = json!({"latitude": latitude}).to_string();
        let began = Instant::now();
        let answer = victim.http(&server, "POST", "/v1/sdk/sos", &body).unwrap();
        assert!(answer.status < 300, "{answer:?}");
        began.elapsed()
    };
    cry(0);
    let before = resident(&server);
    let start = Arc::new(Barrier::new(PEOPLE + 1));
    let people = rush(&server, &start);
    start.wait();
    let (mut took, mut longest) = (Vec::new(), Duration::ZERO);
    let mut held = before;
    while people.iter().any(|person| !person.is_finished()) {
        let began = Instant::now();
        took.push(cry(took.len() % 90));
        held = held.max(resident(&server));
        thread::park_timeout(PAUSE);
        longest = longest.max(began.elapsed());
    }
    let (answers, told): (Vec<_>, Vec<_>) = people
        .into_iter()
        .map(|person| person.join().unwrap())
        .unzip();
    let inside = answers.iter().filter(|status| **status == 200).count();
    assert_eq!(inside, PEOPLE, "{answers:?}");
    took.sort_unstable();
    let cries = took.len();
    println!(
        "{cries} SOS meanwhile, the slowest {:?}; {} MiB more; {} times told to come again",
        took.last(),
        (held - before) >> 20,
        told.iter().sum::<u32>()
    );
    // Only a machine that stood still makes a log-in fail.
    if longest < SOS_LIMIT + PAUSE {
        none_failed(&server, &told);
    }
    assert!(cries >= 10, "{cries}");
    assert!(took[cries - 2] < SOS_LIMIT, "{took:?}");
    assert!(held - before < MEMORY, "{} MiB more", (held - before) >> 20);
    let most = most.load(Ordering::SeqCst);
    assert!((100..=256).contains(&most), "asked {most} at once");
}
