-- An account may have several log-ins that ask to be joined with it at once, each with a
-- code of its own: no longer one row per user and purpose.
ALTER TABLE verification_codes DROP CONSTRAINT verification_codes_user_id_purpose_key;
CREATE INDEX verification_codes_of_user ON verification_codes (user_id, purpose);
