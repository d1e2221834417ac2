-- Which generation of the contact's link the latest try of a message carries, so that a
-- look-up recognises it though the link was revoked meanwhile; 0: a link that leads
-- nowhere. Null before the first try.
ALTER TABLE escalation_attempts ADD COLUMN link_generation INTEGER;
-- A contact who is removed, or gets another address, takes no link along.
CREATE INDEX tracking_tokens_live ON tracking_tokens (contact_id) WHERE revoked_at IS NULL;
