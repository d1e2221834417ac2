//! The statements of the sections of an export.
//!
//! Each takes the user, the key behind which the page begins (an id and a number) and
//! the number of rows, and answers the key before the columns.

use crate::sql::Sql;

pub(super) static PROFILE: Sql = Sql::new(
    "SELECT id, CAST(0 AS BIGINT), id, external_id, name, email, phone, address, blocked_at,
        created_at, updated_at, last_seen_at, mqtt_seen_at, vouched_email, vouched_at
     FROM users WHERE id = $1 AND id > $2 AND CAST($3 AS BIGINT) < 0 LIMIT $4",
);
pub(super) static DEVICES: Sql = Sql::new(
    "SELECT id, CAST(0 AS BIGINT), id, hardware_id, alias, aliased_at, firmware_version,
        hardware_model, paired_at, assigned_at, created_at, updated_at
     FROM devices WHERE user_id = $1 AND id > $2 AND CAST($3 AS BIGINT) IS NOT NULL
     ORDER BY id LIMIT $4",
);
pub(super) static CONTACTS: Sql = Sql::new(
    "SELECT id, CAST(0 AS BIGINT), id, name, phone, email, priority, language, created_at,
        updated_at
     FROM contacts WHERE user_id = $1 AND id > $2 AND CAST($3 AS BIGINT) IS NOT NULL
     ORDER BY id LIMIT $4",
);
pub(super) static CHECK_INS: Sql = Sql::new(
    "SELECT id, CAST(0 AS BIGINT), id, minutes, message, started_at, due_at
     FROM checkins WHERE user_id = $1 AND id > $2 AND CAST($3 AS BIGINT) IS NOT NULL
     ORDER BY id LIMIT $4",
);
// A hidden incident is one that whoever holds the phone must not learn of.
pub(super) static INCIDENTS: Sql = Sql::new(
    "SELECT id, CAST(0 AS BIGINT), id, state, drill, created_at, updated_at, acknowledged_at,
        cancelled_at, resolved_at, source, trigger_source, relay_source, owner,
        originator_node_id, relay_node_id, device_id, hardware_id, message, latitude, longitude,
        altitude, position_source, position_at, actuators, opening, flags, client_incident_id,
        correlation_id, cycle_key, round, triggers, last_trigger_at
     FROM incidents WHERE user_id = $1 AND id > $2 AND CAST($3 AS BIGINT) IS NOT NULL
        AND NOT hidden
     ORDER BY id LIMIT $4",
);
pub(super) static EVENTS: Sql = Sql::new(
    "SELECT e.id, e.seq, e.id, e.seq, e.incident_id, e.kind, e.created_at, e.body
     FROM events e JOIN incidents i ON i.id = e.incident_id
     WHERE e.user_id = $1 AND e.seq > $3 AND CAST($2 AS UUID) IS NOT NULL
        AND NOT i.hidden
     ORDER BY e.seq LIMIT $4",
);
pub(super) static REPORTS: Sql = Sql::new(
    "SELECT r.incident_id, r.ordinal, r.incident_id, r.ordinal, r.transport, r.received_at,
        r.occurred_at, r.latitude, r.longitude, r.altitude, r.raw
     FROM incidents i JOIN incident_reports r ON r.incident_id = i.id
     WHERE i.user_id = $1 AND (r.incident_id, r.ordinal) > ($2, $3) AND NOT i.hidden
     ORDER BY r.incident_id, r.ordinal LIMIT $4",
);
pub(super) static NAMED_DEVICES: Sql = Sql::new(
    "SELECT incident_id, place, incident_id, device_key, ordinal FROM
        (SELECT d.incident_id, d.device_key, d.ordinal,
            row_number() OVER (PARTITION BY d.incident_id ORDER BY d.device_key) AS place
         FROM incidents i JOIN incident_devices d ON d.incident_id = i.id
         WHERE i.user_id = $1 AND d.incident_id >= $2 AND NOT i.hidden) AS named
     WHERE (incident_id, place) > ($2, $3) ORDER BY incident_id, place LIMIT $4",
);
pub(super) static CANCELS: Sql = Sql::new(
    "SELECT c.incident_id, CAST(0 AS BIGINT), c.incident_id, c.effective, c.body, c.at
     FROM incident_cancels c JOIN incidents i ON i.id = c.incident_id
     WHERE c.user_id = $1 AND c.incident_id > $2 AND CAST($3 AS BIGINT) IS NOT NULL
        AND NOT i.hidden
     ORDER BY c.incident_id LIMIT $4",
);
pub(super) static ACTIONS: Sql = Sql::new(
    "SELECT a.id, CAST(0 AS BIGINT), a.incident_id, a.action, a.at
     FROM incidents i JOIN incident_actions a ON a.incident_id = i.id
     WHERE i.user_id = $1 AND a.id > $2 AND CAST($3 AS BIGINT) IS NOT NULL AND NOT i.hidden
     ORDER BY a.id LIMIT $4",
);
pub(super) static VITALS: Sql = Sql::new(
    "SELECT v.incident_id, CAST(0 AS BIGINT), v.incident_id, v.heard_at, v.silent_at,
        v.battery_percent, v.battery_at
     FROM incidents i JOIN incident_vitals v ON v.incident_id = i.id
     WHERE i.user_id = $1 AND v.incident_id > $2 AND CAST($3 AS BIGINT) IS NOT NULL
        AND NOT i.hidden
     ORDER BY v.incident_id LIMIT $4",
);
pub(super) static DRILLS: Sql = Sql::new(
    "SELECT incident_id, CAST(0 AS BIGINT), incident_id, started_at, ended_at, ended_because
     FROM drills WHERE user_id = $1 AND incident_id > $2 AND CAST($3 AS BIGINT) IS NOT NULL
     ORDER BY incident_id LIMIT $4",
);
pub(super) static TRAILS: Sql = Sql::new(
    "SELECT t.incident_id, CAST(0 AS BIGINT), t.incident_id, t.points, t.copied_at
     FROM incidents i JOIN incident_trails t ON t.incident_id = i.id
     WHERE i.user_id = $1 AND t.incident_id > $2 AND CAST($3 AS BIGINT) IS NOT NULL
        AND NOT i.hidden
     ORDER BY t.incident_id LIMIT $4",
);
// Somebody else's distress: that it was relayed, and what this phone sent.
pub(super) static RELAYED: Sql = Sql::new(
    "SELECT r.incident_id, r.ordinal, r.incident_id, r.transport, r.received_at, r.raw
     FROM incident_gateways g JOIN incident_reports r
        ON r.incident_id = g.incident_id AND r.user_id = g.user_id
     WHERE g.user_id = $1 AND (r.incident_id, r.ordinal) > ($2, $3)
     ORDER BY r.incident_id, r.ordinal LIMIT $4",
);
pub(super) static UNATTRIBUTED: Sql = Sql::new(
    "SELECT id, CAST(0 AS BIGINT), id, transport, device_id, hardware_id, originator_node_id,
        relay_node_id, latitude, longitude, flags, raw, latest_raw, reports, received_at,
        last_received_at
     FROM unattributed WHERE user_id = $1 AND id > $2 AND CAST($3 AS BIGINT) IS NOT NULL
     ORDER BY id LIMIT $4",
);
pub(super) static DEAD_LETTERS: Sql = Sql::new(
    "SELECT id, CAST(0 AS BIGINT), id, transport, reason, fields, raw, raw_bytes, received_at
     FROM dead_letters WHERE user_id = $1 AND id > $2 AND CAST($3 AS BIGINT) IS NOT NULL
     ORDER BY id LIMIT $4",
);
pub(super) static SESSIONS: Sql = Sql::new(
    "SELECT id, CAST(0 AS BIGINT), id, subject, device_id, device_name, device_platform, created_at,
        used_at, expires_at, ended_at, end_reason, email
     FROM sessions WHERE user_id = $1 AND id > $2 AND CAST($3 AS BIGINT) IS NOT NULL
     ORDER BY id LIMIT $4",
);
// That there is a PIN and when it changed; of both PINs nothing.
pub(super) static SIGNATURE: Sql = Sql::new(
    "SELECT s.id, CAST(0 AS BIGINT), s.created_at, s.updated_at, q.questions
     FROM signatures s LEFT JOIN signature_questions q ON q.id = s.id
     WHERE s.id = $1 AND s.id > $2 AND CAST($3 AS BIGINT) IS NOT NULL LIMIT $4",
);
pub(super) static CODES: Sql = Sql::new(
    "SELECT id, CAST(0 AS BIGINT), purpose, address, updated_at
     FROM verification_codes WHERE user_id = $1 AND id > $2 AND CAST($3 AS BIGINT) IS NOT NULL
     ORDER BY id LIMIT $4",
);
pub(super) static SETTINGS: Sql = Sql::new(
    "SELECT user_id, CAST(0 AS BIGINT), currency, adv_mode, language, sig_reset_req, ack_tnc,
        ack_privacy, updated_at
     FROM user_settings WHERE user_id = $1 AND user_id > $2 AND CAST($3 AS BIGINT) IS NOT NULL
     LIMIT $4",
);
pub(super) static ALIASES: Sql = Sql::new(
    "SELECT user_id, place, external_id, created_at FROM
        (SELECT user_id, external_id, created_at,
            row_number() OVER (ORDER BY external_id) AS place
         FROM user_aliases WHERE user_id = $1) AS named
     WHERE (user_id, place) > ($2, $3) ORDER BY place LIMIT $4",
);
// An alert tells of a hidden incident only through it.
pub(super) static ALERTS: Sql = Sql::new(
    "SELECT a.id, CAST(0 AS BIGINT), a.id, a.kind, a.incident_id, a.detail, a.created_at,
        a.closed_at
     FROM alerts a WHERE a.user_id = $1 AND a.id > $2 AND CAST($3 AS BIGINT) IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM incidents i WHERE i.id = a.incident_id AND i.hidden)
     ORDER BY a.id LIMIT $4",
);
pub(super) static ATTEMPTS: Sql = Sql::new(
    "SELECT t.id, CAST(0 AS BIGINT), t.id, t.incident_id, t.contact_id, t.channel, t.round,
        t.kind, t.drill, t.name, t.address, t.language, t.state, t.scheduled_at, t.sending_at,
        t.sent_at, t.settled_at, t.skip_reason, t.provider, t.code, t.error, t.answered_by
     FROM incidents i JOIN escalation_attempts t ON t.incident_id = i.id
     WHERE i.user_id = $1 AND t.id > $2 AND CAST($3 AS BIGINT) IS NOT NULL AND NOT i.hidden
     ORDER BY t.id LIMIT $4",
);
pub(super) static ANSWERS: Sql = Sql::new(
    "SELECT incident_id, place, incident_id, answer, round, contact_id, name, means, at FROM
        (SELECT i.id AS incident_id, s.answer, s.round, s.contact_id, s.name, s.means, s.at,
            row_number() OVER (PARTITION BY i.id ORDER BY s.at, s.answer, s.helper) AS place
         FROM incidents i JOIN (
            SELECT incident_id, 'helps' AS answer, round, helper, contact_id, name, means, at
            FROM escalation_acknowledgements
            UNION ALL
            SELECT incident_id, 'cannot_help', round, CAST(contact_id AS TEXT), contact_id, NULL,
                NULL, at
            FROM escalation_declines
         ) AS s ON s.incident_id = i.id
         WHERE i.user_id = $1 AND i.id >= $2 AND NOT i.hidden) AS answers
     WHERE (incident_id, place) > ($2, $3) ORDER BY incident_id, place LIMIT $4",
);

pub(super) static NOTIFICATIONS: Sql = Sql::new(
    "SELECT d.id, CAST(0 AS BIGINT), d.id, d.kind, d.incident_id, d.body, d.state, d.attempts,
        d.created_at, d.delivered_at
     FROM webhook_deliveries d
     WHERE d.user_id = $1 AND d.id > $2 AND CAST($3 AS BIGINT) IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM incidents i WHERE i.id = d.incident_id AND i.hidden)
     ORDER BY d.id LIMIT $4",
);

pub(super) static LOGIN_DEVICES: Sql = Sql::new(
    "SELECT user_id, place, device, first_at, seen_at FROM
        (SELECT user_id, device, first_at, seen_at,
            row_number() OVER (ORDER BY device) AS place
         FROM login_devices WHERE user_id = $1) AS devices
     WHERE (user_id, place) > ($2, $3) ORDER BY place LIMIT $4",
);

// Whom one went to is sealed, and wiped when it has gone; the user's address stands
// in the profile.
pub(super) static MAILS: Sql = Sql::new(
    "SELECT id, CAST(0 AS BIGINT), id, kind, language, state, created_at, ended_at
     FROM system_mails WHERE user_id = $1 AND id > $2 AND CAST($3 AS BIGINT) IS NOT NULL
     ORDER BY id LIMIT $4",
);

pub(crate) const STATEMENTS: &[&Sql] = &[
    &PROFILE,
    &DEVICES,
    &CONTACTS,
    &CHECK_INS,
    &INCIDENTS,
    &EVENTS,
    &REPORTS,
    &NAMED_DEVICES,
    &CANCELS,
    &ACTIONS,
    &VITALS,
    &DRILLS,
    &TRAILS,
    &RELAYED,
    &UNATTRIBUTED,
    &DEAD_LETTERS,
    &SESSIONS,
    &SIGNATURE,
    &CODES,
    &SETTINGS,
    &ALIASES,
    &ALERTS,
    &ATTEMPTS,
    &ANSWERS,
    &NOTIFICATIONS,
    &MAILS,
    &LOGIN_DEVICES,
];
