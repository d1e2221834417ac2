-- A contact whose number is corrected in the middle of an incident is asked at the
-- new one too: the address is part of what makes an attempt unique. A look-up may
-- take a message for one attempt alone: a provider's id belongs to one.

UPDATE escalation_attempts SET provider_id = NULL WHERE provider_id = '';
UPDATE escalation_attempts SET provider_id = NULL WHERE EXISTS (
    SELECT 1 FROM escalation_attempts other
    WHERE other.provider = escalation_attempts.provider
        AND other.provider_id = escalation_attempts.provider_id
        AND other.id < escalation_attempts.id);

-- Tries of which nobody knows whether they went out, and those of which the provider
-- said that it never got them.
ALTER TABLE escalation_attempts ADD COLUMN doubts BIGINT NOT NULL DEFAULT 0;
ALTER TABLE escalation_attempts ADD COLUMN absences BIGINT NOT NULL DEFAULT 0;
ALTER TABLE escalation_attempts
    DROP CONSTRAINT escalation_attempts_incident_id_contact_id_channel_round_pu_key;
ALTER TABLE escalation_attempts
    ADD UNIQUE (incident_id, contact_id, channel, round, purpose, number, address);
DROP INDEX escalation_attempts_by_provider;
CREATE UNIQUE INDEX escalation_attempts_by_provider
    ON escalation_attempts (provider_id, provider) WHERE provider_id IS NOT NULL;
