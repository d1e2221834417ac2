-- Who lists which device. Relays of a device are the SOS of the user who has
-- listed it longest; that is computed, never stored.
CREATE TABLE devices (
    id               BLOB   NOT NULL PRIMARY KEY,
    app_id           BLOB   NOT NULL REFERENCES apps (id),
    user_id          BLOB   NOT NULL REFERENCES users (id),
    hardware_id      TEXT   NOT NULL,
    -- Lower case, as compared.
    hardware_key     TEXT   NOT NULL,
    -- Another text that names the device, learnt from an SOS, and since when.
    alias            TEXT,
    alias_key        TEXT,
    aliased_at       INTEGER,
    firmware_version TEXT,
    hardware_model   TEXT,
    paired_at        INTEGER,
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    UNIQUE (user_id, hardware_key)
) STRICT;

CREATE INDEX devices_by_hardware ON devices (app_id, hardware_key);
CREATE INDEX devices_by_alias ON devices (app_id, alias_key) WHERE alias_key IS NOT NULL;
