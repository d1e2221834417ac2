-- Samples that the telemetry writer could not take in time; a worker moves
-- them on in the order of id. revision counts resends, so that a row that
-- changed while it was being moved is not deleted.
CREATE TABLE spill (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    user_id BLOB NOT NULL,
    measured_at INTEGER NOT NULL,
    device TEXT NOT NULL,
    event_id TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    latitude REAL NOT NULL,
    longitude REAL NOT NULL,
    altitude REAL,
    accuracy_m REAL,
    incident_id BLOB,
    raw TEXT NOT NULL,
    revision INTEGER NOT NULL DEFAULT 0,
    UNIQUE (user_id, measured_at, device, event_id)
) STRICT;
CREATE INDEX spill_by_incident ON spill (incident_id, measured_at) WHERE incident_id IS NOT NULL;

-- Telemetry bodies that could not be stored as samples, for operators.
CREATE TABLE dead_letters (
    id BLOB PRIMARY KEY NOT NULL,
    app_id BLOB NOT NULL,
    user_id BLOB NOT NULL,
    transport TEXT NOT NULL,
    reason TEXT NOT NULL,
    fields TEXT NOT NULL,
    raw BLOB NOT NULL,
    raw_bytes INTEGER NOT NULL,
    received_at INTEGER NOT NULL
) STRICT;
CREATE INDEX dead_letters_by_app ON dead_letters (app_id, id);
CREATE INDEX dead_letters_by_age ON dead_letters (received_at);
