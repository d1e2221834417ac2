-- Numbered per user, in commit order. body is JSON without userId.
CREATE TABLE events (
    id BLOB PRIMARY KEY NOT NULL,
    user_id BLOB NOT NULL REFERENCES users (id),
    seq INTEGER NOT NULL,
    app_id BLOB NOT NULL,
    incident_id BLOB NOT NULL,
    kind TEXT NOT NULL,
    snapshot_version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (user_id, seq)
) STRICT;
CREATE INDEX events_by_incident ON events (incident_id, seq);
