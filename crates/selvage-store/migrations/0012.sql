-- Leases come from requests and from break-glass too: the table is made anew, as no constraint can be changed in both databases.
CREATE TABLE lease_of_origins (
    id TEXT PRIMARY KEY,
    origin TEXT NOT NULL CHECK (origin IN ('manifest', 'request', 'break-glass')),
    consumer TEXT NOT NULL,
    interface TEXT NOT NULL,
    terms TEXT NOT NULL,
    granted_at BIGINT NOT NULL,
    ended_at BIGINT
);
INSERT INTO lease_of_origins (id, origin, consumer, interface, terms, granted_at, ended_at)
    SELECT id, origin, consumer, interface, terms, granted_at, ended_at FROM lease;
CREATE TABLE terms_of_origins (
    lease TEXT NOT NULL REFERENCES lease_of_origins (id),
    digest BYTEA NOT NULL,
    PRIMARY KEY (lease, digest)
);
INSERT INTO terms_of_origins (lease, digest) SELECT lease, digest FROM lease_terms;
DROP TABLE lease_terms;
DROP TABLE lease;
ALTER TABLE lease_of_origins RENAME TO lease;
ALTER TABLE terms_of_origins RENAME TO lease_terms;
CREATE INDEX lease_of_consumer ON lease (consumer, interface);

-- Leases that somebody asks for, and what came of it. `findings`: what was known against them when they were asked for.
CREATE TABLE access_request (
    id TEXT PRIMARY KEY,
    consumer TEXT NOT NULL,
    interface TEXT NOT NULL,
    terms TEXT NOT NULL,
    asked_by TEXT NOT NULL,
    asked_at BIGINT NOT NULL,
    findings TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'approved', 'rejected', 'refused')),
    settled_at BIGINT,
    settled_by TEXT,
    because TEXT,
    lease TEXT REFERENCES lease (id)
);
CREATE INDEX access_request_open ON access_request (asked_at) WHERE state = 'open';

-- Leases that were opened without approval. Whoever did not open it says by `review_by` whether it was right.
CREATE TABLE break_glass (
    lease TEXT PRIMARY KEY REFERENCES lease (id),
    opened_by TEXT NOT NULL,
    because TEXT NOT NULL,
    opened_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    review_by BIGINT NOT NULL,
    verdict TEXT CHECK (verdict IN ('ratified', 'disowned')),
    reviewed_at BIGINT,
    reviewed_by TEXT,
    review TEXT
);

CREATE TABLE recertification (
    id TEXT PRIMARY KEY,
    scope TEXT NOT NULL,
    until_at BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    started_by TEXT NOT NULL,
    closed_at BIGINT
);

-- A lease that somebody has to answer for. `breadth` and `last_used_at`: what was known of its use when the campaign began.
CREATE TABLE recertification_item (
    id TEXT PRIMARY KEY,
    campaign TEXT NOT NULL REFERENCES recertification (id),
    lease TEXT NOT NULL REFERENCES lease (id),
    tier TEXT NOT NULL,
    breadth TEXT NOT NULL,
    last_used_at BIGINT,
    state TEXT NOT NULL CHECK (state IN ('open', 'escalated', 'kept', 'narrowed', 'ended', 'lapsed', 'gone')),
    settled_at BIGINT,
    settled_by TEXT,
    because TEXT
);
CREATE INDEX recertification_item_of ON recertification_item (campaign, id);
