-- Terms in full: plans, ends, overrides for groups and affiliates, recruiters, bonuses.

-- An affiliate is in at most one group, so that no two groups contradict each other.
CREATE TABLE affiliate_groups (
    id         INTEGER PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL
) STRICT;
CREATE TABLE affiliate_group_members (
    affiliate_id INTEGER PRIMARY KEY REFERENCES affiliates (id),
    group_id     INTEGER NOT NULL REFERENCES affiliate_groups (id),
    added_at     INTEGER NOT NULL
) STRICT;
CREATE INDEX affiliate_group_members_group ON affiliate_group_members (group_id, affiliate_id);

ALTER TABLE terms ADD COLUMN plan TEXT NOT NULL DEFAULT '{}';                 -- JSON
ALTER TABLE terms ADD COLUMN until_at INTEGER;
ALTER TABLE terms ADD COLUMN affiliate_id INTEGER REFERENCES affiliates (id);
ALTER TABLE terms ADD COLUMN group_id INTEGER REFERENCES affiliate_groups (id);

ALTER TABLE affiliates ADD COLUMN recruited_by INTEGER REFERENCES affiliates (id);
CREATE INDEX affiliates_recruited_by ON affiliates (recruited_by) WHERE recruited_by IS NOT NULL;

-- Whether a customer is new, and which payment of it this is.
CREATE INDEX conversions_customer ON conversions (advertiser_id, customer_id, converted_at) WHERE customer_id IS NOT NULL;

CREATE TABLE bonuses (
    id         INTEGER PRIMARY KEY,
    offer_id   INTEGER NOT NULL REFERENCES offers (id),
    name       TEXT NOT NULL,
    bonus      TEXT NOT NULL,        -- JSON
    created_at INTEGER NOT NULL,
    ended_at   INTEGER
) STRICT;
CREATE INDEX bonuses_offer ON bonuses (offer_id, id);

-- In how many steps a period was settled: each step is a conversion of its own.
CREATE TABLE period_settlements (
    subject      TEXT NOT NULL,      -- tiers:{goal}, bonus:{bonus}
    affiliate_id INTEGER NOT NULL REFERENCES affiliates (id),
    period_start INTEGER NOT NULL,
    settlements  INTEGER NOT NULL,
    PRIMARY KEY (subject, affiliate_id, period_start)
) STRICT, WITHOUT ROWID;
