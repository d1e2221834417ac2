-- The users' PINs: Argon2id hashes of the PIN and of the one for duress, sealed.
CREATE TABLE signatures (
    -- The user's.
    id           UUID    NOT NULL PRIMARY KEY REFERENCES users (id),
    sealed       BYTEA   NOT NULL,
    key_id       TEXT    NOT NULL,
    -- Raised by each change: what was judged by an older one is judged again.
    version      BIGINT  NOT NULL,
    failures     BIGINT  NOT NULL,
    locks        BIGINT  NOT NULL,
    locked_until BIGINT,
    created_at   BIGINT  NOT NULL,
    updated_at   BIGINT  NOT NULL
);

-- What a PIN is recovered with: the questions as JSON, and sealed hashes of the
-- answers.
CREATE TABLE signature_questions (
    -- The user's.
    id         UUID    NOT NULL PRIMARY KEY REFERENCES users (id),
    questions  TEXT    NOT NULL,
    sealed     BYTEA   NOT NULL,
    key_id     TEXT    NOT NULL,
    version    BIGINT  NOT NULL,
    created_at BIGINT  NOT NULL,
    updated_at BIGINT  NOT NULL
);

-- The code that a user was mailed last for a purpose. A resend replaces it.
CREATE TABLE verification_codes (
    id             UUID    NOT NULL PRIMARY KEY,
    app_id         UUID    NOT NULL REFERENCES apps (id),
    user_id        UUID    NOT NULL REFERENCES users (id),
    -- link, reset_signature
    purpose        TEXT    NOT NULL,
    -- What it is bound to beside the user and the purpose.
    request_id     UUID    NOT NULL,
    -- The session that asked, or the digest of the partner's token that did.
    session_id     UUID,
    partner_digest BYTEA,
    address        TEXT    NOT NULL,
    -- A keyed hash; null before the first code.
    code_hash      BYTEA,
    -- Wrong ones since the request began.
    attempts       BIGINT  NOT NULL,
    -- JSON: when codes were sent within the last hour, in microseconds.
    sends          TEXT    NOT NULL,
    expires_at     BIGINT  NOT NULL,
    -- used, exhausted; null while it may be confirmed.
    closed         TEXT,
    updated_at     BIGINT  NOT NULL,
    UNIQUE (user_id, purpose)
);

CREATE INDEX verification_codes_by_request ON verification_codes (request_id);
CREATE INDEX verification_codes_by_token ON verification_codes (app_id, partner_digest)
    WHERE partner_digest IS NOT NULL;

-- What users set in the app.
CREATE TABLE user_settings (
    user_id       UUID    NOT NULL PRIMARY KEY REFERENCES users (id),
    currency      TEXT,
    adv_mode      BOOLEAN NOT NULL,
    language      TEXT,
    sig_reset_req BOOLEAN NOT NULL,
    ack_tnc       BOOLEAN NOT NULL,
    ack_privacy   BOOLEAN NOT NULL,
    updated_at    BIGINT  NOT NULL
);

-- The address that the partner vouched for when the session was opened.
ALTER TABLE sessions ADD COLUMN email TEXT;
