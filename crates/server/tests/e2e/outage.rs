//! PostgreSQL goes away and comes back, or hangs: nothing is acknowledged that
//! it did not commit, and nobody has to restart anything.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::json;

use super::harness::clock;
use super::harness::cluster::{Cluster, Stop};
use super::harness::ledger::{Ledger, Way, What};
use super::harness::link::Link;
use super::harness::mqtt::{Packet, Version};
use super::harness::server::{Home, How};
use super::harness::tools;

/// From a cause to what readiness says, and from its end to a server that is well.
const NOTICED_WITHIN: Duration = Duration::from_secs(30);
const WELL_WITHIN: Duration = Duration::from_secs(40);
/// No acknowledgement comes from a database that does not answer.
const SILENCE: Duration = Duration::from_secs(1);

#[test]
fn nothing_is_acknowledged_while_postgres_is_away_and_all_goes_on_when_it_is_back() {
    let Some((home, link)) = Home::on_linked_postgres() else {
        return;
    };
    let partner = home.app("acme");
    let server = home.serve_how(&How {
        environment: vec![("MAYDAY_HTTP__REQUEST_TIMEOUT_SECONDS", "5".to_owned())],
        ..How::default()
    });
    let mut ledger = Ledger::new(&partner);
    for way in Way::ALL {
        for what in [What::Sos, What::Sample] {
            assert!(ledger.send(&server, "ana", what, way), "{way:?} {what:?}");
        }
    }
    for (state, away) in [("cut", Link::cut as fn(&Link)), ("silent", Link::hold)] {
        let mut phone = partner
            .person("ana")
            .connect(&server, Version::V5, "before the outage");
        away(&link);
        let body = json!({"timestamp": clock::iso(clock::now())}).to_string();
        phone.publish("sos/alerts", body.as_bytes(), 1).unwrap();
        let answer = phone.next(SILENCE);
        let is_liar = matches!(answer, Ok(Some(Packet::Puback { code: 0, .. })));
        assert!(!is_liar, "{state}: acknowledged {answer:?}");
        let stored = ledger.send(&server, "ana", What::Sos, Way::Http);
        assert!(!stored, "{state}: an SOS was acknowledged");
        let told = tools::until(NOTICED_WITHIN, || server.readiness().0 == 503);
        assert!(told, "{state}: {:?}", server.readiness());

        link.resume();
        let stored = tools::until(WELL_WITHIN, || {
            ledger.send(&server, "ana", What::Sos, Way::Http)
        });
        assert!(stored, "{state}: no SOS is stored although it is back");
        let ready = tools::until(WELL_WITHIN, || server.readiness().0 == 200);
        assert!(ready, "{state}: {:?}", server.readiness());
        for way in Way::ALL {
            let all = tools::until(WELL_WITHIN, || {
                ledger.send(&server, "ana", What::Sample, way)
            });
            assert!(all, "{state} {way:?}");
        }
    }
    server.kill();
    ledger.check(&home.serve());
}

/// People who call for help all the time.
const CALLERS: usize = 4;
/// What one of them sends under one name: an incident keeps the first and the last
/// of its positions, and all of these are to be found again.
const SOS_EACH: usize = 40;
/// Acknowledgements before PostgreSQL is stopped.
const WARM: usize = 40;

#[test]
fn a_postgres_that_is_stopped_and_started_under_load_loses_no_sos() {
    let Some(mut cluster) = Cluster::start() else {
        return;
    };
    let home = Home::on(cluster.url());
    let partner = home.app("acme");
    let server = home.serve_how(&How {
        environment: vec![("MAYDAY_HTTP__REQUEST_TIMEOUT_SECONDS", "5".to_owned())],
        ..How::default()
    });
    let (over, acknowledged) = (AtomicBool::new(false), AtomicUsize::new(0));
    // Odd while there is no database; whether an SOS that was sent then was acknowledged
    // then, too.
    let (turn, is_liar) = (AtomicUsize::new(0), AtomicBool::new(false));
    let call = |caller: usize| {
        let mut ledger = Ledger::new(&partner);
        for n in 0.. {
            if over.load(Ordering::Relaxed) {
                break;
            }
            let who = format!("caller-{caller}-{}", n / SOS_EACH);
            let sent_in = turn.load(Ordering::SeqCst);
            if ledger.send(&server, &who, What::Sos, Way::ALL[n % Way::ALL.len()]) {
                acknowledged.fetch_add(1, Ordering::Relaxed);
                if sent_in % 2 == 1 && turn.load(Ordering::SeqCst) == sent_in {
                    is_liar.store(true, Ordering::SeqCst);
                }
            }
        }
        ledger
    };
    let so_far = || acknowledged.load(Ordering::Relaxed);
    let ledgers: Vec<Ledger> = thread::scope(|scope| {
        let call = &call;
        let callers: Vec<_> = (0..CALLERS)
            .map(|caller| scope.spawn(move || call(caller)))
            .collect();
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for how in [Stop::Fast, Stop::Immediate] {
                let before = so_far();
                let warm = tools::until(WELL_WITHIN, || so_far() >= before + WARM);
                assert!(warm, "{how:?}: only {} SOS were stored", so_far() - before);
                cluster.stop(how);
                turn.fetch_add(1, Ordering::SeqCst);
                let told = tools::until(NOTICED_WITHIN, || server.readiness().0 == 503);
                assert!(told, "{how:?}: {:?}", server.readiness());
                let lies = tools::until(SILENCE, || is_liar.load(Ordering::SeqCst));
                assert!(!lies, "{how:?}: acknowledged, and there is no database");

                turn.fetch_add(1, Ordering::SeqCst);
                let stopped = so_far();
                cluster.begin();
                let goes_on = tools::until(WELL_WITHIN, || so_far() > stopped);
                assert!(goes_on, "{how:?}: no SOS is stored although it is back");
                let ready = tools::until(WELL_WITHIN, || server.readiness().0 == 200);
                assert!(ready, "{how:?}: {:?}", server.readiness());
            }
        }));
        over.store(true, Ordering::Relaxed);
        let ledgers = callers.into_iter().map(|caller| caller.join().unwrap());
        let ledgers = ledgers.collect();
        if let Err(panic) = outcome {
            std::panic::resume_unwind(panic);
        }
        ledgers
    });
    server.kill();
    let server = home.serve();
    for ledger in &ledgers {
        ledger.check(&server);
    }
}
