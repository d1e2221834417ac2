-- Of a user whose erasure waits for an SOS: the name under which operators and partners
-- know whose it is.
ALTER TABLE users ADD COLUMN known_as TEXT;
