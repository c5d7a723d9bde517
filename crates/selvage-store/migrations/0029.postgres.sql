CREATE OR REPLACE FUNCTION lease_touched() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    -- What comes from a backup keeps what stands there.
    IF TG_OP = 'UPDATE' OR NEW.touched = 0 THEN
        NEW.touched := COALESCE((SELECT revision + 1 FROM access_revision WHERE id = 1), 0);
    END IF;
    RETURN NEW;
END
$body$;
CREATE TRIGGER lease_touched BEFORE INSERT OR UPDATE ON lease FOR EACH ROW EXECUTE FUNCTION lease_touched();
