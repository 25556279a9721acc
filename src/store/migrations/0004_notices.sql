-- Notices: what happened, who is told of it, what people want to be told of; pushes and webhooks under way.

-- The outbox: written in the transaction that did what it tells, kept while somebody's list may show it.
CREATE TABLE notice (
    id TEXT PRIMARY KEY,
    -- Names what happened: the same thing is told once.
    once TEXT NOT NULL UNIQUE,
    by_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    -- The room it is about, where that is on record.
    room_id TEXT,
    cause TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    -- 0 waits, 1 is being told, 2 is done.
    stage BIGINT NOT NULL DEFAULT 0,
    -- Everybody up to this account was told.
    reached TEXT NOT NULL DEFAULT ''
);
CREATE INDEX notice_pending ON notice (stage, id) WHERE stage < 2;
CREATE INDEX notice_by_person ON notice (by_id);

-- Who was told. No reference to the notice: checking it would cost an index over all of these.
CREATE TABLE notification (
    account_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    notice_id TEXT NOT NULL,
    -- 0 disturbed nobody, 1 might, 2 might without being counted.
    loud BIGINT NOT NULL,
    read_at_ms BIGINT,
    PRIMARY KEY (account_id, notice_id)
);

CREATE TABLE notice_setting (
    account_id TEXT PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
    preferences TEXT NOT NULL
);

-- How much a follower wants to hear, as JSON.
ALTER TABLE follow ADD COLUMN wanted TEXT NOT NULL DEFAULT '"all"';

CREATE TABLE push_subscription (
    -- The hash of the endpoint.
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    endpoint TEXT NOT NULL,
    p256dh TEXT NOT NULL,
    auth TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL
);
CREATE INDEX push_subscription_by_account ON push_subscription (account_id);

CREATE TABLE push_job (
    subscription_id TEXT NOT NULL REFERENCES push_subscription (id) ON DELETE CASCADE,
    notice_id TEXT NOT NULL,
    attempts BIGINT NOT NULL DEFAULT 0,
    due_at_ms BIGINT NOT NULL,
    PRIMARY KEY (subscription_id, notice_id)
);
CREATE INDEX push_job_by_due ON push_job (due_at_ms);

CREATE TABLE webhook_job (
    id TEXT PRIMARY KEY,
    body TEXT NOT NULL,
    attempts BIGINT NOT NULL DEFAULT 0,
    due_at_ms BIGINT NOT NULL
);
CREATE INDEX webhook_job_by_due ON webhook_job (due_at_ms);
