-- Streams, captures, copies, subscriptions and what is delivered are of one environment: the one whose nodes keep them. It is known of what is
-- there already where one environment alone ran in the store; otherwise it is settled when the next node begins.
CREATE TABLE event_home (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    environment TEXT NOT NULL
);
CREATE VIEW environment_that_ran AS
    SELECT environment FROM node UNION SELECT environment FROM activation UNION SELECT environment FROM release_run
    UNION SELECT environment FROM promise_count UNION SELECT environment FROM lifecycle_notice;
INSERT INTO event_home (id, environment)
    SELECT 1, environment FROM environment_that_ran
    WHERE (SELECT COUNT(*) FROM environment_that_ran) = 1 AND EXISTS (SELECT id FROM event_stream);
DROP VIEW environment_that_ran;
