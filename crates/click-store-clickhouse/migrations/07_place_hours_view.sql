CREATE MATERIALIZED VIEW IF NOT EXISTS {db}.place_hours_view{on_cluster} TO {db}.place_hours{local} AS
SELECT toStartOfHour(at) AS hour, advertiser, offer, affiliate, country, device, kind, verdict, count() AS n
FROM {db}.clicks{local}
GROUP BY hour, advertiser, offer, affiliate, country, device, kind, verdict
