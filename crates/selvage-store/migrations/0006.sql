-- Requests by minute, hour or day, and by what is counted by itself. `way` and `attribute` are empty for requests as such.
CREATE TABLE usage_count (
    grain TEXT NOT NULL CHECK (grain IN ('minute', 'hour', 'day')),
    starts_at BIGINT NOT NULL,
    interface TEXT NOT NULL,
    consumer TEXT NOT NULL,
    operation TEXT NOT NULL,
    way TEXT NOT NULL,
    attribute TEXT NOT NULL,
    requests BIGINT NOT NULL,
    refused BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    PRIMARY KEY (grain, starts_at, interface, consumer, operation, way, attribute)
);
CREATE INDEX usage_count_time ON usage_count (starts_at);

-- How far each node has written what it counted. A node that ends in order leaves no row.
CREATE TABLE usage_writer (
    node TEXT PRIMARY KEY,
    batch BIGINT NOT NULL,
    covers_until BIGINT NOT NULL
);

-- What nodes counted last and never wrote.
CREATE TABLE usage_gap (
    node TEXT PRIMARY KEY,
    from_at BIGINT NOT NULL,
    until_at BIGINT NOT NULL
);

CREATE TABLE usage_last (
    kind TEXT NOT NULL CHECK (kind IN ('grant', 'key')),
    id TEXT NOT NULL,
    used_at BIGINT NOT NULL,
    PRIMARY KEY (kind, id)
);

-- Requests that nothing declares, by how they look; numbers, ids and secrets are folded before they come here.
CREATE TABLE shadow_group (
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    likely TEXT,
    requests BIGINT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    PRIMARY KEY (method, path)
);
