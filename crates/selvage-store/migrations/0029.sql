-- At which revision of the access state a lease was written last: a node that knows the state of then reads what came after. Triggers keep it,
-- so that no statement forgets it, of whatever version the node is that writes.
ALTER TABLE lease ADD COLUMN touched BIGINT NOT NULL DEFAULT 0;
CREATE INDEX lease_touched ON lease (touched);
