CREATE MATERIALIZED VIEW IF NOT EXISTS {db}.click_hours_view{on_cluster} TO {db}.click_hours{local} AS
SELECT toStartOfHour(at) AS hour, advertiser, offer, affiliate, link, kind, verdict, count() AS n
FROM {db}.clicks{local}
GROUP BY hour, advertiser, offer, affiliate, link, kind, verdict
