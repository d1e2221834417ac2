-- The users' PINs: Argon2id hashes of the PIN and of the one for duress, sealed.
CREATE TABLE signatures (
    -- The user's.
    id           BLOB    NOT NULL PRIMARY KEY REFERENCES users (id),
    sealed       BLOB    NOT NULL,
    key_id       TEXT    NOT NULL,
    -- Raised by each change: what was judged by an older one is judged again.
    version      INTEGER NOT NULL,
    failures     INTEGER NOT NULL,
    locks        INTEGER NOT NULL,
    locked_until INTEGER,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL
) STRICT;

-- What a PIN is recovered with: the questions as JSON, and sealed hashes of the
-- answers.
CREATE TABLE signature_questions (
    -- The user's.
    id         BLOB    NOT NULL PRIMARY KEY REFERENCES users (id),
    questions  TEXT    NOT NULL,
    sealed     BLOB    NOT NULL,
    key_id     TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

-- The code that a user was mailed last for a purpose. A resend replaces it.
CREATE TABLE verification_codes (
    id             BLOB    NOT NULL PRIMARY KEY,
    app_id         BLOB    NOT NULL REFERENCES apps (id),
    user_id        BLOB    NOT NULL REFERENCES users (id),
    -- link, reset_signature
    purpose        TEXT    NOT NULL,
    -- What it is bound to beside the user and the purpose.
    request_id     BLOB    NOT NULL,
    -- The session that asked, or the digest of the partner's token that did.
    session_id     BLOB,
    partner_digest BLOB,
    address        TEXT    NOT NULL,
    -- A keyed hash; null before the first code.
    code_hash      BLOB,
    -- Wrong ones since the request began.
    attempts       INTEGER NOT NULL,
    -- JSON: when codes were sent within the last hour, in microseconds.
    sends          TEXT    NOT NULL,
    expires_at     INTEGER NOT NULL,
    -- used, exhausted; null while it may be confirmed.
    closed         TEXT,
    updated_at     INTEGER NOT NULL,
    UNIQUE (user_id, purpose)
) STRICT;

CREATE INDEX verification_codes_by_request ON verification_codes (request_id);
CREATE INDEX verification_codes_by_token ON verification_codes (app_id, partner_digest)
    WHERE partner_digest IS NOT NULL;

-- What users set in the app.
CREATE TABLE user_settings (
    user_id       BLOB    NOT NULL PRIMARY KEY REFERENCES users (id),
    currency      TEXT,
    adv_mode      INTEGER NOT NULL,
    language      TEXT,
    sig_reset_req INTEGER NOT NULL,
    ack_tnc       INTEGER NOT NULL,
    ack_privacy   INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL
) STRICT;

-- The address that the partner vouched for when the session was opened.
ALTER TABLE sessions ADD COLUMN email TEXT;
