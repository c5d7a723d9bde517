-- Captures of systems' changes: who works on each, how far it is, what it knows of each record, and what it has to tell. What
-- is learned and what is told of it are one transaction; the outbox is brought to the event log from there.
CREATE TABLE capture (
    id BIGINT PRIMARY KEY,
    interface TEXT NOT NULL,
    system TEXT NOT NULL,
    record TEXT NOT NULL,
    stage TEXT NOT NULL,
    place TEXT,
    generation BIGINT NOT NULL,
    front BIGINT NOT NULL,
    settled BIGINT NOT NULL,
    looked_at BIGINT,
    reconciled_at BIGINT,
    paused_code TEXT,
    paused_because TEXT,
    next_out BIGINT NOT NULL,
    node TEXT NOT NULL,
    fence BIGINT NOT NULL,
    leased_until BIGINT NOT NULL,
    UNIQUE (interface, system)
);
CREATE TABLE captured (
    capture BIGINT NOT NULL REFERENCES capture (id),
    record BIGINT NOT NULL,
    standing BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    written BIGINT NOT NULL,
    change TEXT NOT NULL,
    business_key TEXT NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (capture, record)
);
CREATE INDEX captured_written ON captured (capture, written, record);
CREATE INDEX captured_business_key ON captured (capture, business_key);
-- What records are looked for by in a copy.
CREATE TABLE captured_value (
    capture BIGINT NOT NULL REFERENCES capture (id),
    attribute TEXT NOT NULL,
    value TEXT NOT NULL,
    record BIGINT NOT NULL,
    PRIMARY KEY (capture, attribute, value, record)
);
CREATE INDEX captured_value_record ON captured_value (capture, record);
CREATE TABLE capture_parked (
    capture BIGINT NOT NULL REFERENCES capture (id),
    record BIGINT NOT NULL,
    code TEXT NOT NULL,
    reason TEXT NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (capture, record)
);
CREATE TABLE capture_hint (
    capture BIGINT NOT NULL REFERENCES capture (id),
    record BIGINT NOT NULL,
    asked BIGINT NOT NULL,
    PRIMARY KEY (capture, record)
);
-- What Selvage itself wrote, as it was read back.
CREATE TABLE capture_echo (
    capture BIGINT NOT NULL REFERENCES capture (id),
    record BIGINT NOT NULL,
    content BYTEA NOT NULL,
    effect TEXT NOT NULL,
    noted_at BIGINT NOT NULL,
    PRIMARY KEY (capture, record, content)
);
CREATE TABLE event_outbox (
    capture BIGINT NOT NULL REFERENCES capture (id),
    number BIGINT NOT NULL,
    id TEXT NOT NULL,
    lane TEXT NOT NULL,
    body BYTEA NOT NULL,
    PRIMARY KEY (capture, number)
);
