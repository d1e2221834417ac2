-- The users of apps, made at their first authenticated contact.
CREATE TABLE users (
    id           BLOB    NOT NULL PRIMARY KEY,
    app_id       BLOB    NOT NULL REFERENCES apps (id),
    -- The partner's id of the user, compared byte for byte.
    external_id  TEXT    NOT NULL,
    name         TEXT,
    email        TEXT,
    phone        TEXT,
    address      TEXT,
    -- The number of the user's newest event.
    event_seq    INTEGER NOT NULL DEFAULT 0,
    blocked_at   INTEGER,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    -- Both to the quarter of an hour.
    last_seen_at INTEGER NOT NULL,
    mqtt_seen_at INTEGER,
    UNIQUE (app_id, external_id)
) STRICT;

CREATE INDEX users_blocked ON users (id) WHERE blocked_at IS NOT NULL;
