use std::path::Path;

use super::*;

fn sources(file: Option<&Path>, environment: &[(&str, &str)], flags: &[(&str, &str)]) -> Sources {
    Sources {
        file: file.map(Path::to_path_buf),
        environment: environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        flags: flags
            .iter()
            .map(|(key, value)| Override {
                key: (*key).to_owned(),
                flag: format!("--{key}"),
                value: (*value).to_owned(),
            })
            .collect(),
    }
}

fn written(text: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mayday.toml");
    std::fs::write(&path, text).unwrap();
    (dir, path)
}

#[test]
fn the_defaults_are_valid_and_all_read() {
    let config = Config::load(&Sources::default()).unwrap();
    assert_eq!(config.http.listen.unwrap().to_string(), "127.0.0.1:8080");
    assert_eq!(config.mqtt.listen.unwrap().to_string(), "127.0.0.1:1883");
    assert_eq!(config.admin.listen.to_string(), "127.0.0.1:9090");
    assert_eq!(config.store.data_dir, Path::new("./mayday-data"));
    assert!(config.store.database_url.is_none());
}

#[test]
fn a_flag_wins_over_a_variable_and_that_over_the_file() {
    let (_dir, path) = written(
        "[http]\nlisten = \"127.0.0.1:1\"\nmax_connections = 100\n[telemetry]\nretention_days = 7\n",
    );
    let config = Config::load(&sources(
        Some(&path),
        &[
            ("MAYDAY_HTTP__LISTEN", "127.0.0.1:2"),
            ("MAYDAY_HTTP__MAX_CONNECTIONS", "200"),
            ("MAYDAY_CONFIG", "ignored"),
        ],
        &[("http.listen", "127.0.0.1:3")],
    ))
    .unwrap();
    assert_eq!(config.http.listen.unwrap().port(), 3);
    assert_eq!(config.http.max_connections, 200);
    assert_eq!(config.telemetry.retention_days, 7);
}

#[test]
fn every_fault_is_reported_at_once_with_its_place() {
    let (_dir, path) = written(
        "[http]\nlisten = \"8080\"\nmax_connection = 5\n\n[admin]\nlisten = \"0.0.0.0:9090\"\n\
         [telemetry]\nretention_days = 0\n",
    );
    let error = Config::load(&sources(
        Some(&path),
        &[("MAYDAY_LOG__FORMAT", "pretty"), ("MAYDAY_NOPE__X", "1")],
        &[],
    ))
    .unwrap_err();
    let told = error.to_string();
    let file = path.display();
    for expected in [
        format!("{file}:2: http.listen must be ADDRESS:PORT"),
        format!(
            "{file}:3: http.max_connection is not a setting: did you mean http.max_connections?"
        ),
        format!("{file}:6: admin.listen can be reached from other machines"),
        format!("{file}:8: telemetry.retention_days must be a whole number from 1 to 3650, not 0"),
        "MAYDAY_LOG__FORMAT: log.format must be one of \"auto\", \"human\", \"json\"".to_owned(),
        "MAYDAY_NOPE__X: nope.x is not a setting".to_owned(),
    ] {
        assert!(
            told.contains(&expected),
            "{expected}\nis missing in\n{told}"
        );
    }
    assert_eq!(error.problems().len(), 6, "{told}");
}

#[test]
fn a_syntax_error_names_its_line() {
    let (_dir, path) = written("[http]\n\nlisten = \n");
    let error = Config::load(&sources(Some(&path), &[], &[])).unwrap_err();
    assert!(error.to_string().contains("mayday.toml:3: "), "{error}");
}

#[test]
fn a_missing_file_is_told_in_one_line() {
    let error = Config::load(&sources(Some(Path::new("/nowhere/at/all")), &[], &[])).unwrap_err();
    let told = error.to_string();
    assert!(
        told.starts_with("/nowhere/at/all: cannot be read"),
        "{told}"
    );
    assert_eq!(told.lines().count(), 1);
}

#[test]
fn a_database_password_is_never_printed() {
    let url = "postgres://mayday:hunter2@db.internal:5432/mayday?sslmode=require";
    let environment = [("MAYDAY_STORE__DATABASE_URL", url)];
    let (config, layers) = Config::load_with_layers(&sources(None, &environment, &[])).unwrap();
    let shown = format!("{:?} {:?}", settings(&layers), config);
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(
        shown.contains("postgres://mayday:***@db.internal:5432/mayday"),
        "{shown}"
    );

    let wrong = [("MAYDAY_STORE__DATABASE_URL", "mysql://u:hunter2@h/d")];
    let told = Config::load(&sources(None, &wrong, &[]))
        .unwrap_err()
        .to_string();
    assert!(told.contains("must begin with postgres://"), "{told}");
    assert!(!told.contains("hunter2"), "{told}");
}

#[test]
fn the_example_file_is_fresh_and_says_nothing_by_itself() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config.example.toml");
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        kept,
        example(),
        "config.example.toml is stale: write it again with `mayday config example > config.example.toml`"
    );
    let (_dir, path) = written(&example());
    let error = Config::load(&sources(Some(&path), &[], &[]));
    assert!(error.is_ok(), "{error:?}");
}

#[test]
fn each_section_and_each_setting_is_documented() {
    let mut before = "";
    for line in DEFAULTS.lines() {
        let documented =
            line.starts_with('[') || line.starts_with(|c: char| c.is_ascii_lowercase());
        if documented {
            assert!(before.starts_with('#'), "no comment above `{line}`");
        }
        before = line;
    }
}

#[test]
fn a_listener_can_be_off_but_not_all_of_them() {
    let config = Config::load(&sources(None, &[], &[("http.listen", "off")])).unwrap();
    assert!(config.http.listen.is_none() && config.mqtt.listen.is_some());
    let off = [("http.listen", "off"), ("mqtt.listen", "off")];
    let told = Config::load(&sources(None, &[], &off))
        .unwrap_err()
        .to_string();
    assert!(told.contains("every other listener"), "{told}");
    let mut secure = off.to_vec();
    secure.push(("tls.self_signed", "true"));
    let config = Config::load(&sources(None, &[], &secure)).unwrap();
    assert_eq!(config.tls.mqtts.unwrap().port(), 8883);
    assert_eq!(config.tls.https.unwrap().port(), 8443);
}

#[test]
fn tls_asks_for_one_certificate_and_listens_only_with_one() {
    for (flags, word) in [
        (
            &[("tls.mqtts_listen", "127.0.0.1:0")][..],
            "--tls self-signed",
        ),
        (&[("tls.https_listen", "127.0.0.1:0")], "--tls-cert"),
        (&[("tls.cert_file", "a.pem")], "tls.key_file"),
        (&[("tls.key_file", "a.pem")], "tls.cert_file"),
        (
            &[
                ("tls.self_signed", "true"),
                ("tls.cert_file", "a.pem"),
                ("tls.key_file", "b.pem"),
            ],
            "either",
        ),
    ] {
        let told = Config::load(&sources(None, &[], flags))
            .unwrap_err()
            .to_string();
        assert!(told.contains(word) && told.lines().count() == 1, "{told}");
    }
    let config = Config::load(&Sources::default()).unwrap();
    assert!(config.tls.mqtts.is_none() && config.tls.https.is_none());
}

mod sending;
