-- Which of its domain's releases a change became: by a count and not by a clock, which may go back. Those of before are in the order
-- of their times.
ALTER TABLE change_proposal ADD COLUMN release_ordinal BIGINT;
UPDATE change_proposal SET release_ordinal = (SELECT COUNT(*) FROM change_proposal AS earlier
    WHERE earlier.released_at IS NOT NULL AND (earlier.released_at < change_proposal.released_at
    OR (earlier.released_at = change_proposal.released_at AND earlier.id >= change_proposal.id)))
    WHERE released_at IS NOT NULL;

-- A lease of origin `request` that is what was left of a manifest's: it ends when no manifest asks for its consumer and interface any
-- more. Of before, those are the ones that no request became.
ALTER TABLE lease ADD COLUMN of_manifest BIGINT NOT NULL DEFAULT 0;
UPDATE lease SET of_manifest = 1 WHERE origin = 'request' AND id NOT IN (SELECT lease FROM access_request WHERE lease IS NOT NULL);
