-- Rooms planned ahead, and who has a part in them. A planned room's id is the room's once it is live: it has a row in
-- `room` once it was started.

CREATE TABLE scheduled (
    id TEXT PRIMARY KEY,
    host_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    title TEXT NOT NULL,
    description TEXT NOT NULL,
    topics TEXT NOT NULL,
    language TEXT,
    -- Title, description and topics in lower case, for search.
    folded TEXT NOT NULL,
    kind TEXT NOT NULL,
    starts_at_ms BIGINT NOT NULL,
    max_duration_ms BIGINT,
    capacity BIGINT,
    registration BIGINT NOT NULL,
    -- Raised by every change, for calendars.
    sequence BIGINT NOT NULL DEFAULT 0,
    changed_at_ms BIGINT NOT NULL,
    cancelled_at_ms BIGINT,
    -- The `starts_at_ms` of which people were reminded, and which they were told was missed: once for each time.
    reminded_for_ms BIGINT,
    late_for_ms BIGINT
);
CREATE INDEX scheduled_by_time ON scheduled (starts_at_ms, id);
CREATE INDEX scheduled_by_host ON scheduled (host_id);

CREATE TABLE scheduled_person (
    scheduled_id TEXT NOT NULL REFERENCES scheduled (id) ON DELETE CASCADE,
    account_id TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    -- host, co_host, invited, going
    part TEXT NOT NULL,
    PRIMARY KEY (scheduled_id, part, account_id)
);
CREATE INDEX scheduled_by_person ON scheduled_person (account_id, part, scheduled_id);
