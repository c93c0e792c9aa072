CREATE MATERIALIZED VIEW IF NOT EXISTS {db}.touches_view{on_cluster} TO {db}.touches{local} AS
SELECT visitor_key, advertiser, at, unique, offer, affiliate, link, verdict
FROM {db}.clicks{local}
WHERE kind = 1 AND verdict < 2 AND advertiser != 0 AND offer != 0 AND affiliate != 0
