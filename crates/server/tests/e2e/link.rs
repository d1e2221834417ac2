//! A PostgreSQL that cannot be reached, or whose answer is lost on the way:
//! whatever is acknowledged happened once, whatever cannot be stored is said in
//! time, and afterwards everything goes on by itself.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::harness::clock;
use super::harness::http::Answer;
use super::harness::link::Link;
use super::harness::mqtt::{Mqtt, Packet, Version};
use super::harness::person::Person;
use super::harness::server::{Home, Server};
use super::harness::tools;

/// `http.request_timeout_seconds`, 30 s, and what a busy machine takes for the answer's
/// way.
const HTTP_LIMIT: Duration = Duration::from_secs(50);
/// From a PUBLISH to its answer: three runs of a command, of which the first
/// waits out its own limit of 15 s and the others find no connection for 5 s each;
/// and the same for its way.
const MQTT_LIMIT: Duration = Duration::from_secs(45);
/// From the end of the stall to the first answer that is a success.
const RECOVERY: Duration = Duration::from_secs(40);
/// Longer than any of these, so that a late answer is seen as one.
const PATIENCE: Duration = Duration::from_mins(2);

fn position() -> Value {
    json!({"timestamp": clock::iso(clock::now()), "latitude": 41.38, "longitude": 2.17})
}

fn ok(answer: &Answer) -> Value {
    assert!((200..300).contains(&answer.status), "{:?}", answer.json());
    answer.json()
}

#[test]
fn a_lost_answer_to_a_commit_repeats_nothing() {
    let Some((home, link)) = Home::on_linked_postgres() else {
        return;
    };
    let partner = home.app("acme");
    let server = home.serve();
    let ana = partner.person("ana");
    let uuid = ana.uuid(&server);
    let mut phone = ana.connect(&server, Version::V5, "phone");
    let topic = format!("sos/events/{uuid}");
    assert_eq!(phone.subscribe(&[&topic]).unwrap(), [1]);
    let mut lost = 0;
    let mut send = |method: &str, path: &str, marker: &[u8], body: &Value| {
        link.lose_the_commit_of(marker);
        let body = body.to_string();
        let answer = ana.http(&server, method, path, &body).unwrap();
        lost += 1;
        assert_eq!(link.lost(), lost, "{method} {path}: its COMMIT was lost");
        ok(&answer)
    };

    let contact = json!({"name": "Marker Ben", "phone": "+34600111222", "email": "b@b.example"});
    let added = send("POST", "/v1/sdk/contacts", b"Marker Ben", &contact);
    let id = added["contact"]["id"].as_str().unwrap();
    let path = format!("/v1/sdk/contacts/{id}");
    let other = json!({"name": "Marker Eva", "phone": "+34600111222", "email": "b@b.example"});
    send("PUT", &path, b"Marker Eva", &other);
    let device = json!({"hardware_id": "marker-device"});
    send("POST", "/v1/sdk/devices", b"marker-device", &device);
    let profile = json!({"name": "Marker Ana"});
    send("PUT", "/v1/sdk/me", b"Marker Ana", &profile);

    let mut cry = position();
    cry["message"] = json!("marker of the first");
    let opened = send("POST", "/v1/sdk/sos", b"marker of the first", &cry);
    let mut update = position();
    update["message"] = json!("marker of the second");
    let updated = send("POST", "/v1/sdk/sos", b"marker of the second", &update);
    assert_eq!(updated["incident"]["id"], opened["incident"]["id"]);
    // Nothing in it tells it from another cry.
    let bare = json!({"message": "marker of the third"});
    send("POST", "/v1/sdk/sos", b"marker of the third", &bare);
    let mut sample = position();
    sample["eventId"] = json!("marker-sample");
    send("POST", "/v1/sdk/telemetry", b"marker-sample", &sample);
    let said = json!({"reason": "marker of the cancel"});
    send("POST", "/v1/sdk/sos/cancel", b"marker of the cancel", &said);

    let get = |path: &str| ok(&ana.http(&server, "GET", path, "").unwrap());
    let contacts = get("/v1/sdk/contacts")["contacts"].take();
    assert_eq!(contacts.as_array().unwrap().len(), 1, "{contacts}");
    assert_eq!(contacts[0]["name"], "Marker Eva");
    let devices = get("/v1/sdk/devices")["devices"].take();
    assert_eq!(devices.as_array().unwrap().len(), 1, "{devices}");
    assert_eq!(get("/v1/sdk/me")["user"]["name"], "Marker Ana");
    let history = get("/v1/sdk/sos/history")["incidents"].take();
    assert_eq!(history.as_array().unwrap().len(), 1, "{history}");
    assert_eq!(history[0]["incident"]["state"], "cancelled");
    // What is gone by the second run was removed by the first.
    let mut remove = |path: &str, id: &Value| {
        let id = id.as_str().unwrap();
        let marker: uuid::Uuid = id.parse().unwrap();
        link.lose_the_commit_of(marker.as_bytes());
        let path = format!("{path}/{id}");
        let gone = ana.http(&server, "DELETE", &path, "").unwrap();
        lost += 1;
        assert_eq!((gone.status, link.lost()), (204, lost), "{path}");
        let again = ana.http(&server, "DELETE", &path, "").unwrap();
        assert_eq!(again.status, 404, "{path}");
    };
    remove("/v1/sdk/contacts", &contacts[0]["id"]);
    remove("/v1/sdk/devices", &devices[0]["id"]);
    let events = events_until_the_end(&mut phone);
    let once_each = ["processed", "processed", "processed", "cancelled"];
    assert_eq!(events, once_each);
}

/// The types of the events up to a terminal one; each is newer than the last.
fn events_until_the_end(phone: &mut Mqtt) -> Vec<String> {
    let mut kinds = Vec::new();
    let mut newest = 0;
    loop {
        let is_event = |packet: &Packet| matches!(packet, Packet::Publish { .. });
        let Ok(Packet::Publish { payload, .. }) = phone.wait_for(RECOVERY, is_event) else {
            panic!("no terminal event after {kinds:?}");
        };
        let event: Value = serde_json::from_slice(&payload).unwrap();
        let version = event["snapshotVersion"].as_u64().unwrap();
        assert!(version > newest, "{event}");
        newest = version;
        let kind = event["type"].as_str().unwrap().to_owned();
        kinds.push(kind.clone());
        if kind != "processed" {
            return kinds;
        }
    }
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "what an answer may take is measured from outside"
)]
fn on_a_link_that_stands_still_everybody_is_told_in_time() {
    let Some((home, link)) = Home::on_linked_postgres() else {
        return;
    };
    let partner = home.app("acme");
    let server = home.serve();
    let ana = partner.person("ana");
    ana.uuid(&server);
    let mut phone = ana.connect(&server, Version::V5, "phone");
    let mut old_phone = ana.connect(&server, Version::V311, "old phone");
    assert_eq!(cry(&mut phone), 0);

    link.hold();
    thread::scope(|scope| {
        for (method, path) in [
            ("POST", "/v1/sdk/sos"),
            ("GET", "/v1/sdk/sos"),
            ("POST", "/v1/sdk/sos/cancel"),
            ("GET", "/v1/sdk/sos/history"),
            ("POST", "/v1/sdk/telemetry"),
            ("GET", "/v1/sdk/me"),
            ("POST", "/v1/sdk/devices"),
        ] {
            let (server, ana) = (&server, &ana);
            scope.spawn(move || is_unavailable(server, ana, method, path));
        }
        let server = &server;
        let newcomer = partner.person("newcomer");
        scope.spawn(move || is_unavailable(server, &newcomer, "POST", "/v1/sdk/sos"));
        let stranger = partner.person("new phone");
        scope.spawn(move || in_time("CONNECT", || is_not_let_in(server, &stranger)));
        scope.spawn(|| in_time("MQTT 5", || is_not_stored(&mut phone)));
        scope.spawn(|| in_time("MQTT 3.1.1", || is_closed(&mut old_phone)));
    });
    assert!(tools::until(RECOVERY, || !is_ready(&server)));

    link.resume();
    let began = Instant::now();
    let heard = tools::until(RECOVERY, || {
        let body = position().to_string();
        ana.http(&server, "POST", "/v1/sdk/sos", &body)
            .is_ok_and(|answer| answer.status == 200)
    });
    assert!(
        heard,
        "no SOS was taken within {RECOVERY:?} of the stall's end"
    );
    println!("recovered after {} ms", began.elapsed().as_millis());
    assert_eq!(
        cry(&mut phone),
        0,
        "on the connection that lived through it"
    );
    let mut again = ana.connect(&server, Version::V311, "old phone");
    assert_eq!(cry(&mut again), 0);
    assert!(tools::until(RECOVERY, || is_ready(&server)));
}

#[expect(
    clippy::disallowed_methods,
    reason = "what an answer may take is measured from outside"
)]
fn in_time(what: &str, happens: impl FnOnce()) {
    let began = Instant::now();
    happens();
    let took = began.elapsed();
    println!("{what}: {} ms", took.as_millis());
    assert!(took < MQTT_LIMIT, "{what}: {took:?}");
}

fn is_not_let_in(server: &Server, person: &Person) {
    let login = person.login(Version::V5, "phone");
    let refused = Mqtt::connect_within(PATIENCE, &server.mqtt, &login).unwrap();
    assert_eq!(refused.err(), Some(0x88), "server unavailable");
}

fn is_not_stored(phone: &mut Mqtt) {
    let code = cry(phone);
    assert!([0x80, 0x97].contains(&code), "{code:#04x}");
}

/// 3.1.1 can say it in no other way.
fn is_closed(phone: &mut Mqtt) {
    let body = position().to_string();
    phone.publish("sos/alerts", body.as_bytes(), 1).unwrap();
    let said = phone.next(PATIENCE);
    assert!(said.is_err(), "a PUBACK: {said:?}");
}

/// Publishes an SOS and waits for its PUBACK; the code.
fn cry(phone: &mut Mqtt) -> u8 {
    let body = position().to_string();
    let id = phone.publish("sos/alerts", body.as_bytes(), 1).unwrap();
    let is_answer = |packet: &Packet| matches!(packet, Packet::Puback { id: of, .. } if *of == id);
    match phone.wait_for(PATIENCE, is_answer) {
        Ok(Packet::Puback { code, .. }) => code,
        other => panic!("no PUBACK: {other:?}"),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "what an answer may take is measured from outside"
)]
fn is_unavailable(server: &Server, person: &Person, method: &str, path: &str) {
    let body = if method == "GET" {
        String::new()
    } else {
        let mut body = position();
        body["hardware_id"] = json!("77");
        body.to_string()
    };
    let began = Instant::now();
    let answer = person.http_within(PATIENCE, server, method, path, &body);
    let took = began.elapsed();
    let who = &person.external_id;
    let answer = answer.unwrap_or_else(|error| panic!("{who} {method} {path}: {error}"));
    println!(
        "{who} {method} {path}: {} after {} ms",
        answer.status,
        took.as_millis()
    );
    let body = answer.json();
    assert_eq!(answer.status, 503, "{who} {method} {path}: {body}");
    assert_eq!(body["error"]["code"], "unavailable", "{method} {path}");
    assert!(took < HTTP_LIMIT, "{who} {method} {path}: {took:?}");
}

fn is_ready(server: &Server) -> bool {
    super::harness::http::send(&server.admin, "GET", "/health/ready", &[], b"")
        .is_ok_and(|answer| answer.status == 200)
}

/// More than a client of 3.1.1 may have unacknowledged before it is no longer read.
const FLOOD: u16 = 1_100;
/// How often a phone says that it is there.
const PING_EVERY: Duration = Duration::from_millis(500);

/// Attempts, of which one must meet no machine that stands still: that is silence of ours,
/// or a stall that is longer than a store is waited for.
const ATTEMPTS: usize = 4;

#[test]
fn a_full_connection_is_not_cut_for_silence_that_is_ours() {
    let mut met = Vec::new();
    for _ in 0..ATTEMPTS {
        let Some((home, link)) = Home::on_linked_postgres() else {
            return;
        };
        let mut pace = Pace::new();
        match is_not_cut(&home, &link, &mut pace) {
            Ok(()) => return,
            Err(why) => {
                assert!(pace.is_broken(), "{why}");
                met.push(why);
            }
        }
    }
    panic!("the machine stood still each time: {met:?}");
}

/// How steadily a test gets on.
struct Pace {
    began: Instant,
    last: Instant,
    longest: Duration,
}

#[expect(
    clippy::disallowed_methods,
    reason = "a keep-alive passes in real time only"
)]
impl Pace {
    fn new() -> Self {
        Self {
            began: Instant::now(),
            last: Instant::now(),
            longest: Duration::ZERO,
        }
    }

    fn step(&mut self) {
        self.longest = self.longest.max(self.last.elapsed());
        self.last = Instant::now();
    }

    /// What the test waited for on purpose is not counted.
    fn waited(&mut self) {
        self.last = Instant::now();
    }

    fn is_broken(&mut self) -> bool {
        self.step();
        self.longest > Duration::from_secs(1) || self.began.elapsed() > Duration::from_secs(12)
    }
}

fn is_not_cut(home: &Home, link: &Link, pace: &mut Pace) -> Result<(), String> {
    let partner = home.app("acme");
    let server = home.serve();
    let ana = partner.person("ana");
    let ben = partner.person("ben");
    let uuid = ana.uuid(&server);
    ben.uuid(&server);
    let with_keep_alive = |person: &Person, seconds: u16| {
        let mut login = person.login(Version::V311, "phone");
        login.keep_alive = seconds;
        Mqtt::connect(&server.mqtt, &login).unwrap().unwrap()
    };
    let mut full = with_keep_alive(&ana, 1);
    link.hold();
    *pace = Pace::new();
    let mut sent = Vec::new();
    for number in 0..FLOOD {
        let at = clock::now() + i64::from(number) * 1_000;
        let body = json!({"timestamp": clock::iso(at), "latitude": 41.38, "longitude": 2.17});
        let topic = format!("tel/{uuid}/data");
        let id = full.publish(&topic, body.to_string().as_bytes(), 1);
        sent.push(id.map_err(|error| format!("publish {number}: {error}"))?);
        pace.step();
    }
    // One that could be heard and says nothing is cut meanwhile.
    let mut silent = with_keep_alive(&ben, 1);
    let cut = silent.next(PATIENCE);
    assert!(cut.is_err(), "{cut:?}");
    pace.waited();
    // The full one pings as it must, and is not even read.
    while pace.began.elapsed() < Duration::from_secs(4) {
        let heard = full.send_ping().and_then(|()| full.next(PING_EVERY));
        if !matches!(heard, Ok(None)) {
            return Err(format!("{heard:?} while nothing is stored"));
        }
        pace.step();
    }
    link.resume();
    let mut acknowledged = Vec::new();
    let mut pinged = Duration::ZERO;
    while acknowledged.len() < sent.len() {
        let now = pace.began.elapsed();
        assert!(now < PATIENCE, "{} PUBACKs", acknowledged.len());
        let mut told = Ok(());
        if now > pinged + PING_EVERY {
            pinged = now;
            told = full.send_ping();
        }
        match told.and_then(|()| full.next(PING_EVERY)) {
            Ok(Some(Packet::Puback { id, code: 0 })) => acknowledged.push(id),
            Ok(Some(Packet::Pingresp) | None) => {}
            other => return Err(format!("{other:?} after {} PUBACKs", acknowledged.len())),
        }
        pace.step();
    }
    assert_eq!(acknowledged, sent, "in PUBLISH order");
    full.ping().map_err(|error| format!("at the end: {error}"))
}
