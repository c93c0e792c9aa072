-- Facts that come late: what is to be decided again, and what was decided before.

-- Decisions in whose place a later one of the same conversion stands.
CREATE TABLE decision_versions (
    conversion_id INTEGER NOT NULL,
    number        INTEGER NOT NULL CHECK (number >= 1),
    decided_at    INTEGER NOT NULL,
    replaced_at   INTEGER NOT NULL,
    why           TEXT NOT NULL,         -- why it was decided again
    reasoning     TEXT NOT NULL,         -- JSON
    PRIMARY KEY (conversion_id, number)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER decision_versions_are_not_updated BEFORE UPDATE ON decision_versions BEGIN SELECT RAISE(ABORT, 'earlier decisions are kept as they were'); END;
CREATE TRIGGER decision_versions_are_not_deleted BEFORE DELETE ON decision_versions BEGIN SELECT RAISE(ABORT, 'earlier decisions are kept as they were'); END;

-- Decided conversions to look at again, once for each reason.
CREATE TABLE reconsiderations (
    conversion_id INTEGER NOT NULL,
    why           TEXT NOT NULL CHECK (why IN ('clicks', 'coupon', 'customer')),
    advertiser_id INTEGER NOT NULL,
    due_at        INTEGER NOT NULL,
    asked_at      INTEGER NOT NULL,
    look          INTEGER NOT NULL,
    asked         INTEGER NOT NULL DEFAULT 1, -- how often since it stands here
    PRIMARY KEY (conversion_id, why)
) STRICT, WITHOUT ROWID;
CREATE INDEX reconsiderations_due ON reconsiderations (due_at, conversion_id);

-- Whom a conversion binds its customer to, where no earlier one does.
ALTER TABLE customer_conversions ADD COLUMN binds INTEGER;
UPDATE customer_conversions SET binds = (SELECT c.affiliate_id FROM customers c
    WHERE c.advertiser_id = customer_conversions.advertiser_id AND c.customer = customer_conversions.customer
    AND c.conversion_id = customer_conversions.conversion_id);

-- Who used a code: in small letters, as coupons have it.
ALTER TABLE conversions ADD COLUMN coupon_key TEXT;
UPDATE conversions SET coupon_key = lower(trim(coupon)) WHERE coupon IS NOT NULL;
CREATE INDEX conversions_coupon ON conversions (advertiser_id, coupon_key, converted_at) WHERE coupon_key IS NOT NULL;

-- The order of the credits of what was decided again; as long as all are 0 it is that of the ids.
ALTER TABLE commissions ADD COLUMN place INTEGER NOT NULL DEFAULT 0;

-- Everybody who has a part of a conversion sees it.
INSERT INTO conversion_affiliates (affiliate_id, conversion_id)
    SELECT affiliate_id, conversion_id FROM commissions WHERE true ON CONFLICT DO NOTHING;
