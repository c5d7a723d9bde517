-- What a capture's ids are hashed with, so that nobody who does not see a record can guess it by its events' ids; made once.
ALTER TABLE capture ADD COLUMN id_key BYTEA;
-- How the record was when it was last told of, where that is not how it is: `null` where it was not there. And the second in which
-- it was made: no system gives an id twice.
ALTER TABLE captured ADD COLUMN told TEXT;
ALTER TABLE captured ADD COLUMN created BIGINT;
-- Calls of webhooks that no proven id tells apart: which event each became.
CREATE TABLE webhook_call (
    interface TEXT NOT NULL,
    hash BYTEA NOT NULL,
    event TEXT NOT NULL,
    noted_at BIGINT NOT NULL,
    PRIMARY KEY (interface, hash)
);
CREATE INDEX webhook_call_noted ON webhook_call (noted_at);
