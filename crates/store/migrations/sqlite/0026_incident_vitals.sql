-- Whether the phone of an open incident still speaks, and its battery.
CREATE TABLE incident_vitals (
    incident_id     BLOB   NOT NULL PRIMARY KEY REFERENCES incidents (id),
    heard_at        INTEGER NOT NULL,
    -- When its silence was told; null while it speaks.
    silent_at       INTEGER,
    battery_percent INTEGER,
    battery_at      INTEGER,
    -- When its low battery was told; null while it is charged.
    battery_low_at  INTEGER
) STRICT;
