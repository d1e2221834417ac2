-- Relayed SOS of devices that nobody has registered. raw is kept of the first
-- and of the last few of each gateway, and for a time; then it is empty.
CREATE TABLE unattributed (
    id                 BLOB   NOT NULL PRIMARY KEY,
    app_id             BLOB   NOT NULL REFERENCES apps (id),
    -- The gateway's user.
    user_id            BLOB   NOT NULL REFERENCES users (id),
    transport          TEXT   NOT NULL,
    device_id          TEXT,
    hardware_id        TEXT,
    originator_node_id INTEGER,
    relay_node_id      INTEGER,
    latitude           REAL,
    longitude          REAL,
    flags              TEXT   NOT NULL,
    raw                BLOB  NOT NULL,
    received_at        INTEGER NOT NULL,
    -- The incident that it became when it was sent again for a device that had
    -- been registered meanwhile.
    incident_id        BLOB
) STRICT;

CREATE INDEX unattributed_by_app ON unattributed (app_id, id);
CREATE INDEX unattributed_by_gateway ON unattributed (user_id, id);
CREATE INDEX unattributed_with_body ON unattributed (received_at) WHERE length(raw) > 0;

-- What operators are told.
CREATE TABLE alerts (
    id          BLOB   NOT NULL PRIMARY KEY,
    app_id      BLOB   NOT NULL REFERENCES apps (id),
    -- cancel_requested, silent_incident, unattributed_sos, contested_device
    kind        TEXT   NOT NULL,
    -- One open alert per key.
    key         TEXT   NOT NULL,
    user_id     BLOB,
    incident_id BLOB,
    -- JSON for a person to read.
    detail      TEXT   NOT NULL,
    created_at  INTEGER NOT NULL,
    -- When what it is about was over.
    closed_at   INTEGER
) STRICT;

CREATE UNIQUE INDEX alerts_one_open ON alerts (key) WHERE closed_at IS NULL;
CREATE INDEX alerts_closed ON alerts (closed_at) WHERE closed_at IS NOT NULL;
CREATE INDEX alerts_by_app ON alerts (app_id, id);
CREATE INDEX alerts_by_incident ON alerts (incident_id) WHERE incident_id IS NOT NULL;
