//! Two stores with the same in them, asked the same.

use hopline_click_store::{ClickBatch, ClickCursor, ClickStore, StoredClick};

use super::{Dice, batches, click_query, facts, finding, report_query};

/// The one whose answers are right, and the other.
pub(crate) struct Pair {
    pub(crate) right: Box<dyn ClickStore>,
    pub(crate) other: Box<dyn ClickStore>,
    pub(crate) clicks: Vec<StoredClick>,
}

impl Pair {
    /// Batches, facts and findings in turns, as they come in life; some of them twice.
    pub(crate) async fn filled(
        seed: u64,
        rounds: u64,
        right: Box<dyn ClickStore>,
        other: Box<dyn ClickStore>,
    ) -> Self {
        let mut dice = Dice(seed);
        let batches = batches(&mut dice, rounds);
        let facts = facts(&mut dice, 300);
        for store in [&*right, &*other] {
            let mut dice = Dice(seed + 1);
            let mut facts = facts.chunks(50);
            let mut findings = 0;
            for batch in &batches {
                store.store(batch.clone()).await.unwrap();
                store.store(batch.clone()).await.unwrap();
                if let Some(some) = facts.next() {
                    store.store_facts(some.to_vec()).await.unwrap();
                    assert_eq!(store.store_facts(some.to_vec()).await.unwrap(), 0);
                }
                if dice.below(2) == 0 {
                    findings += 1;
                    store.reclassify(finding(&mut dice, findings)).await.unwrap();
                }
            }
            assert!(findings > 1, "only {findings} findings");
        }
        let clicks = batches.iter().flat_map(ClickBatch::clicks).collect();
        Self { right, other, clicks }
    }

    /// Asks both for so many reports; says how many rows they gave.
    pub(crate) async fn compare_reports(&self, dice: &mut Dice, count: usize) -> usize {
        let mut rows = 0;
        for number in 0..count {
            let query = report_query(dice);
            let expected = self.right.report(query.clone()).await.unwrap();
            let given = self.other.report(query.clone()).await.unwrap();
            if expected.raw_missing_before.is_some() && given.raw_missing_before.is_none() {
                // It has sums by the hour that the other one has not.
                continue;
            }
            assert_eq!(given, expected, "report {number}: {query:?}");
            rows += given.rows.len();
        }
        rows
    }

    /// Asks both for the same pages; says how many rows they gave.
    pub(crate) async fn compare_pages(&self, dice: &mut Dice, count: usize) -> usize {
        let mut rows = 0;
        for number in 0..count {
            let query = click_query(dice);
            let expected = sorted(self.right.clicks(query.clone(), None, 10_000).await.unwrap().clicks);
            let limit = [10_000, 7, 40][number % 3];
            let mut given = Vec::new();
            let mut after: Option<ClickCursor> = None;
            loop {
                let page = self.other.clicks(query.clone(), after, limit).await.unwrap();
                assert!(page.clicks.len() <= limit);
                given.extend(page.clicks);
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            let given = sorted(given);
            let numbers =
                |clicks: &[StoredClick]| clicks.iter().map(|click| click.unique).collect::<Vec<_>>();
            assert_eq!(numbers(&given), numbers(&expected), "{query:?}");
            assert!(given == expected, "{query:?}: a row differs");
            rows += given.len();
        }
        rows
    }
}

/// Numbers of 64 bits are in another order where numbers have signs.
fn sorted(mut clicks: Vec<StoredClick>) -> Vec<StoredClick> {
    clicks.sort_by_key(|click| click.unique);
    clicks
}
