CREATE FUNCTION lease_touched() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    NEW.touched := COALESCE((SELECT revision + 1 FROM access_revision WHERE id = 1), 0);
    RETURN NEW;
END
$body$;
CREATE TRIGGER lease_touched BEFORE INSERT OR UPDATE ON lease FOR EACH ROW EXECUTE FUNCTION lease_touched();
