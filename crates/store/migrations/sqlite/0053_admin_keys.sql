-- Keys with which an operator's programs call the admin API. Only a digest of each is
-- kept.
CREATE TABLE admin_keys (
    id         BLOB NOT NULL PRIMARY KEY,
    -- Null: the key is good for every app.
    app_id     BLOB REFERENCES apps (id),
    name       TEXT NOT NULL,
    digest     TEXT NOT NULL UNIQUE,
    -- Whether it changes nothing.
    read_only  INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT;
