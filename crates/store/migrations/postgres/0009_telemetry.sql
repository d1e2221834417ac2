-- Samples that the telemetry writer could not take in time; a worker moves
-- them on in the order of id. revision counts resends, so that a row that
-- changed while it was being moved is not deleted.
CREATE TABLE spill (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id UUID NOT NULL,
    measured_at BIGINT NOT NULL,
    device TEXT NOT NULL,
    event_id TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    latitude DOUBLE PRECISION NOT NULL,
    longitude DOUBLE PRECISION NOT NULL,
    altitude DOUBLE PRECISION,
    accuracy_m DOUBLE PRECISION,
    incident_id UUID,
    raw TEXT NOT NULL,
    revision BIGINT NOT NULL DEFAULT 0,
    UNIQUE (user_id, measured_at, device, event_id)
);
CREATE INDEX spill_by_incident ON spill (incident_id, measured_at) WHERE incident_id IS NOT NULL;

-- Telemetry bodies that could not be stored as samples, for operators.
CREATE TABLE dead_letters (
    id UUID PRIMARY KEY NOT NULL,
    app_id UUID NOT NULL,
    user_id UUID NOT NULL,
    transport TEXT NOT NULL,
    reason TEXT NOT NULL,
    fields TEXT NOT NULL,
    raw BYTEA NOT NULL,
    raw_bytes BIGINT NOT NULL,
    received_at BIGINT NOT NULL
);
CREATE INDEX dead_letters_by_app ON dead_letters (app_id, id);
CREATE INDEX dead_letters_by_age ON dead_letters (received_at);

-- Telemetry itself lies in files of its own beside SQLite, and in these two
-- tables on PostgreSQL.
CREATE TABLE telemetry (
    user_id UUID NOT NULL,
    measured_at BIGINT NOT NULL,
    device TEXT NOT NULL,
    event_id TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    latitude DOUBLE PRECISION NOT NULL,
    longitude DOUBLE PRECISION NOT NULL,
    altitude DOUBLE PRECISION,
    accuracy_m DOUBLE PRECISION,
    incident_id UUID,
    raw TEXT NOT NULL,
    PRIMARY KEY (user_id, measured_at, device, event_id)
);
CREATE INDEX telemetry_by_incident ON telemetry (incident_id, measured_at) WHERE incident_id IS NOT NULL;
CREATE INDEX telemetry_by_age ON telemetry USING BRIN (received_at);

CREATE TABLE telemetry_latest (
    user_id UUID PRIMARY KEY NOT NULL,
    measured_at BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    latitude DOUBLE PRECISION NOT NULL,
    longitude DOUBLE PRECISION NOT NULL,
    altitude DOUBLE PRECISION,
    accuracy_m DOUBLE PRECISION
);
