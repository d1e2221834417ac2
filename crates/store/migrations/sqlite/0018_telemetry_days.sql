-- Telemetry lies in a file for each day beside SQLite: nothing to do here.
SELECT 1;
