-- Notices: what is to be made known, written in the transaction that caused it.

CREATE TABLE outbox (
    -- UUIDv7: in the order in which they were caused.
    id TEXT PRIMARY KEY,
    -- The cause, as JSON.
    body TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL
);
