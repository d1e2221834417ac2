-- An account may have several log-ins that ask to be joined with it at once, each with a
-- code of its own: no longer one row per user and purpose.
CREATE TABLE verification_codes_anew (
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
    updated_at     INTEGER NOT NULL
) STRICT;

INSERT INTO verification_codes_anew (id, app_id, user_id, purpose, request_id, session_id,
    partner_digest, address, code_hash, attempts, sends, expires_at, closed, updated_at)
SELECT id, app_id, user_id, purpose, request_id, session_id, partner_digest, address, code_hash,
    attempts, sends, expires_at, closed, updated_at
FROM verification_codes;

DROP TABLE verification_codes;
ALTER TABLE verification_codes_anew RENAME TO verification_codes;

CREATE INDEX verification_codes_by_request ON verification_codes (request_id);
CREATE INDEX verification_codes_by_token ON verification_codes (app_id, partner_digest)
    WHERE partner_digest IS NOT NULL;
CREATE INDEX verification_codes_of_user ON verification_codes (user_id, purpose);
