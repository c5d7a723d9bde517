-- How a record stood before Selvage wrote to it, and which attributes it wrote: what else is other is somebody else's change, and told.
-- What was noted before this says neither, and counts for nothing.
DELETE FROM capture_echo;
ALTER TABLE capture_echo ADD COLUMN stood TEXT;
ALTER TABLE capture_echo ADD COLUMN wrote TEXT;
-- The oldest that waits for a subscription.
CREATE INDEX parked_message_appended ON parked_message (subscription, appended_at);
