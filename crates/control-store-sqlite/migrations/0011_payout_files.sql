-- Files for banks and services, what they answer, and bank data at rest.

-- The payout method with its bank data, sealed with a key that is not here; payout_method shows it shortened.
ALTER TABLE affiliates ADD COLUMN payout_method_sealed TEXT;
-- The same for where a payout goes.
ALTER TABLE payouts ADD COLUMN payee_sealed TEXT;
-- Rows from before there were keys, which are sealed at the next start.
CREATE INDEX affiliates_clear ON affiliates (id) WHERE payout_method IS NOT NULL AND payout_method_sealed IS NULL;
CREATE INDEX payouts_clear ON payouts (id) WHERE payee_sealed IS NULL;
-- When a paid payout came back. Its status is 'failed' then.
ALTER TABLE payouts ADD COLUMN returned_at INTEGER;

-- What a batch's files depend on beside its payouts (JSON), fixed with its approval; the smallest step of its amounts; the
-- schedule that has prepared it; when its file was first made, and by whom.
ALTER TABLE payout_batches ADD COLUMN payer TEXT;
ALTER TABLE payout_batches ADD COLUMN step_minor INTEGER NOT NULL DEFAULT 1 CHECK (step_minor >= 1);
ALTER TABLE payout_batches ADD COLUMN schedule_id INTEGER;
ALTER TABLE payout_batches ADD COLUMN exported_at INTEGER;
ALTER TABLE payout_batches ADD COLUMN exported_by TEXT;

-- Which keys bank data has been sealed with; never the keys.
CREATE TABLE sealing_keys (
    id       TEXT PRIMARY KEY,
    added_at INTEGER NOT NULL
) STRICT;

-- Every change of where an affiliate is paid to: who made one since the last payout may not approve the next (L-25).
CREATE TABLE payout_method_changes (
    id           INTEGER PRIMARY KEY,
    affiliate_id INTEGER NOT NULL REFERENCES affiliates (id),
    changed_by   TEXT NOT NULL,
    changed_at   INTEGER NOT NULL
) STRICT;
CREATE INDEX payout_method_changes_affiliate ON payout_method_changes (affiliate_id, changed_at);
INSERT INTO payout_method_changes (affiliate_id, changed_by, changed_at)
    SELECT id, payout_method_changed_by, payout_method_changed_at FROM affiliates
    WHERE payout_method_changed_by IS NOT NULL AND payout_method_changed_at IS NOT NULL ORDER BY id;

-- Forms of CSV files: of those that go out, and of those that come in. A version is never changed.
CREATE TABLE payout_templates (
    id         INTEGER PRIMARY KEY,
    kind       TEXT NOT NULL CHECK (kind IN ('export', 'result')),
    name       TEXT NOT NULL,
    version    INTEGER NOT NULL,
    content    TEXT NOT NULL,      -- JSON
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    UNIQUE (kind, name, version)
) STRICT;

-- Result files that were booked, and what each of their lines did.
CREATE TABLE payout_results (
    id          INTEGER PRIMARY KEY,
    batch_id    INTEGER NOT NULL REFERENCES payout_batches (id),
    format      TEXT NOT NULL,
    sha256      TEXT NOT NULL UNIQUE,
    received_at INTEGER NOT NULL,
    received_by TEXT NOT NULL
) STRICT;
CREATE INDEX payout_results_batch ON payout_results (batch_id);
CREATE TABLE payout_result_lines (
    result_id INTEGER NOT NULL REFERENCES payout_results (id),
    position  INTEGER NOT NULL,
    line      INTEGER,             -- none: what the file says of all others
    payout_id INTEGER NOT NULL REFERENCES payouts (id),
    outcome   TEXT NOT NULL CHECK (outcome IN ('paid', 'failed', 'returned', 'waiting', 'notice', 'unchanged')),
    reason    TEXT,
    PRIMARY KEY (result_id, position)
) STRICT, WITHOUT ROWID;

-- The least that is paid, by method, and as single affiliates want it.
CREATE TABLE payout_minimums (
    method        TEXT NOT NULL,
    currency      TEXT NOT NULL,
    minimum_minor INTEGER NOT NULL CHECK (minimum_minor >= 0),
    changed_by    TEXT NOT NULL,
    changed_at    INTEGER NOT NULL,
    PRIMARY KEY (method, currency)
) STRICT, WITHOUT ROWID;
CREATE TABLE affiliate_minimums (
    affiliate_id  INTEGER NOT NULL REFERENCES affiliates (id),
    currency      TEXT NOT NULL,
    minimum_minor INTEGER NOT NULL CHECK (minimum_minor >= 0),
    changed_by    TEXT NOT NULL,
    changed_at    INTEGER NOT NULL,
    PRIMARY KEY (affiliate_id, currency)
) STRICT, WITHOUT ROWID;

-- Schedules that prepare drafts by themselves.
CREATE TABLE payout_schedules (
    id         INTEGER PRIMARY KEY,
    content    TEXT NOT NULL,      -- JSON: currency, method, when, minimum
    is_active  INTEGER NOT NULL CHECK (is_active IN (0, 1)),
    next_at    INTEGER NOT NULL,
    last_at    INTEGER,
    last_batch_id INTEGER REFERENCES payout_batches (id),
    last_outcome  TEXT,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    changed_by TEXT NOT NULL
) STRICT;
CREATE INDEX payout_schedules_due ON payout_schedules (next_at) WHERE is_active = 1;

CREATE TRIGGER payout_templates_are_not_updated BEFORE UPDATE ON payout_templates BEGIN SELECT RAISE(ABORT, 'versions of templates do not change'); END;
CREATE TRIGGER payout_templates_are_not_deleted BEFORE DELETE ON payout_templates BEGIN SELECT RAISE(ABORT, 'versions of templates do not change'); END;
CREATE TRIGGER payout_results_are_not_updated BEFORE UPDATE ON payout_results BEGIN SELECT RAISE(ABORT, 'results do not change'); END;
CREATE TRIGGER payout_results_are_not_deleted BEFORE DELETE ON payout_results BEGIN SELECT RAISE(ABORT, 'results do not change'); END;
CREATE TRIGGER payout_method_changes_are_not_updated BEFORE UPDATE ON payout_method_changes BEGIN SELECT RAISE(ABORT, 'changes do not change'); END;
CREATE TRIGGER payout_method_changes_are_not_deleted BEFORE DELETE ON payout_method_changes BEGIN SELECT RAISE(ABORT, 'changes do not change'); END;
