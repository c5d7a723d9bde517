-- Checkpoints of the ledger: what its last entry was, signed with a key that the store does not have.
CREATE TABLE ledger_checkpoint (
    entries BIGINT PRIMARY KEY,
    entry_hash BYTEA NOT NULL,
    made_at BIGINT NOT NULL,
    signed_with TEXT NOT NULL,
    signature BYTEA NOT NULL
);

-- When the access state had which revision, and each lease which terms: what was decided can be decided again as it was then.
CREATE TABLE access_history (
    revision BIGINT PRIMARY KEY,
    reached_at BIGINT NOT NULL
);
CREATE INDEX access_history_time ON access_history (reached_at);
CREATE TABLE lease_history (
    lease TEXT NOT NULL REFERENCES lease (id),
    since BIGINT NOT NULL,
    terms TEXT NOT NULL,
    PRIMARY KEY (lease, since)
);
INSERT INTO lease_history (lease, since, terms) SELECT id, granted_at, terms FROM lease;
