-- Keys with which an app's backend calls us. Only a digest of each is kept.
CREATE TABLE partner_keys (
    id         BLOB NOT NULL PRIMARY KEY,
    app_id     BLOB NOT NULL REFERENCES apps (id),
    name       TEXT NOT NULL,
    digest     TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    -- When it ends by itself: a key that another one replaces.
    expires_at INTEGER,
    revoked_at INTEGER
) STRICT;

CREATE INDEX partner_keys_by_app ON partner_keys (app_id, created_at);
