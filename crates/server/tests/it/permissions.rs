//! Files and directories that mayday may not use: each is told in one line with
//! the permission that is missing, and works again once that is given.
//!
//! Permissions do not count for root, so when the tests run as root the binary
//! runs as `nobody`.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use super::harness::{Home, Said, mayday, run};

/// The user `nobody`.
const NOBODY: u32 = 65_534;

const SERVE: &str = "serve --http 127.0.0.1:0 --mqtt 127.0.0.1:0 --admin 127.0.0.1:0";
const LIST: &str = "app list --json";

/// A home whose owner is bound by permissions.
struct Bound {
    home: Home,
}

impl Bound {
    fn new() -> Self {
        let home = Home::new();
        if rustix::process::geteuid().is_root() {
            // Where it was built root alone may enter.
            let (built, here) = (env!("CARGO_BIN_EXE_mayday"), home.path().join("mayday"));
            fs::hard_link(built, &here)
                .or_else(|_| fs::copy(built, &here).map(|_| ()))
                .unwrap();
            chown(home.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        Self { home }
    }

    /// A home with an app in it.
    fn with_app() -> Self {
        let bound = Self::new();
        let said = bound.say("app create --id shop");
        assert_eq!(said.code, Some(0), "{said:?}");
        bound
    }

    /// Runs words on the data as the owner.
    fn say(&self, words: &str) -> Said {
        let words: Vec<_> = words.split_whitespace().collect();
        let clean = mayday(&words);
        let mut command = if rustix::process::geteuid().is_root() {
            let mut command = Command::new(self.home.path().join("mayday"));
            command.args(&words).uid(NOBODY).gid(NOBODY);
            for (name, value) in clean.get_envs() {
                match value {
                    Some(value) => command.env(name, value),
                    None => command.env_remove(name),
                };
            }
            command
        } else {
            clean
        };
        command.arg("--data-dir").arg(self.home.data());
        run(command.current_dir(self.home.path()))
    }

    /// Takes permissions away, expects the words of the refusal, gives them back
    /// and finds everything as it was.
    fn refuses(&self, path: &Path, mode: u32, words: &[&str], expected: &[&str]) {
        let kept = fs::metadata(path).unwrap().permissions();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        for words in words {
            let said = self.say(words);
            said.refused(expected);
            assert!(!said.err.contains("move it away"), "{said:?}");
        }
        fs::set_permissions(path, kept).unwrap();
        assert_eq!(self.say(LIST).json()[0]["app_id"], "shop", "{path:?}");
    }
}

#[test]
fn a_database_that_may_not_be_written_is_told_and_not_damaged() {
    let bound = Bound::with_app();
    let database = bound.home.data().join("mayday.db");
    let told = ["mayday.db", "permission denied", "chmod u+rw on it"];
    bound.refuses(&database, 0o400, &[SERVE, LIST], &told);
    bound.refuses(&database, 0o000, &[SERVE, LIST], &told);
}

#[test]
fn a_data_directory_that_may_not_be_written_is_told() {
    let bound = Bound::with_app();
    let told = ["data", "permission denied", "chmod u+rwx on it"];
    bound.refuses(&bound.home.data(), 0o500, &[SERVE, LIST], &told);
    bound.refuses(&bound.home.data(), 0o000, &[SERVE], &told);
    let told = ["data", "may not be entered", "as the user that runs mayday"];
    bound.refuses(&bound.home.data(), 0o000, &[LIST], &told);
}

#[test]
fn telemetry_that_may_not_be_written_is_told() {
    let bound = Bound::with_app();
    let directory = bound.home.data().join("telemetry");
    let told = ["telemetry", "permission denied", "chmod u+rwx on it"];
    bound.refuses(&directory, 0o000, &[SERVE, LIST], &told);
    bound.refuses(&directory, 0o500, &[SERVE, LIST], &told);
    let told = ["telemetry", "permission denied", "chmod u+rw on it"];
    for file in fs::read_dir(&directory).unwrap() {
        bound.refuses(&file.unwrap().path(), 0o400, &[SERVE, LIST], &told);
    }
}

#[test]
fn a_master_key_that_may_not_be_read_is_told() {
    let bound = Bound::with_app();
    let key = bound.home.data().join("master.key");
    let told = ["master.key", "permission denied", "chmod u+rw on it"];
    bound.refuses(&key, 0o000, &[SERVE, LIST], &told);
}

#[test]
fn a_settings_file_that_may_not_be_read_is_told() {
    let bound = Bound::with_app();
    let file = bound.home.path().join("mayday.toml");
    fs::write(&file, "[log]\nformat = \"json\"\n").unwrap();
    let words = [
        format!("{SERVE} --config mayday.toml"),
        "app list --config mayday.toml".to_owned(),
    ];
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let told = ["mayday.toml", "permission denied", "read it"];
    bound.refuses(&file, 0o000, &words, &told);
}

#[test]
fn a_ready_file_that_may_not_be_written_is_told_before_anything_starts() {
    let bound = Bound::new();
    let closed = bound.home.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o555)).unwrap();
    let said = bound.say(&format!("{SERVE} --ready-file closed/ready.json"));
    said.refused(&["closed/ready.json", "permission denied", "--ready-file"]);
    assert!(!bound.home.data().exists());
}

#[test]
fn a_directory_of_another_user_names_the_owner() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let bound = Bound::new();
    fs::create_dir(bound.home.data()).unwrap();
    fs::set_permissions(bound.home.data(), fs::Permissions::from_mode(0o700)).unwrap();
    let told = ["belongs to uid 0", "runs as uid 65534", "--data-dir"];
    bound.say(SERVE).refused(&told);
}
