-- How long the clock's leap is still doubted, in microseconds of running; 0: it is not.
ALTER TABLE heartbeat ADD COLUMN doubt_left INTEGER NOT NULL DEFAULT 0;
-- Which gateway holds most of an app's unattributed SOS.
CREATE INDEX unattributed_by_share ON unattributed (app_id, user_id);
