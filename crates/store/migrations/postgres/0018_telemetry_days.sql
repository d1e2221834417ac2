-- Telemetry by the UTC day of its samples: retention drops a day instead of
-- deleting its rows. The days are made ahead of time while a server runs; what
-- has no day of its own lies in telemetry_other.
ALTER TABLE telemetry RENAME TO telemetry_before;
ALTER INDEX telemetry_pkey RENAME TO telemetry_before_pkey;
DROP INDEX telemetry_by_incident;
DROP INDEX telemetry_by_age;
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
) PARTITION BY RANGE (measured_at);
CREATE INDEX telemetry_by_incident ON telemetry (incident_id, measured_at) WHERE incident_id IS NOT NULL;
CREATE TABLE telemetry_other PARTITION OF telemetry DEFAULT;
CREATE INDEX telemetry_other_by_age ON telemetry_other USING BRIN (received_at);
INSERT INTO telemetry SELECT * FROM telemetry_before;
DROP TABLE telemetry_before;
