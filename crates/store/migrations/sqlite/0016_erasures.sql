-- Since when a user's data is going. The row keeps no name and a new external
-- id, so that the person's next contact makes a new user.
ALTER TABLE users ADD COLUMN erased_at INTEGER;

-- That somebody's data was erased, and nothing about whose.
CREATE TABLE erasures (
    id           BLOB    NOT NULL PRIMARY KEY,
    app_id       BLOB    NOT NULL REFERENCES apps (id),
    -- user or operator.
    requested_by TEXT    NOT NULL,
    requested_at INTEGER NOT NULL,
    -- Whose; null once all is gone.
    user_id      BLOB,
    rows_removed INTEGER NOT NULL,
    completed_at INTEGER
) STRICT;

CREATE INDEX erasures_by_app ON erasures (app_id, id);
CREATE INDEX erasures_under_way ON erasures (user_id) WHERE user_id IS NOT NULL;

-- What is asked about one user and nobody else.
CREATE INDEX alerts_by_user ON alerts (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX dead_letters_by_user ON dead_letters (user_id, id);
CREATE INDEX incident_cancels_by_user ON incident_cancels (user_id);
CREATE INDEX incident_gateways_by_user ON incident_gateways (user_id);
