-- When what is counted was used last in each environment: several may share a store. '' is nobody's and counts in all of them: what was
-- used before this was kept.
CREATE TABLE usage_in_environment (
    environment TEXT NOT NULL,
    interface TEXT NOT NULL,
    consumer TEXT NOT NULL,
    operation TEXT NOT NULL,
    way TEXT NOT NULL,
    attribute TEXT NOT NULL,
    used_at BIGINT NOT NULL,
    PRIMARY KEY (environment, interface, consumer, operation, way, attribute)
);
INSERT INTO usage_in_environment (environment, interface, consumer, operation, way, attribute, used_at)
    SELECT '', interface, consumer, operation, way, attribute, MAX(starts_at) FROM usage_count
    GROUP BY interface, consumer, operation, way, attribute;

-- Who was let in without anybody's key is shown for long: a table of its own would be one that the chain does not cover.
CREATE INDEX ledger_let_in ON ledger (seq) WHERE action = 'operator.let-in';

-- The public keys that issuers of tokens showed nodes of an environment, from when until when they were seen.
CREATE TABLE issuer_keys (
    environment TEXT NOT NULL,
    issuer TEXT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    digest BYTEA NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (environment, issuer, first_at)
);
