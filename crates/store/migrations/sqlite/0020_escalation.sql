-- The run of an escalation. What is due next is never stored: it follows from
-- these rows, the policy and the time.
ALTER TABLE incidents ADD COLUMN round_began_at INTEGER NOT NULL DEFAULT 0;
UPDATE incidents SET round_began_at = created_at;

-- One message to one contact by one channel. Who it goes to stands in it as it
-- was when the plan asked for it: a removed contact hears the all-clear.
CREATE TABLE escalation_attempts (
    id           BLOB    NOT NULL PRIMARY KEY,
    incident_id  BLOB    NOT NULL REFERENCES incidents (id),
    contact_id   BLOB    NOT NULL,
    -- sms, voice, email
    channel      TEXT    NOT NULL,
    round        INTEGER NOT NULL,
    -- alert, ask_again, all_clear; number counts repeats and silences
    purpose      TEXT    NOT NULL,
    number       INTEGER NOT NULL,
    -- alert, asked_again, cancelled, resolved
    kind         TEXT    NOT NULL,
    drill        INTEGER NOT NULL,
    -- Whether it may reach a real provider; else it stays on the screen.
    real_send    INTEGER NOT NULL,
    name         TEXT    NOT NULL,
    address      TEXT    NOT NULL,
    language     TEXT    NOT NULL,
    -- scheduled, sending, sent, failed, delivered, skipped
    state        TEXT    NOT NULL,
    scheduled_at INTEGER NOT NULL,
    sending_at   INTEGER,
    sent_at      INTEGER,
    settled_at   INTEGER,
    skip_reason  TEXT,
    -- Permits given so far. The latest went through provider; while try_at is set
    -- its end is not known, and it is looked up before anything is sent again.
    tries        INTEGER NOT NULL DEFAULT 0,
    provider     TEXT,
    try_at       INTEGER,
    -- Under which the provider's reports speak of it.
    provider_id  TEXT,
    -- Providers that cannot send it, joined by commas.
    refused_by   TEXT    NOT NULL DEFAULT '',
    code         TEXT,
    error        TEXT,
    -- human, machine, unknown
    answered_by  TEXT,
    UNIQUE (incident_id, contact_id, channel, round, purpose, number)
) STRICT;
CREATE INDEX escalation_attempts_by_provider ON escalation_attempts (provider_id)
    WHERE provider_id IS NOT NULL;

-- Who said that they help.
CREATE TABLE escalation_acknowledgements (
    incident_id  BLOB   NOT NULL REFERENCES incidents (id),
    round        INTEGER NOT NULL,
    -- contact:<id> or operator:<name>
    helper       TEXT   NOT NULL,
    contact_id   BLOB,
    name         TEXT   NOT NULL,
    -- page, call, sms, console
    means        TEXT   NOT NULL,
    at           INTEGER NOT NULL,
    last_sign_at INTEGER NOT NULL,
    PRIMARY KEY (incident_id, round, helper)
) STRICT;

-- Who said that they cannot.
CREATE TABLE escalation_declines (
    incident_id BLOB   NOT NULL REFERENCES incidents (id),
    contact_id  BLOB   NOT NULL,
    round       INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    PRIMARY KEY (incident_id, contact_id, round)
) STRICT;

-- Tracking links that were sent: a hash of each, from which nobody makes a link.
CREATE TABLE tracking_tokens (
    lookup_key     BLOB  NOT NULL PRIMARY KEY,
    incident_id    BLOB   NOT NULL REFERENCES incidents (id),
    contact_id     BLOB   NOT NULL,
    generation     INTEGER NOT NULL,
    created_at     INTEGER NOT NULL,
    revoked_at     INTEGER,
    -- The first time and the latest; perhaps a preview.
    opened_at      INTEGER,
    last_opened_at INTEGER
) STRICT;
CREATE INDEX tracking_tokens_by_incident ON tracking_tokens (incident_id, contact_id);

-- Reports of ids that no attempt has yet: a report may overtake the commit of its
-- id. Kept for minutes.
CREATE TABLE delivery_reports (
    provider    TEXT   NOT NULL,
    provider_id TEXT   NOT NULL,
    -- scheduled, sent, delivered, failed
    delivery    TEXT   NOT NULL,
    -- Empty, or human, machine, unknown.
    answered_by TEXT   NOT NULL,
    code        TEXT,
    at          INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    PRIMARY KEY (provider, provider_id, delivery, answered_by)
) STRICT;
CREATE INDEX delivery_reports_old ON delivery_reports (received_at);
