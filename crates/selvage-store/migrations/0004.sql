-- What was found when messages were checked against a contract: a row for each consumer, operation and side.
CREATE TABLE contract_check (
    interface TEXT NOT NULL,
    -- Which text of the contract: counts of another one say nothing about this one.
    contract TEXT NOT NULL,
    consumer TEXT NOT NULL,
    operation TEXT NOT NULL,
    side TEXT NOT NULL,
    -- `report` or `enforce`, as it was last.
    mode TEXT NOT NULL,
    checked BIGINT NOT NULL,
    unfit BIGINT NOT NULL,
    unchecked BIGINT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    PRIMARY KEY (interface, contract, consumer, operation, side)
);

-- Where messages did not fit. The sample is masked by the class of the interface's data.
CREATE TABLE contract_violation (
    interface TEXT NOT NULL,
    contract TEXT NOT NULL,
    consumer TEXT NOT NULL,
    operation TEXT NOT NULL,
    side TEXT NOT NULL,
    place TEXT NOT NULL,
    field TEXT NOT NULL,
    rule TEXT NOT NULL,
    count BIGINT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    sample TEXT NOT NULL,
    PRIMARY KEY (interface, contract, consumer, operation, side, place, field, rule)
);
