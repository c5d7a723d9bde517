-- What interfaces promise of their answers, by environment and hour; hours roll up to days. `under_micros` is 0 where what is promised is that
-- they do not fail.
CREATE TABLE promise_count (
    grain TEXT NOT NULL CHECK (grain IN ('hour', 'day')),
    starts_at BIGINT NOT NULL,
    environment TEXT NOT NULL,
    interface TEXT NOT NULL,
    under_micros BIGINT NOT NULL,
    answers BIGINT NOT NULL,
    kept BIGINT NOT NULL,
    PRIMARY KEY (grain, starts_at, environment, interface, under_micros)
);
CREATE INDEX promise_count_time ON promise_count (starts_at);

-- Which releases nodes ran in an environment, and for how long any of them did.
CREATE TABLE release_run (
    environment TEXT NOT NULL,
    domain TEXT NOT NULL,
    release_id TEXT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    ran_for BIGINT NOT NULL,
    PRIMARY KEY (environment, domain, release_id)
);

-- A release by each change that made it: the same content may be released again, after something else.
CREATE TABLE release_seal (
    change_id TEXT PRIMARY KEY,
    release_id TEXT NOT NULL,
    signed_with TEXT NOT NULL,
    signature BYTEA NOT NULL,
    made_at BIGINT NOT NULL,
    made_by TEXT NOT NULL
);
CREATE INDEX release_seal_release ON release_seal (release_id);
INSERT INTO release_seal (change_id, release_id, signed_with, signature, made_at, made_by)
SELECT change_id, id, signed_with, signature, recorded_at, recorded_by FROM fabric_release
WHERE domain IS NOT NULL AND change_id IS NOT NULL AND signed_with IS NOT NULL AND signature IS NOT NULL;
