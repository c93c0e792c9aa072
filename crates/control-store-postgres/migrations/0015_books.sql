-- Closed periods of the ledger.

-- A month that was closed, and with it all before. Never changed: what comes later is booked after it. It has no tenant:
-- bookings for tenants ask it too.
CREATE TABLE ledger_periods (
    month        TEXT COLLATE "C" PRIMARY KEY, -- YYYY-MM
    closed_until BIGINT NOT NULL UNIQUE,       -- its end: nothing is effective before it any more
    closed_at    BIGINT NOT NULL,
    closed_by    TEXT COLLATE "C" NOT NULL,
    record_count BIGINT NOT NULL CHECK (record_count >= 0), -- the end of the chain when it was closed
    record_hash  BYTEA NOT NULL CHECK (octet_length(record_hash) = 32)
);
CREATE TRIGGER ledger_periods_are_final BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_periods
    FOR EACH STATEMENT EXECUTE FUNCTION hopline_refuse('a closed period is not opened again');
