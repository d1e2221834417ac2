-- Sessions that have ended by themselves are looked for every few seconds: by the end
-- of their life, and by how long nobody used them.
DROP INDEX sessions_live;
CREATE INDEX sessions_life_end ON sessions (expires_at) WHERE ended_at IS NULL;
CREATE INDEX sessions_idle_end ON sessions ((used_at + idle_seconds * 1000000))
    WHERE ended_at IS NULL;
