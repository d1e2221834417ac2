-- Firmware releases of apps. state: incomplete (being sent, or being removed),
-- draft, published, withdrawn.
CREATE TABLE firmware_releases (
    id             UUID    NOT NULL PRIMARY KEY,
    app_id         UUID    NOT NULL REFERENCES apps (id),
    hardware_model TEXT    NOT NULL,
    -- In lower case, as models are compared.
    model_key      TEXT    NOT NULL,
    version        TEXT    NOT NULL,
    notes          TEXT    NOT NULL,
    size_bytes     BIGINT  NOT NULL,
    -- Lower-case hex; empty while incomplete.
    sha256         TEXT    NOT NULL,
    state          TEXT    NOT NULL,
    created_at     BIGINT  NOT NULL,
    updated_at     BIGINT  NOT NULL,
    UNIQUE (app_id, model_key, version)
);

CREATE INDEX firmware_releases_incomplete ON firmware_releases (updated_at)
    WHERE state = 'incomplete';

-- Their bytes, in pieces of 256 KiB but for the last, so that neither a write
-- nor a download holds more of them at once.
CREATE TABLE firmware_chunks (
    release_id UUID    NOT NULL REFERENCES firmware_releases (id),
    ordinal    BIGINT  NOT NULL,
    bytes      BYTEA   NOT NULL,
    PRIMARY KEY (release_id, ordinal)
);
