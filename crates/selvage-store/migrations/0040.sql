-- When a message went unchecked last: what is long ago does not stand against enforcing a contract for ever. Of those before nobody knows.
ALTER TABLE contract_check ADD COLUMN unchecked_at BIGINT;
UPDATE contract_check SET unchecked_at = last_at WHERE unchecked > 0;
