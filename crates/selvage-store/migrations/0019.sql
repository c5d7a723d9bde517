-- Checksums of the log's own rows, so that one that is not what was written is named and not obeyed. Rows that are there are given theirs
-- right after this step. `made`: when the broker says that it made the stream whose records it keeps; another one under the same name
-- is another stream.
ALTER TABLE event_stream ADD COLUMN checksum BIGINT;
ALTER TABLE event_stream ADD COLUMN made TEXT;
ALTER TABLE event_epoch ADD COLUMN checksum BIGINT;
ALTER TABLE event_cursor ADD COLUMN checksum BIGINT;

-- Nodes of before, which know of no checksum, find these under other names: they write nothing to the log any more.
ALTER TABLE event_stream RENAME COLUMN bytes TO kept_bytes;
ALTER TABLE event_cursor RENAME COLUMN fence TO fence_number;
