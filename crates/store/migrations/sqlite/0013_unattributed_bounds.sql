-- Repeats of a device by the same gateway update one row; latest_raw is the last
-- body, once there is more than one.
ALTER TABLE unattributed ADD COLUMN device_key TEXT NOT NULL DEFAULT '';
ALTER TABLE unattributed ADD COLUMN reports INTEGER NOT NULL DEFAULT 1;
ALTER TABLE unattributed ADD COLUMN last_received_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE unattributed ADD COLUMN latest_raw BLOB;
-- When it became an incident or an operator closed its alert.
ALTER TABLE unattributed ADD COLUMN settled_at INTEGER;
-- What goes first when there are too many: 0 settled, 1 a later row tells of the
-- same device, 2 the latest of its device.
ALTER TABLE unattributed ADD COLUMN standing INTEGER NOT NULL DEFAULT 2;
UPDATE unattributed SET last_received_at = received_at;
UPDATE unattributed SET settled_at = received_at, standing = 0 WHERE incident_id IS NOT NULL;

CREATE INDEX unattributed_by_device ON unattributed (user_id, device_key) WHERE standing = 2;
CREATE INDEX unattributed_of_gateway ON unattributed (user_id, standing, last_received_at);
CREATE INDEX unattributed_of_app ON unattributed (app_id, standing, last_received_at);
CREATE INDEX unattributed_settled ON unattributed (settled_at) WHERE settled_at IS NOT NULL;
