//! What an erasure deletes, in which order, and what of it may go while somebody still
//! needs the rest.

use crate::sql::Sql;

/// An id as a text.
macro_rules! uuid_in_sqlite {
    ($id:literal) => {
        concat!(
            "lower(substr(hex(",
            $id,
            "), 1, 8) || '-' || substr(hex(",
            $id,
            "), 9, 4) || '-' || substr(hex(",
            $id,
            "), 13, 4) || '-' || substr(hex(",
            $id,
            "), 17, 4) || '-' || substr(hex(",
            $id,
            "), 21))"
        )
    };
}
pub(super) use uuid_in_sqlite;

/// Deletes at most `$2` rows of a table that belong to the user `$1`.
macro_rules! delete {
    ($table:literal, $belongs:expr) => {
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

/// Of a user's incidents `i`, those that no hidden one goes on from or is.
macro_rules! of_others {
    () => {
        " AND NOT i.hidden
            AND NOT EXISTS (SELECT 1 FROM incidents h WHERE h.continues_id = i.id)"
    };
}

/// The same for what belongs to those of the user's incidents that no hidden one goes on
/// from or is.
macro_rules! delete_of_others {
    ($table:literal, $incident:literal) => {
        delete!(
            $table,
            concat!(
                $incident,
                " IN (SELECT i.id FROM incidents i WHERE i.user_id = $1",
                of_others!(),
                ")"
            )
        )
    };
}

/// The key of the job that copies the trail of the incident `i`, and after `:again`
/// that of the last copy.
macro_rules! trail_key_in_sqlite {
    () => {
        concat!("'trail_copy:' || ", uuid_in_sqlite!("i.id"))
    };
}

/// Deletes the jobs that copy the trails of the user's incidents `i`, of those alone.
macro_rules! delete_trail_jobs {
    ($those:expr) => {
        Sql::per_dialect(
            concat!(
                "DELETE FROM jobs WHERE rowid IN (SELECT j.rowid FROM incidents i
                    JOIN jobs j ON j.key IN (",
                trail_key_in_sqlite!(),
                ", ",
                trail_key_in_sqlite!(),
                " || ':again') WHERE i.user_id = $1",
                $those,
                " LIMIT $2)"
            ),
            concat!(
                "DELETE FROM jobs WHERE ctid IN (SELECT j.ctid FROM incidents i
                    JOIN jobs j ON j.key IN ('trail_copy:' || i.id::text,
                        'trail_copy:' || i.id::text || ':again')
                    WHERE i.user_id = $1",
                $those,
                " LIMIT $2)"
            ),
        )
    };
}

static EVENTS: Sql = delete!("events", "user_id = $1");
// What is left of these is about the user alone.
static ALERTS: Sql = delete!(
    "alerts",
    "user_id = $1 AND incident_id IS NULL AND kind <> 'unattributed_sos'"
);
// Somebody else's distress, which operators still have to see.
pub(super) static ALERTS_OF_OTHERS: Sql = Sql::new(
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
static TRAIL_JOBS: Sql = delete_trail_jobs!("");
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
pub(crate) const ALL: &[&Sql] = &[
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
pub(crate) const NEEDLESS: &[&Sql] = &[
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

// What belongs to incidents that no hidden one needs, and what it does not need of the one
// that it goes on from: those to whom that one was told as cancelled, and who relayed it.
static OTHER_ALERTS: Sql = delete_of_others!("alerts", "incident_id");
static OTHER_REPORTS: Sql = delete_of_others!("incident_reports", "incident_id");
static OTHER_NAMED_DEVICES: Sql = delete_of_others!("incident_devices", "incident_id");
static OTHER_CANCELS: Sql = delete_of_others!("incident_cancels", "incident_id");
static OTHER_ACTIONS: Sql = delete_of_others!("incident_actions", "incident_id");
static OTHER_VITALS: Sql = delete_of_others!("incident_vitals", "incident_id");
static OTHER_TRAILS: Sql = delete_of_others!("incident_trails", "incident_id");
static OTHER_TRAIL_JOBS: Sql = delete_trail_jobs!(of_others!());
static OTHER_ATTEMPTS: Sql = delete_of_others!("escalation_attempts", "incident_id");
static OTHER_ACKNOWLEDGEMENTS: Sql =
    delete_of_others!("escalation_acknowledgements", "incident_id");
static OTHER_DECLINES: Sql = delete_of_others!("escalation_declines", "incident_id");
static OTHER_TOKENS: Sql = delete_of_others!("tracking_tokens", "incident_id");
static OTHER_DRILLS: Sql = delete_of_others!("drills", "incident_id");
static OTHER_INCIDENTS: Sql = delete_of_others!("incidents", "id");
static VISIBLE_GATEWAYS: Sql = delete!(
    "incident_gateways",
    "incident_id IN (SELECT id FROM incidents WHERE user_id = $1 AND NOT hidden)"
);
static SHARED_TOKENS: Sql = Sql::per_dialect(
    concat!(
        "DELETE FROM tracking_tokens WHERE rowid IN (SELECT t.rowid FROM incidents i
            JOIN tracking_tokens t ON t.incident_id = i.id
            WHERE i.user_id = $1 AND NOT i.hidden
                AND NOT EXISTS (SELECT 1 FROM incidents h WHERE h.continues_id = i.id
                    AND instr(h.asked_contacts, ",
        uuid_in_sqlite!("t.contact_id"),
        ") > 0) LIMIT $2)"
    ),
    "DELETE FROM tracking_tokens WHERE ctid IN (SELECT t.ctid FROM incidents i
        JOIN tracking_tokens t ON t.incident_id = i.id
        WHERE i.user_id = $1 AND NOT i.hidden
            AND NOT EXISTS (SELECT 1 FROM incidents h WHERE h.continues_id = i.id
                AND strpos(h.asked_contacts, t.contact_id::text) > 0) LIMIT $2)",
);
static VISIBLE_NOTICE_ATTEMPTS: Sql = delete!(
    "webhook_attempts",
    "delivery_id IN (SELECT d.id FROM webhook_deliveries d WHERE d.user_id = $1 AND NOT EXISTS
        (SELECT 1 FROM incidents i WHERE i.id = d.incident_id AND i.hidden))"
);
static VISIBLE_NOTICES: Sql = delete!(
    "webhook_deliveries",
    "user_id = $1 AND NOT EXISTS
        (SELECT 1 FROM incidents i WHERE i.id = webhook_deliveries.incident_id AND i.hidden)"
);

/// What no hidden incident needs, in the order of [`ALL`]: it goes as soon as nothing
/// else is waited for, which is when all goes after a true cancel. Whoever made the user
/// cancel and erase must not see a link, a drill or a notification live on.
pub(crate) const BESIDE_HIDDEN: &[&Sql] = &[
    &OTHER_ALERTS,
    &OTHER_REPORTS,
    &OTHER_NAMED_DEVICES,
    &VISIBLE_GATEWAYS,
    &OTHER_CANCELS,
    &OTHER_ACTIONS,
    &OTHER_VITALS,
    &OTHER_TRAILS,
    &OTHER_TRAIL_JOBS,
    &OTHER_ATTEMPTS,
    &OTHER_ACKNOWLEDGEMENTS,
    &OTHER_DECLINES,
    &OTHER_TOKENS,
    &SHARED_TOKENS,
    &OTHER_DRILLS,
    &OTHER_INCIDENTS,
    &VISIBLE_NOTICE_ATTEMPTS,
    &VISIBLE_NOTICES,
];
