CREATE TABLE IF NOT EXISTS {db}.judgements{local}{on_cluster}
(
    unique UInt64,
    finding Int64,
    version UInt64,
    verdict UInt8,
    answered UInt8,
    at DateTime64(3, 'UTC'),
    kind UInt8,
    visitor_key UInt64,
    advertiser UInt32,
    offer UInt32,
    affiliate UInt32,
    link UInt32,
    sub1 String,
    sub2 String,
    sub3 String,
    sub4 String,
    sub5 String,
    sub6 String,
    sub7 String,
    sub8 String,
    sub9 String,
    sub10 String,
    source LowCardinality(String),
    country LowCardinality(String),
    region LowCardinality(String),
    device LowCardinality(String),
    os LowCardinality(String),
    browser LowCardinality(String),
    language LowCardinality(String),
    referrer_host LowCardinality(String),
    landing_page LowCardinality(String),
    creative LowCardinality(String),
    code LowCardinality(String),
    network UInt32,
    stored_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC'),
    INDEX by_stored_at stored_at TYPE minmax GRANULARITY 1
)
ENGINE = {replicated}ReplacingMergeTree(version)
PARTITION BY toYYYYMM(at)
ORDER BY unique
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
