-- Who answers by phone is found by the number.
CREATE INDEX escalation_attempts_by_address ON escalation_attempts (address, sending_at)
    WHERE sending_at IS NOT NULL;
