CREATE MATERIALIZED VIEW IF NOT EXISTS {db}.sub_hours_view{on_cluster} TO {db}.sub_hours{local} AS
SELECT toStartOfHour(at) AS hour, advertiser, offer, affiliate, sub1, kind, verdict, count() AS n
FROM {db}.clicks{local}
GROUP BY hour, advertiser, offer, affiliate, sub1, kind, verdict
