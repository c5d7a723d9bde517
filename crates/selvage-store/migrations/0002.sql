-- Which operation is writing a record, or wrote it with an outcome that is not known: one at a time, whatever the node.
CREATE TABLE lane (
    lane TEXT PRIMARY KEY,
    operation TEXT NOT NULL REFERENCES operation (id) ON DELETE CASCADE
);
CREATE INDEX lane_of_operation ON lane (operation);

-- What an operation without effect waits for: its consumer (`given-back`), or whoever carries it out (`asked-again`).
ALTER TABLE operation ADD COLUMN waits TEXT;
