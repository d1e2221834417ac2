//! A partner that is right, but for one thing at a time.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use mayday_core::time::Timestamp;
use mayday_gateway::webhook::{Signed, WebhookSecret, verify};
use serde_json::{Value, json};

use super::super::reference::now;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    Nothing,
    TakesAnyToken,
    TakesNoToken,
    TakesExpired,
    RefusesWithout401,
    SaysNotWhatItRefuses,
    OtherAudience,
    LongLife,
    Milliseconds,
    NoEmail,
    NoSubject,
    TellsAnybody,
    ChangingSubject,
    FastClock,
    Slow,
    /// Which is not wrong.
    PausesOnce,
    Html,
    BelievesForgeries,
    BelievesStale,
    RefusesReplay,
    RefusesUnknown,
    RefusesAll,
    Redirects,
}

impl Wrong {
    /// Each with the checks that must fail for it, and no others.
    pub(super) const ALL: &[(Self, &'static [&'static str])] = &[
        (
            Self::TakesAnyToken,
            &[
                "token_info.invalid",
                "token_info.missing",
                "token_info.expired",
            ],
        ),
        (Self::TakesNoToken, &["token_info.missing"]),
        (Self::TakesExpired, &["token_info.expired"]),
        (
            Self::RefusesWithout401,
            &[
                "token_info.invalid",
                "token_info.missing",
                "token_info.expired",
            ],
        ),
        (
            Self::SaysNotWhatItRefuses,
            &[
                "token_info.invalid",
                "token_info.missing",
                "token_info.expired",
            ],
        ),
        (Self::OtherAudience, &["token_info.audience"]),
        (Self::LongLife, &["token_info.lifetime"]),
        (Self::Milliseconds, &["token_info.valid"]),
        (Self::NoEmail, &["token_info.valid"]),
        (Self::NoSubject, &["token_info.valid"]),
        (Self::TellsAnybody, &["token_info.key"]),
        (Self::ChangingSubject, &["token_info.subject"]),
        (Self::FastClock, &["token_info.clock"]),
        (Self::Slow, &["token_info.latency"]),
        (Self::Html, &["token_info.valid"]),
        (Self::BelievesForgeries, &["webhook.forged"]),
        (Self::BelievesStale, &["webhook.stale"]),
        (Self::RefusesReplay, &["webhook.replay"]),
        (Self::RefusesUnknown, &["webhook.unknown_type"]),
        (Self::RefusesAll, &["webhook.signature"]),
        (Self::Redirects, &["webhook.signature"]),
    ];
}

struct State {
    wrong: Wrong,
    has_paused: bool,
    secret: Option<WebhookSecret>,
    heard: Vec<String>,
}

impl State {
    /// Whether the next answer comes slowly.
    fn pauses(&mut self) -> bool {
        match self.wrong {
            Wrong::Slow => true,
            Wrong::PausesOnce => !std::mem::replace(&mut self.has_paused, true),
            _ => false,
        }
    }
}

/// It runs as long as the test.
pub(super) struct WrongPartner {
    pub(super) url: String,
    state: Arc<Mutex<State>>,
}

impl WrongPartner {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State {
            wrong: Wrong::Nothing,
            has_paused: false,
            secret: None,
            heard: Vec::new(),
        }));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&shared);
                thread::spawn(move || serve(stream, &shared));
            }
        });
        Self { url, state }
    }

    pub(super) fn be(&self, wrong: Wrong) {
        let mut state = self.state.lock().unwrap();
        state.wrong = wrong;
        state.has_paused = false;
    }

    pub(super) fn knows_the_secret(&self, secret: &str) {
        self.state.lock().unwrap().secret = Some(WebhookSecret::parse(secret).unwrap());
    }
}

struct Asked {
    path: String,
    head: String,
    body: String,
}

impl Asked {
    fn header(&self, name: &str) -> &str {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let found = lines.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value.trim())
    }
}

fn serve(mut stream: TcpStream, state: &Mutex<State>) -> Option<()> {
    let asked = read(&mut stream)?;
    let (status, kind, body, date) = {
        let mut state = state.lock().unwrap();
        let date = if state.wrong == Wrong::FastClock {
            now() + 300
        } else {
            now()
        };
        let (status, kind, body) = if asked.path == "/webhook" {
            (webhook(&mut state, &asked), "text/plain", String::new())
        } else {
            let (status, body) = token_info(state.wrong, &asked);
            match state.wrong {
                Wrong::Html if status == 200 => (200, "text/html", "<p>hello".to_owned()),
                _ => (status, "application/json", body.to_string()),
            }
        };
        (status, kind, body, date)
    };
    if asked.path != "/webhook" && state.lock().unwrap().pauses() {
        thread::park_timeout(Duration::from_millis(1_200));
    }
    let date = http_date(date);
    write!(
        stream,
        "HTTP/1.1 {status} X\r\ndate: {date}\r\ncontent-type: {kind}\r\nlocation: /elsewhere\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
    .ok()
}

/// RFC 9110, 5.6.7.
fn http_date(at: i64) -> String {
    let at = Timestamp::from_secs(at).to_string();
    let (year, month, day, time) = (&at[..4], &at[5..7], &at[8..10], &at[11..19]);
    let names = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let month = names[month.parse::<usize>().unwrap() - 1];
    // Zeller's congruence, for the name of the day that the form wants.
    let number = |text: &str| text.parse::<usize>().unwrap();
    let index = names.iter().position(|name| *name == month).unwrap() + 1;
    let (m, y) = if index < 3 {
        (index + 12, number(year) - 1)
    } else {
        (index, number(year))
    };
    let day_of_week = (number(day) + 13 * (m + 1) / 5 + y + y / 4 - y / 100 + y / 400) % 7;
    let weekday = ["Sat", "Sun", "Mon", "Tue", "Wed", "Thu", "Fri"][day_of_week];
    format!("{weekday}, {day} {month} {year} {time} GMT")
}

fn read(stream: &mut TcpStream) -> Option<Asked> {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let taken = stream.read(&mut piece).ok()?;
        bytes.extend_from_slice(&piece[..taken]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let asked = Asked {
            path: head.split(' ').nth(1)?.to_owned(),
            head: head.to_owned(),
            body: body.to_owned(),
        };
        let length: usize = asked.header("content-length").parse().unwrap_or(0);
        if asked.body.len() >= length || taken == 0 {
            return Some(asked);
        }
    }
}

fn token_info(wrong: Wrong, asked: &Asked) -> (u16, Value) {
    let token = asked.body.strip_prefix("token=").unwrap_or_default();
    let refused = match wrong {
        Wrong::RefusesWithout401 => (500, json!({"error": "invalid_token"})),
        Wrong::SaysNotWhatItRefuses => (401, json!({})),
        _ => (401, json!({"error": "invalid_token"})),
    };
    let keyless = asked.header("x-api-key") != "key-of-mayday";
    if keyless && wrong != Wrong::TellsAnybody {
        return (401, json!({"error": "invalid_client"}));
    }
    let live = match token {
        "live-1" | "live-2" => true,
        "" => matches!(wrong, Wrong::TakesNoToken | Wrong::TakesAnyToken),
        "expired" => matches!(wrong, Wrong::TakesExpired | Wrong::TakesAnyToken),
        _ => wrong == Wrong::TakesAnyToken,
    };
    if !live {
        return refused;
    }
    let now = now();
    let mut claims = json!({
        "sub": "ana", "iat": now, "exp": now + 600,
        "email": "ana@example.org", "aud": "safety-app",
    });
    match wrong {
        Wrong::OtherAudience => claims["aud"] = json!("Safety-App"),
        Wrong::LongLife => claims["exp"] = json!(now + 7_200),
        Wrong::Milliseconds => claims["iat"] = json!(now * 1_000),
        Wrong::NoEmail => claims["email"] = Value::Null,
        Wrong::NoSubject => claims["sub"] = json!(7),
        Wrong::ChangingSubject => claims["sub"] = json!(token),
        _ => {}
    }
    (200, claims)
}

fn webhook(state: &mut State, asked: &Asked) -> u16 {
    let header = |name| asked.header(name);
    let seconds: i64 = header("webhook-timestamp").parse().unwrap();
    let signed = Signed {
        id: header("webhook-id"),
        timestamp: header("webhook-timestamp"),
        signature: header("webhook-signature"),
        body: asked.body.as_bytes(),
    };
    // A careless receiver compares no clock: as if it were then.
    let at = if state.wrong == Wrong::BelievesStale {
        seconds
    } else {
        now()
    };
    let secret = state.secret.clone().unwrap();
    let believed = verify(&[secret], &signed, Timestamp::from_secs(at)).is_ok();
    let old = (now() - seconds).abs() > 300;
    match state.wrong {
        Wrong::RefusesAll => return 401,
        Wrong::Redirects => return 302,
        Wrong::BelievesForgeries if !old => {}
        _ if !believed => return 400,
        _ => {}
    }
    let id = header("webhook-id").to_owned();
    if state.heard.contains(&id) && state.wrong == Wrong::RefusesReplay {
        return 409;
    }
    state.heard.push(id);
    let known = asked.header("webhook-type") == "webhook.test";
    if !known && state.wrong == Wrong::RefusesUnknown {
        return 422;
    }
    204
}
