-- No constraint can be changed here: the tables are made anew, and those that refer to them first. Their columns stand as PostgreSQL has them.
CREATE TABLE operation_of_environments (
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
    waits TEXT,
    environment TEXT NOT NULL DEFAULT '',
    UNIQUE (environment, consumer, interface, verb, idempotency_key)
);
INSERT INTO operation_of_environments (id, environment, consumer, interface, verb, idempotency_key, payload_hash, request, state, epoch, node,
    due_at, probe_at, probes, because, evidence, answer_status, answer_body, answer_location, created_at, changed_at, waits)
    SELECT id, environment, consumer, interface, verb, idempotency_key, payload_hash, request, state, epoch, node,
    due_at, probe_at, probes, because, evidence, answer_status, answer_body, answer_location, created_at, changed_at, waits FROM operation;
CREATE TABLE effect_of_environments (
    id TEXT PRIMARY KEY,
    operation TEXT NOT NULL REFERENCES operation_of_environments (id) ON DELETE CASCADE,
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
INSERT INTO effect_of_environments (id, operation, ordinal, system_name, verb, target, external_id, state, sends, intended_at, sent_at, settled_at)
    SELECT id, operation, ordinal, system_name, verb, target, external_id, state, sends, intended_at, sent_at, settled_at FROM effect;
CREATE TABLE lane_of_environments (
    lane TEXT NOT NULL,
    operation TEXT NOT NULL REFERENCES operation_of_environments (id) ON DELETE CASCADE,
    environment TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (environment, lane)
);
INSERT INTO lane_of_environments (environment, lane, operation) SELECT environment, lane, operation FROM lane;
DROP TABLE effect;
DROP TABLE lane;
DROP TABLE operation;
ALTER TABLE operation_of_environments RENAME TO operation;
ALTER TABLE effect_of_environments RENAME TO effect;
ALTER TABLE lane_of_environments RENAME TO lane;
CREATE INDEX operation_due ON operation (environment, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX operation_open ON operation (created_at) WHERE state IN ('pending', 'unknown', 'stuck');
CREATE INDEX operation_settled ON operation (changed_at) WHERE state IN ('done', 'refused');
CREATE INDEX lane_of_operation ON lane (operation);

CREATE TABLE cross_reference_of_environments (
    system_name TEXT NOT NULL,
    object TEXT NOT NULL,
    record TEXT NOT NULL,
    business_key TEXT NOT NULL,
    linked_at BIGINT NOT NULL,
    environment TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (environment, system_name, object, record),
    UNIQUE (environment, system_name, object, business_key)
);
INSERT INTO cross_reference_of_environments (environment, system_name, object, record, business_key, linked_at)
    SELECT environment, system_name, object, record, business_key, linked_at FROM cross_reference;
DROP TABLE cross_reference;
ALTER TABLE cross_reference_of_environments RENAME TO cross_reference;
