-- Writes, the lanes that they hold and cross-references are of an environment: its systems are others than those of the same name elsewhere.
-- '' is nobody's: of before, where more than one environment ran in the store, or none that is known. Keys, constraints and the tables
-- that SQLite has to make anew for them: 0032.sqlite.sql and 0032.postgres.sql.
ALTER TABLE operation ADD COLUMN environment TEXT NOT NULL DEFAULT '';
ALTER TABLE lane ADD COLUMN environment TEXT NOT NULL DEFAULT '';
ALTER TABLE cross_reference ADD COLUMN environment TEXT NOT NULL DEFAULT '';

CREATE VIEW environment_that_ran AS
    SELECT environment FROM node UNION SELECT environment FROM activation UNION SELECT environment FROM release_run
    UNION SELECT environment FROM promise_count UNION SELECT environment FROM lifecycle_notice;
UPDATE operation SET environment = (SELECT MIN(environment) FROM environment_that_ran)
    WHERE (SELECT COUNT(*) FROM environment_that_ran) = 1;
UPDATE lane SET environment = (SELECT MIN(environment) FROM environment_that_ran)
    WHERE (SELECT COUNT(*) FROM environment_that_ran) = 1;
UPDATE cross_reference SET environment = (SELECT MIN(environment) FROM environment_that_ran)
    WHERE (SELECT COUNT(*) FROM environment_that_ran) = 1;
DROP VIEW environment_that_ran;

-- No node goes on with what is nobody's: of which environment it is, a person says. Whoever works on it is fenced off.
UPDATE operation SET state = 'stuck', epoch = epoch + 1, due_at = NULL, probe_at = NULL, waits = NULL,
    because = 'FAB7205: it is of before writes had an environment, and several ran in this store, or none that is known'
    WHERE environment = '' AND state IN ('pending', 'unknown');
DELETE FROM lane WHERE operation IN (SELECT id FROM operation WHERE environment = '' AND state = 'stuck');
