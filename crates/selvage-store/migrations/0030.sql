-- Why a record is parked, in classes that tell who can do something about it.
ALTER TABLE capture_parked ADD COLUMN cause TEXT NOT NULL DEFAULT 'unknown';
UPDATE capture_parked SET cause = CASE code WHEN 'FAB3101' THEN 'code' WHEN 'FAB3102' THEN 'reference' WHEN 'FAB3103' THEN 'unit'
    WHEN 'FAB5143' THEN 'contract' ELSE 'mapping' END;

-- Groups of consumers that pull whose right to it has ended. `position`: how far each was. There until a group of that name commits.
CREATE TABLE ended_group (
    stream BIGINT NOT NULL,
    reader TEXT NOT NULL,
    position BIGINT NOT NULL,
    ended_at BIGINT NOT NULL,
    because TEXT NOT NULL,
    PRIMARY KEY (stream, reader)
);

-- Until when the receiver of a subscription asked to be left alone.
ALTER TABLE subscription ADD COLUMN held_until BIGINT;

-- Messages that were set aside and were not sent in the end, since the grant covers them no longer.
CREATE TABLE withheld_message (
    subscription TEXT NOT NULL,
    position BIGINT NOT NULL,
    lane TEXT NOT NULL,
    event TEXT NOT NULL,
    because TEXT NOT NULL,
    withheld_at BIGINT NOT NULL,
    PRIMARY KEY (subscription, position)
);
CREATE INDEX withheld_message_old ON withheld_message (withheld_at);

-- Where the ids of a broker's stream are, by a hash of each; and up to where all of them are here.
CREATE TABLE broker_id (
    stream BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    sequence BIGINT NOT NULL,
    PRIMARY KEY (stream, hash)
);
CREATE INDEX broker_id_sequence ON broker_id (stream, sequence);
CREATE TABLE broker_index (
    stream BIGINT PRIMARY KEY,
    indexed_to BIGINT NOT NULL
);
