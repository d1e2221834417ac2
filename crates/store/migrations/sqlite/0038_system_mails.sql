-- Mails that the system writes by itself, from their cause to their end.
CREATE TABLE system_mails (
    id         BLOB NOT NULL PRIMARY KEY,
    app_id     BLOB NOT NULL REFERENCES apps (id),
    -- Whom it is about; null for a mail to the app's owner.
    user_id    BLOB,
    kind       TEXT NOT NULL,
    -- As it is wanted; null for the app's.
    language   TEXT,
    -- Receiver and values, sealed with the master key that key_id names; wiped when
    -- the mail has ended.
    sealed     BLOB,
    key_id     TEXT,
    -- waiting, sending, sent, failed
    state      TEXT NOT NULL,
    -- Attempts that were begun.
    tries      INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    -- After this it is worth nothing.
    expires_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    ended_at   INTEGER,
    error      TEXT
) STRICT;

CREATE INDEX system_mails_by_user ON system_mails (user_id, id) WHERE user_id IS NOT NULL;
CREATE INDEX system_mails_by_app ON system_mails (app_id, id);
CREATE INDEX system_mails_ended ON system_mails (ended_at) WHERE ended_at IS NOT NULL;
