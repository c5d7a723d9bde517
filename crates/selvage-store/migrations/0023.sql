-- A notice is told by each way of its team, a webhook and mail, each by itself: `recipient` says where to, and where that is another than
-- before, what nobody took is tried there anew.
CREATE TABLE lifecycle_notice_of_ways (
    environment TEXT NOT NULL,
    interface TEXT NOT NULL,
    consumer TEXT NOT NULL,
    stage TEXT NOT NULL,
    way TEXT NOT NULL,
    recipient TEXT NOT NULL,
    says TEXT NOT NULL,
    noted_at BIGINT NOT NULL,
    due_at BIGINT,
    attempts BIGINT NOT NULL,
    told_at BIGINT,
    because TEXT,
    PRIMARY KEY (environment, interface, consumer, stage, way)
);
INSERT INTO lifecycle_notice_of_ways (environment, interface, consumer, stage, way, recipient, says, noted_at, due_at, attempts, told_at, because)
    SELECT environment, interface, consumer, stage, 'webhook', '', says, noted_at, due_at, attempts, told_at, because FROM lifecycle_notice;
DROP TABLE lifecycle_notice;
ALTER TABLE lifecycle_notice_of_ways RENAME TO lifecycle_notice;
CREATE INDEX lifecycle_notice_due ON lifecycle_notice (environment, due_at) WHERE due_at IS NOT NULL;
