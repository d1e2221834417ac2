-- Numbered per user, in commit order. body is JSON without userId.
CREATE TABLE events (
    id UUID PRIMARY KEY NOT NULL,
    user_id UUID NOT NULL REFERENCES users (id),
    seq BIGINT NOT NULL,
    app_id UUID NOT NULL,
    incident_id UUID NOT NULL,
    kind TEXT NOT NULL,
    snapshot_version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (user_id, seq)
);
CREATE INDEX events_by_incident ON events (incident_id, seq);
