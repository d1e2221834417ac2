//! No secret of a whole run stands in the log, even at its most talkative: tokens of
//! the partner and of sessions, hashes, PINs, keys.

use std::time::Duration;

use serde_json::{Value, json};

use super::reference::{KEY, Kind, Reference};
use super::{log_in, me, set_up};
use crate::harness::http;
use crate::harness::mqtt::{Login, Mqtt, Version};
use crate::harness::person::Partner;
use crate::harness::server::{Home, How, Server};
use crate::harness::tools;

/// What is sent as a PIN. Six digits alone would stand in some time or id by chance.
const PIN: &str = "739154739154";

fn post(server: &Server, path: &str, access: &str, body: &Value) -> http::Answer {
    let bearer = format!("Bearer {access}");
    let mut headers = vec![("content-type", "application/json")];
    if !access.is_empty() {
        headers.push(("authorization", bearer.as_str()));
    }
    let body = body.to_string();
    http::send(&server.http, "POST", path, &headers, body.as_bytes()).unwrap()
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap().to_owned()
}

/// Both hashes of the partner, and one that is wrong.
fn signed(app: &Partner, reference: &Reference, server: &Server, token: &str) -> Vec<String> {
    let wrong = "f".repeat(64);
    let mut hashes = vec![(wrong, 401)];
    for query in ["", "?kind=static"] {
        let signed = reference.sign(token, query);
        hashes.push((text(&signed, "userHash"), 200));
    }
    for (hash, status) in &hashes {
        let mut person = app.person("ana");
        person.hash.clone_from(hash);
        let answer = person.http(server, "GET", "/v1/sdk/me", "").unwrap();
        assert_eq!(answer.status, *status);
    }
    hashes.into_iter().map(|(hash, _)| hash).collect()
}

/// Log-ins that are refused, malformed, or have the token in the wrong place.
fn refused(server: &Server) -> Vec<String> {
    assert_eq!(log_in(server, "wrongly-guessed-token").status, 401);
    let listed = json!({"realm": "shop", "token": ["in-a-list-token"]});
    assert!(post(server, "/v1/sso/login", "", &listed).status >= 400);
    vec![
        "wrongly-guessed-token".to_owned(),
        "in-a-list-token".to_owned(),
    ]
}

#[test]
fn no_secret_of_a_whole_run_is_in_the_log() {
    let home = Home::new();
    let app = home.app("shop");
    let reference = Reference::start(Kind::Binary, &home, &app);
    set_up(&home, &reference, &[]);
    let server = home.serve_how(&How {
        environment: vec![("MAYDAY_LOG__FILTER", "trace".to_owned())],
        ..How::default()
    });
    let mut secrets = vec![app.secret.clone(), KEY.to_owned(), PIN.to_owned()];
    secrets.push(reference.secret().to_owned());
    let token = reference.log_in("ana");
    let session = log_in(&server, &token).json();
    let access = text(&session, "accessToken");
    let refresh = text(&session, "refreshToken");
    assert_eq!(me(&server, &access), 200);
    // By MQTT, rightly and wrongly.
    for password in [access.as_str(), "sst_wrongly-guessed"] {
        let login = Login {
            version: Version::V5,
            client_id: "phone".to_owned(),
            username: "sso:shop:ana".to_owned(),
            password: password.to_owned(),
            keep_alive: 30,
        };
        let met = Mqtt::connect(&server.mqtt, &login).unwrap();
        assert_eq!(met.is_ok(), password == access);
    }
    let cancel = json!({"signature": PIN});
    post(&server, "/v1/sdk/sos", &access, &json!({"latitude": 1.0}));
    post(&server, "/v1/sdk/sos/cancel", &access, &cancel);
    let pair = json!({"accessToken": access, "refreshToken": refresh});
    let renewed = post(&server, "/v1/sso/refresh", "", &pair);
    assert_eq!(renewed.status, 200, "{renewed:?}");
    let renewed = renewed.json();
    secrets.extend([access, refresh, text(&renewed, "refreshToken")]);
    let access = text(&renewed, "accessToken");
    secrets.extend(signed(&app, &reference, &server, &token));
    secrets.extend(refused(&server));
    post(&server, "/v1/sso/logout", &access, &json!({}));
    assert_eq!(me(&server, &access), 401);
    let two = home.beside("token");
    std::fs::write(&two, reference.log_in("ana")).unwrap();
    let words = ["doctor", "--app", "shop", "--json", "--token-file"];
    let mut words = words.to_vec();
    words.push(two.to_str().unwrap());
    // It fails where a partner is slow, as on a machine that stands still.
    let healthy = || home.command(&words).status.success();
    assert!(tools::until(Duration::from_mins(1), healthy));

    secrets.extend([token, access, std::fs::read_to_string(&two).unwrap()]);
    secrets.push("sst_wrongly-guessed".to_owned());
    let log = server.log();
    assert!(log.len() > 5_000, "it was talkative: {}", log.len());
    for secret in secrets {
        let line = log.lines().find(|line| line.contains(&secret));
        assert!(line.is_none(), "{secret} is in the log: {line:?}");
    }
}
