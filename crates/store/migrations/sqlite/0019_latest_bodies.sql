-- A body that came with a repeat is let go of too, when the first one is gone already.
DROP INDEX unattributed_with_body;
CREATE INDEX unattributed_with_body ON unattributed (received_at)
    WHERE length(raw) > 0 OR latest_raw IS NOT NULL;
