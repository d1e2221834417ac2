-- Running check-in timers: one per user. A row goes when its timer is stopped or
-- has become an SOS.
CREATE TABLE checkins (
    user_id    BLOB   NOT NULL PRIMARY KEY REFERENCES users (id),
    -- New with each start: the job of an earlier one finds nothing.
    id         BLOB   NOT NULL UNIQUE,
    app_id     BLOB   NOT NULL REFERENCES apps (id),
    minutes    INTEGER NOT NULL,
    message    TEXT,
    started_at INTEGER NOT NULL,
    due_at     INTEGER NOT NULL
) STRICT;
