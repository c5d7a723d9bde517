-- No constraint can be taken away here: the table is made anew. What was in it once more is gone through in the order of places.
CREATE TABLE event_record_in_places (
    place BIGINT PRIMARY KEY,
    stream BIGINT NOT NULL,
    epoch BIGINT NOT NULL,
    appended_at BIGINT NOT NULL,
    checksum BIGINT NOT NULL,
    id TEXT NOT NULL,
    lane TEXT NOT NULL,
    body BYTEA NOT NULL
);
INSERT INTO event_record_in_places (place, stream, epoch, appended_at, checksum, id, lane, body)
    SELECT place, stream, epoch, appended_at, checksum, id, lane, body FROM event_record ORDER BY place;
DROP TABLE event_record;
ALTER TABLE event_record_in_places RENAME TO event_record;

-- Where the ids of a stream are, up to a place in it; the ids behind it are found in the records. Neither is in a backup: who restores one
-- makes them anew.
CREATE TABLE event_id (
    stream BIGINT NOT NULL,
    id TEXT NOT NULL,
    place BIGINT NOT NULL,
    PRIMARY KEY (stream, id)
) WITHOUT ROWID, STRICT;
CREATE TABLE event_id_index (
    stream BIGINT PRIMARY KEY,
    indexed_to BIGINT NOT NULL
);
INSERT INTO event_id (stream, id, place) SELECT stream, id, place FROM event_record ORDER BY stream, id;
INSERT INTO event_id_index (stream, indexed_to) SELECT id, next_offset - 1 FROM event_stream;
