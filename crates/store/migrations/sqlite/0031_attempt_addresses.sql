-- A contact whose number is corrected in the middle of an incident is asked at the
-- new one too: the address is part of what makes an attempt unique. A look-up may
-- take a message for one attempt alone: a provider's id belongs to one.

UPDATE escalation_attempts SET provider_id = NULL WHERE provider_id = '';
UPDATE escalation_attempts SET provider_id = NULL WHERE EXISTS (
    SELECT 1 FROM escalation_attempts other
    WHERE other.provider = escalation_attempts.provider
        AND other.provider_id = escalation_attempts.provider_id
        AND other.id < escalation_attempts.id);

-- SQLite changes no constraint of a table: another one takes its place.
CREATE TABLE escalation_attempts_moved (
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
    -- Tries of which nobody knows whether they went out, and those of which the
    -- provider said that it never got them.
    doubts       INTEGER NOT NULL DEFAULT 0,
    absences     INTEGER NOT NULL DEFAULT 0,
    UNIQUE (incident_id, contact_id, channel, round, purpose, number, address)
) STRICT;
INSERT INTO escalation_attempts_moved (
    id, incident_id, contact_id, channel, round, purpose, number, kind, drill, real_send, name,
    address, language, state, scheduled_at, sending_at, sent_at, settled_at, skip_reason, tries,
    provider, try_at, provider_id, refused_by, code, error, answered_by
) SELECT
    id, incident_id, contact_id, channel, round, purpose, number, kind, drill, real_send, name,
    address, language, state, scheduled_at, sending_at, sent_at, settled_at, skip_reason, tries,
    provider, try_at, provider_id, refused_by, code, error, answered_by
FROM escalation_attempts;
DROP TABLE escalation_attempts;
ALTER TABLE escalation_attempts_moved RENAME TO escalation_attempts;
CREATE INDEX escalation_attempts_by_address ON escalation_attempts (address, sending_at)
    WHERE sending_at IS NOT NULL;
CREATE UNIQUE INDEX escalation_attempts_by_provider
    ON escalation_attempts (provider_id, provider) WHERE provider_id IS NOT NULL;
