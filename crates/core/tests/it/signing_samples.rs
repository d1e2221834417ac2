//! The samples of `docs/signing.md` are taken out of the page, run, and
//! compared with the published vectors.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::signing_vectors::{TEXT, vectors};

const PAGE: &str = include_str!("../../../../docs/signing.md");

/// Signs every vector with the sample's two functions and prints a JSON list.
const JAVASCRIPT_DRIVER: &str = r"
import { readFileSync } from 'node:fs';
const vectors = JSON.parse(readFileSync(0, 'utf8'));
console.log(JSON.stringify([
  ...vectors.static.map((v) => userHash(v.secret, v.externalUserId)),
  ...vectors.expiring.map((v) => expiringUserHash(v.secret, v.appId, v.externalUserId, v.expiry)),
]));
";

const PYTHON_DRIVER: &str = r#"
import json, sys
vectors = json.loads(sys.stdin.buffer.read().decode("utf-8"))
print(json.dumps(
    [user_hash(v["secret"], v["externalUserId"]) for v in vectors["static"]]
    + [expiring_user_hash(v["secret"], v["appId"], v["externalUserId"], v["expiry"]) for v in vectors["expiring"]]
))
"#;

#[test]
fn the_javascript_sample_makes_the_published_hashes() {
    compare(
        "javascript",
        JAVASCRIPT_DRIVER,
        "node",
        &["--input-type=module", "-e"],
    );
}

#[test]
fn the_python_sample_makes_the_published_hashes() {
    compare("python", PYTHON_DRIVER, "python3", &["-c"]);
}

fn compare(language: &str, driver: &str, program: &str, flags: &[&str]) {
    let skipped = std::env::var("MAYDAY_TEST_SKIP").unwrap_or_default();
    if skipped.split(',').any(|word| word == program) {
        eprintln!("skipped: MAYDAY_TEST_SKIP names {program}");
        return;
    }
    let expected: Vec<String> = {
        let vectors = vectors();
        let fixed = vectors.fixed.into_iter().map(|v| v.user_hash);
        fixed
            .chain(vectors.expiring.into_iter().map(|v| v.user_hash))
            .collect()
    };
    let script = format!("{}\n{driver}", sample(language));
    assert_eq!(run(program, flags, &script), expected);
}

/// The only fenced block of this language in the page.
fn sample(language: &str) -> &'static str {
    let fence = format!("```{language}\n");
    let mut blocks = PAGE.split(fence.as_str()).skip(1);
    let block = blocks.next().expect("the page has a sample");
    assert!(blocks.next().is_none(), "two samples in {language}");
    block.split("\n```").next().expect("the block ends")
}

fn run(program: &str, flags: &[&str], script: &str) -> Vec<String> {
    let mut child = Command::new(program)
        .args(flags)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| {
            panic!(
                "{program} does not start ({error}): install it, or set MAYDAY_TEST_SKIP={program}"
            )
        });
    let mut stdin = child.stdin.take().expect("stdin is piped");
    stdin.write_all(TEXT.as_bytes()).expect("the sample reads");
    drop(stdin);
    let output = child.wait_with_output().expect("the sample ends");
    assert!(output.status.success(), "{program}: {}", output.status);
    serde_json::from_slice(&output.stdout).expect("a JSON list")
}
