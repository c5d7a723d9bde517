-- What comes from a backup keeps what stands there.
CREATE TRIGGER lease_granted AFTER INSERT ON lease WHEN NEW.touched = 0 BEGIN
    UPDATE lease SET touched = COALESCE((SELECT revision + 1 FROM access_revision WHERE id = 1), 0) WHERE id = NEW.id;
END;
CREATE TRIGGER lease_changed AFTER UPDATE OF terms, ended_at ON lease BEGIN
    UPDATE lease SET touched = COALESCE((SELECT revision + 1 FROM access_revision WHERE id = 1), 0) WHERE id = NEW.id;
END;
