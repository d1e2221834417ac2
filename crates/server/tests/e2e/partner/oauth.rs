//! A standard OAuth client library, which knows nothing of mayday, logs in by token
//! exchange (RFC 8693) and refreshes.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::reference::{Kind, Reference};
use super::{me, set_up};
use crate::harness::server::Home;
use crate::harness::tools;

#[test]
fn a_standard_client_library_logs_in_and_refreshes() {
    if tools::skipped("oauth") {
        return;
    }
    let home = Home::new();
    let app = home.app("shop");
    let reference = Reference::start(Kind::Binary, &home, &app);
    set_up(&home, &reference, &[]);
    let server = home.serve();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/partner/oauth.mjs");
    let stage = json!({
        "issuer": format!("http://{}", server.http),
        "client": "shop",
        "token": reference.log_in("ana"),
    });
    let mut node = Command::new("node");
    node.arg(script).arg(tools::clients().join("oauth"));
    let said = tools::run(&mut node, &stage.to_string());
    assert!(said.success, "{said:?}");
    let told: Value = serde_json::from_str(&said.out).unwrap();
    let access = |of: &str| told[of]["access_token"].as_str().unwrap().to_owned();
    assert_eq!(told["session"]["token_type"], "bearer", "{told}");
    assert_ne!(access("session"), access("renewed"));
    assert_eq!(me(&server, &access("renewed")), 200);
    // RFC 8693, 2.2.2: a subject token that is not accepted.
    assert_eq!(told["refused"], "invalid_request", "{told}");
}
