-- One row: raised by every change to apps, secrets, policies and blocks.
CREATE TABLE control (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    version INTEGER NOT NULL,
    key_fingerprint TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
-- One row: when a server was last alive.
CREATE TABLE heartbeat (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    at INTEGER NOT NULL
) STRICT;
INSERT INTO heartbeat (id, at) VALUES (1, 0);
