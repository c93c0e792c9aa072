-- A conversion's row hardly changes any more when it is decided: the reasoning lies beside it, and so do what is to be decided
-- and who is concerned, which are no indexes of it. So the new version of the row finds room in the same page, and no index has
-- to be written (a heap-only tuple). As in 0001, what is written for every conversion has no foreign keys.

-- Conversions without a decision.
CREATE TABLE undecided_conversions (
    conversion_id BIGINT PRIMARY KEY,
    advertiser_id BIGINT NOT NULL
);
INSERT INTO undecided_conversions (conversion_id, advertiser_id)
    SELECT id, advertiser_id FROM conversions WHERE decided_at IS NULL;
DROP INDEX conversions_waiting;

-- What was decided, and why; uncompressed up to 4 kB, for compressing takes longer than writing.
CREATE TABLE decisions (
    conversion_id BIGINT PRIMARY KEY,
    reasoning     TEXT COLLATE "C" NOT NULL        -- JSON
) WITH (toast_tuple_target = 4080);
INSERT INTO decisions (conversion_id, reasoning) SELECT id, decision FROM conversions WHERE decision IS NOT NULL;
ALTER TABLE conversions DROP COLUMN decision;
ALTER TABLE conversions SET (fillfactor = 45);

-- The affiliate named in a decision, for lists.
CREATE TABLE conversion_affiliates (
    affiliate_id  BIGINT NOT NULL,
    conversion_id BIGINT NOT NULL,
    PRIMARY KEY (affiliate_id, conversion_id)
);
INSERT INTO conversion_affiliates (affiliate_id, conversion_id)
    SELECT affiliate_id, id FROM conversions WHERE affiliate_id IS NOT NULL;
DROP INDEX conversions_affiliate;

-- Sums are written again and again.
ALTER TABLE ledger_balances SET (fillfactor = 50);

CREATE POLICY tenant ON undecided_conversions
    USING ((SELECT hopline_open()) OR advertiser_id = hopline_advertiser());
CREATE POLICY tenant ON decisions USING ((SELECT hopline_open()) OR hopline_sees_conversion(conversion_id));
CREATE POLICY tenant ON conversion_affiliates
    USING ((SELECT hopline_open()) OR affiliate_id = hopline_affiliate() OR hopline_sees_conversion(conversion_id));

DO $$
DECLARE guarded text;
BEGIN
    FOREACH guarded IN ARRAY ARRAY['undecided_conversions', 'decisions', 'conversion_affiliates']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', guarded);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', guarded);
    END LOOP;
END $$;
