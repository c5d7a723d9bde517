-- Requests that a declared brownout refused: counted among the requests, and apart from those that failed.
ALTER TABLE usage_count ADD COLUMN planned BIGINT NOT NULL DEFAULT 0;
