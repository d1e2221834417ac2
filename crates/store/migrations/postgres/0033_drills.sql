-- Drills: each is an incident beside the real ones.
CREATE TABLE drills (
    incident_id   UUID   NOT NULL PRIMARY KEY REFERENCES incidents (id),
    user_id       UUID   NOT NULL REFERENCES users (id),
    started_at    BIGINT NOT NULL,
    ended_at      BIGINT,
    -- acknowledged, unanswered, stopped, real_sos, timed_out
    ended_because TEXT
);

CREATE UNIQUE INDEX drills_one_running ON drills (user_id) WHERE ended_at IS NULL;
CREATE INDEX drills_by_user ON drills (user_id, started_at);
