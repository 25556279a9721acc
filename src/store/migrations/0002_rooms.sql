-- Rooms that were or are live, who is invited to the closed ones, what happened in them, and reports.

CREATE TABLE room (
    id TEXT PRIMARY KEY,
    -- An account's, or a guest's, who has none.
    owner_id TEXT NOT NULL,
    title TEXT NOT NULL,
    kind TEXT NOT NULL,
    opened_at_ms BIGINT NOT NULL,
    ended_at_ms BIGINT,
    end_reason TEXT
);
CREATE INDEX room_by_owner ON room (owner_id, id);
CREATE INDEX room_live ON room (ended_at_ms);

CREATE TABLE room_guest (
    room_id TEXT NOT NULL REFERENCES room (id) ON DELETE CASCADE,
    account_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    PRIMARY KEY (room_id, account_id)
);

-- Append-only. Times are the room's own, milliseconds since it opened.
CREATE TABLE room_event (
    room_id TEXT NOT NULL REFERENCES room (id) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (room_id, number)
);

CREATE TABLE report (
    id TEXT PRIMARY KEY,
    room_id TEXT NOT NULL REFERENCES room (id) ON DELETE CASCADE,
    created_at_ms BIGINT NOT NULL,
    by_id TEXT NOT NULL,
    about_id TEXT NOT NULL,
    -- The moderation entry, and the reported person's lines of chat.
    body TEXT NOT NULL,
    handled_at_ms BIGINT
);
CREATE INDEX report_open ON report (handled_at_ms, id);
