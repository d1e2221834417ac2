CREATE TABLE incidents (
    id                 BLOB   NOT NULL PRIMARY KEY,
    app_id             BLOB   NOT NULL REFERENCES apps (id),
    user_id            BLOB   NOT NULL REFERENCES users (id),
    -- active, acknowledged, resolved, cancelled
    state              TEXT   NOT NULL,
    -- Both lie outside the rule of one open incident per user.
    drill              INTEGER NOT NULL DEFAULT 0,
    hidden             INTEGER NOT NULL DEFAULT 0,
    created_at         INTEGER NOT NULL,
    updated_at         INTEGER NOT NULL,
    acknowledged_at    INTEGER,
    cancelled_at       INTEGER,
    resolved_at        INTEGER,
    -- Where it came from; set at opening, never overwritten.
    source             TEXT,
    trigger_source     TEXT,
    relay_source       TEXT,
    owner              TEXT,
    originator_node_id INTEGER,
    relay_node_id      INTEGER,
    device_id          TEXT,
    hardware_id        TEXT,
    message            TEXT,
    latitude           REAL,
    longitude          REAL,
    altitude           REAL,
    -- sos, telemetry, last_known
    position_source    TEXT,
    position_at        INTEGER,
    -- JSON: the items of the actuator plan.
    actuators          TEXT   NOT NULL,
    -- JSON: what the first trigger measured.
    opening            TEXT   NOT NULL,
    -- Words joined by commas.
    flags              TEXT   NOT NULL,
    client_incident_id TEXT,
    correlation_id     TEXT,
    cycle_key          TEXT,
    -- Raised with each event of the incident.
    snapshot_version   INTEGER NOT NULL,
    round              INTEGER NOT NULL,
    triggers           INTEGER NOT NULL,
    last_trigger_at    INTEGER NOT NULL,
    exhausted_at       INTEGER,
    -- How far the owner's phone is ahead of us.
    phone_offset       INTEGER NOT NULL,
    -- When operators were told that it has gone silent.
    silent_raised_at   INTEGER,
    -- All its events but the last are gone, as their time was over.
    events_pruned      INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE UNIQUE INDEX incidents_one_open ON incidents (user_id)
    WHERE state IN ('active', 'acknowledged') AND NOT drill AND NOT hidden;
CREATE INDEX incidents_open ON incidents (last_trigger_at)
    WHERE state IN ('active', 'acknowledged') AND NOT drill AND NOT hidden;
CREATE INDEX incidents_to_prune ON incidents (updated_at)
    WHERE state IN ('resolved', 'cancelled') AND NOT events_pruned;
CREATE INDEX incidents_history ON incidents (user_id, created_at, id);

-- Each trigger of an incident, the opening one first. raw is kept of the first
-- and of the last few.
CREATE TABLE incident_reports (
    incident_id BLOB   NOT NULL REFERENCES incidents (id),
    ordinal     INTEGER NOT NULL,
    user_id     BLOB   NOT NULL,
    transport   TEXT   NOT NULL,
    received_at INTEGER NOT NULL,
    -- By the phone's clock.
    occurred_at INTEGER NOT NULL,
    latitude    REAL,
    longitude   REAL,
    altitude    REAL,
    raw         BLOB,
    PRIMARY KEY (incident_id, ordinal)
) STRICT;

-- Devices that later triggers of an incident named, beside those in its own row.
CREATE TABLE incident_devices (
    incident_id BLOB   NOT NULL REFERENCES incidents (id),
    -- In lower case, as devices are matched.
    device_key  TEXT   NOT NULL,
    -- The number of the last trigger that named it.
    ordinal     INTEGER NOT NULL,
    PRIMARY KEY (incident_id, device_key)
) STRICT;

-- Who relayed an incident of somebody else, and may therefore cancel it.
CREATE TABLE incident_gateways (
    incident_id BLOB   NOT NULL REFERENCES incidents (id),
    user_id     BLOB   NOT NULL,
    first_at    INTEGER NOT NULL,
    PRIMARY KEY (incident_id, user_id)
) STRICT;

-- What each user said when cancelling, lastly. body is JSON without any PIN.
CREATE TABLE incident_cancels (
    incident_id BLOB   NOT NULL REFERENCES incidents (id),
    user_id     BLOB   NOT NULL,
    -- Whether it ended the incident.
    effective   INTEGER NOT NULL,
    body        TEXT   NOT NULL,
    at          INTEGER NOT NULL,
    PRIMARY KEY (incident_id, user_id)
) STRICT;

-- The telemetry of an ended incident, so that retention does not eat history.
-- points is JSON: [[microseconds, latitude, longitude, altitude or null], ..].
CREATE TABLE incident_trails (
    incident_id BLOB   NOT NULL PRIMARY KEY REFERENCES incidents (id),
    points      TEXT   NOT NULL,
    copied_at   INTEGER NOT NULL
) STRICT;

-- Triggers that were heard, by their sender, so that a redelivery is recognised.
CREATE TABLE trigger_keys (
    user_id     BLOB   NOT NULL,
    digest      BLOB  NOT NULL,
    -- One of both is set: what the trigger became.
    incident_id BLOB,
    record_id   BLOB,
    expires_at  INTEGER NOT NULL,
    PRIMARY KEY (user_id, digest)
) STRICT;

CREATE INDEX trigger_keys_expiry ON trigger_keys (expires_at);
