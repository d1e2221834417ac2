-- Names that users had before a log-in was joined with their account: whoever still
-- proves one of them is that user.
CREATE TABLE user_aliases (
    app_id      BLOB    NOT NULL REFERENCES apps (id),
    external_id TEXT    NOT NULL,
    user_id     BLOB    NOT NULL REFERENCES users (id),
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (app_id, external_id)
) STRICT;

CREATE INDEX user_aliases_by_user ON user_aliases (user_id);
CREATE INDEX users_by_email ON users (app_id, lower(email)) WHERE email IS NOT NULL;
