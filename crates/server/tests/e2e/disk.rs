//! A disk that is full, that fails, or that somebody else holds: nothing is
//! acknowledged that is not stored, an SOS is stored as long as a byte is left,
//! readiness tells, and when the disk is well again so is the server, without a
//! restart.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use super::harness::clock;
use super::harness::ledger::{Ledger, Way, What};
use super::harness::person::Partner;
use super::harness::server::{Home, How, Server};
use super::harness::small_disk::SmallDisk;
use super::harness::tools::{self, Talker};

/// The disk, and what the server holds back of it.
const DISK_MIB: u32 = 48;
const RESERVE_MIB: u32 = 8;
const BALLAST_MIB: u32 = 4;
/// A disk for which the defaults are far too large.
const SMALL_DISK_MIB: u32 = 64;
/// What the ballast holds there at least: half of what was free at the start.
const SMALL_BALLAST_BYTES: u64 = 20 << 20;
/// So many people cry for help there.
const CRIES_ON_SMALL_DISK: usize = 400;
/// A cry of this size is kept whole.
const LARGE_MESSAGE_BYTES: usize = 48 * 1_024;
/// So many of them find room in the ballast, with all that is written beside.
const CRIES_IN_BALLAST: usize = 20;
/// So many do not.
const CRIES_BEYOND_BALLAST: usize = 2_000;
/// From a cause to what readiness says, and from its end to a server that is well.
const NOTICED_WITHIN: Duration = Duration::from_secs(20);
const WELL_WITHIN: Duration = Duration::from_secs(30);
/// A database that another program holds is waited for so long ..
const HELD_AT_LEAST: Duration = Duration::from_secs(5);
/// .. and no longer than this ..
const HELD_AT_MOST: Duration = Duration::from_secs(8);
/// .. in one of so many attempts: a machine that stands still makes any of them late.
const ATTEMPTS: usize = 4;
/// People who cry for help at the same time while it is held.
const HELD_AT_ONCE: usize = 6;
/// Attempts while the disk fails now and then.
const UNRELIABLE_ATTEMPTS: usize = 60;

#[test]
fn a_full_disk_stores_sos_from_the_ballast_and_acknowledges_nothing_else() {
    let home = Home::new();
    let Some(disk) = SmallDisk::mount(&home.data(), DISK_MIB) else {
        return;
    };
    let partner = home.app("acme");
    // The command made one by the defaults, which is larger.
    fs::remove_file(home.data().join("ballast")).unwrap();
    let server = home.serve_how(&How {
        environment: vec![
            ("MAYDAY_STORE__DISK_RESERVE_MIB", RESERVE_MIB.to_string()),
            ("MAYDAY_STORE__DISK_RESERVE_PERCENT", "0".to_owned()),
            ("MAYDAY_STORE__BALLAST_MIB", BALLAST_MIB.to_string()),
        ],
        ..How::default()
    });
    let mut ledger = Ledger::new(&partner);
    everything_is_stored(&mut ledger, &server);
    assert!(says(&server, (200, &[])), "{:?}", server.readiness());

    disk.fill();
    assert!(says(&server, LOW), "{:?}", server.readiness());
    for way in Way::ALL {
        assert!(!ledger.send(&server, "ana", What::Sample, way), "{way:?}");
        assert!(ledger.send(&server, "ana", What::Sos, way), "{way:?}");
        // Somebody the server has never heard of.
        let stranger = format!("stranger {way:?}");
        assert!(ledger.send(&server, &stranger, What::Sos, way), "{way:?}");
    }

    let message = "x".repeat(LARGE_MESSAGE_BYTES);
    let cries = (0..CRIES_BEYOND_BALLAST)
        .take_while(|number| {
            let who = format!("crier {number}");
            ledger.send_with(&server, &who, What::Sos, Way::Http, &message)
        })
        .count();
    println!("{cries} large cries found room in a ballast of {BALLAST_MIB} MiB");
    assert!((CRIES_IN_BALLAST..CRIES_BEYOND_BALLAST).contains(&cries));
    for way in Way::ALL {
        // Whatever is said now must be true; the ledger will be held against it.
        ledger.send_with(&server, "late", What::Sos, way, &message);
    }

    disk.clear();
    is_well_again(&mut ledger, &server);
    server.kill();
    ledger.check(&home.serve());
}

/// What readiness says on a disk that is low.
const LOW: (u16, &[&str]) = (503, &["disk_low"]);

/// Whether readiness comes to say this.
fn says(server: &Server, (status, reasons): (u16, &[&str])) -> bool {
    tools::until(NOTICED_WITHIN, || {
        let (said, codes) = server.readiness();
        said == status && codes == reasons
    })
}

fn by_default() -> How {
    How {
        default_reserve: true,
        ..How::default()
    }
}

#[test]
fn with_the_defaults_a_small_disk_keeps_a_ballast_and_is_well_again_without_a_restart() {
    let home = Home::new();
    let Some(disk) = SmallDisk::mount(&home.data(), SMALL_DISK_MIB) else {
        return;
    };
    let ballast = || {
        let file = home.data().join("ballast").metadata();
        file.map_or(0, |file| file.len())
    };
    let partner = home.app("acme");
    let server = home.serve_how(&by_default());
    assert!(says(&server, LOW), "{:?}", server.readiness());
    let made = tools::until(NOTICED_WITHIN, || ballast() >= SMALL_BALLAST_BYTES);
    let held = ballast();
    assert!(made, "{held}");
    let mut ledger = Ledger::new(&partner);
    for way in Way::ALL {
        assert!(ledger.send(&server, "ana", What::Sos, way), "{way:?}");
    }
    assert!(takes_ordinary_work(&server, &partner));

    disk.fill();
    let refused = tools::until(NOTICED_WITHIN, || !takes_ordinary_work(&server, &partner));
    assert!(refused, "what is left is not kept for SOS");
    assert!(says(&server, LOW), "{:?}", server.readiness());
    for way in Way::ALL {
        assert!(ledger.send(&server, "ana", What::Sos, way), "{way:?}");
        let stranger = format!("stranger {way:?}");
        assert!(ledger.send(&server, &stranger, What::Sos, way), "{way:?}");
    }
    for number in 0..CRIES_ON_SMALL_DISK {
        let who = format!("crier {number}");
        let stored = ledger.send(&server, &who, What::Sos, Way::Http);
        assert!(stored, "{number}, with {} bytes of ballast", ballast());
    }
    println!(
        "{CRIES_ON_SMALL_DISK} cries left {} of {held} bytes",
        ballast()
    );

    disk.clear();
    let stored = tools::until(WELL_WITHIN, || takes_ordinary_work(&server, &partner));
    assert!(stored, "ordinary work is not taken up again");
    let made = tools::until(WELL_WITHIN, || ballast() >= SMALL_BALLAST_BYTES);
    assert!(made, "{}", ballast());
    for way in Way::ALL {
        assert!(ledger.send(&server, "ana", What::Sos, way), "{way:?}");
    }
    server.kill();
    ledger.check(&home.serve());
}

/// What a burst of cries writes fills a disk of this size.
const TINY_DISK_MIB: u32 = 16;
/// More cries than fit the log of either disk.
const CRIES_THAT_FILL: u32 = 4_000;

#[test]
fn a_disk_that_cries_alone_have_filled_is_well_again_without_a_restart() {
    is_well_after_a_burst(TINY_DISK_MIB, |_| by_default(), |_| true);
}

#[test]
fn a_log_that_needs_some_of_the_ballast_to_be_carried_over_is_lent_it() {
    is_well_after_a_burst(SMALL_DISK_MIB, |_| by_default(), |_| true);
}

#[test]
fn beside_a_second_copy_it_is_lent_too_and_the_copy_follows_again() {
    let with_copy = |home: &Home| How {
        environment: vec![(
            "MAYDAY_STORE__COPY_DIR",
            home.beside("copy").display().to_string(),
        )],
        ..by_default()
    };
    is_well_after_a_burst(SMALL_DISK_MIB, with_copy, |server| {
        server.metric("mayday_store_copy_following") > 0.5
    });
}

/// Fills a disk of this size with cries alone, and waits until the server takes everything
/// again and is `well`.
fn is_well_after_a_burst(
    disk_mib: u32,
    how: impl FnOnce(&Home) -> How,
    well: impl Fn(&Server) -> bool,
) {
    let home = Home::new();
    let Some(_disk) = SmallDisk::mount(&home.data(), disk_mib) else {
        return;
    };
    let partner = home.app("acme");
    let server = home.serve_how(&how(&home));
    let mut ledger = Ledger::new(&partner);
    let reader = read_on(&home);
    let filled = (0..CRIES_THAT_FILL).any(|number| {
        let who = format!("crier {number}");
        assert!(ledger.send(&server, &who, What::Sos, Way::Http), "{number}");
        number % 25 == 0 && !takes_ordinary_work(&server, &partner)
    });
    drop(reader);
    assert!(filled, "the disk was to be filled");
    let taken = tools::until(WELL_WITHIN, || takes_ordinary_work(&server, &partner));
    assert!(taken, "the log keeps the room that it took");
    assert!(tools::until(WELL_WITHIN, || well(&server)));
    assert!(ledger.send(&server, "ana", What::Sos, Way::Http));
    server.kill();
    ledger.check(&home.serve());
}

#[test]
fn a_disk_that_fails_makes_no_liar_and_is_forgiven() {
    if tools::skipped("fiu") {
        return;
    }
    let home = Home::new();
    let partner = home.app("acme");
    let control = home.beside("fiu").to_string_lossy().into_owned();
    let server = home.serve_how(&How {
        under: ["fiu-run", "-x", "-f", &control]
            .map(str::to_owned)
            .to_vec(),
        ..How::default()
    });
    let tell = |command: &str| {
        let pid = server.pid.to_string();
        let said = tools::run(
            Command::new("fiu-ctrl").args(["-f", &control, "-c", command, &pid]),
            "",
        );
        assert!(said.success, "{command}: {said:?}");
    };
    let mut ledger = Ledger::new(&partner);
    everything_is_stored(&mut ledger, &server);
    // EIO is 5, ENOSPC is 28.
    for (call, errno) in [
        ("posix/io/sync/*", 5),
        ("posix/io/sync/*", 28),
        ("posix/io/rw/pwrite*", 5),
        ("posix/io/rw/pwrite*", 28),
    ] {
        tell(&format!("enable name={call},failinfo={errno}"));
        for way in Way::ALL {
            let sos = ledger.send(&server, "ana", What::Sos, way);
            assert!(!sos, "{call} {errno} {way:?}: an SOS was acknowledged");
            let sample = ledger.send(&server, "ana", What::Sample, way);
            assert!(!sample, "{call} {errno} {way:?}: a sample was acknowledged");
        }
        let told = tools::until(NOTICED_WITHIN, || {
            let (status, reasons) = server.readiness();
            status == 503 && reasons.contains(&"store_failing".to_owned())
        });
        assert!(told, "{call} {errno}: {:?}", server.readiness());
        tell(&format!("disable name={call}"));
        is_well_again(&mut ledger, &server);
    }

    let (sync, write) = ("posix/io/sync/*", "posix/io/rw/pwrite*");
    for call in [sync, write] {
        tell(&format!(
            "enable_random name={call},probability=0.1,failinfo=5"
        ));
    }
    let stored = (0..UNRELIABLE_ATTEMPTS)
        .filter(|number| {
            let way = Way::ALL[number % Way::ALL.len()];
            let what = if number % 2 == 0 {
                What::Sos
            } else {
                What::Sample
            };
            ledger.send(&server, "ana", what, way)
        })
        .count();
    println!("{stored} of {UNRELIABLE_ATTEMPTS} were stored on a disk that fails now and then");
    assert!(stored > 0);
    server.kill();
    ledger.check(&home.serve());
}

#[test]
fn a_database_that_another_program_holds_is_waited_for_and_then_refused() {
    let home = Home::new();
    let partner = home.app("acme");
    let server = home.serve();
    let mut ledger = Ledger::new(&partner);
    everything_is_stored(&mut ledger, &server);

    let mut met = Vec::new();
    let waited_for = (0..ATTEMPTS).any(|_| {
        let _holder = hold(&home, 2);
        let (stored, waited) = timed(|| ledger.send(&server, "ana", What::Sos, Way::Http));
        met.push((stored, waited));
        // Only a machine that stood still has it held for longer than is waited.
        assert!(
            stored || waited >= HELD_AT_LEAST,
            "refused after {waited:?} though it was held for 2 s"
        );
        stored && (Duration::from_secs(1)..HELD_AT_LEAST).contains(&waited)
    });
    assert!(waited_for, "{met:?}");

    for number in 0..HELD_AT_ONCE {
        assert!(ledger.send(&server, &crier(number), What::Sos, Way::Http));
    }
    let mut met = Vec::new();
    let in_time = (0..ATTEMPTS).any(|_| {
        let holder = hold(&home, 120);
        let slowest = refused_at_once(&server, &partner);
        met.push(slowest);
        let told = tools::until(NOTICED_WITHIN, || server.readiness().0 == 503);
        assert!(told, "{:?}", server.readiness());
        drop(holder);
        is_well_again(&mut ledger, &server);
        slowest < HELD_AT_MOST
    });
    assert!(in_time, "{met:?}");
    server.kill();
    ledger.check(&home.serve());
}

fn crier(number: usize) -> String {
    format!("crier {number}")
}

/// A program that holds the database for so many seconds.
fn hold(home: &Home, seconds: u32) -> Talker {
    in_transaction(home, "BEGIN IMMEDIATE", seconds)
}

/// A program that reads the database as it is now: nothing that comes later is carried
/// out of the log, however long that takes.
fn read_on(home: &Home) -> Talker {
    in_transaction(home, "BEGIN; SELECT count(*) FROM sqlite_schema", 600)
}

fn in_transaction(home: &Home, begin: &str, seconds: u32) -> Talker {
    let script = format!(
        "import sqlite3, sys, time\n\
         held = sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None)\n\
         for statement in sys.argv[2].split(';'):\n\
         \x20   held.execute(statement).fetchall()\n\
         print('held', flush=True)\n\
         time.sleep({seconds})\n\
         held.execute('ROLLBACK')\n"
    );
    let file = home.data().join("mayday.db");
    let mut python = Command::new("python3");
    let holder = Talker::start(python.args(["-c", &script]).arg(file).arg(begin));
    holder.hear("held");
    holder
}

#[expect(
    clippy::disallowed_methods,
    reason = "the acknowledgement is timed from outside"
)]
fn timed<T>(done: impl FnOnce() -> T) -> (T, Duration) {
    let began = Instant::now();
    let outcome = done();
    (outcome, began.elapsed())
}

/// Everybody cries at the same time and is refused; how long the last one waits.
fn refused_at_once(server: &Server, partner: &Partner) -> Duration {
    thread::scope(|scope| {
        let criers: Vec<_> = (0..HELD_AT_ONCE)
            .map(|number| {
                scope.spawn(move || {
                    let way = Way::ALL[number % Way::ALL.len()];
                    let mut ledger = Ledger::new(partner);
                    let (stored, waited) =
                        timed(|| ledger.send(server, &crier(number), What::Sos, way));
                    println!("{way:?}: refused after {waited:?}");
                    assert!(!stored, "{way:?}: after {waited:?}");
                    waited
                })
            })
            .collect();
        let waited = criers.into_iter().map(|crier| crier.join().unwrap());
        waited.max().unwrap()
    })
}

/// An SOS and a sample on each way.
fn everything_is_stored(ledger: &mut Ledger, server: &Server) {
    for way in Way::ALL {
        for what in [What::Sos, What::Sample] {
            assert!(ledger.send(server, "ana", what, way), "{way:?} {what:?}");
        }
    }
}

/// Whether ordinary work is stored: somebody's name.
fn takes_ordinary_work(server: &Server, partner: &Partner) -> bool {
    let name = format!(r#"{{"name":"Ana {}"}}"#, clock::now());
    let ana = partner.person("ana");
    let answer = ana.http(server, "PUT", "/v1/sdk/me", &name).unwrap();
    assert!(
        answer.status == 200 || answer.status == 503,
        "{} {:?}",
        answer.status,
        answer.json()
    );
    answer.status == 200
}

/// Without a restart.
fn is_well_again(ledger: &mut Ledger, server: &Server) {
    let stored = tools::until(WELL_WITHIN, || {
        ledger.send(server, "ana", What::Sos, Way::Http)
    });
    assert!(stored, "no SOS is stored although the cause is gone");
    let ready = tools::until(WELL_WITHIN, || server.readiness().0 == 200);
    assert!(ready, "{:?}", server.readiness());
    let sample = tools::until(WELL_WITHIN, || {
        ledger.send(server, "ana", What::Sample, Way::Http)
    });
    assert!(sample, "no sample is stored although the cause is gone");
    everything_is_stored(ledger, server);
}
