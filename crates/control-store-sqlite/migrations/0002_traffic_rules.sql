-- Who is wanted, where visitors land, how much is taken, and on which hosts links are answered.

ALTER TABLE offers ADD COLUMN targeting TEXT NOT NULL DEFAULT '{}';          -- JSON
ALTER TABLE offers ADD COLUMN fallback_offer_id INTEGER REFERENCES offers (id);
ALTER TABLE offers ADD COLUMN landing_page_weight INTEGER CHECK (landing_page_weight BETWEEN 0 AND 10000);
ALTER TABLE offers ADD COLUMN cookies TEXT NOT NULL DEFAULT 'always' CHECK (cookies IN ('always', 'consent', 'never'));
ALTER TABLE offers ADD COLUMN cookieless_countries TEXT NOT NULL DEFAULT '[]'; -- JSON list
CREATE INDEX offers_fallback ON offers (fallback_offer_id) WHERE fallback_offer_id IS NOT NULL;

CREATE TABLE landing_pages (
    id         INTEGER PRIMARY KEY,
    offer_id   INTEGER NOT NULL REFERENCES offers (id),
    name       TEXT NOT NULL,
    url        TEXT NOT NULL,
    weight     INTEGER NOT NULL CHECK (weight BETWEEN 0 AND 10000),
    standing   TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX landing_pages_offer ON landing_pages (offer_id, id);

-- A cap that is taken away keeps its row, so that what it counted can still be told.
CREATE TABLE caps (
    id           INTEGER PRIMARY KEY,
    offer_id     INTEGER NOT NULL REFERENCES offers (id),
    scope        TEXT NOT NULL CHECK (scope IN ('offer', 'each_affiliate', 'affiliate')),
    affiliate_id INTEGER REFERENCES affiliates (id),
    metric       TEXT NOT NULL CHECK (metric IN ('clicks', 'conversions', 'revenue', 'payout')),
    period       TEXT NOT NULL CHECK (period IN ('day', 'week', 'month', 'total')),
    zone         TEXT NOT NULL,
    amount       INTEGER NOT NULL CHECK (amount >= 0),
    created_at   INTEGER NOT NULL,
    removed_at   INTEGER,
    CHECK ((scope = 'affiliate') = (affiliate_id IS NOT NULL))
) STRICT;
CREATE INDEX caps_offer ON caps (offer_id, id) WHERE removed_at IS NULL;

-- What caps on conversions, revenue and payout have taken, per period.
CREATE TABLE cap_sums (
    cap_id       INTEGER NOT NULL REFERENCES caps (id),
    affiliate_id INTEGER NOT NULL,    -- 0: all of the offer's together
    period_start INTEGER NOT NULL,
    period_end   INTEGER,             -- NULL: never
    taken        INTEGER NOT NULL,
    PRIMARY KEY (cap_id, affiliate_id, period_start)
) STRICT, WITHOUT ROWID;

CREATE TABLE domains (
    id            INTEGER PRIMARY KEY,
    host          TEXT NOT NULL UNIQUE,
    affiliate_id  INTEGER REFERENCES affiliates (id),
    advertiser_id INTEGER REFERENCES advertisers (id),
    default_url   TEXT,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL
) STRICT;

ALTER TABLE links ADD COLUMN domain_id INTEGER REFERENCES domains (id);
CREATE INDEX links_domain ON links (domain_id) WHERE domain_id IS NOT NULL;
