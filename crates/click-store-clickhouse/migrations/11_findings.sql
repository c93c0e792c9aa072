CREATE TABLE IF NOT EXISTS {db}.findings{local}{on_cluster}
(
    id Int64,
    place UInt64,
    offer UInt32,
    affiliate UInt32,
    from_at DateTime64(3, 'UTC'),
    to_at DateTime64(3, 'UTC'),
    reason UInt8,
    filter String,
    clicks Nullable(UInt64),
    version UInt64,
    stored_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = {replicated}ReplacingMergeTree(version)
ORDER BY id
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
