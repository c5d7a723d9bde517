-- Who is logged in at the console, and links that log in once: by the hash of a token that nobody keeps. In no backup.
CREATE TABLE console_session (
    token_hash BYTEA PRIMARY KEY,
    kind TEXT NOT NULL,
    credential TEXT NOT NULL,
    ends_at BIGINT NOT NULL
);
CREATE INDEX console_session_ends ON console_session (ends_at);
CREATE INDEX console_session_credential ON console_session (credential);
-- Who cut it off; of what was before this the ledger knows.
ALTER TABLE access_block ADD COLUMN blocked_by TEXT;
