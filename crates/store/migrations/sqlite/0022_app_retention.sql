-- Days that an app keeps the telemetry of its users; NULL: as long as the server.
ALTER TABLE apps ADD COLUMN telemetry_days INTEGER;
