-- SQLite compares texts byte for byte anyway: nothing to do here.
SELECT 1;
