-- API keys of other products (their secrets are derived, not kept), and answers to requests that may come twice.

CREATE TABLE api_key (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL
);

-- A request that bore an Idempotency-Key and was done.
CREATE TABLE idempotency (
    caller_id TEXT NOT NULL,
    key TEXT NOT NULL,
    -- A keyed hash of path and body.
    request TEXT NOT NULL,
    status BIGINT NOT NULL,
    -- Sealed: a sign-up's holds a session.
    body TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    PRIMARY KEY (caller_id, key)
);
CREATE INDEX idempotency_by_age ON idempotency (created_at_ms);
