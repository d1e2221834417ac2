-- How users of an app log in with the app's own tokens (SSO).
CREATE TABLE sso_apps (
    -- The app's.
    id                   BLOB    NOT NULL PRIMARY KEY REFERENCES apps (id),
    audience             TEXT    NOT NULL,
    token_info_url       TEXT    NOT NULL,
    -- query, bearer, form, json.
    request_form         TEXT    NOT NULL,
    parameter            TEXT    NOT NULL,
    -- The header of our key, and the key.
    key_header           TEXT,
    sealed               BLOB,
    key_id               TEXT,
    -- Private addresses and plain HTTP are allowed.
    is_local             INTEGER NOT NULL,
    skew_seconds         INTEGER NOT NULL,
    max_lifetime_seconds INTEGER NOT NULL,
    session_cap          INTEGER NOT NULL,
    access_seconds       INTEGER NOT NULL,
    idle_seconds         INTEGER NOT NULL,
    absolute_seconds     INTEGER NOT NULL,
    updated_at           INTEGER NOT NULL
) STRICT;

CREATE TABLE sessions (
    id              BLOB    NOT NULL PRIMARY KEY,
    app_id          BLOB    NOT NULL REFERENCES apps (id),
    user_id         BLOB    NOT NULL REFERENCES users (id),
    -- The partner's id of the user, as the token had it.
    subject         TEXT    NOT NULL,
    -- Of the partner's token that opened it.
    partner_digest  BLOB    NOT NULL,
    -- That token, while the session is live.
    sealed          BLOB,
    key_id          TEXT,
    device_id       TEXT,
    device_name     TEXT,
    device_platform TEXT,
    -- The pairs of tokens are numbered from 1: the newest, and the newest that was
    -- ever shown to us.
    newest_pair     INTEGER NOT NULL,
    used_pair       INTEGER NOT NULL,
    access_seconds  INTEGER NOT NULL,
    idle_seconds    INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    used_at         INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL,
    ended_at        INTEGER,
    end_reason      TEXT,
    -- The device that took its place, as JSON.
    ended_by        TEXT
) STRICT;

CREATE INDEX sessions_of_user ON sessions (user_id, ended_at);
CREATE INDEX sessions_of_app ON sessions (app_id, id);
CREATE INDEX sessions_ended ON sessions (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX sessions_live ON sessions (used_at) WHERE ended_at IS NULL;

-- Only a digest of each token is kept: of a replaced one as long as it may call
-- for help.
CREATE TABLE session_tokens (
    digest        BLOB    NOT NULL PRIMARY KEY,
    session_id    BLOB    NOT NULL REFERENCES sessions (id),
    pair          INTEGER NOT NULL,
    -- access, refresh.
    kind          TEXT    NOT NULL,
    issued_at     INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    superseded_at INTEGER
) STRICT;

CREATE INDEX session_tokens_of_session ON session_tokens (session_id, pair);
CREATE INDEX session_tokens_superseded ON session_tokens (superseded_at)
    WHERE superseded_at IS NOT NULL;

-- Partner tokens that opened a session, until they end by themselves.
CREATE TABLE partner_tokens (
    app_id         BLOB    NOT NULL REFERENCES apps (id),
    digest         BLOB    NOT NULL,
    expires_at     INTEGER NOT NULL,
    -- Why it opens no session any more.
    refused_reason TEXT,
    PRIMARY KEY (app_id, digest)
) STRICT;

CREATE INDEX partner_tokens_expiry ON partner_tokens (expires_at);
