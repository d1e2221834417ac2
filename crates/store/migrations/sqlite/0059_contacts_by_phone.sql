-- Who writes to us is found by the number, also one that was not asked yet.
CREATE INDEX contacts_by_phone ON contacts (phone, updated_at);
