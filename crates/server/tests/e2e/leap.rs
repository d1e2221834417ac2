//! The wall clock leaps, while the server runs and while it does not. Nothing
//! is deleted for it, nobody is kept out who was let in, times stay sane, and
//! whoever watches is told.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::harness::clock;
use super::harness::ledger::{Ledger, Way, What};
use super::harness::person::Person;
use super::harness::server::{Home, How, Server};
use super::harness::tools;

/// From a leap to what the metrics say.
const NOTICED_WITHIN: Duration = Duration::from_secs(40);
/// The rounds that delete old data run at the start; they are given this long.
const ROUNDS_HAVE_RUN: Duration = Duration::from_secs(2);
const AHEAD: &str = "mayday_clock_system_ahead_seconds";
const LEAPT: &str = "mayday_clock_leapt";
const SECOND: i64 = 1_000_000;

/// A wall clock that the test turns; the monotonic one stays as it is.
struct Wall {
    file: PathBuf,
    library: PathBuf,
}

impl Wall {
    /// `None` when it is left out with `--skip faketime`.
    fn new(home: &Home) -> Option<Self> {
        if tools::skipped("faketime") {
            return None;
        }
        let libraries = fs::read_dir("/usr/lib").unwrap().map(Result::unwrap);
        let library = libraries
            .map(|entry| entry.path().join("faketime/libfaketimeMT.so.1"))
            .find(|path| path.is_file())
            .expect("libfaketime: `cargo xtask test` installs it; or `--skip faketime`");
        let wall = Self {
            file: home.beside("wall"),
            library,
        };
        wall.turn("+0");
        Some(wall)
    }

    /// Sets it off by that much: `+30d`, `-1h`.
    fn turn(&self, by: &str) {
        // Replaced whole: it is read at every look.
        let fresh = self.file.with_extension("new");
        fs::write(&fresh, format!("{by}\n")).unwrap();
        fs::rename(fresh, &self.file).unwrap();
    }

    fn serve(&self, home: &Home) -> Server {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        home.serve_how(&How {
            environment: vec![
                ("LD_PRELOAD", text(&self.library)),
                ("FAKETIME_TIMESTAMP_FILE", text(&self.file)),
                ("FAKETIME_NO_CACHE", "1".to_owned()),
                ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
                ("NO_FAKE_STAT", "1".to_owned()),
            ],
            ..How::default()
        })
    }
}

fn everything_is_stored(ledger: &mut Ledger, server: &Server) {
    for way in Way::ALL {
        for what in [What::Sos, What::Sample] {
            assert!(ledger.send(server, "ana", what, way), "{way:?} {what:?}");
        }
    }
}

/// The files of telemetry, which are made some time after an acknowledgement: retention
/// unlinks them.
fn day_files(home: &Home) -> Vec<String> {
    let mut names = Vec::new();
    let made = tools::until(NOTICED_WITHIN, || {
        names = day_files_now(home);
        !names.is_empty()
    });
    assert!(made, "no day file to lose");
    names
}

/// Whether all of them are still there, and no others but that of a day which has really
/// begun meanwhile.
fn are_those(home: &Home, files: &[String]) -> bool {
    let (now, today) = (day_files_now(home), clock::iso(clock::now()));
    files.iter().all(|file| now.contains(file))
        && now
            .iter()
            .all(|file| files.contains(file) || today.starts_with(file))
}

fn day_files_now(home: &Home) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(home.data().join("telemetry"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "db"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .filter(|name| name.starts_with(|first: char| first.is_ascii_digit()))
        .collect();
    names.sort();
    names
}

fn told(server: &Server, metric: &str, near: f64) {
    let told = tools::until(NOTICED_WITHIN, || {
        (server.metric(metric) - near).abs() < 30.0
    });
    assert!(told, "{metric}: {} and not {near}", server.metric(metric));
}

fn status(server: &Server, person: &Person) -> u16 {
    person.http(server, "GET", "/v1/sdk/me", "").unwrap().status
}

#[test]
fn a_leap_of_a_running_server_s_wall_clock_is_alarmed_and_not_followed() {
    let home = Home::new();
    let Some(wall) = Wall::new(&home) else {
        return;
    };
    let partner = home.app("acme");
    let server = wall.serve(&home);
    let mut ledger = Ledger::new(&partner);
    everything_is_stored(&mut ledger, &server);
    let files = day_files(&home);
    let soon = clock::now() / SECOND + 600;
    let expiring = Person {
        hash: partner.sign_until("ana", soon),
        ..partner.person("ana")
    };
    for (by, seconds) in [("+30d", 30.0 * 86_400.0), ("-1h", -3_600.0), ("+0", 0.0)] {
        wall.turn(by);
        told(&server, AHEAD, seconds);
        let clock = &server.engine()["clock"];
        assert!((clock["system_ahead_seconds"].as_f64().unwrap() - seconds).abs() < 30.0);
        assert_eq!(clock["leapt"], false);
        let ready = tools::until(NOTICED_WITHIN, || server.readiness().0 == 200);
        assert!(ready, "{by}: {:?}", server.readiness());
        everything_is_stored(&mut ledger, &server);
        assert_eq!(status(&server, &expiring), 200, "{by}");
        let opened = open_since(&server, &partner.person(&format!("new {by}")));
        assert!(
            (opened - clock::now()).abs() < 60 * SECOND,
            "{by}: {opened}"
        );
        assert!(are_those(&home, &files), "{by}: {:?}", day_files_now(&home));
    }
    server.kill();
    ledger.check(&home.serve());
}

#[test]
fn a_start_in_a_wrong_month_deletes_nothing_and_is_forgotten_at_the_next() {
    let home = Home::new();
    let Some(wall) = Wall::new(&home) else {
        return;
    };
    let partner = home.app("acme");
    let mut ledger = Ledger::new(&partner);
    let server = wall.serve(&home);
    everything_is_stored(&mut ledger, &server);
    assert_eq!(server.stop(), Some(0));
    let files = day_files(&home);
    let expiring = Person {
        hash: partner.sign_until("ana", clock::now() / SECOND + 600),
        ..partner.person("ana")
    };

    wall.turn("+40d");
    let server = wall.serve(&home);
    assert!((server.metric(LEAPT) - 1.0).abs() < f64::EPSILON);
    let kept = || files.iter().all(|file| day_files_now(&home).contains(file));
    let lost = tools::until(ROUNDS_HAVE_RUN, || !kept());
    assert!(!lost, "{files:?} became {:?}", day_files_now(&home));
    // Those phones are where the time is right.
    everything_is_stored(&mut ledger, &server);
    assert_eq!(server.stop(), Some(0));

    wall.turn("+0");
    let server = wall.serve(&home);
    assert!(server.metric(LEAPT).abs() < f64::EPSILON);
    told(&server, AHEAD, 0.0);
    assert_eq!(status(&server, &expiring), 200, "refused for ever");
    everything_is_stored(&mut ledger, &server);
    let opened = open_since(&server, &partner.person("new"));
    assert!((opened - clock::now()).abs() < 60 * SECOND, "{opened}");
    server.kill();
    ledger.check(&home.serve());
}

#[test]
fn a_start_in_the_past_goes_on_from_the_last_heartbeat_and_waits_for_the_wall() {
    let home = Home::new();
    let Some(wall) = Wall::new(&home) else {
        return;
    };
    let partner = home.app("acme");
    let mut ledger = Ledger::new(&partner);
    let server = wall.serve(&home);
    everything_is_stored(&mut ledger, &server);
    let before = open_since(&server, &partner.person("before"));
    assert_eq!(server.stop(), Some(0));

    wall.turn("-1h");
    let server = wall.serve(&home);
    everything_is_stored(&mut ledger, &server);
    let after = open_since(&server, &partner.person("after"));
    assert!(after >= before, "time went back");
    told(&server, AHEAD, -3_600.0);
    let behind = server.metric(AHEAD);
    let nearer = tools::until(NOTICED_WITHIN, || server.metric(AHEAD) > behind + 0.1);
    assert!(nearer, "{behind}, then {}", server.metric(AHEAD));
    server.kill();
    ledger.check(&home.serve());
}

/// Opens an incident and answers when that was, by the server's clock
/// (microseconds).
fn open_since(server: &Server, person: &Person) -> i64 {
    let answer = person.http(server, "POST", "/v1/sdk/sos", "{}").unwrap();
    assert_eq!(answer.status, 200);
    let incident = &answer.json()["incident"];
    clock::parse(
        incident["createdAt"]
            .as_str()
            .unwrap_or_else(|| panic!("{incident}")),
    )
}
