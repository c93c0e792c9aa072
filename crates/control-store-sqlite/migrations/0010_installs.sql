-- Whose installs an ad network's campaign stands for: Apple's postbacks name no click.
CREATE TABLE install_sources (
    id                INTEGER PRIMARY KEY,
    ad_network        TEXT NOT NULL,     -- its id at Apple, in small letters
    app               TEXT NOT NULL,     -- the app's number in the App Store
    source_identifier TEXT,              -- all four digits
    campaign_id       INTEGER CHECK (campaign_id >= 0),
    offer_id          INTEGER NOT NULL REFERENCES offers (id),
    goal_id           INTEGER NOT NULL REFERENCES goals (id),
    affiliate_id      INTEGER NOT NULL REFERENCES affiliates (id),
    redownloads       INTEGER NOT NULL CHECK (redownloads IN (0, 1)),
    created_at        INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX install_sources_identifier ON install_sources (ad_network, app, source_identifier)
    WHERE source_identifier IS NOT NULL;
CREATE UNIQUE INDEX install_sources_campaign ON install_sources (ad_network, app, campaign_id)
    WHERE campaign_id IS NOT NULL;
CREATE UNIQUE INDEX install_sources_rest ON install_sources (ad_network, app)
    WHERE source_identifier IS NULL AND campaign_id IS NULL;
CREATE INDEX install_sources_offer ON install_sources (offer_id);
CREATE INDEX install_sources_affiliate ON install_sources (affiliate_id);

-- What an advertiser's mobile measurement calls our fields.
CREATE TABLE install_mappings (
    id            INTEGER PRIMARY KEY,
    advertiser_id INTEGER NOT NULL UNIQUE REFERENCES advertisers (id),
    provider      TEXT NOT NULL,
    names         TEXT NOT NULL,         -- JSON: our field to their names
    events        TEXT NOT NULL,         -- JSON: their event to a goal's key
    created_at    INTEGER NOT NULL
) STRICT;

-- Every report of an install, and what became of it. report_key is what makes it one; NULL where it could not be read.
CREATE TABLE installs (
    id            INTEGER PRIMARY KEY,
    event_id      TEXT NOT NULL UNIQUE,
    report_key    TEXT UNIQUE,
    source        TEXT NOT NULL,
    state         TEXT NOT NULL,
    reason        TEXT,
    remark        TEXT,                  -- the reason in words
    ad_network    TEXT,
    app           TEXT,
    campaign      TEXT,                  -- as people read it
    advertiser_id INTEGER REFERENCES advertisers (id),
    offer_id      INTEGER REFERENCES offers (id),
    affiliate_id  INTEGER REFERENCES affiliates (id),
    conversion_id INTEGER REFERENCES conversions (id),
    installed_at  INTEGER,
    details       TEXT NOT NULL,         -- JSON: what was read
    report        TEXT NOT NULL,         -- what was sent
    event         TEXT NOT NULL,         -- JSON: how it came in
    received_at   INTEGER NOT NULL,
    judged_at     INTEGER NOT NULL
) STRICT;
CREATE INDEX installs_waiting ON installs (ad_network, app, id) WHERE state = 'waiting';
CREATE INDEX installs_conversion ON installs (conversion_id) WHERE conversion_id IS NOT NULL;
CREATE INDEX installs_advertiser ON installs (advertiser_id, id);
CREATE INDEX installs_affiliate ON installs (affiliate_id, id);
