-- How an offer's credit is given, besides model and window: JSON.
ALTER TABLE offers ADD COLUMN attribution TEXT NOT NULL DEFAULT '{}';

-- Codes whose use names an affiliate. A code is one whatever its case; an archived one goes on saying whose the
-- conversions before its end were.
CREATE TABLE coupons (
    id            INTEGER PRIMARY KEY,
    advertiser_id INTEGER NOT NULL REFERENCES advertisers (id),
    code          TEXT NOT NULL,
    code_key      TEXT NOT NULL,     -- in small letters
    affiliate_id  INTEGER NOT NULL REFERENCES affiliates (id),
    offer_id      INTEGER REFERENCES offers (id),
    valid_from    INTEGER,
    valid_until   INTEGER,
    created_at    INTEGER NOT NULL,
    archived_at   INTEGER
) STRICT;
CREATE UNIQUE INDEX coupons_code ON coupons (advertiser_id, code_key) WHERE archived_at IS NULL;
CREATE INDEX coupons_key ON coupons (advertiser_id, code_key, id);
CREATE INDEX coupons_affiliate ON coupons (affiliate_id, id);

-- An advertiser's customers, by its own id or a hashed e-mail address, and to whom they are bound.
CREATE TABLE customers (
    advertiser_id INTEGER NOT NULL,
    customer      TEXT NOT NULL,
    affiliate_id  INTEGER NOT NULL,
    conversion_id INTEGER NOT NULL,  -- which bound it
    bound_at      INTEGER NOT NULL,  -- when that happened
    PRIMARY KEY (advertiser_id, customer)
) STRICT, WITHOUT ROWID;

-- The decided conversions of customers.
CREATE TABLE customer_conversions (
    advertiser_id INTEGER NOT NULL,
    customer      TEXT NOT NULL,
    converted_at  INTEGER NOT NULL,
    conversion_id INTEGER NOT NULL,
    is_order      INTEGER NOT NULL CHECK (is_order IN (0, 1)),
    visitor_key   INTEGER,           -- who clicked, where the click was at hand
    PRIMARY KEY (advertiser_id, customer, converted_at, conversion_id)
) STRICT, WITHOUT ROWID;
