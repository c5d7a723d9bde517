-- Streams of the event log, one for each interface. The high-water mark is `next_offset` less one; retention took what is up to
-- `retired_to`. Positions are stored as sequences: the epoch times 10^15, and the offset.
CREATE TABLE event_stream (
    id BIGINT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    epoch BIGINT NOT NULL,
    next_offset BIGINT NOT NULL,
    retired_to BIGINT NOT NULL,
    bytes BIGINT NOT NULL
);

-- Where each epoch after the first begins, and the offsets that were acknowledged before it and are lost.
CREATE TABLE event_epoch (
    stream BIGINT NOT NULL REFERENCES event_stream (id),
    epoch BIGINT NOT NULL,
    first_offset BIGINT NOT NULL,
    lost_from BIGINT NOT NULL,
    lost_to BIGINT NOT NULL,
    began_at BIGINT NOT NULL,
    PRIMARY KEY (stream, epoch)
);

-- `place` is the stream's id times 2^44, and the offset: the events of a stream lie beside each other, in order.
CREATE TABLE event_record (
    place BIGINT PRIMARY KEY,
    stream BIGINT NOT NULL,
    epoch BIGINT NOT NULL,
    appended_at BIGINT NOT NULL,
    checksum BIGINT NOT NULL,
    id TEXT NOT NULL,
    lane TEXT NOT NULL,
    body BYTEA NOT NULL,
    UNIQUE (stream, id)
);

-- How far each reader of a stream is, and which node reads for it.
CREATE TABLE event_cursor (
    stream BIGINT NOT NULL REFERENCES event_stream (id),
    reader TEXT NOT NULL,
    position BIGINT NOT NULL,
    fence BIGINT NOT NULL,
    node TEXT NOT NULL,
    leased_until BIGINT NOT NULL,
    moved_at BIGINT NOT NULL,
    PRIMARY KEY (stream, reader)
);
