-- While the master key is being rotated: the fingerprint of the one to come.
ALTER TABLE control ADD COLUMN next_key_fingerprint TEXT;
