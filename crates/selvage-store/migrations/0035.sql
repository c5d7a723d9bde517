-- CRC32C over an event that waits to be brought to the log, so that a damaged one is known and not told; none of what was put there before.
ALTER TABLE event_outbox ADD COLUMN checksum BIGINT;

-- How far consumers have read that pull without a group, by the furthest that one of them was answered. It holds nothing back: who is about to
-- lose what it has not read is told by it.
CREATE TABLE pulled_to (
    stream BIGINT NOT NULL,
    consumer TEXT NOT NULL,
    position BIGINT NOT NULL,
    heard_at BIGINT NOT NULL,
    PRIMARY KEY (stream, consumer)
);
