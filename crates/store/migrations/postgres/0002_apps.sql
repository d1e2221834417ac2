-- Apps and their signing secrets.
CREATE TABLE apps (
    id               UUID    NOT NULL PRIMARY KEY,
    -- The public id, beginning with a letter or digit.
    app_id           TEXT    COLLATE "C" NOT NULL UNIQUE,
    name             TEXT    NOT NULL,
    require_expiring BOOLEAN NOT NULL,
    -- relay_only or any_user.
    cancel_policy    TEXT    NOT NULL,
    created_at       BIGINT  NOT NULL,
    deactivated_at   BIGINT
);

CREATE TABLE app_secrets (
    id         UUID   NOT NULL PRIMARY KEY,
    app_id     UUID   NOT NULL REFERENCES apps (id),
    -- Sealed with the master key that key_id names; wiped when retired.
    sealed     BYTEA,
    key_id     TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    retired_at BIGINT
);

CREATE INDEX app_secrets_by_app ON app_secrets (app_id, created_at);
