//! Schemathesis plays the OpenAPI document against the binary: whatever it
//! makes up within and beyond the document, no answer is a 5xx, has a status
//! or a body that is not documented, or is given without a valid proof.
//!
//! The seed is fixed, so that a failure is the same on every machine;
//! `MAYDAY_TEST_SEED` takes another one.

use std::fs;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::harness::http;
use super::harness::person::Person;
use super::harness::server::{Home, How, Server};
use super::harness::tools::{self, Said};

/// What is held against each answer. Left out: those that a server breaks on
/// purpose which refuses no cry for help for what it says.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
     response_headers_conformance,response_schema_conformance,ignored_auth,unsupported_method,\
     allow_header_conformance,use_after_free,ensure_resource_availability,errors_mislead_nobody";
const SEED: &str = "20260909";
/// Requests made up for each operation and phase.
const EXAMPLES: &str = "25";
/// It takes a fraction of this on an idle machine.
const LIMIT: Duration = Duration::from_mins(6);
/// One operation takes a fraction of that.
const LIMIT_OF_ONE: Duration = Duration::from_mins(2);

/// Runs it on a document, told by path or URL.
fn judge(
    (home, server, person): (&Home, &Server, &Person),
    document: &str,
    more: &[&str],
    limit: Duration,
) -> Said {
    let seed = std::env::var("MAYDAY_TEST_SEED").unwrap_or_else(|_| SEED.to_owned());
    let proof = [
        format!("X-App-ID: {}", person.app_id),
        format!("X-User-ID: {}", person.external_id),
        format!("Authorization: Bearer {}", person.hash),
    ];
    let mut program = Command::new(tools::clients().join("venv/bin/schemathesis"));
    program
        .arg("run")
        .arg(document)
        .args(["--url", &format!("http://{}", server.http)])
        .args(["--checks", CHECKS, "--seed", &seed])
        .args(["--max-examples", EXAMPLES, "--no-shrink"])
        .args(["--suppress-health-check", "all", "--request-timeout", "60"])
        .args(proof.iter().flat_map(|header| ["--header", header]))
        .args(more)
        .current_dir(home.beside(""))
        .env("HOME", home.beside(""))
        .env("NO_COLOR", "1")
        .env(
            "SCHEMATHESIS_HOOKS",
            concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/tests/e2e/schemathesis/checks.py"
            ),
        );
    tools::run_within(&mut program, "", limit)
}

#[test]
fn the_binary_keeps_what_its_document_promises() {
    if tools::skipped("schemathesis") {
        return;
    }
    let home = Home::new();
    let partner = home.app("acme");
    let server = home.serve_how(&How {
        // Its many bad proofs are to be answered 401, not 429.
        environment: vec![("MAYDAY_IDENTITY__FAILURES_PER_MINUTE", "100000".to_owned())],
        ..How::default()
    });
    let ana = partner.person("ana");
    let url = format!("http://{}/openapi.json", server.http);
    let scene = (&home, &server, &ana);
    let said = judge(scene, &url, &[], LIMIT);
    assert!(said.success, "{}\n{}", said.out, said.err);

    // A document that promises less is found out, or the judge is asleep.
    let document = http::send(&server.http, "GET", "/openapi.json", &[], b"").unwrap();
    let mut lie: Value = document.json();
    let put = lie.pointer_mut("/paths/~1v1~1sdk~1me/put/responses");
    put.unwrap().as_object_mut().unwrap().remove("400").unwrap();
    let file = home.beside("lie.json");
    fs::write(&file, lie.to_string()).unwrap();
    let only = ["--include-path", "/v1/sdk/me", "--phases", "coverage"];
    let said = judge(scene, file.to_str().unwrap(), &only, LIMIT_OF_ONE);
    assert!(
        !said.success && said.out.contains("Undocumented"),
        "{said:?}"
    );
}
