-- Facts that come late: what is to be decided again, and what was decided before. As in 0001, what is written for every
-- conversion has no foreign keys.

-- Decisions in whose place a later one of the same conversion stands.
CREATE TABLE decision_versions (
    conversion_id BIGINT NOT NULL,
    number        BIGINT NOT NULL CHECK (number >= 1),
    decided_at    BIGINT NOT NULL,
    replaced_at   BIGINT NOT NULL,
    why           TEXT COLLATE "C" NOT NULL,         -- why it was decided again
    reasoning     TEXT COLLATE "C" NOT NULL,         -- JSON
    PRIMARY KEY (conversion_id, number)
);
CREATE FUNCTION hopline_keeps_decisions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'earlier decisions are kept as they were';
END $$;
CREATE TRIGGER decision_versions_are_kept BEFORE UPDATE OR DELETE ON decision_versions
    FOR EACH ROW EXECUTE FUNCTION hopline_keeps_decisions();

-- Decided conversions to look at again, once for each reason.
CREATE TABLE reconsiderations (
    conversion_id BIGINT NOT NULL,
    why           TEXT COLLATE "C" NOT NULL CHECK (why IN ('clicks', 'coupon', 'customer')),
    advertiser_id BIGINT NOT NULL,
    due_at        BIGINT NOT NULL,
    asked_at      BIGINT NOT NULL,
    look          BIGINT NOT NULL,
    asked         BIGINT NOT NULL DEFAULT 1,         -- how often since it stands here
    PRIMARY KEY (conversion_id, why)
);
CREATE INDEX reconsiderations_due ON reconsiderations (due_at, conversion_id);

-- Whom a conversion binds its customer to, where no earlier one does.
ALTER TABLE customer_conversions ADD COLUMN binds BIGINT;
UPDATE customer_conversions k SET binds = c.affiliate_id FROM customers c
    WHERE c.advertiser_id = k.advertiser_id AND c.customer = k.customer AND c.conversion_id = k.conversion_id;

-- Who used a code: in small letters, as coupons have it.
ALTER TABLE conversions ADD COLUMN coupon_key TEXT COLLATE "C";
UPDATE conversions SET coupon_key = lower(trim(coupon)) WHERE coupon IS NOT NULL;
CREATE INDEX conversions_coupon ON conversions (advertiser_id, coupon_key, converted_at) WHERE coupon_key IS NOT NULL;

-- The order of the credits of what was decided again; as long as all are 0 it is that of the ids.
ALTER TABLE commissions ADD COLUMN place BIGINT NOT NULL DEFAULT 0;

-- Everybody who has a part of a conversion sees it.
INSERT INTO conversion_affiliates (affiliate_id, conversion_id)
    SELECT affiliate_id, conversion_id FROM commissions ON CONFLICT DO NOTHING;
CREATE FUNCTION hopline_is_concerned(conversion bigint) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN hopline_affiliate() IS NOT NULL AND EXISTS (SELECT 1 FROM conversion_affiliates
        WHERE affiliate_id = hopline_affiliate() AND conversion_id = conversion);
END $$;
DROP POLICY tenant ON conversion_affiliates;
CREATE POLICY tenant ON conversion_affiliates USING ((SELECT hopline_open()) OR affiliate_id = hopline_affiliate()
    OR (hopline_advertiser() IS NOT NULL AND hopline_sees_conversion(conversion_id)));
CREATE POLICY shown ON conversions FOR SELECT USING (hopline_is_concerned(id));

-- Of what several share each sees its own bookings.
DROP POLICY tenant ON ledger_transactions;
CREATE POLICY tenant ON ledger_transactions USING ((SELECT hopline_open()) OR affiliate_id = hopline_affiliate()
    OR ((affiliate_id IS NULL OR hopline_advertiser() IS NOT NULL) AND hopline_sees_conversion(conversion_id)));

CREATE POLICY tenant ON decision_versions USING ((SELECT hopline_open()) OR hopline_sees_conversion(conversion_id));
CREATE POLICY tenant ON reconsiderations USING ((SELECT hopline_open()) OR advertiser_id = hopline_advertiser());

DO $$
DECLARE guarded text;
BEGIN
    FOREACH guarded IN ARRAY ARRAY['decision_versions', 'reconsiderations']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', guarded);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', guarded);
    END LOOP;
END $$;
