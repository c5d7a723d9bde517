-- People as the ledger knows them: its entries name a pseudonym, which is made of the name and a random salt. Whoever is erased keeps
-- the pseudonym, and nothing that leads from it to the name.
CREATE TABLE person (
    pseudonym TEXT PRIMARY KEY,
    name TEXT,
    salt TEXT,
    erased_at BIGINT
);
CREATE UNIQUE INDEX person_name ON person (name) WHERE name IS NOT NULL;
