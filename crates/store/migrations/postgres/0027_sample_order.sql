-- Samples of one moment are told apart and put in order by these texts, byte for
-- byte, as everywhere else: a page ends where the next one begins.
ALTER TABLE telemetry
    ALTER COLUMN device TYPE TEXT COLLATE "C",
    ALTER COLUMN event_id TYPE TEXT COLLATE "C";
ALTER TABLE spill
    ALTER COLUMN device TYPE TEXT COLLATE "C",
    ALTER COLUMN event_id TYPE TEXT COLLATE "C";
