-- Consumers and interfaces that a person cut off, whatever release runs. Lifted ones stay, for the record.
CREATE TABLE access_block (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('consumer', 'interface')),
    subject TEXT NOT NULL,
    because TEXT NOT NULL,
    blocked_at BIGINT NOT NULL,
    lifted_at BIGINT
);

-- Nodes that take requests. The lease is renewed only by who runs the newest access state; whoever cannot renew it
-- goes on for `serves_for` microseconds at most, where interfaces declare that.
CREATE TABLE node (
    id TEXT PRIMARY KEY,
    environment TEXT NOT NULL,
    address TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    acknowledged_at BIGINT NOT NULL,
    lease_until BIGINT NOT NULL,
    serves_for BIGINT NOT NULL
);
