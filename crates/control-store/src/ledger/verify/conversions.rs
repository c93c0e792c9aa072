//! Conversions against their commissions, refunds and settled clicks.

use super::Unsound;
use crate::{StoreError, Tx};

/// The first conversion that does not fit.
pub(super) fn compare(tx: &mut dyn Tx) -> Result<Option<Unsound>, StoreError> {
    for (sql, detail) in [
        (DECIDED, "its decision, its reasoning and its place among what waits do not fit"),
        (UNCREDITED, "it is credited, but to nobody"),
        (CREDITED, "its status or amounts are not those of its commissions"),
        (REFUNDED, "its refunds do not add up to what was taken back"),
        (CORRECTED, "more clicks were taken out of it than it had settled"),
        (FOUND, "money was taken back by a finding, but no clicks"),
    ] {
        if let Some(row) = tx.first(sql, &[])? {
            return Ok(Some(Unsound::Conversion { conversion: row.id(0)?, detail: detail.to_owned() }));
        }
    }
    for (sql, detail) in [
        (CLICKS, "its conversions come to another count"),
        (NOTES, "the conversion of the last settlement is missing"),
    ] {
        if let Some(row) = tx.first(sql, &[])? {
            let (goal, affiliate, hour) = (row.int(0)?, row.int(1)?, row.int(2)?);
            return Ok(Some(Unsound::Clicks { goal, affiliate, hour, detail: detail.to_owned() }));
        }
    }
    Ok(None)
}

/// Who is decided waits no more, and says why.
const DECIDED: &str = "SELECT c.id FROM conversions c LEFT JOIN undecided_conversions u ON u.conversion_id = c.id \
     LEFT JOIN decisions d ON d.conversion_id = c.id WHERE (c.decided_at IS NULL) <> (u.conversion_id IS NOT NULL) \
     OR (c.decided_at IS NULL) <> (d.conversion_id IS NULL) ORDER BY c.id LIMIT 1";

const UNCREDITED: &str = "SELECT c.id FROM conversions c LEFT JOIN commissions m ON m.conversion_id = c.id \
     WHERE m.id IS NULL AND ((c.decided_at IS NULL) <> (c.status IS NULL) \
     OR coalesce(c.status, 'unattributed') NOT IN ('unattributed', 'rejected') \
     OR coalesce(c.revenue_minor, 0) <> 0 OR coalesce(c.payout_minor, 0) <> 0) ORDER BY c.id LIMIT 1";

/// The status is that of the commission that is least far on its way.
const CREDITED: &str = "SELECT c.id FROM conversions c JOIN commissions m ON m.conversion_id = c.id \
     GROUP BY c.id, c.status, c.decided_at, c.revenue_minor, c.payout_minor \
     HAVING c.decided_at IS NULL OR coalesce(c.status, '') <> CASE min(CASE m.status WHEN 'pending' THEN 0 \
     WHEN 'approved' THEN 1 WHEN 'payable' THEN 2 WHEN 'paid' THEN 3 WHEN 'reversed' THEN 4 WHEN 'rejected' THEN 5 \
     ELSE 6 END) WHEN 0 THEN 'pending' WHEN 1 THEN 'approved' WHEN 2 THEN 'payable' WHEN 3 THEN 'paid' \
     WHEN 4 THEN 'reversed' WHEN 5 THEN 'rejected' ELSE 'unattributed' END \
     OR coalesce(c.revenue_minor, 0) <> sum(m.revenue_minor) OR coalesce(c.payout_minor, 0) <> sum(m.payout_minor) \
     ORDER BY c.id LIMIT 1";

const REFUNDED: &str = "SELECT c.id FROM conversions c \
     LEFT JOIN (SELECT conversion_id, sum(reversed_revenue_minor) AS revenue, sum(reversed_payout_minor) AS payout \
     FROM commissions GROUP BY conversion_id) m ON m.conversion_id = c.id \
     LEFT JOIN (SELECT conversion_id, sum(revenue_minor) AS revenue, sum(payout_minor) AS payout \
     FROM refunds GROUP BY conversion_id) r ON r.conversion_id = c.id \
     WHERE coalesce(m.revenue, 0) <> coalesce(r.revenue, 0) OR coalesce(m.payout, 0) <> coalesce(r.payout, 0) \
     ORDER BY c.id LIMIT 1";

const CORRECTED: &str = "SELECT c.id FROM click_corrections k JOIN conversions c ON c.id = k.conversion_id \
     GROUP BY c.id, c.quantity, c.source HAVING sum(k.clicks) > c.quantity OR c.source <> 'settlement' \
     ORDER BY c.id LIMIT 1";

const FOUND: &str = "SELECT r.conversion_id FROM (SELECT conversion_id, count(*) AS n FROM refunds \
     WHERE actor = 'system:findings' GROUP BY conversion_id) r LEFT JOIN (SELECT conversion_id, count(*) AS n \
     FROM click_corrections GROUP BY conversion_id) k ON k.conversion_id = r.conversion_id \
     WHERE coalesce(k.n, 0) < r.n ORDER BY r.conversion_id LIMIT 1";

const CLICKS: &str = "SELECT c.goal_id, coalesce(c.affiliate_id, 0), c.hour FROM (SELECT goal_id, affiliate_id, \
     converted_at AS hour, sum(quantity) AS clicks, count(*) AS settlements FROM conversions \
     WHERE source = 'settlement' GROUP BY goal_id, affiliate_id, converted_at) c \
     LEFT JOIN click_settlements k ON k.goal_id = c.goal_id AND k.affiliate_id = c.affiliate_id AND k.hour = c.hour \
     WHERE k.goal_id IS NULL OR k.clicks <> c.clicks OR k.settlements <> c.settlements LIMIT 1";

const NOTES: &str = "SELECT k.goal_id, k.affiliate_id, k.hour FROM click_settlements k LEFT JOIN conversions c \
     ON c.event_id = 'clicks:' || CAST(k.goal_id AS TEXT) || ':' || CAST(k.affiliate_id AS TEXT) || ':' \
     || CAST(k.hour AS TEXT) || ':' || CAST(k.settlements AS TEXT) WHERE c.id IS NULL LIMIT 1";
