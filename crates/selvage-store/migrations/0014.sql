-- What consumers' owners are to be told of interfaces that end, each once in an environment. `due_at`: when it is tried next; whoever tries
-- it puts that off first, so that nobody else does.
CREATE TABLE lifecycle_notice (
    environment TEXT NOT NULL,
    interface TEXT NOT NULL,
    consumer TEXT NOT NULL,
    stage TEXT NOT NULL,
    says TEXT NOT NULL,
    noted_at BIGINT NOT NULL,
    due_at BIGINT,
    attempts BIGINT NOT NULL,
    told_at BIGINT,
    because TEXT,
    PRIMARY KEY (environment, interface, consumer, stage)
);
CREATE INDEX lifecycle_notice_due ON lifecycle_notice (environment, due_at) WHERE due_at IS NOT NULL;
