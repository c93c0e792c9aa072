-- Who of several processes does what. An empty holder is nobody; beat rises with whatever happens to a lease.
CREATE TABLE leases (
    name   TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    beat   INTEGER NOT NULL
) STRICT;

-- Keys of edges without access to this store.
CREATE TABLE edge_keys (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    public_id  TEXT NOT NULL UNIQUE,
    name       TEXT NOT NULL,
    key_sha256 TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT;
