//! PostgreSQL goes away and comes back, or hangs: nothing is acknowledged that
//! it did not commit, and nobody has to restart anything.

use std::time::Duration;

use serde_json::json;

use super::harness::clock;
use super::harness::ledger::{Ledger, Way, What};
use super::harness::link::Link;
use super::harness::mqtt::{Packet, Version};
use super::harness::server::{Home, How};
use super::harness::tools;

/// From a cause to what readiness says, and from its end to a server that is well.
const NOTICED_WITHIN: Duration = Duration::from_secs(8);
const WELL_WITHIN: Duration = Duration::from_secs(15);
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
        let lied = matches!(answer, Ok(Some(Packet::Puback { code: 0, .. })));
        assert!(!lied, "{state}: acknowledged {answer:?}");
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
