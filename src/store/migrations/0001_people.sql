-- People: accounts, their sessions, whom they follow, whom they block.
--
-- The same statements run on SQLite and on PostgreSQL: TEXT and BIGINT only. Ids are UUIDv7 as text,
-- times UTC milliseconds, lists JSON in text, secrets kept as their SHA-256 in hexadecimal.

CREATE TABLE account (
    id TEXT PRIMARY KEY,
    handle TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    -- The name in lower case, for search.
    name_folded TEXT NOT NULL,
    email TEXT UNIQUE,
    -- A PHC string of argon2id.
    password TEXT NOT NULL,
    headline TEXT NOT NULL DEFAULT '',
    bio TEXT NOT NULL DEFAULT '',
    links TEXT NOT NULL DEFAULT '[]',
    languages TEXT NOT NULL DEFAULT '[]',
    topics TEXT NOT NULL DEFAULT '[]',
    creator BIGINT NOT NULL DEFAULT 0,
    admin BIGINT NOT NULL DEFAULT 0,
    -- Names the picture's version; absent without one.
    avatar TEXT,
    followers BIGINT NOT NULL DEFAULT 0,
    following BIGINT NOT NULL DEFAULT 0,
    suspended_at_ms BIGINT,
    created_at_ms BIGINT NOT NULL
);
CREATE INDEX account_by_name ON account (name_folded);
CREATE INDEX account_by_followers ON account (followers);

-- The picture, re-encoded by us, in base64.
CREATE TABLE avatar (
    account_id TEXT PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
    image TEXT NOT NULL
);

CREATE TABLE session (
    secret TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    created_at_ms BIGINT NOT NULL,
    expires_at_ms BIGINT NOT NULL
);
CREATE INDEX session_by_account ON session (account_id);

CREATE TABLE password_reset (
    secret TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    expires_at_ms BIGINT NOT NULL
);

CREATE TABLE follow (
    follower_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    followed_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    created_at_ms BIGINT NOT NULL,
    PRIMARY KEY (follower_id, followed_id)
);
CREATE INDEX follow_by_followed ON follow (followed_id, follower_id);

CREATE TABLE block (
    blocker_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    blocked_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    created_at_ms BIGINT NOT NULL,
    PRIMARY KEY (blocker_id, blocked_id)
);
CREATE INDEX block_by_blocked ON block (blocked_id, blocker_id);
