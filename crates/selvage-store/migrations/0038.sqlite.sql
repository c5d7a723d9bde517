DROP TRIGGER lease_changed;
CREATE TRIGGER lease_changed AFTER UPDATE OF terms, ended_at, environment ON lease BEGIN
    UPDATE lease SET touched = COALESCE((SELECT revision + 1 FROM access_revision WHERE id = 1), 0) WHERE id = NEW.id;
END;
