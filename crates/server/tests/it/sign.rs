//! `mayday sign` against the published vectors.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use super::harness::{Home, mayday, say};

fn vectors() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/signing-vectors.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn static_hashes_equal_the_published_ones() {
    let home = Home::new();
    let vectors = vectors();
    let mut checked = 0;
    for vector in vectors["static"].as_array().unwrap() {
        let user = vector["externalUserId"].as_str().unwrap();
        // The vectors hold an id that is refused at the door.
        if user.trim() != user {
            continue;
        }
        let secret = vector["secret"].as_str().unwrap();
        assert_eq!(home.hash(secret, user), vector["userHash"], "{user}");
        checked += 1;
    }
    assert!(checked > 10, "{checked}");
}

#[test]
fn an_expiring_hash_carries_its_time_and_comes_from_standard_input() {
    let words = [
        "sign",
        "--user",
        "ana",
        "--app",
        "shop",
        "--expires",
        "24h",
        "--secret-stdin",
    ];
    let mut child = mayday(&words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(b"as_7Yk2f0Qm3zvTtN8r1sLw5uXeHcBdGpJa\n")
        .unwrap();
    let out = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    assert_eq!(out.lines().count(), 1, "the hash alone");
    let parts: Vec<_> = out.trim_end().split('.').collect();
    assert_eq!(parts[0], "x1");
    let now = fs::metadata("/proc/self").unwrap().modified().unwrap();
    let now = now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let expiry: u64 = parts[1].parse().unwrap();
    assert!(expiry.abs_diff(now + 86_400) < 60, "{expiry} {now}");
    assert_eq!(parts[2].len(), 64);
}

#[test]
fn a_missing_secret_or_a_bad_name_is_told() {
    let home = Home::new();
    let nowhere = home.path().join("nowhere");
    say(&[
        "sign",
        "--user",
        "ana",
        "--secret-file",
        nowhere.to_str().unwrap(),
    ])
    .refused(&["nowhere", "cannot be read"]);
    let empty = home.path().join("empty");
    fs::write(&empty, "\n").unwrap();
    let empty = empty.to_str().unwrap();
    say(&["sign", "--user", "ana", "--secret-file", empty]).refused(&["no app secret"]);
    say(&["sign", "--user", "x1.ana", "--secret-file", empty]).refused(&["--user", "x1."]);
}
