CREATE TABLE IF NOT EXISTS {db}.place_hours{local}{on_cluster}
(
    hour DateTime('UTC') CODEC(ZSTD(1)),
    advertiser UInt32,
    offer UInt32,
    affiliate UInt32,
    country LowCardinality(String),
    device LowCardinality(String),
    kind UInt8,
    verdict UInt8,
    n UInt64
)
ENGINE = {replicated}SummingMergeTree(n)
PARTITION BY toYYYYMM(hour)
ORDER BY (hour, advertiser, offer, affiliate, country, device, kind, verdict)
SETTINGS non_replicated_deduplication_window = 100000, replicated_deduplication_window = 100000,
    replicated_deduplication_window_seconds = 604800, fsync_after_insert = 1, fsync_part_directory = 1
