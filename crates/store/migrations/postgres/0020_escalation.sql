-- The run of an escalation. What is due next is never stored: it follows from
-- these rows, the policy and the time.
ALTER TABLE incidents ADD COLUMN round_began_at BIGINT NOT NULL DEFAULT 0;
UPDATE incidents SET round_began_at = created_at;

-- One message to one contact by one channel. Who it goes to stands in it as it
-- was when the plan asked for it: a removed contact hears the all-clear.
CREATE TABLE escalation_attempts (
    id           UUID    NOT NULL PRIMARY KEY,
    incident_id  UUID    NOT NULL REFERENCES incidents (id),
    contact_id   UUID    NOT NULL,
    -- sms, voice, email
    channel      TEXT    NOT NULL,
    round        BIGINT  NOT NULL,
    -- alert, ask_again, all_clear; number counts repeats and silences
    purpose      TEXT    NOT NULL,
    number       BIGINT  NOT NULL,
    -- alert, asked_again, cancelled, resolved
    kind         TEXT    NOT NULL,
    drill        BOOLEAN NOT NULL,
    -- Whether it may reach a real provider; else it stays on the screen.
    real_send    BOOLEAN NOT NULL,
    name         TEXT    NOT NULL,
    address      TEXT    NOT NULL,
    language     TEXT    NOT NULL,
    -- scheduled, sending, sent, failed, delivered, skipped
    state        TEXT    NOT NULL,
    scheduled_at BIGINT  NOT NULL,
    sending_at   BIGINT,
    sent_at      BIGINT,
    settled_at   BIGINT,
    skip_reason  TEXT,
    -- Permits given so far. The latest went through provider; while try_at is set
    -- its end is not known, and it is looked up before anything is sent again.
    tries        BIGINT  NOT NULL DEFAULT 0,
    provider     TEXT,
    try_at       BIGINT,
    -- Under which the provider's reports speak of it.
    provider_id  TEXT,
    -- Providers that cannot send it, joined by commas.
    refused_by   TEXT    NOT NULL DEFAULT '',
    code         TEXT,
    error        TEXT,
    -- human, machine, unknown
    answered_by  TEXT,
    UNIQUE (incident_id, contact_id, channel, round, purpose, number)
);
CREATE INDEX escalation_attempts_by_provider ON escalation_attempts (provider_id)
    WHERE provider_id IS NOT NULL;

-- Who said that they help.
CREATE TABLE escalation_acknowledgements (
    incident_id  UUID   NOT NULL REFERENCES incidents (id),
    round        BIGINT NOT NULL,
    -- contact:<id> or operator:<name>
    helper       TEXT   NOT NULL,
    contact_id   UUID,
    name         TEXT   NOT NULL,
    -- page, call, sms, console
    means        TEXT   NOT NULL,
    at           BIGINT NOT NULL,
    last_sign_at BIGINT NOT NULL,
    PRIMARY KEY (incident_id, round, helper)
);

-- Who said that they cannot.
CREATE TABLE escalation_declines (
    incident_id UUID   NOT NULL REFERENCES incidents (id),
    contact_id  UUID   NOT NULL,
    round       BIGINT NOT NULL,
    at          BIGINT NOT NULL,
    PRIMARY KEY (incident_id, contact_id, round)
);

-- Tracking links that were sent: a hash of each, from which nobody makes a link.
CREATE TABLE tracking_tokens (
    lookup_key     BYTEA  NOT NULL PRIMARY KEY,
    incident_id    UUID   NOT NULL REFERENCES incidents (id),
    contact_id     UUID   NOT NULL,
    generation     BIGINT NOT NULL,
    created_at     BIGINT NOT NULL,
    revoked_at     BIGINT,
    -- The first time and the latest; perhaps a preview.
    opened_at      BIGINT,
    last_opened_at BIGINT
);
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
    at          BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    PRIMARY KEY (provider, provider_id, delivery, answered_by)
);
CREATE INDEX delivery_reports_old ON delivery_reports (received_at);
