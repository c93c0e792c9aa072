CREATE TABLE IF NOT EXISTS {db}.batches{local}{on_cluster}
(
    edge UInt16,
    stream UInt8,
    first UInt64,
    last UInt64,
    content FixedString(32),
    clicks UInt64,
    impressions UInt64,
    hours Array(DateTime('UTC')),
    newest_at DateTime64(3, 'UTC'),
    stored_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC'),
    INDEX by_stored_at stored_at TYPE minmax GRANULARITY 1
)
ENGINE = {replicated}ReplacingMergeTree
ORDER BY (edge, stream, first)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
