CREATE TABLE incidents (
    id                 UUID   NOT NULL PRIMARY KEY,
    app_id             UUID   NOT NULL REFERENCES apps (id),
    user_id            UUID   NOT NULL REFERENCES users (id),
    -- active, acknowledged, resolved, cancelled
    state              TEXT   NOT NULL,
    -- Both lie outside the rule of one open incident per user.
    drill              BOOLEAN NOT NULL DEFAULT FALSE,
    hidden             BOOLEAN NOT NULL DEFAULT FALSE,
    created_at         BIGINT NOT NULL,
    updated_at         BIGINT NOT NULL,
    acknowledged_at    BIGINT,
    cancelled_at       BIGINT,
    resolved_at        BIGINT,
    -- Where it came from; set at opening, never overwritten.
    source             TEXT,
    trigger_source     TEXT,
    relay_source       TEXT,
    owner              TEXT,
    originator_node_id BIGINT,
    relay_node_id      BIGINT,
    device_id          TEXT,
    hardware_id        TEXT,
    message            TEXT,
    latitude           DOUBLE PRECISION,
    longitude          DOUBLE PRECISION,
    altitude           DOUBLE PRECISION,
    -- sos, telemetry, last_known
    position_source    TEXT,
    position_at        BIGINT,
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
    snapshot_version   BIGINT NOT NULL,
    round              BIGINT NOT NULL,
    triggers           BIGINT NOT NULL,
    last_trigger_at    BIGINT NOT NULL,
    exhausted_at       BIGINT,
    -- How far the owner's phone is ahead of us.
    phone_offset       BIGINT NOT NULL,
    -- When operators were told that it has gone silent.
    silent_raised_at   BIGINT,
    -- All its events but the last are gone, as their time was over.
    events_pruned      BOOLEAN NOT NULL DEFAULT FALSE
);

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
    incident_id UUID   NOT NULL REFERENCES incidents (id),
    ordinal     BIGINT NOT NULL,
    user_id     UUID   NOT NULL,
    transport   TEXT   NOT NULL,
    received_at BIGINT NOT NULL,
    -- By the phone's clock.
    occurred_at BIGINT NOT NULL,
    latitude    DOUBLE PRECISION,
    longitude   DOUBLE PRECISION,
    altitude    DOUBLE PRECISION,
    raw         BYTEA,
    PRIMARY KEY (incident_id, ordinal)
);

-- Devices that later triggers of an incident named, beside those in its own row.
CREATE TABLE incident_devices (
    incident_id UUID   NOT NULL REFERENCES incidents (id),
    -- In lower case, as devices are matched.
    device_key  TEXT   NOT NULL,
    -- The number of the last trigger that named it.
    ordinal     BIGINT NOT NULL,
    PRIMARY KEY (incident_id, device_key)
);

-- Who relayed an incident of somebody else, and may therefore cancel it.
CREATE TABLE incident_gateways (
    incident_id UUID   NOT NULL REFERENCES incidents (id),
    user_id     UUID   NOT NULL,
    first_at    BIGINT NOT NULL,
    PRIMARY KEY (incident_id, user_id)
);

-- What each user said when cancelling, lastly. body is JSON without any PIN.
CREATE TABLE incident_cancels (
    incident_id UUID   NOT NULL REFERENCES incidents (id),
    user_id     UUID   NOT NULL,
    -- Whether it ended the incident.
    effective   BOOLEAN NOT NULL,
    body        TEXT   NOT NULL,
    at          BIGINT NOT NULL,
    PRIMARY KEY (incident_id, user_id)
);

-- The telemetry of an ended incident, so that retention does not eat history.
-- points is JSON: [[microseconds, latitude, longitude, altitude or null], ..].
CREATE TABLE incident_trails (
    incident_id UUID   NOT NULL PRIMARY KEY REFERENCES incidents (id),
    points      TEXT   NOT NULL,
    copied_at   BIGINT NOT NULL
);

-- Triggers that were heard, by their sender, so that a redelivery is recognised.
CREATE TABLE trigger_keys (
    user_id     UUID   NOT NULL,
    digest      BYTEA  NOT NULL,
    -- One of both is set: what the trigger became.
    incident_id UUID,
    record_id   UUID,
    expires_at  BIGINT NOT NULL,
    PRIMARY KEY (user_id, digest)
);

CREATE INDEX trigger_keys_expiry ON trigger_keys (expires_at);
