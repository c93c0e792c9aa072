-- Clicks that were found to be invalid later. A row is never changed but to note that it was applied.
CREATE TABLE click_findings (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    offer_id     INTEGER NOT NULL REFERENCES offers (id),
    affiliate_id INTEGER NOT NULL REFERENCES affiliates (id),
    from_at      INTEGER NOT NULL,
    to_at        INTEGER NOT NULL CHECK (to_at > from_at),
    filter       TEXT NOT NULL,        -- JSON
    reason       TEXT NOT NULL,
    remark       TEXT NOT NULL,
    decided_by   TEXT NOT NULL,
    decided_at   INTEGER NOT NULL,
    clicks       INTEGER CHECK (clicks >= 0),
    applied_at   INTEGER,
    CHECK ((clicks IS NULL) = (applied_at IS NULL))
) STRICT;
CREATE INDEX click_findings_clicks ON click_findings (offer_id, affiliate_id, to_at);
CREATE INDEX click_findings_affiliate ON click_findings (affiliate_id, id);
CREATE INDEX click_findings_pending ON click_findings (id) WHERE applied_at IS NULL;

CREATE TRIGGER click_findings_are_not_changed BEFORE UPDATE ON click_findings
WHEN OLD.applied_at IS NOT NULL OR NEW.id IS NOT OLD.id OR NEW.offer_id IS NOT OLD.offer_id
    OR NEW.affiliate_id IS NOT OLD.affiliate_id OR NEW.from_at IS NOT OLD.from_at OR NEW.to_at IS NOT OLD.to_at
    OR NEW.filter IS NOT OLD.filter OR NEW.reason IS NOT OLD.reason OR NEW.remark IS NOT OLD.remark
    OR NEW.decided_by IS NOT OLD.decided_by OR NEW.decided_at IS NOT OLD.decided_at
BEGIN SELECT RAISE(ABORT, 'findings do not change'); END;
CREATE TRIGGER click_findings_are_not_deleted BEFORE DELETE ON click_findings
BEGIN SELECT RAISE(ABORT, 'findings do not change'); END;

-- Settled clicks that findings have taken out again, by the conversion that had settled them.
CREATE TABLE click_corrections (
    id            INTEGER PRIMARY KEY,
    conversion_id INTEGER NOT NULL REFERENCES conversions (id),
    goal_id       INTEGER NOT NULL,
    affiliate_id  INTEGER NOT NULL,
    hour          INTEGER NOT NULL,
    clicks        INTEGER NOT NULL CHECK (clicks > 0),
    reason        TEXT NOT NULL,
    created_at    INTEGER NOT NULL
) STRICT;
CREATE INDEX click_corrections_hour ON click_corrections (goal_id, affiliate_id, hour);
CREATE INDEX click_corrections_conversion ON click_corrections (conversion_id);
CREATE INDEX click_settlements_hour ON click_settlements (hour);
CREATE TRIGGER click_corrections_are_not_updated BEFORE UPDATE ON click_corrections
BEGIN SELECT RAISE(ABORT, 'corrections do not change'); END;
CREATE TRIGGER click_corrections_are_not_deleted BEFORE DELETE ON click_corrections
BEGIN SELECT RAISE(ABORT, 'corrections do not change'); END;
