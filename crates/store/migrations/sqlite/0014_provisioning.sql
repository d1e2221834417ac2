-- What an app tells the devices of a country: country is two upper-case
-- letters, or default. body is a JSON object.
CREATE TABLE device_configs (
    app_id     BLOB    NOT NULL REFERENCES apps (id),
    country    TEXT    NOT NULL,
    body       TEXT    NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (app_id, country)
) STRICT;

-- The keys that the devices of a radio network share.
CREATE TABLE network_keys (
    id          BLOB    NOT NULL PRIMARY KEY,
    -- Null: for the devices of every app that has no key of its own.
    app_id      BLOB    REFERENCES apps (id),
    -- One key each: an app's public id, or * for the global one.
    slot        TEXT    NOT NULL UNIQUE,
    -- Sealed with the master key that key_id names.
    sealed      BLOB    NOT NULL,
    key_id      TEXT    NOT NULL,
    fingerprint TEXT    NOT NULL,
    created_at  INTEGER NOT NULL
) STRICT;
