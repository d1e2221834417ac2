-- Addresses whose log-ins at an app are refused for a while, after too many that
-- failed. Rows stay for a time after their end: they are the record.
CREATE TABLE bans (
    id         UUID    NOT NULL PRIMARY KEY,
    app_id     UUID    NOT NULL REFERENCES apps (id),
    -- An IPv4 address, or the /64 of an IPv6 one.
    network    TEXT    NOT NULL,
    reason     TEXT    NOT NULL,
    created_at BIGINT  NOT NULL,
    until_at   BIGINT  NOT NULL,
    -- An administrator ended it early.
    lifted_at  BIGINT
);

CREATE INDEX bans_by_network ON bans (app_id, network, until_at);
CREATE INDEX bans_by_end ON bans (until_at);
