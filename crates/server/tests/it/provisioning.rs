//! `mayday device-config`, `firmware` and `network-key`, with and without a
//! server.

use std::fs;
use std::io::Write as _;
use std::process::Stdio;

use serde_json::{Value, json};

use super::harness::{Home, request};

const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

#[test]
fn devices_are_provisioned_without_a_server() {
    let home = Home::new();
    home.app("shop");
    configurations(&home);
    keys(&home);
    firmware(&home);
}

#[test]
fn devices_are_provisioned_beside_a_server() {
    let home = Home::new();
    let secret = home.app("shop");
    let running = home.serve();
    configurations(&home);
    keys(&home);
    let (release, bytes) = firmware(&home);
    let hash = home.hash(&secret, "ana");
    let get = |path: &str| running.get(path, "shop", "ana", &hash);
    let (status, told) = get("/v1/sdk/device-configs?country_iso=fr");
    assert_eq!((status, told), (200, json!({"region": "EU868"})));
    let (status, told) = get("/v1/sdk/network/psk");
    assert_eq!((status, told["scope"].as_str().unwrap()), (200, "app"));
    let psk = told["psk"].as_str().unwrap().to_owned();
    let check = "/v1/sdk/firmware/check?current_version=2.5.0&hardware_model=R1";
    assert_eq!(get(check).1["firmware"]["id"], release["release_id"]);
    let id = release["release_id"].as_str().unwrap();
    let link = get(&format!("/v1/sdk/firmware/download/{id}")).1;
    let url = link["download_url"].as_str().unwrap();
    let path = url.strip_prefix(&format!("http://{}", running.address("http")));
    let (status, fetched) = request(running.address("http"), path.unwrap(), "");
    assert_eq!((status, fetched.to_string().into_bytes()), (200, bytes));
    let said = home.log();
    assert!(
        !said.contains(&psk) && !said.contains(KEY),
        "a key is logged"
    );
    assert!(!said.contains("signature="), "a link is logged");
}

fn configurations(home: &Home) {
    let file = home.path().join("spain.json");
    let spain = json!({"region": "EU868", "lora_region_code": 3, "deep": {"a": [1, null]}});
    fs::write(&file, serde_json::to_string_pretty(&spain).unwrap()).unwrap();
    let file = file.to_str().unwrap();
    let set = home.say(&[
        "device-config",
        "set",
        "--app",
        "shop",
        "--country",
        "es",
        "--file",
        file,
        "--json",
    ]);
    assert_eq!(set.json()["country"], "ES");
    let default = typed(
        home,
        &words("device-config set --app shop --stdin --json"),
        "{\"region\":\"EU868\"}",
    );
    assert_eq!(default["country"], "default");
    let listed = home.say(&words("device-config list --app shop"));
    let countries: Vec<_> = listed
        .out
        .lines()
        .map(|line| line.split('\t').next().unwrap())
        .collect();
    assert_eq!(countries, ["ES", "default"]);
    let shown = home.say(&words("device-config show --app shop --country ES --json"));
    assert_eq!(shown.json()["config"], spain);
    home.say(&words("device-config remove --app shop --country ES"));
    home.say(&words("device-config show --app shop --country ES"))
        .refused(&["ES"]);
    home.say(&words(
        "device-config set --app shop --country spain --file",
    ))
    .code
    .filter(|code| *code == 2)
    .expect("--file wants a value");
    let secret = home.path().join("no.json");
    for text in ["[1]", "\"text\"", "{", ""] {
        fs::write(&secret, text).unwrap();
        home.say(&[
            "device-config",
            "set",
            "--app",
            "shop",
            "--file",
            secret.to_str().unwrap(),
        ])
        .refused(&["JSON object"]);
    }
    fs::write(&secret, format!("{{\"k\":\"{}\"}}", "x".repeat(40_000))).unwrap();
    home.say(&[
        "device-config",
        "set",
        "--app",
        "shop",
        "--file",
        secret.to_str().unwrap(),
    ])
    .refused(&["32 KiB"]);
}

fn keys(home: &Home) {
    home.say(&words("network-key rotate --app shop"))
        .refused(&["generate"]);
    let first = home
        .say(&words("network-key generate --app shop --json"))
        .json();
    home.say(&words("network-key generate --app shop"))
        .refused(&["rotate"]);
    let second = home
        .say(&words("network-key rotate --app shop --json"))
        .json();
    assert_ne!(first["fingerprint"], second["fingerprint"]);
    let shown = home.say(&words("network-key show-fingerprint --app shop --json"));
    assert_eq!(shown.json(), second);
    let set = typed(home, &words("network-key set --global --stdin --json"), KEY);
    assert_eq!(set["scope"], "global");
    assert!(!set.to_string().contains(KEY), "the key never comes out");
    home.say(&words("network-key remove --global"));
    home.say(&words("network-key remove --global"))
        .refused(&["generate"]);
    home.say(&words("network-key show-fingerprint --app nobody"))
        .refused(&["nobody"]);
    let both = home.say(&words("network-key generate --app shop --global"));
    assert_eq!(both.code, Some(2), "one of both: {both:?}");
    let none = home.say(&words("network-key generate"));
    assert_eq!(none.code, Some(2), "one of both: {none:?}");
}

/// Adds a release and publishes it; answers it and its bytes.
fn firmware(home: &Home) -> (Value, Vec<u8>) {
    let file = home.path().join("r1.bin");
    // JSON, so that the harness can read it back; three pieces long.
    let bytes = format!("[{}1]", "12345678,".repeat(70_000)).into_bytes();
    fs::write(&file, &bytes).unwrap();
    let file = file.to_str().unwrap();
    let add = |version: &str, more: &[&str]| {
        let mut arguments = words("firmware add --app shop --hardware-model R1 --json --version");
        arguments.push(version);
        arguments.extend(["--file", file]);
        arguments.extend(more);
        home.say(&arguments)
    };
    let added = add("2.6.0", &["--notes", "Longer battery life"]).json();
    assert_eq!(added["state"], "draft");
    assert_eq!(added["size_bytes"], bytes.len());
    add("2.6.0", &[]).refused(&["2.6.0"]);
    add("latest", &[]).refused(&["number"]);
    add("2.7.0", &["--sha256", &"0".repeat(64)]).refused(&["SHA-256"]);
    let sha256 = added["sha256"].as_str().unwrap().to_uppercase();
    assert_eq!(
        add("2.7.0", &["--sha256", &sha256, "--publish"]).json()["state"],
        "published"
    );
    let listed = home.say(&words("firmware list --app shop --json")).json();
    assert_eq!(listed.as_array().unwrap().len(), 2, "{listed}");
    let seven = listed[1]["release_id"].as_str().unwrap().to_owned();
    let id = added["release_id"].as_str().unwrap();
    let published = home.say(&["firmware", "publish", id, "--app", "shop", "--json"]);
    assert_eq!(published.json()["state"], "published");
    let withdrawn = home.say(&["firmware", "withdraw", &seven, "--app", "shop", "--json"]);
    assert_eq!(withdrawn.json()["state"], "withdrawn");
    home.say(&["firmware", "remove", &seven, "--app", "shop"]);
    home.say(&["firmware", "publish", &seven, "--app", "shop"])
        .refused(&[&seven]);
    home.say(&["firmware", "remove", "../../master.key", "--app", "shop"])
        .refused(&["master.key"]);
    (added, bytes)
}

/// What a command prints that reads its standard input.
fn typed(home: &Home, arguments: &[&str], text: &str) -> Value {
    let mut command = home.command(arguments);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}
