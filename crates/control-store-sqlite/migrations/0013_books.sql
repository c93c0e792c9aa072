-- Closed periods of the ledger.

-- A month that was closed, and with it all before. Never changed: what comes later is booked after it.
CREATE TABLE ledger_periods (
    month        TEXT PRIMARY KEY,         -- YYYY-MM
    closed_until INTEGER NOT NULL UNIQUE,  -- its end: nothing is effective before it any more
    closed_at    INTEGER NOT NULL,
    closed_by    TEXT NOT NULL,
    record_count INTEGER NOT NULL CHECK (record_count >= 0), -- the end of the chain when it was closed
    record_hash  BLOB NOT NULL CHECK (length(record_hash) = 32)
) STRICT;
CREATE TRIGGER ledger_periods_are_not_updated BEFORE UPDATE ON ledger_periods BEGIN SELECT RAISE(ABORT, 'a closed period is not opened again'); END;
CREATE TRIGGER ledger_periods_are_not_deleted BEFORE DELETE ON ledger_periods BEGIN SELECT RAISE(ABORT, 'a closed period is not opened again'); END;
