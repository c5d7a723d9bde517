-- What was released in another store and taken over as it was signed there: by which key that store signed the package, by whom it was brought,
-- and when.
CREATE TABLE release_import (
    change_id TEXT PRIMARY KEY,
    release_id TEXT NOT NULL,
    signed_with TEXT NOT NULL,
    imported_at BIGINT NOT NULL,
    imported_by TEXT NOT NULL,
    unproven BIGINT NOT NULL
);
CREATE INDEX release_import_release ON release_import (release_id);

-- What other stores saw of a release in their environments, each as of a moment; nothing of it is ever changed.
CREATE TABLE release_receipt (
    domain TEXT NOT NULL,
    release_id TEXT NOT NULL,
    environment TEXT NOT NULL,
    signed_with TEXT NOT NULL,
    seen_at BIGINT NOT NULL,
    imported_at BIGINT NOT NULL,
    receipt TEXT NOT NULL,
    PRIMARY KEY (domain, release_id, environment, signed_with, seen_at)
);
