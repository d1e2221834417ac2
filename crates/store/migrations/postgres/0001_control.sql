-- One row: raised by every change to apps, secrets, policies and blocks.
CREATE TABLE control (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    version BIGINT NOT NULL,
    key_fingerprint TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
-- One row: when a server was last alive.
CREATE TABLE heartbeat (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    at BIGINT NOT NULL
);
INSERT INTO heartbeat (id, at) VALUES (1, 0);
