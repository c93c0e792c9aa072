CREATE TABLE IF NOT EXISTS {db}.touches{local}{on_cluster}
(
    visitor_key UInt64 CODEC(ZSTD(1)),
    advertiser UInt32,
    at DateTime64(3, 'UTC') CODEC(ZSTD(1)),
    unique UInt64 CODEC(ZSTD(1)),
    offer UInt32,
    affiliate UInt32,
    link UInt32,
    verdict UInt8
)
ENGINE = {replicated}MergeTree
PARTITION BY toMonday(at)
ORDER BY (visitor_key, advertiser, at, unique)
SETTINGS index_granularity = 1024, non_replicated_deduplication_window = 100000, replicated_deduplication_window = 100000,
    replicated_deduplication_window_seconds = 604800, fsync_after_insert = 1, fsync_part_directory = 1
