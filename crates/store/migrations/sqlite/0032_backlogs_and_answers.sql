-- Whether so many deliveries wait for an endpoint that no more are queued. They are
-- counted where attempts end: an SOS, which writes deliveries, waits for no count.
ALTER TABLE webhook_endpoints ADD COLUMN backlog_full INTEGER NOT NULL DEFAULT 0;

-- What was answered to an `OK` by SMS, by the provider's id of that message: one that
-- is posted again says nothing new, whatever is open by then.
CREATE TABLE inbound_answers (
    provider    TEXT NOT NULL,
    message_id  TEXT NOT NULL,
    answer      TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    PRIMARY KEY (provider, message_id)
) STRICT;
CREATE INDEX inbound_answers_old ON inbound_answers (received_at);
