-- Changes, decisions and releases by domain. A release that a directory was served from has no domain; what is released by approval
-- has one, with the change that it comes from and a signature.
ALTER TABLE fabric_release ADD COLUMN domain TEXT;
ALTER TABLE fabric_release ADD COLUMN change_id TEXT;
ALTER TABLE fabric_release ADD COLUMN signed_with TEXT;
ALTER TABLE fabric_release ADD COLUMN signature BYTEA;
-- The newest row of an environment and a domain is what is active there; none for a directory served whole.
ALTER TABLE activation ADD COLUMN domain TEXT;
ALTER TABLE activation ADD COLUMN because TEXT;
ALTER TABLE activation ADD COLUMN gates TEXT;
CREATE TABLE release_key (
    id TEXT PRIMARY KEY,
    public_key BYTEA NOT NULL,
    made_at BIGINT NOT NULL,
    made_by TEXT NOT NULL
);
CREATE TABLE change_proposal (
    id TEXT PRIMARY KEY,
    domain TEXT NOT NULL,
    title TEXT NOT NULL,
    author TEXT NOT NULL,
    version BIGINT NOT NULL,
    base_release TEXT,
    release_id TEXT NOT NULL,
    content TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'rejected', 'withdrawn', 'released')),
    emergency BIGINT NOT NULL,
    ratify_until BIGINT,
    report TEXT NOT NULL,
    requirements TEXT NOT NULL,
    proposed_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    released_at BIGINT
);
CREATE INDEX change_proposal_state ON change_proposal (state, proposed_at);
CREATE INDEX change_proposal_domain ON change_proposal (domain, changed_at);
CREATE TABLE change_decision (
    change_id TEXT NOT NULL REFERENCES change_proposal (id),
    ordinal BIGINT NOT NULL,
    version BIGINT NOT NULL,
    person TEXT NOT NULL,
    verdict TEXT NOT NULL,
    because TEXT NOT NULL,
    decided_at BIGINT NOT NULL,
    PRIMARY KEY (change_id, ordinal)
);
CREATE TABLE board_delegation (
    id TEXT PRIMARY KEY,
    domain TEXT NOT NULL,
    discipline TEXT NOT NULL,
    given_by TEXT NOT NULL,
    given_to TEXT NOT NULL,
    until_at BIGINT NOT NULL,
    given_at BIGINT NOT NULL,
    ended_at BIGINT
);
