//! Comparing what was answered with what is stored.

use std::collections::{HashMap, HashSet};

use crate::run::Acknowledged;

/// Where answers and store disagree; empty lists everywhere mean that they agree.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Answered with a redirect, but not stored.
    pub lost: Vec<u64>,
    /// Stored more than once.
    pub doubled: Vec<u64>,
    /// Stored, but never sent.
    pub invented: Vec<u64>,
    /// Answered with a click id other than the stored one.
    pub altered: Vec<u64>,
}

impl Difference {
    /// Whether everything agrees.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// Compares acknowledged clicks, open ones and the stored (number, click id) rows (D-01, D-02).
#[must_use]
pub fn compare(acknowledged: &[Acknowledged], open: &[u64], stored: &[(u64, String)]) -> Difference {
    let mut rows: HashMap<u64, Vec<&str>> = HashMap::new();
    for (number, click_id) in stored {
        rows.entry(*number).or_default().push(click_id);
    }
    let mut sent: HashSet<u64> = open.iter().copied().collect();
    sent.extend(acknowledged.iter().map(|click| click.number));

    let mut difference = Difference::default();
    for click in acknowledged {
        match rows.get(&click.number).map(Vec::as_slice) {
            None => difference.lost.push(click.number),
            Some(ids) if ids.iter().all(|id| !click.location.contains(id)) => {
                difference.altered.push(click.number);
            }
            Some(_) => {}
        }
    }
    difference.doubled = rows.iter().filter(|(_, ids)| ids.len() > 1).map(|(number, _)| *number).collect();
    difference.invented = rows.keys().filter(|number| !sent.contains(number)).copied().collect();
    for list in
        [&mut difference.lost, &mut difference.doubled, &mut difference.invented, &mut difference.altered]
    {
        list.sort_unstable();
    }
    difference
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(number: u64, id: &str) -> Acknowledged {
        Acknowledged { number, location: format!("https://shop.example/?c={id}") }
    }

    #[test]
    fn d_02_the_checker_finds_every_kind_of_difference() {
        let acknowledged = [answered(1, "a"), answered(2, "b"), answered(3, "c"), answered(4, "d")];
        let stored = [
            (1, "a".to_owned()),
            (2, "b".to_owned()),
            (2, "b".to_owned()),
            (4, "other".to_owned()),
            (9, "z".to_owned()),
            (5, "e".to_owned()),
        ];
        let difference = compare(&acknowledged, &[5, 6], &stored);
        assert_eq!(
            difference,
            Difference { lost: vec![3], doubled: vec![2], invented: vec![9], altered: vec![4] }
        );
    }

    #[test]
    fn an_open_click_may_be_stored_or_not() {
        let difference = compare(&[answered(1, "a")], &[2, 3], &[(1, "a".into()), (2, "b".into())]);
        assert!(difference.is_none());
    }
}
