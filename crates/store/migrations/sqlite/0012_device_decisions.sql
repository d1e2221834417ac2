-- When an administrator decided that this user owns the device, contested or not.
ALTER TABLE devices ADD COLUMN assigned_at INTEGER;
