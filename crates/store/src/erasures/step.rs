//! Detaches a user and deletes what is stored about them, some rows at a time.
//!
//! An SOS may go on that the phone does not see, or an all-clear may be on its way. The
//! user is detached and logged out all the same, and whoever holds the phone meets a new
//! user, as after any erasure; what help needs stays until it is over.

use std::time::Duration;

use mayday_core::ids::{AppUuid, RecordId, UserId};

use super::{count, get};
use crate::args;
use crate::command::Command;
use crate::control;
use crate::error::StoreError;
use crate::hint::Hint;
use crate::sql::Sql;
use crate::tx::Tx;
use crate::users;

/// Rows that one statement deletes at most; a row may hold 64 KiB.
const BATCH: u32 = 100;

/// How long after the detachment the last round begins: longer than a
/// connection lives on that must be cut, and than a request may take.
pub const SETTLE: Duration = Duration::from_mins(1);

/// How long after an incident's end its all-clear is waited for: longer than it is
/// tried.
const CLEARED_WITHIN: Duration = Duration::from_hours(1);

/// The id of the incident `i` as a text.
macro_rules! id_in_sqlite {
    () => {
        "lower(substr(hex(i.id), 1, 8) || '-' || substr(hex(i.id), 9, 4) || '-' ||
            substr(hex(i.id), 13, 4) || '-' || substr(hex(i.id), 17, 4) || '-' ||
            substr(hex(i.id), 21))"
    };
}

static OPEN: Sql = Sql::new(
    "SELECT 1 FROM incidents WHERE user_id = $1 AND state IN ('active', 'acknowledged')
     AND NOT drill LIMIT 1",
);
// Somebody may have been told of an incident that has ended, and its timer has not
// looked yet, or an all-clear is on its way.
static CLEARING: Sql = Sql::per_dialect(
    concat!(
        "SELECT 1 FROM incidents i WHERE i.user_id = $1
            AND i.state NOT IN ('active', 'acknowledged')
            AND (i.cancelled_at > $2 OR i.resolved_at > $2)
            AND EXISTS (SELECT 1 FROM escalation_attempts t WHERE t.incident_id = i.id
                AND t.sending_at IS NOT NULL)
            AND (EXISTS (SELECT 1 FROM jobs j WHERE j.key = 'escalate:' || ",
        id_in_sqlite!(),
        ") OR EXISTS (SELECT 1 FROM escalation_attempts a WHERE a.incident_id = i.id
                AND a.purpose = 'all_clear' AND a.state IN ('scheduled', 'sending'))) LIMIT 1"
    ),
    "SELECT 1 FROM incidents i WHERE i.user_id = $1
        AND i.state NOT IN ('active', 'acknowledged')
        AND (i.cancelled_at > $2 OR i.resolved_at > $2)
        AND EXISTS (SELECT 1 FROM escalation_attempts t WHERE t.incident_id = i.id
            AND t.sending_at IS NOT NULL)
        AND (EXISTS (SELECT 1 FROM jobs j WHERE j.key = 'escalate:' || i.id::text)
            OR EXISTS (SELECT 1 FROM escalation_attempts a WHERE a.incident_id = i.id
                AND a.purpose = 'all_clear' AND a.state IN ('scheduled', 'sending'))) LIMIT 1",
);
static DETACH: Sql = Sql::new(
    "UPDATE users SET external_id = $2, name = NULL, email = NULL, phone = NULL, address = NULL,
        erased_at = $3, created_at = $3, updated_at = $3, last_seen_at = $3, mqtt_seen_at = NULL,
        vouched_email = NULL, vouched_at = NULL
     WHERE id = $1 AND erased_at IS NULL",
);
// Messages name the person, and operators have to know whose incident it is.
static DETACH_IN_DANGER: Sql = Sql::new(
    "UPDATE users SET name = COALESCE(name, external_id), known_as = external_id,
        external_id = $2, erased_at = $3, created_at = $3, updated_at = $3, last_seen_at = $3,
        mqtt_seen_at = NULL
     WHERE id = $1 AND erased_at IS NULL",
);
static WIPE: Sql = Sql::new(
    "UPDATE users SET known_as = NULL, name = NULL, email = NULL, phone = NULL, address = NULL,
        last_seen_at = erased_at, mqtt_seen_at = NULL, vouched_email = NULL, vouched_at = NULL
     WHERE id = $1 AND erased_at IS NOT NULL",
);

/// Deletes at most `$2` rows of a table that belong to the user `$1`.
macro_rules! delete {
    ($table:literal, $belongs:literal) => {
        Sql::per_dialect(
            concat!(
                "DELETE FROM ",
                $table,
                " WHERE rowid IN (SELECT rowid FROM ",
                $table,
                " WHERE ",
                $belongs,
                " LIMIT $2)"
            ),
            concat!(
                "DELETE FROM ",
                $table,
                " WHERE ctid IN (SELECT ctid FROM ",
                $table,
                " WHERE ",
                $belongs,
                " LIMIT $2)"
            ),
        )
    };
}

/// The same for what belongs to the user's incidents.
macro_rules! delete_of_incidents {
    ($table:literal) => {
        delete!(
            $table,
            "incident_id IN (SELECT id FROM incidents WHERE user_id = $1)"
        )
    };
}

/// The key of the job that copies the trail of the incident `i`, and after `:again`
/// that of the last copy.
macro_rules! trail_key_in_sqlite {
    () => {
        concat!("'trail_copy:' || ", id_in_sqlite!())
    };
}

static EVENTS: Sql = delete!("events", "user_id = $1");
// What is left of these is about the user alone.
static ALERTS: Sql = delete!(
    "alerts",
    "user_id = $1 AND incident_id IS NULL AND kind <> 'unattributed_sos'"
);
// Somebody else's distress, which operators still have to see.
static ALERTS_OF_OTHERS: Sql = Sql::new(
    "UPDATE alerts SET user_id = NULL
     WHERE user_id = $1 AND (incident_id IS NOT NULL OR kind = 'unattributed_sos')",
);
static ALERTS_OF_INCIDENTS: Sql = delete_of_incidents!("alerts");
static REPORTS: Sql = delete_of_incidents!("incident_reports");
static NAMED_DEVICES: Sql = delete_of_incidents!("incident_devices");
static GATEWAYS: Sql = delete_of_incidents!("incident_gateways");
static CANCELS: Sql = delete_of_incidents!("incident_cancels");
static OWN_CANCELS: Sql = delete!("incident_cancels", "user_id = $1");
static ACTIONS: Sql = delete_of_incidents!("incident_actions");
static VITALS: Sql = delete_of_incidents!("incident_vitals");
static TRAILS: Sql = delete_of_incidents!("incident_trails");
static TRIGGER_KEYS: Sql = delete!("trigger_keys", "user_id = $1");
static TRAIL_JOBS: Sql = Sql::per_dialect(
    concat!(
        "DELETE FROM jobs WHERE rowid IN (SELECT j.rowid FROM incidents i
            JOIN jobs j ON j.key IN (",
        trail_key_in_sqlite!(),
        ", ",
        trail_key_in_sqlite!(),
        " || ':again') WHERE i.user_id = $1 LIMIT $2)"
    ),
    "DELETE FROM jobs WHERE ctid IN (SELECT j.ctid FROM incidents i
        JOIN jobs j ON j.key IN ('trail_copy:' || i.id::text,
            'trail_copy:' || i.id::text || ':again')
        WHERE i.user_id = $1 LIMIT $2)",
);
static ATTEMPTS: Sql = delete_of_incidents!("escalation_attempts");
static ACKNOWLEDGEMENTS: Sql = delete_of_incidents!("escalation_acknowledgements");
static DECLINES: Sql = delete_of_incidents!("escalation_declines");
static TOKENS: Sql = delete_of_incidents!("tracking_tokens");
static DRILLS: Sql = delete!("drills", "user_id = $1");
static INCIDENTS: Sql = delete!("incidents", "user_id = $1");
static DEVICES: Sql = delete!("devices", "user_id = $1");
static CONTACTS: Sql = delete!("contacts", "user_id = $1");
static CHECK_INS: Sql = delete!("checkins", "user_id = $1");
static DEAD_LETTERS: Sql = delete!("dead_letters", "user_id = $1");
static SIGNATURES: Sql = delete!("signatures", "id = $1");
static QUESTIONS: Sql = delete!("signature_questions", "id = $1");
static CODES: Sql = delete!("verification_codes", "user_id = $1");
static SETTINGS: Sql = delete!("user_settings", "user_id = $1");
static ALIASES: Sql = delete!("user_aliases", "user_id = $1");
static SESSION_TOKENS: Sql = delete!(
    "session_tokens",
    "session_id IN (SELECT id FROM sessions WHERE user_id = $1)"
);
static SESSIONS: Sql = delete!(
    "sessions",
    "user_id = $1 AND NOT EXISTS
        (SELECT 1 FROM session_tokens t WHERE t.session_id = sessions.id)"
);
static SPILL: Sql = delete!("spill", "user_id = $1");
// Somebody else's distress: it stays, without who relayed it and their bytes.
static RELAYED: Sql = Sql::per_dialect(
    "UPDATE incident_reports SET raw = NULL, user_id =
        (SELECT i.user_id FROM incidents i WHERE i.id = incident_reports.incident_id)
     WHERE rowid IN (SELECT r.rowid FROM incident_gateways g
        JOIN incident_reports r ON r.incident_id = g.incident_id AND r.user_id = g.user_id
        WHERE g.user_id = $1 LIMIT $2)",
    "UPDATE incident_reports SET raw = NULL, user_id =
        (SELECT i.user_id FROM incidents i WHERE i.id = incident_reports.incident_id)
     WHERE ctid IN (SELECT r.ctid FROM incident_gateways g
        JOIN incident_reports r ON r.incident_id = g.incident_id AND r.user_id = g.user_id
        WHERE g.user_id = $1 LIMIT $2)",
);
static OWN_GATEWAYS: Sql = delete!("incident_gateways", "user_id = $1");
// What partners were told about the user, and what they answered.
static NOTICE_ATTEMPTS: Sql = delete!(
    "webhook_attempts",
    "delivery_id IN (SELECT id FROM webhook_deliveries WHERE user_id = $1)"
);
static NOTICES: Sql = delete!("webhook_deliveries", "user_id = $1");
static MAILS: Sql = delete!("system_mails", "user_id = $1");
static LOGIN_DEVICES: Sql = delete!("login_devices", "user_id = $1");
static UNATTRIBUTED: Sql = Sql::per_dialect(
    "UPDATE unattributed SET raw = x'', latest_raw = NULL WHERE rowid IN
        (SELECT rowid FROM unattributed WHERE user_id = $1
            AND (length(raw) > 0 OR latest_raw IS NOT NULL) LIMIT $2)",
    "UPDATE unattributed SET raw = ''::bytea, latest_raw = NULL WHERE ctid IN
        (SELECT ctid FROM unattributed WHERE user_id = $1
            AND (length(raw) > 0 OR latest_raw IS NOT NULL) LIMIT $2)",
);

/// In this order: what refers to a row goes before the row.
pub(crate) const STEPS: &[&Sql] = &[
    &ALIASES,
    &SIGNATURES,
    &QUESTIONS,
    &CODES,
    &SETTINGS,
    &EVENTS,
    &ALERTS_OF_INCIDENTS,
    &ALERTS,
    &REPORTS,
    &NAMED_DEVICES,
    &GATEWAYS,
    &CANCELS,
    &OWN_CANCELS,
    &ACTIONS,
    &VITALS,
    &TRAILS,
    &TRIGGER_KEYS,
    &TRAIL_JOBS,
    &ATTEMPTS,
    &ACKNOWLEDGEMENTS,
    &DECLINES,
    &TOKENS,
    &DRILLS,
    &INCIDENTS,
    &DEVICES,
    &CONTACTS,
    &CHECK_INS,
    &DEAD_LETTERS,
    &SESSION_TOKENS,
    &SESSIONS,
    &SPILL,
    &RELAYED,
    &OWN_GATEWAYS,
    &NOTICE_ATTEMPTS,
    &NOTICES,
    &MAILS,
    &LOGIN_DEVICES,
    &UNATTRIBUTED,
];

/// What no incident needs: it goes while one is waited for.
const NEEDLESS: &[&Sql] = &[
    &ALIASES,
    &SIGNATURES,
    &QUESTIONS,
    &CODES,
    &SETTINGS,
    &DEVICES,
    &CHECK_INS,
    &DEAD_LETTERS,
    &SESSION_TOKENS,
    &SESSIONS,
    &MAILS,
    &LOGIN_DEVICES,
];

pub(crate) const STATEMENTS: &[&Sql] = &[
    &OPEN,
    &CLEARING,
    &DETACH,
    &DETACH_IN_DANGER,
    &WIPE,
    &ALERTS_OF_OTHERS,
];

/// How far an erasure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Rows went, and there may be more.
    More,
    /// Nothing of this user was left to delete.
    Empty(UserId),
    /// An incident of the user is open, or those who were told of it do not know yet that
    /// it is over; what they need is left, and goes then.
    OpenIncident,
    /// It is finished, or there is no such erasure.
    Over,
}

/// One step: detaches the user if that is still to be done, then deletes some
/// rows.
#[derive(Clone, Copy, Debug)]
pub struct EraseStep {
    /// Which erasure.
    pub erasure: RecordId,
}

impl Command for EraseStep {
    type Output = Progress;

    const NAME: &'static str = "user.erase.step";

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Progress, StoreError> {
        let Some(erasure) = get(tx, self.erasure).await? else {
            return Ok(Progress::Over);
        };
        let Some(user) = erasure.user else {
            return Ok(Progress::Over);
        };
        users::lock(tx, user).await?;
        let in_danger = detach(tx, self.erasure, erasure.app, user).await?;
        let steps = if in_danger { NEEDLESS } else { STEPS };
        let rows = delete(tx, user, steps).await?;
        if rows == 0 && in_danger {
            return Ok(Progress::OpenIncident);
        }
        if rows > 0 {
            count(tx, self.erasure, rows).await?;
            tx.hint(Hint::DeviceChanged(erasure.app));
            return Ok(Progress::More);
        }
        // What a request that was under way wrote into the detached row.
        tx.execute_one(&WIPE, args![user]).await?;
        Ok(Progress::Empty(user))
    }
}

/// Whether any incident of the user is open, a hidden one too, or has an all-clear on
/// its way. A drill is not open.
pub(super) async fn has_open_incident(tx: &mut Tx<'_>, user: UserId) -> Result<bool, StoreError> {
    let ended_after = tx.now().minus(CLEARED_WITHIN);
    Ok(tx.fetch_optional(&OPEN, args![user]).await?.is_some()
        || tx
            .fetch_optional(&CLEARING, args![user, ended_after])
            .await?
            .is_some())
}

/// Takes name and external id from the row and has connections cut, once. Whether what
/// help needs has to stay: see [`has_open_incident`].
pub(super) async fn detach(
    tx: &mut Tx<'_>,
    erasure: RecordId,
    app: AppUuid,
    user: UserId,
) -> Result<bool, StoreError> {
    let nobody = format!("erased:{erasure}");
    let now = tx.now();
    let in_danger = has_open_incident(tx, user).await?;
    let detach = if in_danger {
        &DETACH_IN_DANGER
    } else {
        &DETACH
    };
    if tx.execute(detach, args![user, &nobody, now]).await? > 0 {
        tx.hint(Hint::DeviceChanged(app));
        control::raise(tx).await?;
    }
    Ok(in_danger)
}

/// Deletes all there is, until a batch is full; answers how many rows went.
pub(super) async fn delete_some(tx: &mut Tx<'_>, user: UserId) -> Result<u64, StoreError> {
    delete(tx, user, STEPS).await
}

async fn delete(tx: &mut Tx<'_>, user: UserId, steps: &[&'static Sql]) -> Result<u64, StoreError> {
    let mut rows = 0;
    for step in steps {
        rows += tx.execute(step, args![user, BATCH]).await?;
        if rows >= u64::from(BATCH) {
            return Ok(rows);
        }
    }
    if steps.len() == STEPS.len() {
        // Those of the user's own incidents are gone by now.
        rows += tx.execute(&ALERTS_OF_OTHERS, args![user]).await?;
    }
    Ok(rows)
}
