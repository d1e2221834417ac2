//! `--database URL`: the same words on PostgreSQL.
//!
//! The server is the one that `MAYDAY_TEST_POSTGRES` names (a URL of an
//! administrator). Without it these tests fail, unless `MAYDAY_TEST_SKIP` holds
//! the word `postgres`.

use std::process::Command;

use super::admin::{decide_a_device, soon};
use super::harness::{Home, run, say};

/// A database of a test's own, dropped with it.
pub(crate) struct Database {
    admin: String,
    name: String,
    pub(crate) url: String,
}

impl Database {
    pub(crate) fn create(test: &str) -> Option<Self> {
        let Ok(admin) = std::env::var("MAYDAY_TEST_POSTGRES") else {
            let skip = std::env::var("MAYDAY_TEST_SKIP").unwrap_or_default();
            assert!(
                skip.contains("postgres"),
                "MAYDAY_TEST_POSTGRES names no server: start one, or set MAYDAY_TEST_SKIP=postgres"
            );
            return None;
        };
        let name = format!("mayday_it_{test}_{}", std::process::id());
        let (server, _) = admin.rsplit_once('/').unwrap();
        let database = Self {
            url: format!("{server}/{name}"),
            admin,
            name,
        };
        database.psql(&format!("CREATE DATABASE {}", database.name));
        Some(database)
    }

    fn psql(&self, statement: &str) {
        let mut psql = Command::new("psql");
        psql.args([
            &self.admin,
            "--quiet",
            "--no-psqlrc",
            "--command",
            statement,
        ]);
        let said = run(&mut psql);
        assert_eq!(said.code, Some(0), "{said:?}");
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.psql(&format!("DROP DATABASE {} WITH (FORCE)", self.name));
    }
}

#[test]
fn a_block_through_the_database_reaches_the_server_within_a_second() {
    let Some(database) = Database::create("block") else {
        return;
    };
    let home = Home::new();
    let at = ["--database", &database.url];
    let with = |words: &str| home.say_at(words, &at);
    let created = with("app create --id shop --json").json();
    let hash = home.hash(created["secret"].as_str().unwrap(), "ana");
    let mut running = home.serve_with(&at);
    soon(&running, &hash, 200);
    assert_eq!(with("user block ana --app shop").code, Some(0));
    soon(&running, &hash, 403);
    // Without a URL the running server is asked.
    assert_eq!(
        home.say(&["user", "unblock", "ana", "--app", "shop"]).code,
        Some(0)
    );
    soon(&running, &hash, 200);
    running.signal(rustix::process::Signal::TERM);
    assert_eq!(running.ended(), Some(0), "{}", home.log());
}

#[test]
fn a_contested_device_is_decided_through_the_database() {
    let Some(database) = Database::create("device") else {
        return;
    };
    let home = Home::new();
    let at = ["--database", &database.url];
    let create = ["app", "create", "--id", "shop", "--json"];
    let created = home.say(&[&create[..], &at].concat()).json();
    let running = home.serve_with(&at);
    let secret = created["secret"].as_str().unwrap();
    decide_a_device(secret, &home, &running, &at);
}

#[test]
fn another_master_key_is_refused() {
    let Some(database) = Database::create("key") else {
        return;
    };
    let home = Home::new();
    let words = ["app", "create", "--id", "shop", "--database", &database.url];
    assert_eq!(home.say(&words).code, Some(0));
    let other = Home::new();
    other.say(&words).refused(&["master key", "missing"]);
    other.app("elsewhere");
    for words in ["app list", "app create --id more", "user list --app shop"] {
        let words = words
            .split_whitespace()
            .chain(["--database", &database.url]);
        let words: Vec<_> = words.collect();
        other.say(&words).refused(&["master key", "not the one"]);
    }
    let apps = home.say(&["app", "list", "--json", "--database", &database.url]);
    assert_eq!(apps.json()[0]["app_id"], "shop");
}

#[test]
fn what_seals_nothing_works_without_the_master_key() {
    let Some(database) = Database::create("keyless") else {
        return;
    };
    let home = Home::new();
    let on = |home: &Home, words: &str| {
        let words = words
            .split_whitespace()
            .chain(["--database", &database.url]);
        home.say(&words.collect::<Vec<_>>())
    };
    let away = Home::new();
    on(&away, "app list").refused(&["the database is empty", "--database"]);
    assert!(!away.data().exists());

    let created = on(&home, "app create --id shop --json").json();
    let secret = created["secret"].as_str().unwrap().to_owned();
    let hash = home.hash(&secret, "ana");
    let mut running = home.serve_with(&["--database", &database.url]);
    soon(&running, &hash, 200);

    assert_eq!(on(&away, "app list --json").json()[0]["app_id"], "shop");
    let users = on(&away, "user list --app shop --json").json();
    assert_eq!(users["items"][0]["external_user_id"], "ana");
    assert_eq!(on(&away, "user show ana --app shop").code, Some(0));
    assert_eq!(on(&away, "user block ana --app shop").code, Some(0));
    soon(&running, &hash, 403);
    assert_eq!(on(&away, "user unblock ana --app shop").code, Some(0));
    soon(&running, &hash, 200);
    assert_eq!(on(&away, "app deactivate --id shop").code, Some(0));
    soon(&running, &hash, 401);
    assert_eq!(on(&away, "app activate --id shop").code, Some(0));
    soon(&running, &hash, 200);
    assert_eq!(on(&away, "app policy --id shop").code, Some(0));
    assert_eq!(on(&away, "inspect alerts --app shop").code, Some(0));
    let secrets = on(&away, "app secret list --id shop --json").json();
    let id = secrets[0]["secret_id"].as_str().unwrap();
    let retire = format!("app secret retire --id shop --secret-id {id}");

    // What seals a secret says where the key is wanted, and changes nothing.
    on(&away, "app secret add --id shop").refused(&["master key", "--data-dir"]);
    on(&away, "app create --id more").refused(&["master key", "--data-dir"]);
    assert_eq!(
        on(&away, "app list --json")
            .json()
            .as_array()
            .unwrap()
            .len(),
        1
    );

    assert_eq!(on(&away, &retire).code, Some(0));
    soon(&running, &hash, 401);
    assert!(!away.data().exists(), "nothing was made");
    running.signal(rustix::process::Signal::TERM);
    assert_eq!(running.ended(), Some(0), "{}", home.log());

    // A server opens secrets: without its key it does not start.
    let words = "serve --http 127.0.0.1:0 --mqtt 127.0.0.1:0 --admin 127.0.0.1:0";
    on(&away, words).refused(&["master key", "missing"]);
    assert!(!away.data().exists());
}

#[test]
fn a_database_that_is_not_there_is_told_without_its_password() {
    let home = Home::new();
    let url = "postgres://mayday:hunter2@127.0.0.1:1/mayday";
    let said = home.say(&["app", "create", "--id", "shop", "--database", url]);
    said.refused(&["--database"]);
    assert!(!said.err.contains("hunter2"), "{said:?}");
    let said = say(&["app", "list", "--database", "mysql://root:hunter2@h/d"]);
    said.refused(&["--database", "postgres://"]);
    assert!(!said.err.contains("hunter2"), "{said:?}");
}
