-- Apps and their signing secrets.
CREATE TABLE apps (
    id               BLOB    NOT NULL PRIMARY KEY,
    -- The public id, beginning with a letter or digit.
    app_id           TEXT    NOT NULL UNIQUE,
    name             TEXT    NOT NULL,
    require_expiring INTEGER NOT NULL,
    -- relay_only or any_user.
    cancel_policy    TEXT    NOT NULL,
    created_at       INTEGER NOT NULL,
    deactivated_at   INTEGER
) STRICT;

CREATE TABLE app_secrets (
    id         BLOB    NOT NULL PRIMARY KEY,
    app_id     BLOB    NOT NULL REFERENCES apps (id),
    -- Sealed with the master key that key_id names; wiped when retired.
    sealed     BLOB,
    key_id     TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    retired_at INTEGER
) STRICT;

CREATE INDEX app_secrets_by_app ON app_secrets (app_id, created_at);
