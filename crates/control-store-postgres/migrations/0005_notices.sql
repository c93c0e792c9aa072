-- Who listens is told of commits: of a new version of the catalogue, and of work for workers.

CREATE FUNCTION hopline_tell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify(TG_ARGV[0], '');
    RETURN NULL;
END
$$;

CREATE TRIGGER catalogue_version_is_told AFTER UPDATE ON catalogue_version
    FOR EACH STATEMENT EXECUTE FUNCTION hopline_tell('hopline_catalogue');
CREATE TRIGGER conversions_are_told AFTER INSERT ON conversions
    FOR EACH STATEMENT EXECUTE FUNCTION hopline_tell('hopline_work');
CREATE TRIGGER fact_outbox_is_told AFTER INSERT ON fact_outbox
    FOR EACH STATEMENT EXECUTE FUNCTION hopline_tell('hopline_work');
