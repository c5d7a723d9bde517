-- CRC32C over what was set aside of a message, so that a damaged one is known and not sent; none of what was set aside before.
ALTER TABLE parked_message ADD COLUMN checksum BIGINT;
