-- Whether a release was gone back to: what was left so is not gone back to again, and has not proven itself where it was.
ALTER TABLE activation ADD COLUMN is_rollback BIGINT NOT NULL DEFAULT 0;
