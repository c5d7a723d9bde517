-- What a node runs of what is released (a digest of the releases), since when, and what of it it could not take.
ALTER TABLE node ADD COLUMN runs TEXT;
ALTER TABLE node ADD COLUMN runs_since BIGINT;
ALTER TABLE node ADD COLUMN refused TEXT;
