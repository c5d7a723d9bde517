-- Behind which events of the log deliveries went on, since it does not have them as they were written. `position`, `last_offset`: the last of them.
-- There for as long as the stream reaches back to it, and for a month at least.
CREATE TABLE passed_event (
    subscription TEXT NOT NULL,
    position BIGINT NOT NULL,
    last_offset BIGINT NOT NULL,
    code TEXT NOT NULL,
    because TEXT NOT NULL,
    passed_at BIGINT NOT NULL,
    PRIMARY KEY (subscription, position)
);
CREATE INDEX passed_event_old ON passed_event (passed_at);
