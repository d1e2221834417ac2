-- Who lists which device. Relays of a device are the SOS of the user who has
-- listed it longest; that is computed, never stored.
CREATE TABLE devices (
    id               UUID   NOT NULL PRIMARY KEY,
    app_id           UUID   NOT NULL REFERENCES apps (id),
    user_id          UUID   NOT NULL REFERENCES users (id),
    hardware_id      TEXT   NOT NULL,
    -- Lower case, as compared.
    hardware_key     TEXT   NOT NULL,
    -- Another text that names the device, learnt from an SOS, and since when.
    alias            TEXT,
    alias_key        TEXT,
    aliased_at       BIGINT,
    firmware_version TEXT,
    hardware_model   TEXT,
    paired_at        BIGINT,
    created_at       BIGINT NOT NULL,
    updated_at       BIGINT NOT NULL,
    UNIQUE (user_id, hardware_key)
);

CREATE INDEX devices_by_hardware ON devices (app_id, hardware_key);
CREATE INDEX devices_by_alias ON devices (app_id, alias_key) WHERE alias_key IS NOT NULL;
