-- Drills: each is an incident beside the real ones.
CREATE TABLE drills (
    incident_id   BLOB   NOT NULL PRIMARY KEY REFERENCES incidents (id),
    user_id       BLOB   NOT NULL REFERENCES users (id),
    started_at    INTEGER NOT NULL,
    ended_at      INTEGER,
    -- acknowledged, unanswered, stopped, real_sos, timed_out
    ended_because TEXT
) STRICT;

CREATE UNIQUE INDEX drills_one_running ON drills (user_id) WHERE ended_at IS NULL;
CREATE INDEX drills_by_user ON drills (user_id, started_at);
