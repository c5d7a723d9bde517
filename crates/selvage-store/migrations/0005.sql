-- How much of a limit was spent in a window, over all nodes; for a rate, which has no window, only that it is in use.
CREATE TABLE budget (
    name TEXT NOT NULL,
    begins BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    spent BIGINT NOT NULL,
    PRIMARY KEY (name, begins)
);
CREATE INDEX budget_by_end ON budget (ends_at);

-- What nodes have in hand of it, until when.
CREATE TABLE budget_slice (
    name TEXT NOT NULL,
    begins BIGINT NOT NULL,
    node TEXT NOT NULL,
    held BIGINT NOT NULL,
    demand BIGINT NOT NULL,
    until_at BIGINT NOT NULL,
    PRIMARY KEY (name, begins, node),
    FOREIGN KEY (name, begins) REFERENCES budget (name, begins) ON DELETE CASCADE
);
