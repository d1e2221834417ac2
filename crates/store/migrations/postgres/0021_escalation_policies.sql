-- How an app escalates: every version that was ever in force, the newest now.
CREATE TABLE escalation_policies (
    app_id   UUID   NOT NULL REFERENCES apps (id),
    -- Counted from 1.
    version  BIGINT NOT NULL,
    -- The request that set it, so that its repetition is recognised.
    id       UUID   NOT NULL UNIQUE,
    -- JSON, whole.
    document TEXT   NOT NULL,
    set_by   TEXT   NOT NULL,
    set_from TEXT   NOT NULL,
    set_at   BIGINT NOT NULL,
    PRIMARY KEY (app_id, version)
);

-- Phones whose owners asked for no more messages (STOP), by the number that they
-- asked at. One row of a phone is enough.
CREATE TABLE sms_opt_outs (
    phone    TEXT   NOT NULL,
    provider TEXT   NOT NULL,
    -- The provider's number that the word was sent to.
    number   TEXT   NOT NULL,
    at       BIGINT NOT NULL,
    PRIMARY KEY (phone, provider, number)
);

-- Messages and calls of an hour (counted from 1970), to a phone ..
CREATE TABLE sends_by_phone (
    phone TEXT   NOT NULL,
    hour  BIGINT NOT NULL,
    sends BIGINT NOT NULL,
    PRIMARY KEY (phone, hour)
);

CREATE INDEX sends_by_phone_hour ON sends_by_phone (hour);

-- .. and of an app, in shards so that its senders do not wait for each other.
CREATE TABLE sends_by_app (
    app_id UUID   NOT NULL REFERENCES apps (id),
    hour   BIGINT NOT NULL,
    shard  BIGINT NOT NULL,
    sends  BIGINT NOT NULL,
    PRIMARY KEY (app_id, hour, shard)
);

CREATE INDEX sends_by_app_hour ON sends_by_app (hour);
