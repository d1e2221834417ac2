-- Whether cancelling an SOS takes the user's PIN.
ALTER TABLE apps ADD COLUMN cancel_signature BOOLEAN NOT NULL DEFAULT FALSE;

-- Of a hidden incident: the one that was cancelled under duress, and goes on in it.
ALTER TABLE incidents ADD COLUMN continues_id UUID;
CREATE INDEX incidents_continued ON incidents (continues_id) WHERE continues_id IS NOT NULL;
