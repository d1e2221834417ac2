-- Whether cancelling an SOS takes the user's PIN.
ALTER TABLE apps ADD COLUMN cancel_signature BOOLEAN NOT NULL DEFAULT FALSE;

-- Of a hidden incident: the one that was cancelled under duress, and goes on in it.
ALTER TABLE incidents ADD COLUMN continues_id UUID;
-- .. and whom it asks, as they were listed then (JSON): whoever holds the phone may
-- change the list meanwhile.
ALTER TABLE incidents ADD COLUMN asked_contacts TEXT;
CREATE INDEX incidents_continued ON incidents (continues_id) WHERE continues_id IS NOT NULL;

-- Operators hear of a silent one, hidden or not.
DROP INDEX incidents_open;
CREATE INDEX incidents_open ON incidents (last_trigger_at)
    WHERE state IN ('active', 'acknowledged') AND NOT drill;
