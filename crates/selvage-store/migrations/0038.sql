-- A lease that a manifest asks for is of the environment whose release does, and so is what is left of one that was narrowed. Without an environment
-- it counts in all: what somebody asked for, and what was opened in an emergency. What a person took back (`withdrawn`) is held back in all of
-- them, whichever it was of; what ended before is, since nobody knows who ended it.
ALTER TABLE lease ADD COLUMN environment TEXT;
ALTER TABLE lease ADD COLUMN withdrawn BIGINT NOT NULL DEFAULT 0;
UPDATE lease SET withdrawn = 1 WHERE ended_at IS NOT NULL AND origin = 'manifest';

-- Until now each of them counted wherever anything was active: it is one lease for each of these environments. Whatever an environment does not ask
-- for ends there when something is activated there next.
CREATE TABLE lease_copy AS
    SELECT lease.id AS original, there.environment AS environment, lease.id || '_' || there.environment AS id
    FROM lease, (SELECT DISTINCT environment FROM activation) AS there
    WHERE lease.ended_at IS NULL AND (lease.origin = 'manifest' OR lease.of_manifest = 1)
    AND there.environment <> (SELECT MIN(environment) FROM activation);
INSERT INTO lease (id, origin, consumer, interface, terms, granted_at, of_manifest, environment)
    SELECT lease_copy.id, lease.origin, lease.consumer, lease.interface, lease.terms, lease.granted_at, lease.of_manifest, lease_copy.environment
    FROM lease JOIN lease_copy ON lease_copy.original = lease.id;
INSERT INTO lease_terms (lease, digest)
    SELECT lease_copy.id, lease_terms.digest FROM lease_terms JOIN lease_copy ON lease_copy.original = lease_terms.lease;
INSERT INTO lease_history (lease, since, terms)
    SELECT lease_copy.id, lease_history.since, lease_history.terms
    FROM lease_history JOIN lease_copy ON lease_copy.original = lease_history.lease;
INSERT INTO usage_last (kind, id, used_at)
    SELECT usage_last.kind, lease_copy.id, usage_last.used_at
    FROM usage_last JOIN lease_copy ON lease_copy.original = usage_last.id WHERE usage_last.kind = 'grant';
DROP TABLE lease_copy;
UPDATE lease SET environment = (SELECT MIN(environment) FROM activation)
    WHERE ended_at IS NULL AND environment IS NULL AND (origin = 'manifest' OR of_manifest = 1);

-- Since when what a key signs counts no more; who said so and why is in the ledger. What it signed before is verified by it still.
ALTER TABLE release_key ADD COLUMN distrusted_at BIGINT;
