-- Times are UTC milliseconds; booleans 0 and 1; money integer minor units beside its currency; decimals and JSON are text.

CREATE TABLE catalogue_version (
    id      INTEGER PRIMARY KEY CHECK (id = 1),
    version INTEGER NOT NULL
) STRICT;
INSERT INTO catalogue_version (id, version) VALUES (1, 1);

-- Positions of readers of append-only tables, by name.
CREATE TABLE marks (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE click_keys (
    id         INTEGER PRIMARY KEY CHECK (id BETWEEN 0 AND 255),
    secret     BLOB NOT NULL CHECK (length(secret) >= 32),
    signs      INTEGER NOT NULL CHECK (signs IN (0, 1)),
    created_at INTEGER NOT NULL,
    not_after  INTEGER
) STRICT;

CREATE TABLE pseudonym_keys (
    day    INTEGER PRIMARY KEY,
    secret BLOB NOT NULL CHECK (length(secret) >= 32)
) STRICT;

CREATE TABLE advertisers (
    id             INTEGER PRIMARY KEY,
    name           TEXT NOT NULL,
    currency       TEXT NOT NULL,
    standing       TEXT NOT NULL,
    postback_token TEXT NOT NULL UNIQUE,
    signing_key    TEXT NOT NULL,
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL
) STRICT;

CREATE TABLE affiliates (
    id            INTEGER PRIMARY KEY,
    name          TEXT NOT NULL,
    email         TEXT NOT NULL UNIQUE,
    standing      TEXT NOT NULL,
    payout_method TEXT,               -- JSON as given, checked
    payout_method_changed_by TEXT,
    payout_method_changed_at INTEGER,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL
) STRICT;

CREATE TABLE offers (
    id              INTEGER PRIMARY KEY,
    advertiser_id   INTEGER NOT NULL REFERENCES advertisers (id),
    name            TEXT NOT NULL,
    currency        TEXT NOT NULL,
    standing        TEXT NOT NULL,
    landing_page    TEXT NOT NULL,
    fallback_url    TEXT,
    deep_link_hosts TEXT NOT NULL,    -- JSON list
    click_parameter TEXT NOT NULL,
    pass_parameters INTEGER NOT NULL CHECK (pass_parameters IN (0, 1)),
    postback_auth   TEXT NOT NULL,
    model           TEXT NOT NULL,
    window_seconds  INTEGER NOT NULL CHECK (window_seconds > 0),
    approval        TEXT NOT NULL CHECK (approval IN ('automatic', 'manual')),
    hold_days       INTEGER NOT NULL CHECK (hold_days >= 0),
    starts_at       INTEGER,
    ends_at         INTEGER,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL
) STRICT;
CREATE INDEX offers_advertiser ON offers (advertiser_id);

CREATE TABLE goals (
    id       INTEGER PRIMARY KEY,
    offer_id INTEGER NOT NULL REFERENCES offers (id),
    position INTEGER NOT NULL,
    key      TEXT NOT NULL,
    name     TEXT NOT NULL,
    kind     TEXT NOT NULL CHECK (kind IN ('pps', 'ppl', 'ppc', 'ppi')),
    UNIQUE (offer_id, key)
) STRICT;

-- One version of what a goal pays. A version is never changed; a new one begins at its effective_from.
CREATE TABLE terms (
    id              INTEGER PRIMARY KEY,
    goal_id         INTEGER NOT NULL REFERENCES goals (id),
    version         INTEGER NOT NULL CHECK (version >= 1),
    effective_from  INTEGER NOT NULL,
    revenue_percent TEXT,
    revenue_fixed   TEXT,
    payout_percent  TEXT,
    payout_fixed    TEXT,
    created_at      INTEGER NOT NULL,
    UNIQUE (goal_id, version)
) STRICT;

CREATE TABLE links (
    id           INTEGER PRIMARY KEY,
    code         TEXT NOT NULL UNIQUE,
    offer_id     INTEGER NOT NULL REFERENCES offers (id),
    affiliate_id INTEGER NOT NULL REFERENCES affiliates (id),
    standing     TEXT NOT NULL,
    created_at   INTEGER NOT NULL
) STRICT;
CREATE INDEX links_affiliate ON links (affiliate_id);
CREATE INDEX links_offer ON links (offer_id);

CREATE TABLE api_keys (
    id            INTEGER PRIMARY KEY,
    public_id     TEXT NOT NULL UNIQUE,
    name          TEXT NOT NULL,
    role          TEXT NOT NULL CHECK (role IN ('operator', 'finance', 'advertiser', 'affiliate')),
    advertiser_id INTEGER REFERENCES advertisers (id),
    affiliate_id  INTEGER REFERENCES affiliates (id),
    key_sha256    TEXT NOT NULL UNIQUE,
    created_at    INTEGER NOT NULL,
    expires_at    INTEGER,
    last_used_at  INTEGER,
    revoked_at    INTEGER,
    CHECK ((role = 'advertiser') = (advertiser_id IS NOT NULL)),
    CHECK ((role = 'affiliate') = (affiliate_id IS NOT NULL))
) STRICT;

CREATE TABLE users (
    id            INTEGER PRIMARY KEY,
    email         TEXT NOT NULL UNIQUE,
    role          TEXT NOT NULL CHECK (role IN ('operator', 'finance', 'advertiser', 'affiliate')),
    advertiser_id INTEGER REFERENCES advertisers (id),
    affiliate_id  INTEGER REFERENCES affiliates (id),
    password_phc  TEXT NOT NULL,
    created_at    INTEGER NOT NULL,
    disabled_at   INTEGER,
    CHECK ((role = 'advertiser') = (advertiser_id IS NOT NULL)),
    CHECK ((role = 'affiliate') = (affiliate_id IS NOT NULL))
) STRICT;

CREATE TABLE sessions (
    token_sha256 TEXT PRIMARY KEY,
    user_id      INTEGER NOT NULL REFERENCES users (id),
    created_at   INTEGER NOT NULL,
    seen_at      INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_user ON sessions (user_id);

-- The first answer to a request with an Idempotency-Key, written with the request's effect.
CREATE TABLE idempotency_keys (
    scope          TEXT NOT NULL,     -- tenant, credential, method, path
    key            TEXT NOT NULL,
    request_sha256 TEXT NOT NULL,
    status         INTEGER NOT NULL,
    body           TEXT NOT NULL,
    created_at     INTEGER NOT NULL,
    PRIMARY KEY (scope, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit_log (
    sequence      INTEGER PRIMARY KEY,
    at            INTEGER NOT NULL,
    actor         TEXT NOT NULL,
    action        TEXT NOT NULL,
    object        TEXT NOT NULL,
    origin        TEXT,               -- from where: a shortened network address, or cli
    before        TEXT,
    after         TEXT,
    request_id    TEXT,
    previous_hash BLOB NOT NULL,
    hash          BLOB NOT NULL
) STRICT;
CREATE TRIGGER audit_log_is_not_updated BEFORE UPDATE ON audit_log BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_log_is_not_deleted BEFORE DELETE ON audit_log BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;

-- One event that an advertiser reported (or one settlement of paid clicks). idempotency is what makes it one:
-- 'order:' + order id, or 'click:' + click id where the goal needs no order, or 'event:' + event id.
CREATE TABLE conversions (
    id               INTEGER PRIMARY KEY,
    event_id         TEXT NOT NULL UNIQUE,
    advertiser_id    INTEGER NOT NULL REFERENCES advertisers (id),
    offer_id         INTEGER NOT NULL REFERENCES offers (id),
    goal_id          INTEGER NOT NULL REFERENCES goals (id),
    goal_key         TEXT NOT NULL,
    idempotency      TEXT NOT NULL,
    source           TEXT NOT NULL,
    requested_status TEXT,
    order_id         TEXT,
    click_id         TEXT,
    coupon           TEXT,
    customer_id      TEXT,
    items            TEXT,
    adv              TEXT,             -- JSON list of adv1 to adv10
    quantity         INTEGER NOT NULL CHECK (quantity >= 1),
    amount_minor     INTEGER,
    currency         TEXT NOT NULL,
    converted_at     INTEGER NOT NULL,
    received_at      INTEGER NOT NULL,
    repeats          INTEGER NOT NULL, -- how often the same event was reported again
    -- the decision, once made
    decided_at       INTEGER,
    affiliate_id     INTEGER REFERENCES affiliates (id),
    link_id          INTEGER,
    clicked_at       INTEGER,
    terms_id         INTEGER REFERENCES terms (id),
    revenue_minor    INTEGER,
    payout_minor     INTEGER,
    status           TEXT,             -- projection of the ledger's entries
    reason           TEXT,
    decision         TEXT,             -- JSON: the whole reasoning
    UNIQUE (advertiser_id, goal_id, idempotency)
) STRICT;
CREATE INDEX conversions_waiting ON conversions (id) WHERE decided_at IS NULL;
CREATE INDEX conversions_order ON conversions (order_id);
CREATE INDEX conversions_affiliate ON conversions (affiliate_id, id);
CREATE INDEX conversions_advertiser ON conversions (advertiser_id, id);
CREATE INDEX conversions_offer ON conversions (offer_id, id);

-- Further reports of a conversion: each counts once, however often it is sent.
CREATE TABLE conversion_repeats (
    event_id      TEXT PRIMARY KEY,
    conversion_id INTEGER NOT NULL REFERENCES conversions (id),
    received_at   INTEGER NOT NULL,
    differences   TEXT NOT NULL        -- JSON list of {field, first, now}
) STRICT, WITHOUT ROWID;
CREATE INDEX conversion_repeats_conversion ON conversion_repeats (conversion_id);

-- One affiliate's share of one conversion. Amounts are as booked; reversed_* add up what was taken back.
CREATE TABLE commissions (
    id                     INTEGER PRIMARY KEY,
    conversion_id          INTEGER NOT NULL REFERENCES conversions (id),
    affiliate_id           INTEGER NOT NULL REFERENCES affiliates (id),
    advertiser_id          INTEGER NOT NULL REFERENCES advertisers (id),
    currency               TEXT NOT NULL,
    revenue_minor          INTEGER NOT NULL,
    payout_minor           INTEGER NOT NULL,
    reversed_revenue_minor INTEGER NOT NULL,
    reversed_payout_minor  INTEGER NOT NULL,
    status                 TEXT NOT NULL, -- projection of the ledger's entries
    approved_at            INTEGER,
    payable_at             INTEGER,       -- when the hold ends
    payout_id              INTEGER,
    UNIQUE (conversion_id, affiliate_id)
) STRICT;
CREATE INDEX commissions_held ON commissions (payable_at) WHERE status = 'approved';
CREATE INDEX commissions_affiliate ON commissions (affiliate_id, id);

CREATE TABLE refunds (
    id            INTEGER PRIMARY KEY,
    conversion_id INTEGER NOT NULL REFERENCES conversions (id),
    amount_minor  INTEGER,              -- of the order; NULL: all that is left
    revenue_minor INTEGER NOT NULL,
    payout_minor  INTEGER NOT NULL,
    currency      TEXT NOT NULL,
    reason        TEXT NOT NULL,
    actor         TEXT NOT NULL,
    created_at    INTEGER NOT NULL
) STRICT;
CREATE INDEX refunds_conversion ON refunds (conversion_id);

CREATE TABLE ledger_transactions (
    sequence      INTEGER PRIMARY KEY CHECK (sequence >= 1),
    id            TEXT NOT NULL UNIQUE,
    kind          TEXT NOT NULL,
    effective_at  INTEGER NOT NULL,
    booked_at     INTEGER NOT NULL,
    conversion_id INTEGER,
    affiliate_id  INTEGER,
    payout_id     INTEGER,
    corrects      TEXT REFERENCES ledger_transactions (id),
    reason        TEXT,
    previous_hash BLOB NOT NULL CHECK (length(previous_hash) = 32),
    hash          BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;
CREATE INDEX ledger_transactions_conversion ON ledger_transactions (conversion_id) WHERE conversion_id IS NOT NULL;

CREATE TABLE ledger_entries (
    sequence     INTEGER NOT NULL REFERENCES ledger_transactions (sequence),
    position     INTEGER NOT NULL,
    account      TEXT NOT NULL,
    currency     TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor <> 0), -- debit positive, credit negative
    PRIMARY KEY (sequence, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX ledger_entries_account ON ledger_entries (account, currency, sequence);

CREATE TRIGGER ledger_transactions_are_not_updated BEFORE UPDATE ON ledger_transactions BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_transactions_are_not_deleted BEFORE DELETE ON ledger_transactions BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_entries_are_not_updated BEFORE UPDATE ON ledger_entries BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_entries_are_not_deleted BEFORE DELETE ON ledger_entries BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;

-- Kept sums of ledger_entries; audit compares them with a recount.
CREATE TABLE ledger_balances (
    account  TEXT NOT NULL,
    currency TEXT NOT NULL,
    debits   INTEGER NOT NULL CHECK (debits >= 0),
    credits  INTEGER NOT NULL CHECK (credits >= 0),
    PRIMARY KEY (account, currency)
) STRICT, WITHOUT ROWID;

-- Entries on affiliates' payable accounts and which payout covers them: what the next payout takes.
CREATE TABLE payable_items (
    sequence      INTEGER NOT NULL,
    position      INTEGER NOT NULL,
    affiliate_id  INTEGER NOT NULL REFERENCES affiliates (id),
    currency      TEXT NOT NULL,
    amount_minor  INTEGER NOT NULL,  -- what is owed: positive for the affiliate
    effective_at  INTEGER NOT NULL,
    conversion_id INTEGER,
    payout_id     INTEGER,
    PRIMARY KEY (sequence, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX payable_items_open ON payable_items (currency, affiliate_id, effective_at) WHERE payout_id IS NULL;
CREATE INDEX payable_items_payout ON payable_items (payout_id) WHERE payout_id IS NOT NULL;

CREATE TABLE payout_batches (
    id             INTEGER PRIMARY KEY,
    currency       TEXT NOT NULL,
    method         TEXT NOT NULL,
    cutoff         INTEGER NOT NULL,
    minimum_minor  INTEGER NOT NULL CHECK (minimum_minor >= 0),
    status         TEXT NOT NULL CHECK (status IN ('draft', 'approved', 'settled', 'cancelled')),
    message_id     TEXT NOT NULL UNIQUE,
    execution_date TEXT NOT NULL,      -- YYYY-MM-DD
    created_at     INTEGER NOT NULL,
    created_by     TEXT NOT NULL,
    approved_at    INTEGER,
    approved_by    TEXT,
    settled_at     INTEGER,
    settled_by     TEXT,
    refused        TEXT NOT NULL       -- JSON list of {affiliate_id, amount, reason}
) STRICT;

CREATE TABLE payouts (
    id            INTEGER PRIMARY KEY,
    batch_id      INTEGER NOT NULL REFERENCES payout_batches (id),
    affiliate_id  INTEGER NOT NULL REFERENCES affiliates (id),
    currency      TEXT NOT NULL,
    amount_minor  INTEGER NOT NULL CHECK (amount_minor > 0),
    status        TEXT NOT NULL CHECK (status IN ('draft', 'approved', 'paid', 'failed')),
    reason        TEXT,
    payee         TEXT NOT NULL,       -- JSON: holder, account and address at the time of the draft
    end_to_end_id TEXT NOT NULL UNIQUE,
    UNIQUE (batch_id, affiliate_id)
) STRICT;
CREATE INDEX payouts_affiliate ON payouts (affiliate_id, id);

-- What a payout consisted of when it was drafted; stays when the payout fails.
CREATE TABLE payout_lines (
    payout_id     INTEGER NOT NULL REFERENCES payouts (id),
    sequence      INTEGER NOT NULL,
    position      INTEGER NOT NULL,
    amount_minor  INTEGER NOT NULL,
    conversion_id INTEGER,
    PRIMARY KEY (payout_id, sequence, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX payout_lines_conversion ON payout_lines (conversion_id) WHERE conversion_id IS NOT NULL;

-- Paid clicks settled so far, per hour.
CREATE TABLE click_settlements (
    goal_id      INTEGER NOT NULL REFERENCES goals (id),
    affiliate_id INTEGER NOT NULL REFERENCES affiliates (id),
    hour         INTEGER NOT NULL,
    clicks       INTEGER NOT NULL CHECK (clicks >= 0),
    settlements  INTEGER NOT NULL,
    PRIMARY KEY (goal_id, affiliate_id, hour)
) STRICT, WITHOUT ROWID;

-- Changes that reports have yet to learn, in order; removed once the click store has them.
CREATE TABLE fact_outbox (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    fact_id TEXT NOT NULL UNIQUE,
    fact    TEXT NOT NULL              -- JSON
) STRICT;

-- Reported events that could not be taken in, with the reason.
CREATE TABLE refused_events (
    event_id    TEXT PRIMARY KEY,
    received_at INTEGER NOT NULL,
    reason      TEXT NOT NULL,
    event       TEXT NOT NULL          -- JSON
) STRICT, WITHOUT ROWID;
