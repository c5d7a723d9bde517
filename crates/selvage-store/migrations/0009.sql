-- Who is sent which events. `begins`: the position behind which it begins. `acts` grows with what people do to its lanes, by which
-- the node that delivers sees that it has to look again.
CREATE TABLE subscription (
    id TEXT PRIMARY KEY,
    consumer TEXT NOT NULL,
    name TEXT NOT NULL,
    interface TEXT NOT NULL,
    terms TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('requested', 'approved', 'probed', 'active', 'suspended', 'ended')),
    because TEXT,
    begins BIGINT NOT NULL,
    acts BIGINT NOT NULL,
    requested_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX subscription_alive ON subscription (consumer, name) WHERE state <> 'ended';

-- Every terms that a subscription has had: what ended with it does not come back by a rollback.
CREATE TABLE subscription_terms (
    subscription TEXT NOT NULL REFERENCES subscription (id),
    digest BYTEA NOT NULL,
    PRIMARY KEY (subscription, digest)
);

-- A lane that is set aside. `through`: everything of it up to this position is in `parked_message` or was delivered from there.
-- `due_at`: when it is tried next; none while it is parked. `spent`: microseconds that its clock has run for the head.
CREATE TABLE parked_lane (
    subscription TEXT NOT NULL REFERENCES subscription (id),
    lane TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('retrying', 'parked')),
    through BIGINT NOT NULL,
    cause TEXT NOT NULL,
    because TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    spent BIGINT NOT NULL,
    failed_at BIGINT NOT NULL,
    due_at BIGINT,
    since BIGINT NOT NULL,
    PRIMARY KEY (subscription, lane)
);

-- What is set aside, kept beyond the log's retention.
CREATE TABLE parked_message (
    subscription TEXT NOT NULL,
    lane TEXT NOT NULL,
    position BIGINT NOT NULL,
    event TEXT NOT NULL,
    body BYTEA NOT NULL,
    appended_at BIGINT NOT NULL,
    PRIMARY KEY (subscription, lane, position)
);

CREATE TABLE dead_letter (
    id TEXT PRIMARY KEY,
    subscription TEXT NOT NULL REFERENCES subscription (id),
    lane TEXT NOT NULL,
    position BIGINT NOT NULL,
    event TEXT NOT NULL,
    cause TEXT NOT NULL,
    because TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    died_at BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'redriven', 'discarded')),
    settled_at BIGINT,
    settled_by TEXT,
    reason TEXT
);
CREATE INDEX dead_letter_open ON dead_letter (subscription, lane) WHERE state = 'open';
CREATE INDEX dead_letter_settled ON dead_letter (settled_at) WHERE settled_at IS NOT NULL;

-- The last sends of each message that is, or was, set aside.
CREATE TABLE delivery_attempt (
    subscription TEXT NOT NULL,
    position BIGINT NOT NULL,
    number BIGINT NOT NULL,
    attempted_at BIGINT NOT NULL,
    took BIGINT NOT NULL,
    status BIGINT,
    because TEXT NOT NULL,
    excerpt TEXT,
    PRIMARY KEY (subscription, position, number)
);
CREATE INDEX delivery_attempt_old ON delivery_attempt (attempted_at);
