//! `kill -9` at any moment loses nothing that was acknowledged.
//!
//! Each round, new users publish SOS and telemetry at full speed ([`load`]) and
//! write down only what was acknowledged. The server is killed at a random
//! moment and started again on the same data; then the oracle ([`oracle`])
//! asks for everything through the public API. The users of the round before
//! are asked for again: what survives one crash must survive the next.
//!
//! The oracle is proven by a build that lies: with the fault point `early_ack`
//! telemetry is acknowledged before it is committed, with `early_ack_state` SOS
//! are, and each loss must be found.

mod load;
mod oracle;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::harness::dice::Dice;
use super::harness::person::Partner;
use super::harness::server::{Home, How, Server, binary};
use super::harness::tools;
use load::{Journal, Role};

/// Rounds of an ordinary test run; `cargo xtask soak` asks for more.
const ROUNDS: u64 = 20;
/// Rounds on PostgreSQL, whose own durability is not ours to show.
const ROUNDS_ON_POSTGRES: u64 = 4;
/// Rounds with a second copy of the state.
const ROUNDS_WITH_COPY: u64 = 5;
/// Rounds on one data directory; then a fresh one, to bound the disk.
const ROUNDS_PER_HOME: u64 = 50;
/// A crashed server must be ready again before this; so soon are nine of ten, however
/// busy the machine is, and all of them in a run whose result is kept.
const READY_AGAIN: Duration = Duration::from_secs(2);
/// What comes about by itself does within this.
const SOON: Duration = Duration::from_mins(1);
/// Acknowledgements from which the load is at full speed.
const UNDER_WAY: usize = 8;
/// Rounds within which the lying build must be found out.
const ROUNDS_TO_FIND_A_LIE: u64 = 60;
/// The kill comes between these many milliseconds after the load began.
const KILL_BETWEEN: (u64, u64) = (150, 1_500);
/// As above, while every walker still runs: the lie lies in what is in flight.
const KILL_IN_FULL_RUN: (u64, u64) = (100, 300);

/// Who is on the road in each round.
const ROLES: &[Role] = &[
    Role::Walker,
    Role::Caller,
    Role::Walker,
    Role::Caller,
    Role::Courier,
    Role::Caller,
];

#[derive(Default)]
struct Totals {
    rounds: u64,
    positions: usize,
    cancels: usize,
    events: usize,
    /// From a start after a kill to readiness, each.
    starts: Vec<Duration>,
}

#[test]
fn nothing_acknowledged_is_lost() {
    let rounds = std::env::var("MAYDAY_CRASH_ROUNDS")
        .ok()
        .and_then(|rounds| rounds.parse().ok())
        .unwrap_or(ROUNDS);
    let seed = Dice::seed();
    let totals = crash(rounds, seed, || Some(Home::new()), |_| How::default());
    totals.report(seed);
}

#[test]
fn nothing_acknowledged_is_lost_on_postgres() {
    let seed = Dice::seed();
    crash(ROUNDS_ON_POSTGRES, seed, Home::on_postgres, |_| {
        How::default()
    });
}

#[test]
fn nothing_acknowledged_is_lost_while_a_second_copy_is_kept() {
    let seed = Dice::seed();
    let with_copy = |home: &Home| How {
        environment: vec![("MAYDAY_STORE__COPY_DIR", copy_of(home))],
        ..How::default()
    };
    crash(ROUNDS_WITH_COPY, seed, || Some(Home::new()), with_copy);
}

fn copy_of(home: &Home) -> String {
    home.beside("copy").display().to_string()
}

/// What the kill left of a copy is one that can be restored, and nothing is wrong
/// with it. It may be some seconds behind.
fn copy_is_whole(home: &Home, round: u64) {
    let restored = home.beside(&format!("restored-{round}"));
    let key = home.data().join("master.key");
    let mut restore = Command::new(binary());
    restore.arg("restore").arg(copy_of(home));
    restore
        .arg("--data-dir")
        .arg(&restored)
        .arg("--key")
        .arg(key);
    let said = tools::run(&mut restore, "");
    assert!(said.success, "round {round}: {said:?}");
    let mut check = Command::new(binary());
    check.arg("check").arg("--data-dir").arg(&restored);
    let said = tools::run(&mut check, "");
    assert!(said.success, "round {round}: {said:?}");
    std::fs::remove_dir_all(&restored).unwrap();
}

/// Crashes that many times on fresh data; panics at the first loss.
fn crash(
    rounds: u64,
    seed: u64,
    fresh: impl Fn() -> Option<Home>,
    how: impl Fn(&Home) -> How,
) -> Totals {
    let mut dice = Dice::new(seed);
    let mut totals = Totals::default();
    while totals.rounds < rounds {
        let Some(home) = fresh() else {
            return totals;
        };
        let partner = home.app("acme");
        let mut before: Vec<Journal> = Vec::new();
        let mut server = home.serve_how(&how(&home));
        for _ in 0..ROUNDS_PER_HOME.min(rounds - totals.rounds) {
            let round = totals.rounds;
            // The first kill may come before the first copy is whole, no other.
            let copied = || home.beside("copy").join("copy.json").exists();
            if round > 0 && home.beside("copy").exists() {
                assert!(
                    tools::until(SOON, copied),
                    "round {round}: no copy is whole"
                );
            }
            let kill = Kill {
                after: 0,
                between: KILL_BETWEEN,
            };
            let journals = load_and_kill(server, &partner, ROLES, round, &kill, &mut dice);
            if copied() {
                copy_is_whole(&home, round);
            } else {
                assert!(round == 0 || !home.beside("copy").exists());
            }
            server = home.serve_how(&how(&home));
            let found = oracle::losses(&server, &journals);
            assert!(found.is_empty(), "round {round}, seed {seed}: {found:#?}");
            let found = oracle::losses(&server, &before);
            assert!(
                found.is_empty(),
                "round {round}, seed {seed}: lost in the second crash: {found:#?}"
            );
            let ready = tools::until(SOON, || server.readiness().0 == 200);
            assert!(ready, "round {round}: {:?}", server.readiness());
            totals.add(&journals, &server);
            before = journals;
        }
        assert_eq!(server.stop(), Some(0));
    }
    totals.are_ready_in_time(seed);
    totals
}

#[test]
fn the_oracle_finds_a_build_that_acknowledges_telemetry_early() {
    find_a_lie("early_ack", ROLES);
}

#[test]
fn the_oracle_finds_a_build_that_acknowledges_sos_early() {
    // Nobody sends telemetry, so whatever is lost is an SOS or its cancel.
    find_a_lie("early_ack_state", &[Role::Caller; 6]);
}

/// Crashes a build with this fault until the oracle finds a loss.
fn find_a_lie(fault: &'static str, roles: &[Role]) {
    if tools::skipped("faults") {
        return;
    }
    let binary = std::env::var_os("MAYDAY_BIN_FAULTS").map(PathBuf::from);
    let how = How {
        binary: Some(binary.expect("MAYDAY_BIN_FAULTS: `cargo xtask test` builds and names it")),
        faults: Some(fault),
        ..How::default()
    };
    let home = Home::new();
    let partner = home.app("acme");
    let mut dice = Dice::new(Dice::seed());
    for round in 0..ROUNDS_TO_FIND_A_LIE {
        let server = home.serve_how(&how);
        let kill = Kill {
            after: UNDER_WAY,
            between: KILL_IN_FULL_RUN,
        };
        let journals = load_and_kill(server, &partner, roles, round, &kill, &mut dice);
        let found = oracle::losses(&home.serve(), &journals);
        if let Some(first) = found.first() {
            println!("found in round {round}: {first}");
            return;
        }
    }
    panic!("{ROUNDS_TO_FIND_A_LIE} crashes of a build with {fault}, and no loss found");
}

/// When a server is killed.
struct Kill {
    /// Not before so many acknowledgements ..
    after: usize,
    /// .. and so many milliseconds after them, at the earliest and at the latest.
    between: (u64, u64),
}

/// One round: everybody at full speed, the kill, and what each wrote down.
fn load_and_kill(
    server: Server,
    partner: &Partner,
    roles: &[Role],
    round: u64,
    kill: &Kill,
    dice: &mut Dice,
) -> Vec<Journal> {
    let acknowledged = Arc::new(AtomicUsize::new(0));
    let walkers: Vec<_> = roles
        .iter()
        .enumerate()
        .map(|(number, role)| {
            let person = partner.person(&format!("round-{round}-user-{number}"));
            let uuid = person.uuid(&server);
            let addresses = (server.http.clone(), server.mqtt.clone());
            let own_dice = Dice::new(dice.roll());
            let (role, count) = (*role, Arc::clone(&acknowledged));
            thread::spawn(move || load::run(role, (person, uuid), &addresses, own_dice, count))
        })
        .collect();
    tools::until(SOON, || acknowledged.load(Ordering::Relaxed) >= kill.after);
    let (earliest, latest) = kill.between;
    let moment = Duration::from_millis(earliest + dice.below(latest - earliest));
    tools::until(moment, || false);
    server.kill();
    walkers
        .into_iter()
        .map(|walker| walker.join().unwrap())
        .collect()
}

impl Totals {
    fn add(&mut self, journals: &[Journal], server: &Server) {
        self.rounds += 1;
        for journal in journals {
            self.positions += journal.positions.len();
            self.cancels += journal.cancelled.len();
            self.events += journal.events.len();
        }
        self.starts.push(server.ready_after);
    }

    /// One start in ten, and one of few, may have met a machine that stood still.
    fn are_ready_in_time(&self, seed: u64) {
        let mut starts = self.starts.clone();
        starts.sort_unstable();
        let is_kept = std::env::var_os("MAYDAY_CRASH_REPORT").is_some();
        let excused = if is_kept {
            0
        } else {
            starts.len().div_ceil(10)
        };
        let last = starts.len().saturating_sub(1);
        if let Some(took) = starts.get(last.saturating_sub(excused)) {
            assert!(*took < READY_AGAIN, "seed {seed}: ready after {starts:?}");
        }
    }

    fn report(&self, seed: u64) {
        let mut text = String::new();
        writeln!(text, "rounds                       {}", self.rounds).unwrap();
        writeln!(text, "SOS and samples acknowledged {}", self.positions).unwrap();
        writeln!(text, "cancels acknowledged         {}", self.cancels).unwrap();
        writeln!(text, "events received              {}", self.events).unwrap();
        writeln!(text, "lost                         0").unwrap();
        writeln!(
            text,
            "slowest start after a kill   {} ms",
            self.starts.iter().max().map_or(0, Duration::as_millis)
        )
        .unwrap();
        writeln!(text, "seed                         {seed}").unwrap();
        println!("{text}");
        assert!(
            self.positions > 0 && self.cancels > 0 && self.events > 0,
            "no load at all"
        );
        if let Some(path) = std::env::var_os("MAYDAY_CRASH_REPORT") {
            std::fs::write(path, text).unwrap();
        }
    }
}
