-- Who signed by a name that nobody proved to bear. Of what was signed before this, it is not known.
ALTER TABLE change_decision ADD COLUMN unproven BIGINT NOT NULL DEFAULT 0;
ALTER TABLE release_seal ADD COLUMN unproven BIGINT NOT NULL DEFAULT 0;
