-- Why nothing is sent for a subscription that stands so that it could be, as the node saw it that has it.
ALTER TABLE subscription ADD COLUMN waits_for TEXT;
ALTER TABLE subscription ADD COLUMN waits_because TEXT;

-- What was delivered to a subscription lately: a row for what one move of its cursor brought. `total`: how many had been delivered by then;
-- `low`, `high`: between which positions these are; `deliveries`: of each its position, when, for how long, status and number of sends.
CREATE TABLE delivered (
    subscription TEXT NOT NULL,
    total BIGINT NOT NULL,
    low BIGINT NOT NULL,
    high BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    deliveries TEXT NOT NULL,
    PRIMARY KEY (subscription, total)
);
CREATE INDEX delivered_old ON delivered (last_at);
