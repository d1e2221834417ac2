-- What operators did with incidents.
CREATE TABLE incident_actions (
    id          BLOB   NOT NULL PRIMARY KEY,
    incident_id BLOB   NOT NULL REFERENCES incidents (id),
    -- acknowledge, resolve
    action      TEXT   NOT NULL,
    operator    TEXT   NOT NULL,
    at          INTEGER NOT NULL
) STRICT;

CREATE INDEX incident_actions_by_incident ON incident_actions (incident_id, at);

-- Operators look at the incidents of an app, newest first.
CREATE INDEX incidents_by_app ON incidents (app_id, id);
