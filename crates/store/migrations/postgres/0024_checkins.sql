-- Running check-in timers: one per user. A row goes when its timer is stopped or
-- has become an SOS.
CREATE TABLE checkins (
    user_id    UUID   NOT NULL PRIMARY KEY REFERENCES users (id),
    -- New with each start: the job of an earlier one finds nothing.
    id         UUID   NOT NULL UNIQUE,
    app_id     UUID   NOT NULL REFERENCES apps (id),
    minutes    BIGINT NOT NULL,
    message    TEXT,
    started_at BIGINT NOT NULL,
    due_at     BIGINT NOT NULL
);
