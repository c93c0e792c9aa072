CREATE TABLE IF NOT EXISTS {db}.marks{local}{on_cluster}
(
    name LowCardinality(String),
    value Int64
)
ENGINE = {replicated}ReplacingMergeTree(value)
ORDER BY name
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
