-- How users of an app log in with the app's own tokens (SSO).
CREATE TABLE sso_apps (
    -- The app's.
    id                   UUID    NOT NULL PRIMARY KEY REFERENCES apps (id),
    audience             TEXT    NOT NULL,
    token_info_url       TEXT    NOT NULL,
    -- query, bearer, form, json.
    request_form         TEXT    NOT NULL,
    parameter            TEXT    NOT NULL,
    -- The header of our key, and the key.
    key_header           TEXT,
    sealed               BYTEA,
    key_id               TEXT,
    -- Private addresses and plain HTTP are allowed.
    is_local             BOOLEAN NOT NULL,
    skew_seconds         BIGINT  NOT NULL,
    max_lifetime_seconds BIGINT  NOT NULL,
    session_cap          BIGINT  NOT NULL,
    access_seconds       BIGINT  NOT NULL,
    idle_seconds         BIGINT  NOT NULL,
    absolute_seconds     BIGINT  NOT NULL,
    updated_at           BIGINT  NOT NULL
);

CREATE TABLE sessions (
    id              UUID    NOT NULL PRIMARY KEY,
    app_id          UUID    NOT NULL REFERENCES apps (id),
    user_id         UUID    NOT NULL REFERENCES users (id),
    -- The partner's id of the user, as the token had it.
    subject         TEXT    NOT NULL,
    -- Of the partner's token that opened it.
    partner_digest  BYTEA   NOT NULL,
    -- That token, while the session is live.
    sealed          BYTEA,
    key_id          TEXT,
    device_id       TEXT,
    device_name     TEXT,
    device_platform TEXT,
    -- The pairs of tokens are numbered from 1: the newest, and the newest that was
    -- ever shown to us.
    newest_pair     BIGINT  NOT NULL,
    used_pair       BIGINT  NOT NULL,
    access_seconds  BIGINT  NOT NULL,
    idle_seconds    BIGINT  NOT NULL,
    created_at      BIGINT  NOT NULL,
    used_at         BIGINT  NOT NULL,
    expires_at      BIGINT  NOT NULL,
    ended_at        BIGINT,
    end_reason      TEXT,
    -- The device that took its place, as JSON.
    ended_by        TEXT
);

CREATE INDEX sessions_of_user ON sessions (user_id, ended_at);
CREATE INDEX sessions_of_app ON sessions (app_id, id);
CREATE INDEX sessions_ended ON sessions (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX sessions_live ON sessions (used_at) WHERE ended_at IS NULL;

-- Only a digest of each token is kept: of a replaced one as long as it may call
-- for help.
CREATE TABLE session_tokens (
    digest        BYTEA   NOT NULL PRIMARY KEY,
    session_id    UUID    NOT NULL REFERENCES sessions (id),
    pair          BIGINT  NOT NULL,
    -- access, refresh.
    kind          TEXT    NOT NULL,
    issued_at     BIGINT  NOT NULL,
    expires_at    BIGINT  NOT NULL,
    superseded_at BIGINT
);

CREATE INDEX session_tokens_of_session ON session_tokens (session_id, pair);
CREATE INDEX session_tokens_superseded ON session_tokens (superseded_at)
    WHERE superseded_at IS NOT NULL;

-- Partner tokens that opened a session, until they end by themselves.
CREATE TABLE partner_tokens (
    app_id         UUID    NOT NULL REFERENCES apps (id),
    digest         BYTEA   NOT NULL,
    expires_at     BIGINT  NOT NULL,
    -- Why it opens no session any more.
    refused_reason TEXT,
    PRIMARY KEY (app_id, digest)
);

CREATE INDEX partner_tokens_expiry ON partner_tokens (expires_at);
