-- Row-level security: a second wall behind the scope that every statement binds (S-10).
--
-- A transaction that works for a tenant says so first (hopline.advertiser and hopline.affiliate, of which one is an id
-- and the other 0; both 0: nobody's) and then sees and writes that tenant's rows only. Without it everything is visible:
-- workers, operators, finance. The policies hold for the owner of the tables too, but not for superusers.
--
-- Tables without a tenant have no policies: catalogue version, keys, marks, audit log, first answers, outbox, refused
-- events, batches of payouts. Tenants book through the ledger's own rules: what books is not narrowed.

CREATE FUNCTION hopline_open() RETURNS boolean LANGUAGE sql STABLE AS
    $$ SELECT coalesce(current_setting('hopline.advertiser', true), '') = '' $$;
CREATE FUNCTION hopline_advertiser() RETURNS bigint LANGUAGE sql STABLE AS
    $$ SELECT nullif(nullif(current_setting('hopline.advertiser', true), ''), '0')::bigint $$;
CREATE FUNCTION hopline_affiliate() RETURNS bigint LANGUAGE sql STABLE AS
    $$ SELECT nullif(nullif(current_setting('hopline.affiliate', true), ''), '0')::bigint $$;

-- What is visible or owned through another table is asked by a function, which the planner leaves alone: it costs
-- nothing where nobody is narrowed, and the policies of two tables may ask about each other.
CREATE FUNCTION hopline_owns_offer(offer bigint) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN hopline_advertiser() IS NOT NULL
        AND EXISTS (SELECT 1 FROM offers WHERE id = offer AND advertiser_id = hopline_advertiser());
END $$;
CREATE FUNCTION hopline_has_link(offer bigint) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN hopline_affiliate() IS NOT NULL
        AND EXISTS (SELECT 1 FROM links WHERE offer_id = offer AND affiliate_id = hopline_affiliate());
END $$;
CREATE FUNCTION hopline_sees_offer(offer bigint) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN EXISTS (SELECT 1 FROM offers WHERE id = offer);
END $$;
CREATE FUNCTION hopline_owns_goal(goal bigint) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN EXISTS (SELECT 1 FROM goals WHERE id = goal AND hopline_owns_offer(offer_id));
END $$;
CREATE FUNCTION hopline_sees_goal(goal bigint) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN EXISTS (SELECT 1 FROM goals WHERE id = goal);
END $$;
CREATE FUNCTION hopline_sees_conversion(conversion bigint) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN EXISTS (SELECT 1 FROM conversions WHERE id = conversion);
END $$;
CREATE FUNCTION hopline_sees_payout(payout bigint) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN EXISTS (SELECT 1 FROM payouts WHERE id = payout);
END $$;
CREATE FUNCTION hopline_sees_user(account bigint) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN EXISTS (SELECT 1 FROM users WHERE id = account);
END $$;
CREATE FUNCTION hopline_owns_cap(cap bigint) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN EXISTS (SELECT 1 FROM caps WHERE id = cap AND hopline_owns_offer(offer_id));
END $$;
-- advertiser:7:receivable, cash:affiliate:3
CREATE FUNCTION hopline_owns_account(account text) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN account ~ ('(^|:)(advertiser:' || coalesce(hopline_advertiser(), 0)
        || '|affiliate:' || coalesce(hopline_affiliate(), 0) || ')(:|$)');
END $$;

CREATE POLICY tenant ON advertisers USING ((SELECT hopline_open()) OR id = hopline_advertiser());
CREATE POLICY tenant ON affiliates USING ((SELECT hopline_open()) OR id = hopline_affiliate());
CREATE POLICY tenant ON api_keys
    USING ((SELECT hopline_open()) OR advertiser_id = hopline_advertiser() OR affiliate_id = hopline_affiliate());
CREATE POLICY tenant ON users
    USING ((SELECT hopline_open()) OR advertiser_id = hopline_advertiser() OR affiliate_id = hopline_affiliate());
CREATE POLICY tenant ON sessions USING ((SELECT hopline_open()) OR hopline_sees_user(user_id));

CREATE POLICY tenant ON offers USING ((SELECT hopline_open()) OR advertiser_id = hopline_advertiser());
CREATE POLICY shown ON offers FOR SELECT
    USING (hopline_affiliate() IS NOT NULL AND (standing = 'active' OR hopline_has_link(id)));
CREATE POLICY tenant ON goals USING ((SELECT hopline_open()) OR hopline_owns_offer(offer_id));
CREATE POLICY shown ON goals FOR SELECT USING (hopline_affiliate() IS NOT NULL AND hopline_sees_offer(offer_id));
CREATE POLICY tenant ON terms USING ((SELECT hopline_open()) OR hopline_owns_goal(goal_id));
CREATE POLICY shown ON terms FOR SELECT USING (hopline_affiliate() IS NOT NULL AND hopline_sees_goal(goal_id));
CREATE POLICY tenant ON landing_pages USING ((SELECT hopline_open()) OR hopline_owns_offer(offer_id));
CREATE POLICY shown ON landing_pages FOR SELECT USING (hopline_affiliate() IS NOT NULL AND hopline_sees_offer(offer_id));
CREATE POLICY tenant ON caps USING ((SELECT hopline_open()) OR hopline_owns_offer(offer_id));
CREATE POLICY shown ON caps FOR SELECT
    USING (hopline_affiliate() IS NOT NULL AND (affiliate_id = hopline_affiliate() OR affiliate_id IS NULL)
        AND hopline_sees_offer(offer_id));
CREATE POLICY tenant ON cap_sums
    USING ((SELECT hopline_open()) OR affiliate_id = hopline_affiliate() OR hopline_owns_cap(cap_id));
CREATE POLICY tenant ON links USING ((SELECT hopline_open()) OR affiliate_id = hopline_affiliate());
CREATE POLICY shown ON links FOR SELECT
    USING (hopline_advertiser() IS NOT NULL AND hopline_owns_offer(offer_id));
CREATE POLICY tenant ON domains
    USING ((SELECT hopline_open()) OR advertiser_id = hopline_advertiser() OR affiliate_id = hopline_affiliate());
CREATE POLICY shown ON domains FOR SELECT
    USING (affiliate_id IS NULL AND (advertiser_id IS NULL OR hopline_affiliate() IS NOT NULL));

CREATE POLICY tenant ON conversions
    USING ((SELECT hopline_open()) OR advertiser_id = hopline_advertiser() OR affiliate_id = hopline_affiliate());
CREATE POLICY tenant ON conversion_repeats USING ((SELECT hopline_open()) OR hopline_sees_conversion(conversion_id));
CREATE POLICY tenant ON commissions
    USING ((SELECT hopline_open()) OR advertiser_id = hopline_advertiser() OR affiliate_id = hopline_affiliate());
CREATE POLICY tenant ON refunds USING ((SELECT hopline_open()) OR hopline_sees_conversion(conversion_id));
CREATE POLICY tenant ON click_settlements
    USING ((SELECT hopline_open()) OR affiliate_id = hopline_affiliate() OR hopline_owns_goal(goal_id));
CREATE POLICY tenant ON click_corrections
    USING ((SELECT hopline_open()) OR affiliate_id = hopline_affiliate() OR hopline_owns_goal(goal_id));
CREATE POLICY tenant ON click_findings
    USING ((SELECT hopline_open()) OR affiliate_id = hopline_affiliate() OR hopline_owns_offer(offer_id));

CREATE POLICY tenant ON ledger_transactions
    USING ((SELECT hopline_open()) OR affiliate_id = hopline_affiliate() OR hopline_sees_conversion(conversion_id));
CREATE POLICY tenant ON ledger_entries USING ((SELECT hopline_open()) OR hopline_owns_account(account));
CREATE POLICY tenant ON ledger_balances USING ((SELECT hopline_open()) OR hopline_owns_account(account));
CREATE POLICY tenant ON payable_items USING ((SELECT hopline_open()) OR affiliate_id = hopline_affiliate());
CREATE POLICY tenant ON payouts USING ((SELECT hopline_open()) OR affiliate_id = hopline_affiliate());
CREATE POLICY tenant ON payout_lines USING ((SELECT hopline_open()) OR hopline_sees_payout(payout_id));

DO $$
DECLARE guarded text;
BEGIN
    FOR guarded IN
        SELECT DISTINCT tablename FROM pg_policies WHERE schemaname = current_schema() AND policyname = 'tenant'
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', guarded);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', guarded);
    END LOOP;
END $$;
