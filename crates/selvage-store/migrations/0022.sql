-- Until when an emergency had to be ratified, where it was ratified later: a breach stays known.
ALTER TABLE change_proposal ADD COLUMN ratified_late BIGINT;
