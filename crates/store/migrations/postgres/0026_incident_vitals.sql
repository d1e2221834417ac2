-- Whether the phone of an open incident still speaks, and its battery.
CREATE TABLE incident_vitals (
    incident_id     UUID   NOT NULL PRIMARY KEY REFERENCES incidents (id),
    heard_at        BIGINT NOT NULL,
    -- When its silence was told; null while it speaks.
    silent_at       BIGINT,
    battery_percent BIGINT,
    battery_at      BIGINT,
    -- When its low battery was told; null while it is charged.
    battery_low_at  BIGINT
);
