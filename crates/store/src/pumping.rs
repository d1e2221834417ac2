//! The guard against SMS pumping: somebody makes an app send messages, or call,
//! for the money that a number earns with each.
//!
//! Whoever is about to send asks [`admit`] in the transaction that records the
//! attempt, last of all, as its rows are shared by many. It counts, by phone and by
//! app, in hours of the clock. Beyond a cap it raises an alert, one that is open per
//! phone and per app; what is no emergency is refused then. An emergency is admitted
//! whatever the counts are: a person in distress is worth the bill.
//!
//! Which countries are written to at all is a matter of routes, not of counts: see
//! `Senders` in `mayday_app`.

use mayday_core::ids::{AppUuid, IncidentId, UserId};
use serde_json::json;

use crate::alerts::{self, AlertKind, NewAlert};
use crate::args;
use crate::error::StoreError;
use crate::sql::Sql;
use crate::tx::Tx;

/// Rows over which an app's sends of an hour are spread.
const SHARDS: u32 = 16;

/// How many hours back counts are kept.
const HOURS_KEPT: i64 = 48;

static COUNT_PHONE: Sql = Sql::new(
    "INSERT INTO sends_by_phone (phone, hour, sends) VALUES ($1, $2, 1)
     ON CONFLICT (phone, hour) DO UPDATE SET sends = sends_by_phone.sends + 1
     RETURNING sends",
);
static COUNT_APP: Sql = Sql::new(
    "INSERT INTO sends_by_app (app_id, hour, shard, sends) VALUES ($1, $2, $3, 1)
     ON CONFLICT (app_id, hour, shard) DO UPDATE SET sends = sends_by_app.sends + 1",
);
static SUM_APP: Sql = Sql::new(
    "SELECT CAST(COALESCE(SUM(sends), 0) AS BIGINT) FROM sends_by_app
     WHERE app_id = $1 AND hour = $2",
);
static PRUNE_PHONES: Sql = Sql::new(
    "DELETE FROM sends_by_phone WHERE (phone, hour) IN
        (SELECT phone, hour FROM sends_by_phone WHERE hour < $1 ORDER BY hour LIMIT $2)",
);
static PRUNE_APPS: Sql = Sql::new(
    "DELETE FROM sends_by_app WHERE (app_id, hour, shard) IN
        (SELECT app_id, hour, shard FROM sends_by_app WHERE hour < $1 ORDER BY hour LIMIT $2)",
);

static HIDDEN: Sql = Sql::new("SELECT 1 FROM incidents WHERE id = $1 AND hidden");

pub(crate) const STATEMENTS: &[&Sql] = &[
    &HIDDEN,
    &COUNT_PHONE,
    &COUNT_APP,
    &SUM_APP,
    &PRUNE_PHONES,
    &PRUNE_APPS,
];

/// How much may be sent within an hour of the clock; 0 is no cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    /// To one phone, by all apps.
    pub per_phone: u32,
    /// By one app.
    pub per_app: u32,
}

impl Default for Caps {
    /// A contact of one SOS gets some 15 messages and calls at most.
    fn default() -> Self {
        Self {
            per_phone: 40,
            per_app: 5_000,
        }
    }
}

/// A message or call that is about to leave.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// Whose it is.
    pub app: AppUuid,
    /// The user whose contact it goes to; the alert goes when the user's data do.
    pub user: Option<UserId>,
    /// The incident that it is about.
    pub incident: Option<IncidentId>,
    /// To whom, E.164.
    pub to: &'a str,
    /// Whether a true SOS is behind it: not a drill, not a test.
    pub emergency: bool,
}

/// A cap that was passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cap {
    /// [`Caps::per_phone`].
    Phone,
    /// [`Caps::per_app`].
    App,
}

impl Cap {
    /// The word in alerts and in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Phone => "per_phone",
            Self::App => "per_app",
        }
    }
}

/// Whether it may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It may.
    Admitted,
    /// It may, as an emergency; operators are alarmed.
    OverCap(Cap),
    /// It may not; operators are alarmed. It is a failed attempt of its channel, and
    /// nothing else stops.
    Refused(Cap),
}

impl Admission {
    /// Whether it may leave.
    pub const fn may_leave(self) -> bool {
        matches!(self, Self::Admitted | Self::OverCap(_))
    }
}

/// Counts a message or call, and says whether it may leave. Call it once per
/// attempt, in the transaction that records the attempt: a command that runs again
/// and finds its attempt recorded must not ask again.
pub async fn admit(
    tx: &mut Tx<'_>,
    caps: &Caps,
    outgoing: Outgoing<'_>,
) -> Result<Admission, StoreError> {
    let hour = hour(tx);
    let passed = |sends: i64, cap: u32| cap > 0 && sends > i64::from(cap);
    let row = tx.fetch_one(&COUNT_PHONE, args![outgoing.to, hour]).await?;
    let by_phone: i64 = row.get(0)?;
    let shard = shard(outgoing.to);
    tx.execute_one(&COUNT_APP, args![outgoing.app, hour, shard])
        .await?;
    let row = tx.fetch_one(&SUM_APP, args![outgoing.app, hour]).await?;
    let by_app: i64 = row.get(0)?;
    let over = if passed(by_phone, caps.per_phone) {
        let key = format!("{}:{}", outgoing.app, outgoing.to);
        raise(tx, outgoing, Cap::Phone, &key, by_phone, caps.per_phone).await?;
        Some(Cap::Phone)
    } else if passed(by_app, caps.per_app) {
        let key = outgoing.app.to_string();
        raise(tx, outgoing, Cap::App, &key, by_app, caps.per_app).await?;
        Some(Cap::App)
    } else {
        None
    };
    Ok(match over {
        None => Admission::Admitted,
        Some(cap) if outgoing.emergency => Admission::OverCap(cap),
        Some(cap) => Admission::Refused(cap),
    })
}

/// Removes some counts of hours that are over; how many.
pub(crate) async fn prune(tx: &mut Tx<'_>, limit: i64) -> Result<u64, StoreError> {
    let before = hour(tx) - HOURS_KEPT;
    let phones = tx.execute(&PRUNE_PHONES, args![before, limit]).await?;
    Ok(phones + tx.execute(&PRUNE_APPS, args![before, limit]).await?)
}

/// Tells operators, unless they know already.
async fn raise(
    tx: &mut Tx<'_>,
    outgoing: Outgoing<'_>,
    cap: Cap,
    key: &str,
    sends: i64,
    allowed: u32,
) -> Result<(), StoreError> {
    // A count of the app is nobody's in particular.
    let of_phone = cap == Cap::Phone;
    let incident = outgoing.incident.filter(|_| of_phone);
    // Not tied to an incident: the alarm outlives its end. But through a hidden one whoever
    // holds the phone must not learn that there is any.
    let hidden = match incident {
        Some(id) => tx.fetch_optional(&HIDDEN, args![id]).await?.and(Some(id)),
        None => None,
    };
    let alert = NewAlert {
        app: outgoing.app,
        kind: AlertKind::SendingCap,
        key,
        user: outgoing.user.filter(|_| of_phone),
        incident: hidden,
        detail: json!({
            "cap": cap.as_str(),
            "allowed_an_hour": allowed,
            "sends": sends,
            "phone": of_phone.then_some(outgoing.to),
            "incident_id": incident,
            "emergency": outgoing.emergency,
        }),
    };
    alerts::raise(tx, alert).await
}

fn hour(tx: &Tx<'_>) -> i64 {
    tx.now().as_secs().div_euclid(3_600)
}

/// Where a phone's sends are counted: by its last digits, which differ most.
fn shard(phone: &str) -> u32 {
    phone.bytes().rev().take(4).fold(0_u32, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(byte.into())
    }) % SHARDS
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use mayday_core::clock::Clock as _;
    use mayday_core::sos::{CancelRequest, Flags, Trigger};
    use mayday_core::transport::Transport;
    use uuid::Uuid;

    use super::*;
    use crate::command::{Command, Lane};
    use crate::incidents::{CancelSos, TriggerSos, page};
    use crate::on_both;
    use crate::testing::{TestApp, TestStore};

    struct Ask(AppUuid, String, bool);

    /// A message of this incident.
    struct AskOf(AppUuid, IncidentId, &'static str);

    impl Command for AskOf {
        type Output = Admission;
        const NAME: &'static str = "test.admit_of";
        async fn run(&self, tx: &mut Tx<'_>) -> Result<Admission, StoreError> {
            let caps = Caps {
                per_phone: 1,
                per_app: 5,
            };
            let outgoing = Outgoing {
                app: self.0,
                user: None,
                incident: Some(self.1),
                to: self.2,
                emergency: true,
            };
            admit(tx, &caps, outgoing).await
        }
    }

    impl Command for Ask {
        type Output = Admission;
        const NAME: &'static str = "test.admit";
        async fn run(&self, tx: &mut Tx<'_>) -> Result<Admission, StoreError> {
            let caps = Caps {
                per_phone: 2,
                per_app: 5,
            };
            let outgoing = Outgoing {
                app: self.0,
                user: None,
                incident: None,
                to: &self.1,
                emergency: self.2,
            };
            admit(tx, &caps, outgoing).await
        }
    }

    struct Prune;

    impl Command for Prune {
        type Output = u64;
        const NAME: &'static str = "test.prune_counts";
        async fn run(&self, tx: &mut Tx<'_>) -> Result<u64, StoreError> {
            prune(tx, 100).await
        }
    }

    async fn ask(store: &TestStore, app: &TestApp, to: &str, emergency: bool) -> Admission {
        let ask = Ask(app.id, to.to_owned(), emergency);
        store.write(Lane::Sos, ask).await.unwrap()
    }

    async fn alarms(store: &TestStore, app: &TestApp) -> Vec<(String, String)> {
        let mut tx = store.read().await.unwrap();
        let alerts = alerts::page(&mut tx, app.id, None, 10).await.unwrap();
        let cap = |detail: &serde_json::Value| detail["cap"].as_str().unwrap().to_owned();
        alerts
            .iter()
            .map(|alert| (alert.kind.clone(), cap(&alert.detail)))
            .collect()
    }

    on_both!(
        beyond_a_cap_only_emergencies_leave_and_operators_are_alarmed_once,
        |store| async move {
            let app = store.app("shop").await;
            let phone = "+34600111222";
            for _ in 0..2 {
                assert_eq!(ask(&store, &app, phone, false).await, Admission::Admitted);
            }
            assert!(alarms(&store, &app).await.is_empty());
            let refused = ask(&store, &app, phone, false).await;
            assert_eq!(refused, Admission::Refused(Cap::Phone));
            assert!(!refused.may_leave());
            let admitted = ask(&store, &app, phone, true).await;
            assert_eq!(admitted, Admission::OverCap(Cap::Phone));
            assert!(admitted.may_leave());
            let alarm = |cap: &str| ("sending_cap".to_owned(), cap.to_owned());
            assert_eq!(alarms(&store, &app).await, [alarm("per_phone")]);
            // The app's fifth and sixth, to other phones.
            let fifth = ask(&store, &app, "+34600111223", false).await;
            assert_eq!(fifth, Admission::Admitted);
            let sixth = ask(&store, &app, "+34600111224", false).await;
            assert_eq!(sixth, Admission::Refused(Cap::App));
            let expected = [alarm("per_app"), alarm("per_phone")];
            assert_eq!(alarms(&store, &app).await, expected);
            // Another app has its own count, and the phone's is everybody's.
            let other = store.app("other").await;
            let its = ask(&store, &other, "+34600111225", false).await;
            assert_eq!(its, Admission::Admitted);
            let shared = ask(&store, &other, phone, false).await;
            assert_eq!(shared, Admission::Refused(Cap::Phone));
        }
    );

    on_both!(
        an_alarm_of_a_hidden_incident_is_tied_to_it_as_what_the_user_may_not_see,
        |store| async move {
            let app = store.app("shop").await;
            let ana = store.caller(&app, "ana").await;
            let body = Bytes::from_static(b"{}");
            let cry = TriggerSos {
                app: app.id,
                sender: ana.user,
                trigger: Trigger::parse(&body),
                body,
                flags: Flags::NONE,
                transport: Transport::Http,
                received_at: store.clock.now(),
                receipt: Uuid::nil(),
                last_known: None,
            };
            store.write(Lane::Sos, cry).await.unwrap();
            let cancel = CancelSos {
                app: app.id,
                caller: ana.user,
                request: CancelRequest::parse(b"{}").unwrap(),
                any_user: false,
                duress: true,
            };
            store.write(Lane::Sos, cancel).await.unwrap();
            let mut tx = store.read().await.unwrap();
            let listed = page(&mut tx, app.id, false, None, 10).await.unwrap();
            drop(tx);
            assert_eq!(listed.len(), 2);
            for (listed, to) in listed.iter().zip(["+34600111222", "+34600111223"]) {
                let id = listed.incident.id;
                let ask = async || store.write(Lane::Sos, AskOf(app.id, id, to)).await;
                assert_eq!(ask().await.unwrap(), Admission::Admitted);
                let over = ask().await.unwrap();
                assert_eq!(over, Admission::OverCap(Cap::Phone));
                let mut tx = store.read().await.unwrap();
                let all = alerts::page(&mut tx, app.id, None, 10).await.unwrap();
                let alarm = all.iter().find(|alert| alert.detail["phone"] == to);
                assert_eq!(alarm.unwrap().incident, listed.hidden.then_some(id));
            }
        }
    );

    on_both!(an_hour_later_it_begins_anew, |store| async move {
        let app = store.app("shop").await;
        let phone = "+34600111222";
        for _ in 0..3 {
            ask(&store, &app, phone, false).await;
        }
        store.clock.advance(Duration::from_hours(1));
        assert_eq!(ask(&store, &app, phone, false).await, Admission::Admitted);
        assert_eq!(store.write(Lane::Rest, Prune).await.unwrap(), 0);
        store.clock.advance(Duration::from_hours(72));
        // Two hours of one phone and of one shard.
        assert_eq!(store.write(Lane::Rest, Prune).await.unwrap(), 4);
    });

    #[test]
    fn phones_spread_over_shards() {
        let shards: std::collections::BTreeSet<_> = (0..1_000)
            .map(|n| shard(&format!("+34600{n:06}")))
            .collect();
        assert_eq!(shards.len(), usize::try_from(SHARDS).unwrap());
    }
}
