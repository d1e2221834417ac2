//! What keeps a server from starting: one clear line, exit code 1, nothing
//! damaged.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;

use super::harness::{Home, Said, run};

/// The user `nobody`, for whom permissions count when the tests run as root.
const NOBODY: u32 = 65_534;

const FREE_PORTS: [&str; 7] = [
    "serve",
    "--http",
    "127.0.0.1:0",
    "--mqtt",
    "127.0.0.1:0",
    "--admin",
    "127.0.0.1:0",
];

fn serve(home: &Home) -> Said {
    run(&mut home.command(&FREE_PORTS))
}

#[test]
fn a_taken_port_names_the_flag_that_chooses_another() {
    for flag in ["--http", "--mqtt", "--admin"] {
        let home = Home::new();
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap().to_string();
        let mut words = FREE_PORTS.to_vec();
        let at = words.iter().position(|word| *word == flag).unwrap();
        words[at + 1] = &address;
        let said = run(&mut home.command(&words));
        said.refused(&[&address, "another program listens there", flag]);
        assert!(!home.data().exists(), "nothing was made before");
    }
}

#[test]
fn a_directory_in_use_is_left_alone() {
    let home = Home::new();
    let secret = home.app("shop");
    let hash = home.hash(&secret, "ana");
    let running = home.serve();
    serve(&home).refused(&["is in use by another mayday", "--data-dir"]);
    let (status, _) = running.get("/v1/sdk/me", "shop", "ana", &hash);
    assert_eq!(status, 200);
}

#[test]
fn a_directory_that_cannot_be_made_is_told() {
    let home = Home::new();
    fs::write(home.data(), "a file in its place").unwrap();
    serve(&home).refused(&["data is not a directory", "--data-dir"]);
    for words in [&["app", "list"][..], &["app", "create", "--id", "shop"]] {
        home.say(words)
            .refused(&["data is not a directory", "--data-dir"]);
    }
    assert_eq!(
        fs::read_to_string(home.data()).unwrap(),
        "a file in its place"
    );
}

#[test]
fn a_missing_permission_is_told() {
    let home = Home::new();
    let closed = home.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o555)).unwrap();
    let program = home.path().join("mayday");
    fs::copy(env!("CARGO_BIN_EXE_mayday"), &program).unwrap();
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = std::process::Command::new(&program);
    command
        .args(FREE_PORTS)
        .arg("--data-dir")
        .arg(closed.join("data"));
    if rustix::process::geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    run(&mut command).refused(&["permission denied", "closed/data"]);
}

#[test]
fn a_directory_of_somebody_else_that_others_may_enter_is_refused() {
    let home = Home::new();
    let program = home.path().join("mayday");
    fs::copy(env!("CARGO_BIN_EXE_mayday"), &program).unwrap();
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = std::process::Command::new(&program);
    command.args(FREE_PORTS).arg("--data-dir");
    if rustix::process::geteuid().is_root() {
        fs::create_dir(home.data()).unwrap();
        fs::set_permissions(home.data(), fs::Permissions::from_mode(0o777)).unwrap();
        command.arg(home.data()).uid(NOBODY).gid(NOBODY);
    } else {
        // Everybody's system has this one, and it is not the tests'.
        command.arg("/");
    }
    run(&mut command).refused(&["belongs to another user", "--data-dir"]);
    assert!(!home.data().join("mayday.db").exists());
}

#[test]
fn another_master_key_is_refused_and_the_right_one_still_opens() {
    let home = Home::new();
    home.app("shop");
    let other = Home::new();
    other.app("shop");
    let (key, kept) = (home.data().join("master.key"), home.path().join("kept"));
    fs::rename(&key, &kept).unwrap();
    serve(&home).refused(&["master.key", "missing", "--data-dir"]);
    home.say(&["app", "list"])
        .refused(&["master.key", "missing"]);
    fs::copy(other.data().join("master.key"), &key).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    serve(&home).refused(&["master.key", "not the one"]);
    fs::rename(&kept, &key).unwrap();
    let apps = home.say(&["app", "list", "--json"]).json();
    assert_eq!(apps[0]["app_id"], "shop");
}

#[test]
fn garbage_in_the_master_key_is_refused_and_left_as_it_is() {
    let home = Home::new();
    home.app("shop");
    let key = home.data().join("master.key");
    let kept = fs::read(&key).unwrap();
    let long = [kept.trim_ascii_end(), b"00"].concat();
    let garbage: [&[u8]; 5] = [b"", b"nonsense", b"id 00ff", &long, &[0xFF; 82]];
    for garbage in garbage {
        fs::write(&key, garbage).unwrap();
        let told = ["master.key is not usable", "64 hexadecimal", "restore it"];
        serve(&home).refused(&told);
        home.say(&["app", "list"]).refused(&told);
        assert_eq!(fs::read(&key).unwrap(), garbage);
    }
    fs::remove_file(&key).unwrap();
    home.say(&["app", "secret", "add", "--id", "shop"])
        .refused(&["master.key is missing", "restore the file"]);
    fs::create_dir(&key).unwrap();
    serve(&home).refused(&["master.key is not usable", "not a file"]);
    fs::remove_dir(&key).unwrap();
    fs::write(&key, kept).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let secrets = home.say(&["app", "secret", "list", "--id", "shop", "--json"]);
    assert_eq!(secrets.json().as_array().unwrap().len(), 1);
}

#[test]
fn a_corrupt_database_is_refused_and_left_as_it_is() {
    let home = Home::new();
    home.app("shop");
    let database = database_of(&home.data());
    let noise: Vec<u8> = (0..20_000_u32).map(|n| (n * 31 % 251) as u8).collect();
    fs::write(&database, &noise).unwrap();
    serve(&home).refused(&["damaged", "restore it from a backup"]);
    assert_eq!(fs::read(&database).unwrap(), noise);
}

#[test]
fn a_newer_database_is_refused_and_left_as_it_is() {
    let home = Home::new();
    home.app("shop");
    let database = database_of(&home.data());
    let script = "import sqlite3, sys\n\
        db = sqlite3.connect(sys.argv[1])\n\
        db.execute(\"INSERT INTO schema_migrations VALUES (9999, '9999_later', 'x', 0)\")\n\
        db.commit()\n\
        db.execute('PRAGMA wal_checkpoint(TRUNCATE)')\n";
    let mut python = std::process::Command::new("python3");
    let said = run(python.args(["-c", script]).arg(&database));
    assert_eq!(said.code, Some(0), "{said:?}");
    let before = fs::read(&database).unwrap();
    serve(&home).refused(&["newer mayday"]);
    home.say(&["app", "list"]).refused(&["newer mayday"]);
    assert!(fs::read(&database).unwrap() == before, "it was changed");
}

/// The file of the embedded database.
fn database_of(data: &Path) -> std::path::PathBuf {
    fs::read_dir(data)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| fs::read(path).is_ok_and(|bytes| bytes.starts_with(b"SQLite format 3\0")))
        .expect("no database")
}

#[test]
fn commands_make_no_store_where_there_is_none() {
    let home = Home::new();
    for words in [
        &["app", "list"][..],
        &["user", "block", "ana", "--app", "shop"],
        &["inspect", "alerts", "--app", "shop"],
    ] {
        home.say(words).refused(&["no mayday data", "--data-dir"]);
    }
    assert!(!home.data().exists());
}

#[test]
fn a_ready_file_that_cannot_be_written_is_told() {
    let home = Home::new();
    let mut words = FREE_PORTS.to_vec();
    words.extend(["--ready-file", "/nowhere/at/all/ready.json"]);
    let told = ["/nowhere/at/all/ready.json", "directory does not exist"];
    run(&mut home.command(&words)).refused(&told);
    assert!(!home.data().exists(), "nothing was made before");
}

#[test]
fn a_lost_database_is_refused_and_nothing_is_changed() {
    let home = Home::new();
    home.app("shop");
    let database = home.data().join("mayday.db");
    for file in ["mayday.db-wal", "mayday.db-shm"] {
        let _ = fs::remove_file(home.data().join(file));
    }
    let kept = fs::read(&database).unwrap();
    fs::write(&database, b"").unwrap();
    serve(&home).refused(&["mayday.db", "master.key", "restore it from a copy"]);
    assert_eq!(fs::read(&database).unwrap(), b"");
    fs::remove_file(&database).unwrap();
    home.say(&["app", "list"])
        .refused(&["mayday.db", "restore it from a copy"]);
    assert!(!database.exists());
    fs::write(&database, kept).unwrap();
    let apps = home.say(&["app", "list", "--json"]).json();
    assert_eq!(apps[0]["app_id"], "shop");
}
