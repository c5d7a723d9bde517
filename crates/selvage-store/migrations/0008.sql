-- When somebody said that the gap before the epoch has been told: until then whoever opens the stream is told.
ALTER TABLE event_epoch ADD COLUMN told_at BIGINT;
