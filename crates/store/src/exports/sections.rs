//! The sections of an export.
//!
//! Each statement takes the user, the key behind which the page begins (an id
//! and a number) and the number of rows, and answers the key before the columns.

use super::section::Column::{Bytes, Float, Json, Number, Text, Time, Truth, Uuid};
use super::section::Section;
use crate::sql::Sql;

static PROFILE: Sql = Sql::new(
    "SELECT id, CAST(0 AS BIGINT), id, external_id, name, email, phone, address, blocked_at,
        created_at, updated_at, last_seen_at, mqtt_seen_at
     FROM users WHERE id = $1 AND id > $2 AND CAST($3 AS BIGINT) < 0 LIMIT $4",
);
static DEVICES: Sql = Sql::new(
    "SELECT id, CAST(0 AS BIGINT), id, hardware_id, alias, aliased_at, firmware_version,
        hardware_model, paired_at, assigned_at, created_at, updated_at
     FROM devices WHERE user_id = $1 AND id > $2 AND CAST($3 AS BIGINT) IS NOT NULL
     ORDER BY id LIMIT $4",
);
static CONTACTS: Sql = Sql::new(
    "SELECT id, CAST(0 AS BIGINT), id, name, phone, email, priority, language, created_at,
        updated_at
     FROM contacts WHERE user_id = $1 AND id > $2 AND CAST($3 AS BIGINT) IS NOT NULL
     ORDER BY id LIMIT $4",
);
static CHECK_INS: Sql = Sql::new(
    "SELECT id, CAST(0 AS BIGINT), id, minutes, message, started_at, due_at
     FROM checkins WHERE user_id = $1 AND id > $2 AND CAST($3 AS BIGINT) IS NOT NULL
     ORDER BY id LIMIT $4",
);
// A hidden incident is one that whoever holds the phone must not learn of.
static INCIDENTS: Sql = Sql::new(
    "SELECT id, CAST(0 AS BIGINT), id, state, drill, created_at, updated_at, acknowledged_at,
        cancelled_at, resolved_at, source, trigger_source, relay_source, owner,
        originator_node_id, relay_node_id, device_id, hardware_id, message, latitude, longitude,
        altitude, position_source, position_at, actuators, opening, flags, client_incident_id,
        correlation_id, cycle_key, round, triggers, last_trigger_at
     FROM incidents WHERE user_id = $1 AND id > $2 AND CAST($3 AS BIGINT) IS NOT NULL
        AND NOT hidden
     ORDER BY id LIMIT $4",
);
static EVENTS: Sql = Sql::new(
    "SELECT e.id, e.seq, e.id, e.seq, e.incident_id, e.kind, e.created_at, e.body
     FROM events e JOIN incidents i ON i.id = e.incident_id
     WHERE e.user_id = $1 AND e.seq > $3 AND CAST($2 AS UUID) IS NOT NULL
        AND NOT i.hidden
     ORDER BY e.seq LIMIT $4",
);
static REPORTS: Sql = Sql::new(
    "SELECT r.incident_id, r.ordinal, r.incident_id, r.ordinal, r.transport, r.received_at,
        r.occurred_at, r.latitude, r.longitude, r.altitude, r.raw
     FROM incidents i JOIN incident_reports r ON r.incident_id = i.id
     WHERE i.user_id = $1 AND (r.incident_id, r.ordinal) > ($2, $3) AND NOT i.hidden
     ORDER BY r.incident_id, r.ordinal LIMIT $4",
);
static NAMED_DEVICES: Sql = Sql::new(
    "SELECT incident_id, place, incident_id, device_key, ordinal FROM
        (SELECT d.incident_id, d.device_key, d.ordinal,
            row_number() OVER (PARTITION BY d.incident_id ORDER BY d.device_key) AS place
         FROM incidents i JOIN incident_devices d ON d.incident_id = i.id
         WHERE i.user_id = $1 AND d.incident_id >= $2 AND NOT i.hidden) AS named
     WHERE (incident_id, place) > ($2, $3) ORDER BY incident_id, place LIMIT $4",
);
static CANCELS: Sql = Sql::new(
    "SELECT c.incident_id, CAST(0 AS BIGINT), c.incident_id, c.effective, c.body, c.at
     FROM incident_cancels c JOIN incidents i ON i.id = c.incident_id
     WHERE c.user_id = $1 AND c.incident_id > $2 AND CAST($3 AS BIGINT) IS NOT NULL
        AND NOT i.hidden
     ORDER BY c.incident_id LIMIT $4",
);
static ACTIONS: Sql = Sql::new(
    "SELECT a.id, CAST(0 AS BIGINT), a.incident_id, a.action, a.at
     FROM incidents i JOIN incident_actions a ON a.incident_id = i.id
     WHERE i.user_id = $1 AND a.id > $2 AND CAST($3 AS BIGINT) IS NOT NULL AND NOT i.hidden
     ORDER BY a.id LIMIT $4",
);
static VITALS: Sql = Sql::new(
    "SELECT v.incident_id, CAST(0 AS BIGINT), v.incident_id, v.heard_at, v.silent_at,
        v.battery_percent, v.battery_at
     FROM incidents i JOIN incident_vitals v ON v.incident_id = i.id
     WHERE i.user_id = $1 AND v.incident_id > $2 AND CAST($3 AS BIGINT) IS NOT NULL
        AND NOT i.hidden
     ORDER BY v.incident_id LIMIT $4",
);
static DRILLS: Sql = Sql::new(
    "SELECT incident_id, CAST(0 AS BIGINT), incident_id, started_at, ended_at, ended_because
     FROM drills WHERE user_id = $1 AND incident_id > $2 AND CAST($3 AS BIGINT) IS NOT NULL
     ORDER BY incident_id LIMIT $4",
);
static TRAILS: Sql = Sql::new(
    "SELECT t.incident_id, CAST(0 AS BIGINT), t.incident_id, t.points, t.copied_at
     FROM incidents i JOIN incident_trails t ON t.incident_id = i.id
     WHERE i.user_id = $1 AND t.incident_id > $2 AND CAST($3 AS BIGINT) IS NOT NULL
        AND NOT i.hidden
     ORDER BY t.incident_id LIMIT $4",
);
// Somebody else's distress: that it was relayed, and what this phone sent.
static RELAYED: Sql = Sql::new(
    "SELECT r.incident_id, r.ordinal, r.incident_id, r.transport, r.received_at, r.raw
     FROM incident_gateways g JOIN incident_reports r
        ON r.incident_id = g.incident_id AND r.user_id = g.user_id
     WHERE g.user_id = $1 AND (r.incident_id, r.ordinal) > ($2, $3)
     ORDER BY r.incident_id, r.ordinal LIMIT $4",
);
static UNATTRIBUTED: Sql = Sql::new(
    "SELECT id, CAST(0 AS BIGINT), id, transport, device_id, hardware_id, originator_node_id,
        relay_node_id, latitude, longitude, flags, raw, latest_raw, reports, received_at,
        last_received_at
     FROM unattributed WHERE user_id = $1 AND id > $2 AND CAST($3 AS BIGINT) IS NOT NULL
     ORDER BY id LIMIT $4",
);
static DEAD_LETTERS: Sql = Sql::new(
    "SELECT id, CAST(0 AS BIGINT), id, transport, reason, fields, raw, raw_bytes, received_at
     FROM dead_letters WHERE user_id = $1 AND id > $2 AND CAST($3 AS BIGINT) IS NOT NULL
     ORDER BY id LIMIT $4",
);
static SESSIONS: Sql = Sql::new(
    "SELECT id, CAST(0 AS BIGINT), id, subject, device_id, device_name, device_platform, created_at,
        used_at, expires_at, ended_at, end_reason, email
     FROM sessions WHERE user_id = $1 AND id > $2 AND CAST($3 AS BIGINT) IS NOT NULL
     ORDER BY id LIMIT $4",
);
// That there is a PIN and when it changed; of both PINs nothing.
static SIGNATURE: Sql = Sql::new(
    "SELECT s.id, CAST(0 AS BIGINT), s.created_at, s.updated_at, q.questions
     FROM signatures s LEFT JOIN signature_questions q ON q.id = s.id
     WHERE s.id = $1 AND s.id > $2 AND CAST($3 AS BIGINT) IS NOT NULL LIMIT $4",
);
static CODES: Sql = Sql::new(
    "SELECT id, CAST(0 AS BIGINT), purpose, address, updated_at
     FROM verification_codes WHERE user_id = $1 AND id > $2 AND CAST($3 AS BIGINT) IS NOT NULL
     ORDER BY id LIMIT $4",
);
static SETTINGS: Sql = Sql::new(
    "SELECT user_id, CAST(0 AS BIGINT), currency, adv_mode, language, sig_reset_req, ack_tnc,
        ack_privacy, updated_at
     FROM user_settings WHERE user_id = $1 AND user_id > $2 AND CAST($3 AS BIGINT) IS NOT NULL
     LIMIT $4",
);
static ALIASES: Sql = Sql::new(
    "SELECT user_id, place, external_id, created_at FROM
        (SELECT user_id, external_id, created_at,
            row_number() OVER (ORDER BY external_id) AS place
         FROM user_aliases WHERE user_id = $1) AS named
     WHERE (user_id, place) > ($2, $3) ORDER BY place LIMIT $4",
);
// An alert tells of a hidden incident only through it.
static ALERTS: Sql = Sql::new(
    "SELECT a.id, CAST(0 AS BIGINT), a.id, a.kind, a.incident_id, a.detail, a.created_at,
        a.closed_at
     FROM alerts a WHERE a.user_id = $1 AND a.id > $2 AND CAST($3 AS BIGINT) IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM incidents i WHERE i.id = a.incident_id AND i.hidden)
     ORDER BY a.id LIMIT $4",
);
static ATTEMPTS: Sql = Sql::new(
    "SELECT t.id, CAST(0 AS BIGINT), t.id, t.incident_id, t.contact_id, t.channel, t.round,
        t.kind, t.drill, t.name, t.address, t.language, t.state, t.scheduled_at, t.sending_at,
        t.sent_at, t.settled_at, t.skip_reason, t.provider, t.code, t.error, t.answered_by
     FROM incidents i JOIN escalation_attempts t ON t.incident_id = i.id
     WHERE i.user_id = $1 AND t.id > $2 AND CAST($3 AS BIGINT) IS NOT NULL AND NOT i.hidden
     ORDER BY t.id LIMIT $4",
);
static ANSWERS: Sql = Sql::new(
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

static NOTIFICATIONS: Sql = Sql::new(
    "SELECT d.id, CAST(0 AS BIGINT), d.id, d.kind, d.incident_id, d.body, d.state, d.attempts,
        d.created_at, d.delivered_at
     FROM webhook_deliveries d
     WHERE d.user_id = $1 AND d.id > $2 AND CAST($3 AS BIGINT) IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM incidents i WHERE i.id = d.incident_id AND i.hidden)
     ORDER BY d.id LIMIT $4",
);

// Whom one went to is sealed, and wiped when it has gone; the user's address stands
// in the profile.
static MAILS: Sql = Sql::new(
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
];

/// All sections, in the order in which they stand in an export.
pub(super) const SECTIONS: &[Section] = &[
    Section {
        name: "profile",
        statement: &PROFILE,
        page: 2,
        columns: &[
            ("id", Uuid),
            ("external_user_id", Text),
            ("name", Text),
            ("email", Text),
            ("phone", Text),
            ("address", Text),
            ("blocked_at", Time),
            ("created_at", Time),
            ("updated_at", Time),
            ("last_seen_at", Time),
            ("mqtt_seen_at", Time),
        ],
    },
    Section {
        name: "devices",
        statement: &DEVICES,
        page: 500,
        columns: &[
            ("id", Uuid),
            ("hardware_id", Text),
            ("alias", Text),
            ("aliased_at", Time),
            ("firmware_version", Text),
            ("hardware_model", Text),
            ("paired_at", Time),
            ("assigned_at", Time),
            ("created_at", Time),
            ("updated_at", Time),
        ],
    },
    Section {
        name: "contacts",
        statement: &CONTACTS,
        page: 500,
        columns: &[
            ("id", Uuid),
            ("name", Text),
            ("phone", Text),
            ("email", Text),
            ("priority", Number),
            ("language", Text),
            ("created_at", Time),
            ("updated_at", Time),
        ],
    },
    Section {
        name: "check_ins",
        statement: &CHECK_INS,
        page: 2,
        columns: &[
            ("id", Uuid),
            ("minutes", Number),
            ("message", Text),
            ("started_at", Time),
            ("due_at", Time),
        ],
    },
    Section {
        name: "incidents",
        statement: &INCIDENTS,
        page: 100,
        columns: &[
            ("id", Uuid),
            ("state", Text),
            ("drill", Truth),
            ("created_at", Time),
            ("updated_at", Time),
            ("acknowledged_at", Time),
            ("cancelled_at", Time),
            ("resolved_at", Time),
            ("source", Text),
            ("trigger_source", Text),
            ("relay_source", Text),
            ("owner", Text),
            ("originator_node_id", Number),
            ("relay_node_id", Number),
            ("device_id", Text),
            ("hardware_id", Text),
            ("message", Text),
            ("latitude", Float),
            ("longitude", Float),
            ("altitude", Float),
            ("position_source", Text),
            ("position_at", Time),
            ("actuators", Json),
            ("opening", Json),
            ("flags", Text),
            ("client_incident_id", Text),
            ("correlation_id", Text),
            ("cycle_key", Text),
            ("round", Number),
            ("triggers", Number),
            ("last_trigger_at", Time),
        ],
    },
    Section {
        name: "events",
        statement: &EVENTS,
        page: 500,
        columns: &[
            ("id", Uuid),
            ("seq", Number),
            ("incident_id", Uuid),
            ("kind", Text),
            ("created_at", Time),
            ("body", Json),
        ],
    },
    Section {
        name: "incident_reports",
        statement: &REPORTS,
        page: 20,
        columns: &[
            ("incident_id", Uuid),
            ("ordinal", Number),
            ("transport", Text),
            ("received_at", Time),
            ("occurred_at", Time),
            ("latitude", Float),
            ("longitude", Float),
            ("altitude", Float),
            ("raw", Bytes),
        ],
    },
    Section {
        name: "incident_devices",
        statement: &NAMED_DEVICES,
        page: 500,
        columns: &[("incident_id", Uuid), ("device", Text), ("ordinal", Number)],
    },
    Section {
        name: "cancels",
        statement: &CANCELS,
        page: 20,
        columns: &[
            ("incident_id", Uuid),
            ("effective", Truth),
            ("body", Json),
            ("at", Time),
        ],
    },
    Section {
        name: "operator_actions",
        statement: &ACTIONS,
        page: 100,
        columns: &[("incident_id", Uuid), ("action", Text), ("at", Time)],
    },
    Section {
        name: "incident_phones",
        statement: &VITALS,
        page: 100,
        columns: &[
            ("incident_id", Uuid),
            ("heard_at", Time),
            ("silent_at", Time),
            ("battery_percent", Number),
            ("battery_at", Time),
        ],
    },
    Section {
        name: "drills",
        statement: &DRILLS,
        page: 100,
        columns: &[
            ("incident_id", Uuid),
            ("started_at", Time),
            ("ended_at", Time),
            ("ended_because", Text),
        ],
    },
    Section {
        name: "incident_trails",
        statement: &TRAILS,
        page: 1,
        columns: &[("incident_id", Uuid), ("points", Json), ("copied_at", Time)],
    },
    Section {
        name: "escalation_attempts",
        statement: &ATTEMPTS,
        page: 100,
        columns: &[
            ("id", Uuid),
            ("incident_id", Uuid),
            ("contact_id", Uuid),
            ("channel", Text),
            ("round", Number),
            ("kind", Text),
            ("drill", Truth),
            ("name", Text),
            ("address", Text),
            ("language", Text),
            ("state", Text),
            ("scheduled_at", Time),
            ("sending_at", Time),
            ("sent_at", Time),
            ("settled_at", Time),
            ("skip_reason", Text),
            ("provider", Text),
            ("code", Text),
            ("error", Text),
            ("answered_by", Text),
        ],
    },
    Section {
        name: "escalation_answers",
        statement: &ANSWERS,
        page: 100,
        columns: &[
            ("incident_id", Uuid),
            ("answer", Text),
            ("round", Number),
            ("contact_id", Uuid),
            ("name", Text),
            ("means", Text),
            ("at", Time),
        ],
    },
    Section {
        name: "relayed_sos",
        statement: &RELAYED,
        page: 20,
        columns: &[
            ("incident_id", Uuid),
            ("transport", Text),
            ("received_at", Time),
            ("raw", Bytes),
        ],
    },
    Section {
        name: "unattributed_sos",
        statement: &UNATTRIBUTED,
        page: 20,
        columns: &[
            ("id", Uuid),
            ("transport", Text),
            ("device_id", Text),
            ("hardware_id", Text),
            ("originator_node_id", Number),
            ("relay_node_id", Number),
            ("latitude", Float),
            ("longitude", Float),
            ("flags", Text),
            ("raw", Bytes),
            ("latest_raw", Bytes),
            ("reports", Number),
            ("received_at", Time),
            ("last_received_at", Time),
        ],
    },
    Section {
        name: "dead_letters",
        statement: &DEAD_LETTERS,
        page: 20,
        columns: &[
            ("id", Uuid),
            ("transport", Text),
            ("reason", Text),
            ("fields", Json),
            ("raw", Bytes),
            ("raw_bytes", Number),
            ("received_at", Time),
        ],
    },
    Section {
        name: "sessions",
        statement: &SESSIONS,
        page: 500,
        columns: &[
            ("id", Uuid),
            ("subject", Text),
            ("device_id", Text),
            ("device_name", Text),
            ("device_platform", Text),
            ("created_at", Time),
            ("used_at", Time),
            ("expires_at", Time),
            ("ended_at", Time),
            ("end_reason", Text),
            ("email", Text),
        ],
    },
    Section {
        name: "signature",
        statement: &SIGNATURE,
        page: 10,
        columns: &[
            ("created_at", Time),
            ("updated_at", Time),
            ("questions", Json),
        ],
    },
    Section {
        name: "verification_codes",
        statement: &CODES,
        page: 100,
        columns: &[("purpose", Text), ("address", Text), ("updated_at", Time)],
    },
    Section {
        name: "settings",
        statement: &SETTINGS,
        page: 10,
        columns: &[
            ("currency", Text),
            ("adv_mode", Truth),
            ("language", Text),
            ("sig_reset_req", Truth),
            ("ack_tnc", Truth),
            ("ack_privacy", Truth),
            ("updated_at", Time),
        ],
    },
    Section {
        name: "former_names",
        statement: &ALIASES,
        page: 100,
        columns: &[("external_id", Text), ("linked_at", Time)],
    },
    Section {
        name: "alerts",
        statement: &ALERTS,
        page: 100,
        columns: &[
            ("id", Uuid),
            ("kind", Text),
            ("incident_id", Uuid),
            ("detail", Json),
            ("created_at", Time),
            ("closed_at", Time),
        ],
    },
    Section {
        name: "partner_notifications",
        statement: &NOTIFICATIONS,
        page: 100,
        columns: &[
            ("id", Uuid),
            ("type", Text),
            ("incident_id", Uuid),
            ("body", Json),
            ("state", Text),
            ("attempts", Number),
            ("created_at", Time),
            ("delivered_at", Time),
        ],
    },
    Section {
        name: "mails",
        statement: &MAILS,
        page: 500,
        columns: &[
            ("id", Uuid),
            ("kind", Text),
            ("language", Text),
            ("state", Text),
            ("created_at", Time),
            ("ended_at", Time),
        ],
    },
];
