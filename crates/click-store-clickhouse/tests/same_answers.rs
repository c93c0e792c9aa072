//! Both click stores are asked the same, of the same rows, and must say the same.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

mod server;
mod twin;

use std::collections::BTreeSet;

use hopline_click_store::Retention;
use hopline_click_store_embedded::EmbeddedClickStore;
use hopline_types::{AdvertiserId, HOUR_MS, UnixMillis};

use crate::server::Database;
use crate::twin::{DAYS, Dice, Pair, START};

const DAY_MS: i64 = 24 * HOUR_MS;

async fn filled(seed: u64, folder: &tempfile::TempDir, database: &Database) -> Pair {
    let embedded = EmbeddedClickStore::open(folder.path()).unwrap();
    Pair::filled(seed, 4, Box::new(embedded), Box::new(database.store().await)).await
}

/// Row for row, from sums by the hour and from rows, after findings, and once old rows are deleted.
#[tokio::test]
async fn reports_of_both_stores_are_equal_row_for_row() {
    let (folder, database) = (tempfile::tempdir().unwrap(), Database::fresh());
    let pair = filled(11, &folder, &database).await;
    let mut dice = Dice(3);
    let rows = pair.compare_reports(&mut dice, 200).await;
    assert!(rows > 5_000, "the reports had {rows} rows only");
    let before = START.plus(2 * DAY_MS + 5);
    let retention = Retention { clicks_before: Some(before), touches_before: Some(before) };
    let dropped = pair.right.retain(retention).await.unwrap().days_dropped;
    assert_eq!(pair.other.retain(retention).await.unwrap().days_dropped, dropped);
    let rows = pair.compare_reports(&mut dice, 60).await;
    assert!(rows > 1_000, "the reports had {rows} rows only");
    pair.compare_pages(&mut dice, 6).await;
}

/// Pages, look-ups, counts and tallies.
#[tokio::test]
async fn everything_else_that_is_read_is_the_same_in_both_stores() {
    let (folder, database) = (tempfile::tempdir().unwrap(), Database::fresh());
    let pair = filled(23, &folder, &database).await;
    let mut dice = Dice(5);
    let rows = pair.compare_pages(&mut dice, 30).await;
    assert!(rows > 1_000, "the pages had {rows} rows only");
    let Pair { right, other, clicks } = &pair;

    let mut asked: Vec<_> = clicks.iter().map(|click| (click.unique, click.at)).step_by(7).collect();
    asked.push((asked[0].0, asked[0].1.plus(9 * DAY_MS)));
    let found = other.find_clicks(asked.clone()).await.unwrap();
    assert!(found == right.find_clicks(asked).await.unwrap(), "look-ups differ");
    assert!(found.iter().flatten().any(|click| click.finding.is_some()));
    assert!(found.last().unwrap().is_none(), "it is looked for on its day only");

    let mut touched = 0;
    for visitor in 0..60 {
        let advertiser = AdvertiserId::new(1 + i64::try_from(visitor).unwrap() % 2).unwrap();
        let [one, two] = [dice.time(), dice.time()];
        let (from, to) = (one.min(two), one.max(two));
        let given = other.touches(visitor, advertiser, from, to).await.unwrap();
        assert_eq!(given, right.touches(visitor, advertiser, from, to).await.unwrap());
        touched += given.len();
    }
    assert!(touched > 50, "{touched} touches only");
    for (from, to) in [(0, DAYS * 24), (3, 4), (5, 5), (30, 55)] {
        let (from, to) = (START.plus(from * HOUR_MS + 1), START.plus(to * HOUR_MS));
        let given = other.unique_clicks(from, to).await.unwrap();
        assert_eq!(given, right.unique_clicks(from, to).await.unwrap());
    }
    assert_eq!(other.tallies().await.unwrap(), right.tallies().await.unwrap());
    assert_eq!(other.fresh_until().await.unwrap(), right.fresh_until().await.unwrap());
    assert_eq!(other.check().await.unwrap(), right.check().await.unwrap());
    let told: BTreeSet<UnixMillis> = other.changed_hours(0).await.unwrap().hours.into_iter().collect();
    let hours = right.changed_hours(0).await.unwrap().hours;
    assert!(hours.iter().all(|hour| told.contains(hour)), "an hour is missed");
    for (since, limit) in [(START, 10_000), (START.plus(70 * HOUR_MS), 10_000), (START, 25)] {
        let mut given = other.recent_clicks(since, limit).await.unwrap();
        let mut expected = right.recent_clicks(since, limit).await.unwrap();
        assert!(given.is_sorted_by(|one, next| one.at >= next.at));
        for clicks in [&mut given, &mut expected] {
            clicks.sort_by_key(|click| (click.at, click.visitor_key, click.offer));
        }
        assert_eq!(given, expected);
    }
}
