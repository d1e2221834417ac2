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
use std::thread;
use std::time::Duration;

use super::harness::dice::Dice;
use super::harness::http;
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
/// A crashed server must be ready again before this.
const READY_AGAIN: Duration = Duration::from_secs(2);
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
    slowest: Duration,
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
            let journals = load_and_kill(server, &partner, ROLES, round, KILL_BETWEEN, &mut dice);
            // The first kill may come before the first copy is whole.
            if home.beside("copy").join("copy.json").exists() {
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
            let health = http::send(&server.admin, "GET", "/health/ready", &[], b"").unwrap();
            assert_eq!(health.status, 200, "round {round}: {health:?}");
            assert!(
                server.ready_after < READY_AGAIN,
                "round {round}, seed {seed}: ready only after {:?}",
                server.ready_after
            );
            totals.add(&journals, &server);
            before = journals;
        }
        assert_eq!(server.stop(), Some(0));
    }
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
        let journals = load_and_kill(server, &partner, roles, round, KILL_IN_FULL_RUN, &mut dice);
        let found = oracle::losses(&home.serve(), &journals);
        if let Some(first) = found.first() {
            println!("found in round {round}: {first}");
            return;
        }
    }
    panic!("{ROUNDS_TO_FIND_A_LIE} crashes of a build with {fault}, and no loss found");
}

/// One round: everybody at full speed, the kill, and what each wrote down.
fn load_and_kill(
    server: Server,
    partner: &Partner,
    roles: &[Role],
    round: u64,
    (earliest, latest): (u64, u64),
    dice: &mut Dice,
) -> Vec<Journal> {
    let walkers: Vec<_> = roles
        .iter()
        .enumerate()
        .map(|(number, role)| {
            let person = partner.person(&format!("round-{round}-user-{number}"));
            let uuid = person.uuid(&server);
            let addresses = (server.http.clone(), server.mqtt.clone());
            let own_dice = Dice::new(dice.roll());
            let role = *role;
            thread::spawn(move || load::run(role, person, uuid, &addresses, own_dice))
        })
        .collect();
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
        self.slowest = self.slowest.max(server.ready_after);
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
            self.slowest.as_millis()
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
