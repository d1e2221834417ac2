//! `mayday app`, `mayday user` and `mayday inspect`, with and without a server.

use std::thread;
use std::time::Duration;

use super::harness::{Home, Running, wait_for};

fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

#[test]
fn an_app_lives_without_a_server() {
    apps_and_secrets(&Home::new());
}

#[test]
fn an_app_lives_beside_a_server() {
    let home = Home::new();
    let _running = home.serve();
    apps_and_secrets(&home);
}

fn apps_and_secrets(home: &Home) {
    let created = home.say(&words("app create --id shop --name Shop --json"));
    assert_eq!(created.out.lines().count(), 1, "one line for a program");
    let created = created.json();
    assert_eq!(created["app_id"], "shop");
    assert!(created["secret"].as_str().unwrap().starts_with("as_"));
    home.say(&words("app create --id shop")).refused(&["shop"]);
    home.say(&words("app create --id No")).refused(&["app id"]);

    let apps = home.say(&words("app list --json")).json();
    assert_eq!(apps[0]["app_id"], "shop");
    assert_eq!(apps[0]["active"], true);
    let listed = home.say(&words("app list"));
    assert!(listed.out.starts_with("shop\tactive\t1\t"), "{listed:?}");

    let added = home.say(&words("app secret add --id shop --json")).json();
    home.say(&words("app secret add --id shop"))
        .refused(&["retire"]);
    let id = added["secret_id"].as_str().unwrap();
    let retired = format!("app secret retire --id shop --secret-id {id} --json");
    assert!(!home.say(&words(&retired)).json()["retired_at"].is_null());
    let secrets = home.say(&words("app secret list --id shop --json"));
    assert!(!secrets.out.contains("as_"), "a secret is shown once only");
    assert_eq!(secrets.json().as_array().unwrap().len(), 2);

    let policy = "app policy --id shop --require-expiring on --cancel any-user --json";
    let policy = home.say(&words(policy)).json();
    assert_eq!(policy["policy"]["require_expiring"], true);
    assert_eq!(policy["policy"]["cancel"], "any_user");
    let kept = home.say(&words("app retention --id shop --days 7 --json"));
    assert_eq!(kept.json()["retention_days"], 7);
    let shown = home.say(&words("app show --id shop --json")).json();
    assert_eq!(shown["retention_days"], 7);
    assert_eq!(home.say(&words("app list --json")).json()[0], shown);
    for wrong in ["0", "3651"] {
        home.say(&words(&format!("app retention --id shop --days {wrong}")))
            .refused(&["1 to 3650"]);
    }
    home.say(&words("app show --id nothing"))
        .refused(&["nothing"]);
    home.say(&words("app retention --id nothing --default"))
        .refused(&["nothing"]);
    let kept = home.say(&words("app retention --id shop --default --json"));
    assert!(kept.json()["retention_days"].is_null());
    let inactive = home.say(&words("app deactivate --id shop --json")).json();
    assert_eq!(inactive["active"], false);
    let active = home.say(&words("app activate --id shop --json")).json();
    assert_eq!(active["active"], true);
    home.say(&words("app deactivate --id nothing"))
        .refused(&["nothing"]);
}

/// Waits for a status that a change brings, which must come within a second.
pub(crate) fn soon(running: &Running, hash: &str, status: u16) {
    let (sender, receiver) = std::sync::mpsc::channel::<()>();
    let limit = thread::spawn(move || receiver.recv_timeout(Duration::from_secs(1)).is_ok());
    wait_for("the new status", || {
        let (found, _) = running.get("/v1/sdk/me", "shop", "ana", hash);
        (found == status).then_some(())
    });
    // Nobody listens any more when the second is over.
    let _ = sender.send(());
    assert!(limit.join().unwrap(), "it took longer than a second");
}

#[test]
fn a_block_takes_effect_within_a_second_and_outlives_the_server() {
    let home = Home::new();
    let secret = home.app("shop");
    let hash = home.hash(&secret, "ana");
    let mut running = home.serve();
    soon(&running, &hash, 200);
    let user = home.say(&words("user show ana --app shop --json")).json();
    assert_eq!(user["external_user_id"], "ana");
    assert!(user["blocked_at"].is_null());
    let users = home.say(&words("user list --app shop --json")).json();
    assert_eq!(users["items"].as_array().unwrap().len(), 1);

    assert_eq!(home.say(&words("user block ana --app shop")).code, Some(0));
    soon(&running, &hash, 403);
    assert_eq!(
        home.say(&words("user unblock ana --app shop")).code,
        Some(0)
    );
    soon(&running, &hash, 200);

    running.signal(rustix::process::Signal::TERM);
    assert_eq!(running.ended(), Some(0), "{}", home.log());
    assert_eq!(home.say(&words("user block ana --app shop")).code, Some(0));
    let running = home.serve();
    soon(&running, &hash, 403);
    home.say(&words("user block nobody --app shop"))
        .refused(&["nobody"]);
}

#[test]
fn a_retired_secret_and_an_inactive_app_let_nobody_in() {
    let home = Home::new();
    let secret = home.app("shop");
    let hash = home.hash(&secret, "ana");
    let running = home.serve();
    soon(&running, &hash, 200);
    assert_eq!(home.say(&words("app deactivate --id shop")).code, Some(0));
    soon(&running, &hash, 401);
    assert_eq!(home.say(&words("app activate --id shop")).code, Some(0));
    soon(&running, &hash, 200);
    let secrets = home.say(&words("app secret list --id shop --json")).json();
    assert_eq!(home.say(&words("app secret add --id shop")).code, Some(0));
    let retire = format!(
        "app secret retire --id shop --secret-id {}",
        secrets[0]["secret_id"].as_str().unwrap()
    );
    assert_eq!(home.say(&words(&retire)).code, Some(0));
    soon(&running, &hash, 401);
}

#[test]
fn a_killed_server_leaves_a_socket_that_nobody_minds() {
    let home = Home::new();
    home.app("shop");
    let mut running = home.serve();
    running.signal(rustix::process::Signal::KILL);
    running.ended();
    assert!(home.data().join("admin.sock").exists());
    assert_eq!(
        home.say(&words("app list --json")).json()[0]["app_id"],
        "shop"
    );
    let _again = home.serve();
    assert_eq!(
        home.say(&words("app list --json")).json()[0]["app_id"],
        "shop"
    );
}

#[test]
fn commands_at_once_wait_for_one_another() {
    let home = Home::new();
    home.app("shop");
    let users: Vec<_> = (0..4)
        .map(|_| home.command(&words("app list --json")).spawn().unwrap())
        .collect();
    for mut user in users {
        assert!(user.wait().unwrap().success());
    }
}

#[test]
fn operators_read_empty_lists_too() {
    let home = Home::new();
    home.app("shop");
    for what in ["dead-letters", "unattributed", "alerts"] {
        let line = format!("inspect {what} --app shop --json");
        let page = home.say(&words(&line)).json();
        assert_eq!(page["items"].as_array().unwrap().len(), 0, "{what}");
    }
}

#[test]
fn a_contested_device_is_decided_on_a_running_server() {
    let home = Home::new();
    let secret = home.app("shop");
    let running = home.serve();
    decide_a_device(&secret, &home, &running, &[]);
}

/// Two users list a device, and an administrator decides for the later one.
pub(crate) fn decide_a_device(secret: &str, home: &Home, running: &Running, at: &[&str]) {
    let device = serde_json::json!({"hardware_id": "CF:82:12"});
    for user in ["ana", "bo"] {
        let hash = home.hash(secret, user);
        let status = running.post("/v1/sdk/devices", "shop", user, &hash, &device);
        assert_eq!(status, 200, "{user}");
    }
    let with = |line: &str| home.say_at(line, at);
    let listed = with("device list --app shop --contested --json").json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 2, "{listed}");
    let decided = with("device assign cf:82:12 --app shop --user bo --json").json();
    assert_eq!(decided["ownership"], "owner", "{decided}");
    for (user, ownership) in [("ana", "contested"), ("bo", "owner")] {
        let hash = home.hash(secret, user);
        let (_, body) = running.get("/v1/sdk/devices", "shop", user, &hash);
        assert_eq!(body["devices"][0]["ownership"], ownership, "{user}");
    }
    with("device assign cf:82:12 --app shop --user cy").refused(&["cy"]);
}
