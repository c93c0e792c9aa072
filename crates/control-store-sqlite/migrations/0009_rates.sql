-- Currencies, and the life of commissions.

-- Rates of exchange: units of the second currency for one unit of the first. A rate is never changed; a wrong one is
-- followed by another of the same time, which then counts.
CREATE TABLE exchange_rates (
    id            INTEGER PRIMARY KEY,
    from_currency TEXT NOT NULL,
    to_currency   TEXT NOT NULL,
    at            INTEGER NOT NULL,   -- when it was published
    rate          TEXT NOT NULL,      -- decimal
    source        TEXT NOT NULL,
    entered_at    INTEGER NOT NULL,
    entered_by    TEXT NOT NULL,
    CHECK (from_currency <> to_currency),
    UNIQUE (from_currency, to_currency, at, source)
) STRICT;
CREATE TRIGGER exchange_rates_are_not_updated BEFORE UPDATE ON exchange_rates BEGIN SELECT RAISE(ABORT, 'rates do not change'); END;
CREATE TRIGGER exchange_rates_are_not_deleted BEFORE DELETE ON exchange_rates BEGIN SELECT RAISE(ABORT, 'rates do not change'); END;

-- Over which currency cross rates go, and how old a rate may be.
CREATE TABLE exchange_policy (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    pivot    TEXT NOT NULL,
    days_max INTEGER NOT NULL CHECK (days_max BETWEEN 1 AND 366)
) STRICT;
INSERT INTO exchange_policy (id, pivot, days_max) VALUES (1, 'EUR', 7);

-- An order in another currency than its offer's: as reported, and the rate that its amount was converted at (JSON).
ALTER TABLE conversions ADD COLUMN order_minor INTEGER;
ALTER TABLE conversions ADD COLUMN order_currency TEXT;
ALTER TABLE conversions ADD COLUMN exchange TEXT;

-- Conversions that wait for a rate.
CREATE TABLE held_conversions (
    conversion_id INTEGER PRIMARY KEY REFERENCES conversions (id),
    from_currency TEXT NOT NULL,
    to_currency   TEXT NOT NULL,
    since         INTEGER NOT NULL
) STRICT;

-- The currency that an affiliate wants to be paid in.
CREATE TABLE payout_currencies (
    affiliate_id INTEGER PRIMARY KEY REFERENCES affiliates (id),
    currency     TEXT NOT NULL,
    changed_by   TEXT NOT NULL,
    changed_at   INTEGER NOT NULL
) STRICT;

-- What was changed into the currency of a payout.
CREATE TABLE payout_exchanges (
    payout_id      INTEGER NOT NULL REFERENCES payouts (id),
    from_currency  TEXT NOT NULL,
    from_minor     INTEGER NOT NULL CHECK (from_minor > 0),
    to_minor       INTEGER NOT NULL CHECK (to_minor > 0),
    exchange       TEXT NOT NULL,     -- JSON: the rate and where it comes from
    transaction_id TEXT NOT NULL UNIQUE,
    PRIMARY KEY (payout_id, from_currency)
) STRICT, WITHOUT ROWID;

-- What was taken back, and what of that was given again (amounts below zero). undoes: the row that this one undoes.
ALTER TABLE refunds ADD COLUMN kind TEXT NOT NULL DEFAULT 'refund' CHECK (kind IN ('refund', 'chargeback', 'undo'));
ALTER TABLE refunds ADD COLUMN undoes INTEGER REFERENCES refunds (id);
ALTER TABLE refunds ADD COLUMN fee_minor INTEGER NOT NULL DEFAULT 0 CHECK (fee_minor >= 0);
CREATE UNIQUE INDEX refunds_undone ON refunds (undoes) WHERE undoes IS NOT NULL;

-- What people and rules have judged of a conversion, in order.
CREATE TABLE judgements (
    id            INTEGER PRIMARY KEY,
    conversion_id INTEGER NOT NULL REFERENCES conversions (id),
    what          TEXT NOT NULL CHECK (what IN ('approved', 'rejected', 'approval_undone', 'rejection_undone')),
    reason        TEXT,
    actor         TEXT NOT NULL,
    at            INTEGER NOT NULL
) STRICT;
CREATE INDEX judgements_conversion ON judgements (conversion_id);

-- Which conversions of an offer are approved without a person. The first rule that fits says.
CREATE TABLE approval_rules (
    offer_id   INTEGER NOT NULL REFERENCES offers (id),
    position   INTEGER NOT NULL,
    name       TEXT NOT NULL,
    action     TEXT NOT NULL CHECK (action IN ('approve', 'pending', 'reject')),
    hold_days  INTEGER CHECK (hold_days >= 0),
    conditions TEXT NOT NULL,         -- JSON
    PRIMARY KEY (offer_id, position)
) STRICT, WITHOUT ROWID;

-- Goals whose conversions wait until they are qualified.
CREATE TABLE qualifications (
    goal_id     INTEGER PRIMARY KEY REFERENCES goals (id),
    by_goal_id  INTEGER REFERENCES goals (id), -- a later conversion of this goal qualifies
    within_days INTEGER CHECK (within_days >= 1),
    at_deadline TEXT NOT NULL CHECK (at_deadline IN ('reject', 'approve'))
) STRICT;
CREATE INDEX qualifications_by ON qualifications (by_goal_id) WHERE by_goal_id IS NOT NULL;

-- Conversions that wait for that, and those that may qualify others.
CREATE TABLE waiting_leads (
    conversion_id INTEGER PRIMARY KEY REFERENCES conversions (id),
    goal_id       INTEGER NOT NULL,
    customer_id   TEXT,
    order_id      TEXT,
    converted_at  INTEGER NOT NULL,
    deadline_at   INTEGER,
    is_new        INTEGER NOT NULL CHECK (is_new IN (0, 1)) -- nobody has looked yet
) STRICT;
CREATE INDEX waiting_leads_customer ON waiting_leads (goal_id, customer_id) WHERE customer_id IS NOT NULL;
CREATE INDEX waiting_leads_order ON waiting_leads (goal_id, order_id) WHERE order_id IS NOT NULL;
CREATE INDEX waiting_leads_deadline ON waiting_leads (deadline_at) WHERE deadline_at IS NOT NULL;
CREATE INDEX waiting_leads_new ON waiting_leads (conversion_id) WHERE is_new = 1;
CREATE TABLE qualifiers (
    conversion_id INTEGER PRIMARY KEY REFERENCES conversions (id),
    goal_id       INTEGER NOT NULL,
    customer_id   TEXT,
    order_id      TEXT,
    converted_at  INTEGER NOT NULL,
    is_new        INTEGER NOT NULL CHECK (is_new IN (0, 1))
) STRICT;
CREATE INDEX qualifiers_customer ON qualifiers (goal_id, customer_id) WHERE customer_id IS NOT NULL;
CREATE INDEX qualifiers_order ON qualifiers (goal_id, order_id) WHERE order_id IS NOT NULL;
CREATE INDEX qualifiers_new ON qualifiers (conversion_id) WHERE is_new = 1;

-- Commissions whose hold could not be ended, and when that is tried again.
CREATE TABLE holds_set_aside (
    commission_id INTEGER PRIMARY KEY REFERENCES commissions (id),
    detail        TEXT NOT NULL,
    since         INTEGER NOT NULL,
    retry_at      INTEGER NOT NULL
) STRICT;
