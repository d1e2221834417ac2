-- Keys with which an app's backend calls us. Only a digest of each is kept.
CREATE TABLE partner_keys (
    id         UUID NOT NULL PRIMARY KEY,
    app_id     UUID NOT NULL REFERENCES apps (id),
    name       TEXT NOT NULL,
    digest     TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    -- When it ends by itself: a key that another one replaces.
    expires_at BIGINT,
    revoked_at BIGINT
);

CREATE INDEX partner_keys_by_app ON partner_keys (app_id, created_at);
