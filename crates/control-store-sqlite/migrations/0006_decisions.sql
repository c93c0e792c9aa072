-- A conversion's row hardly changes any more when it is decided: the reasoning lies beside it, and so do what is to be decided
-- and who is concerned, which are no indexes of it.

-- Conversions without a decision.
CREATE TABLE undecided_conversions (
    conversion_id INTEGER PRIMARY KEY,
    advertiser_id INTEGER NOT NULL
) STRICT;
INSERT INTO undecided_conversions (conversion_id, advertiser_id)
    SELECT id, advertiser_id FROM conversions WHERE decided_at IS NULL;
DROP INDEX conversions_waiting;

-- What was decided, and why.
CREATE TABLE decisions (
    conversion_id INTEGER PRIMARY KEY,
    reasoning     TEXT NOT NULL        -- JSON
) STRICT;
INSERT INTO decisions (conversion_id, reasoning) SELECT id, decision FROM conversions WHERE decision IS NOT NULL;
ALTER TABLE conversions DROP COLUMN decision;

-- The affiliate named in a decision, for lists.
CREATE TABLE conversion_affiliates (
    affiliate_id  INTEGER NOT NULL,
    conversion_id INTEGER NOT NULL,
    PRIMARY KEY (affiliate_id, conversion_id)
) STRICT, WITHOUT ROWID;
INSERT INTO conversion_affiliates (affiliate_id, conversion_id)
    SELECT affiliate_id, id FROM conversions WHERE affiliate_id IS NOT NULL;
DROP INDEX conversions_affiliate;
