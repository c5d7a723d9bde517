-- Written in PostgreSQL's words; for SQLite, BIGINT, BYTEA and the end of a table are translated.
-- Times are microseconds since 1970 in UTC, hashes 32 bytes, structured values JSON as text.

CREATE TABLE fabric_release (
    id TEXT PRIMARY KEY,
    content TEXT NOT NULL,
    recorded_at BIGINT NOT NULL,
    recorded_by TEXT NOT NULL
);

-- The newest row of an environment is what is active there.
CREATE TABLE activation (
    ordinal BIGINT PRIMARY KEY,
    environment TEXT NOT NULL,
    release_id TEXT NOT NULL REFERENCES fabric_release (id),
    activated_at BIGINT NOT NULL,
    activated_by TEXT NOT NULL
);
CREATE INDEX activation_of_environment ON activation (environment, ordinal);

CREATE TABLE access_revision (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    revision BIGINT NOT NULL
);
INSERT INTO access_revision (id, revision) VALUES (1, 0);

CREATE TABLE credential (
    id TEXT PRIMARY KEY,
    principal_kind TEXT NOT NULL CHECK (principal_kind IN ('consumer', 'operator')),
    principal TEXT NOT NULL,
    key_hash BYTEA NOT NULL UNIQUE,
    issued_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT
);

CREATE TABLE lease (
    id TEXT PRIMARY KEY,
    origin TEXT NOT NULL CHECK (origin IN ('manifest')),
    consumer TEXT NOT NULL,
    interface TEXT NOT NULL,
    terms TEXT NOT NULL,
    granted_at BIGINT NOT NULL,
    ended_at BIGINT
);
CREATE INDEX lease_of_consumer ON lease (consumer, interface);

-- Every terms that a lease has had: what ended with it does not come back by a rollback.
CREATE TABLE lease_terms (
    lease TEXT NOT NULL REFERENCES lease (id),
    digest BYTEA NOT NULL,
    PRIMARY KEY (lease, digest)
);

CREATE TABLE cross_reference (
    system_name TEXT NOT NULL,
    object TEXT NOT NULL,
    record TEXT NOT NULL,
    business_key TEXT NOT NULL,
    linked_at BIGINT NOT NULL,
    PRIMARY KEY (system_name, object, record),
    UNIQUE (system_name, object, business_key)
);

-- A claim and what came of it. `due_at`: when the lease ends or a probe is due; none once there is an outcome.
CREATE TABLE operation (
    id TEXT PRIMARY KEY,
    consumer TEXT NOT NULL,
    interface TEXT NOT NULL,
    verb TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    payload_hash BYTEA NOT NULL,
    request TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'unknown', 'done', 'refused', 'stuck')),
    epoch BIGINT NOT NULL,
    node TEXT NOT NULL,
    due_at BIGINT,
    probe_at BIGINT,
    probes BIGINT NOT NULL,
    because TEXT,
    evidence TEXT,
    answer_status BIGINT,
    answer_body TEXT,
    answer_location TEXT,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    UNIQUE (consumer, interface, verb, idempotency_key)
);
CREATE INDEX operation_due ON operation (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX operation_open ON operation (created_at) WHERE state IN ('pending', 'unknown', 'stuck');
CREATE INDEX operation_settled ON operation (changed_at) WHERE state IN ('done', 'refused');

CREATE TABLE effect (
    id TEXT PRIMARY KEY,
    operation TEXT NOT NULL REFERENCES operation (id) ON DELETE CASCADE,
    ordinal BIGINT NOT NULL,
    system_name TEXT NOT NULL,
    verb TEXT NOT NULL,
    target TEXT NOT NULL,
    external_id TEXT,
    state TEXT NOT NULL CHECK (state IN ('intended', 'sent', 'unknown', 'confirmed', 'refused')),
    sends BIGINT NOT NULL,
    intended_at BIGINT NOT NULL,
    sent_at BIGINT,
    settled_at BIGINT,
    UNIQUE (operation, ordinal)
);

CREATE TABLE ledger (
    seq BIGINT PRIMARY KEY,
    entered_at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL,
    previous_hash BYTEA NOT NULL,
    entry_hash BYTEA NOT NULL
);

-- Kept apart from the entries, so that a tail that was cut off is missed.
CREATE TABLE ledger_head (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    entries BIGINT NOT NULL,
    entry_hash BYTEA NOT NULL
);
