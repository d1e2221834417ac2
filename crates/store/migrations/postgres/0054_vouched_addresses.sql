-- The address that the app's own server vouched for last, and when the token was issued
-- with which it did. By it a user is joined with a log-in of another name and mailed;
-- what they wrote in their profile counts while there is none.
ALTER TABLE users ADD COLUMN vouched_email TEXT;
ALTER TABLE users ADD COLUMN vouched_at BIGINT;

-- Null in vouched_at: the next log-in says what it is now.
UPDATE users SET vouched_email =
    (SELECT s.email FROM sessions s WHERE s.user_id = users.id AND s.email IS NOT NULL
     ORDER BY s.created_at DESC, s.id DESC LIMIT 1)
WHERE erased_at IS NULL;

DROP INDEX users_by_email;
CREATE INDEX users_by_address ON users (app_id, lower(COALESCE(vouched_email, email)))
    WHERE COALESCE(vouched_email, email) IS NOT NULL;
