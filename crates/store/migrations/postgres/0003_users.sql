-- The users of apps, made at their first authenticated contact.
CREATE TABLE users (
    id           UUID   NOT NULL PRIMARY KEY,
    app_id       UUID   NOT NULL REFERENCES apps (id),
    -- The partner's id of the user, compared byte for byte.
    external_id  TEXT   COLLATE "C" NOT NULL,
    name         TEXT,
    email        TEXT,
    phone        TEXT,
    address      TEXT,
    -- The number of the user's newest event.
    event_seq    BIGINT NOT NULL DEFAULT 0,
    blocked_at   BIGINT,
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL,
    -- Both to the quarter of an hour.
    last_seen_at BIGINT NOT NULL,
    mqtt_seen_at BIGINT,
    UNIQUE (app_id, external_id)
);

CREATE INDEX users_blocked ON users (id) WHERE blocked_at IS NOT NULL;
