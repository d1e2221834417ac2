-- Where notifications of an app go: a partner's webhook, or a Slack channel.
CREATE TABLE webhook_endpoints (
    id              BLOB    NOT NULL PRIMARY KEY,
    app_id          BLOB    NOT NULL REFERENCES apps (id),
    -- webhook or slack
    channel         TEXT    NOT NULL,
    name            TEXT    NOT NULL,
    -- What of the URL may be shown.
    shown_url       TEXT    NOT NULL,
    -- Sealed with the master key that url_key_id names; wiped when removed.
    sealed_url      BLOB,
    url_key_id      TEXT    NOT NULL,
    -- Types joined by commas; empty: all.
    events          TEXT    NOT NULL,
    -- Whether http and private addresses are reached.
    local           INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    disabled_at     INTEGER,
    disabled_reason TEXT,
    -- Since when deliveries are given up on.
    failing_since   INTEGER,
    removed_at      INTEGER
) STRICT;

CREATE INDEX webhook_endpoints_by_app ON webhook_endpoints (app_id, id)
    WHERE removed_at IS NULL;

-- What deliveries to an endpoint are signed with: two while one replaces the other.
CREATE TABLE webhook_secrets (
    id          BLOB    NOT NULL PRIMARY KEY,
    endpoint_id BLOB    NOT NULL REFERENCES webhook_endpoints (id),
    -- Sealed with the master key that key_id names.
    sealed      BLOB    NOT NULL,
    key_id      TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    -- When it signs no more; null for the newest.
    expires_at  INTEGER
) STRICT;

CREATE INDEX webhook_secrets_by_endpoint ON webhook_secrets (endpoint_id, created_at);

-- The key that an app's webhooks are shown in a header. The id is the app's.
CREATE TABLE webhook_api_keys (
    id         BLOB    NOT NULL PRIMARY KEY REFERENCES apps (id),
    header     TEXT    NOT NULL,
    -- Sealed with the master key that key_id names.
    sealed     BLOB    NOT NULL,
    key_id     TEXT    NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

-- One notification's way to one endpoint.
CREATE TABLE webhook_deliveries (
    id              BLOB    NOT NULL PRIMARY KEY,
    endpoint_id     BLOB    NOT NULL REFERENCES webhook_endpoints (id),
    app_id          BLOB    NOT NULL,
    user_id         BLOB,
    incident_id     BLOB,
    -- The same for every endpoint, attempt and replay: webhook-id.
    notification_id BLOB    NOT NULL,
    kind            TEXT    NOT NULL,
    -- JSON, sent byte for byte.
    body            TEXT    NOT NULL,
    -- pending, delivered, failed, skipped
    state           TEXT    NOT NULL,
    -- Attempts that ended, all of them and those since it was begun or replayed.
    attempts        INTEGER NOT NULL,
    tries           INTEGER NOT NULL,
    -- Whether the first attempt may have been made.
    begun           INTEGER NOT NULL,
    -- When the next attempt is due.
    due_at          INTEGER,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    -- When it arrived first.
    delivered_at    INTEGER,
    failed_at       INTEGER,
    error           TEXT
) STRICT;

CREATE INDEX webhook_deliveries_by_endpoint ON webhook_deliveries (endpoint_id, id);
CREATE INDEX webhook_deliveries_by_app ON webhook_deliveries (app_id, id);
CREATE INDEX webhook_deliveries_pending ON webhook_deliveries (endpoint_id)
    WHERE state = 'pending';
CREATE INDEX webhook_deliveries_ended ON webhook_deliveries (updated_at)
    WHERE state <> 'pending';
CREATE INDEX webhook_deliveries_by_incident ON webhook_deliveries (incident_id)
    WHERE incident_id IS NOT NULL;
CREATE INDEX webhook_deliveries_by_user ON webhook_deliveries (user_id)
    WHERE user_id IS NOT NULL;

-- What each attempt met.
CREATE TABLE webhook_attempts (
    delivery_id BLOB    NOT NULL REFERENCES webhook_deliveries (id),
    -- From 1.
    number      INTEGER NOT NULL,
    started_at  INTEGER NOT NULL,
    took_ms     INTEGER NOT NULL,
    -- The HTTP status, if there was an answer.
    status      INTEGER,
    -- delivered, failed, gone
    outcome     TEXT    NOT NULL,
    error       TEXT,
    -- The beginning of the answer.
    excerpt     TEXT    NOT NULL,
    PRIMARY KEY (delivery_id, number)
) STRICT;
