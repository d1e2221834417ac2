-- Keys of external MQTT brokers. Only a digest of each is kept.
CREATE TABLE broker_keys (
    id         UUID    NOT NULL PRIMARY KEY,
    -- Null: the broker serves every app.
    app_id     UUID    REFERENCES apps (id),
    name       TEXT    NOT NULL,
    digest     TEXT    NOT NULL UNIQUE,
    created_at BIGINT  NOT NULL,
    revoked_at BIGINT
);
