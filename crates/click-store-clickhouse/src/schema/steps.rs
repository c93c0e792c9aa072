//! The steps, in order. What was released is never changed: a change is another step.

use sha2::{Digest, Sha256};

/// One statement.
#[derive(Debug)]
pub(crate) struct Step {
    /// Its number; never given again.
    pub(crate) number: u32,
    /// What it makes.
    pub(crate) name: &'static str,
    /// Only where tables lie on several servers.
    pub(crate) is_for_clusters: bool,
    /// The statement, with blanks.
    pub(crate) sql: &'static str,
}

impl Step {
    /// SHA-256 of the text with its blanks, so that it is the same in both forms.
    pub(super) fn sum(&self) -> String {
        Sha256::digest(self.sql.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

macro_rules! both {
    ($number:literal, $name:literal, $file:literal) => {
        Step {
            number: $number,
            name: $name,
            is_for_clusters: false,
            sql: include_str!(concat!("../../migrations/", $file)),
        }
    };
}

/// The Distributed table over a table's local ones. Rows written through it go by `$key`.
macro_rules! over {
    ($number:literal, $name:literal, $key:literal) => {
        Step {
            number: $number,
            name: concat!($name, " over all shards"),
            is_for_clusters: true,
            sql: concat!(
                "CREATE TABLE IF NOT EXISTS {db}.",
                $name,
                "{on_cluster} AS {db}.",
                $name,
                "_local\nENGINE = Distributed({cluster}, {db}, ",
                $name,
                "_local, ",
                $key,
                ")"
            ),
        }
    };
}

pub(crate) const STEPS: &[Step] = &[
    both!(1, "clicks", "01_clicks.sql"),
    both!(2, "click_hours", "02_click_hours.sql"),
    both!(3, "click_hours_view", "03_click_hours_view.sql"),
    both!(4, "sub_hours", "04_sub_hours.sql"),
    both!(5, "sub_hours_view", "05_sub_hours_view.sql"),
    both!(6, "place_hours", "06_place_hours.sql"),
    both!(7, "place_hours_view", "07_place_hours_view.sql"),
    both!(8, "touches", "08_touches.sql"),
    both!(9, "touches_view", "09_touches_view.sql"),
    both!(10, "judgements", "10_judgements.sql"),
    both!(11, "findings", "11_findings.sql"),
    both!(12, "batches", "12_batches.sql"),
    both!(13, "facts", "13_facts.sql"),
    both!(14, "marks", "14_marks.sql"),
    over!(15, "clicks", "intHash64(unique)"),
    over!(16, "click_hours", "rand()"),
    over!(17, "sub_hours", "rand()"),
    over!(18, "place_hours", "rand()"),
    over!(19, "touches", "intHash64(unique)"),
    over!(20, "judgements", "intHash64(unique)"),
    over!(21, "findings", "intHash64(id)"),
    over!(22, "batches", "intHash64(edge * 256 + stream)"),
    over!(23, "facts", "cityHash64(fact_id)"),
    over!(24, "marks", "cityHash64(name)"),
];

/// Columns of a statement that creates a table: (name, type), from the lines between its brackets.
pub(crate) fn columns(sql: &str) -> Vec<(String, String)> {
    let inside =
        sql.lines().skip_while(|line| line.trim() != "(").skip(1).take_while(|line| line.trim() != ")");
    let mut columns = Vec::new();
    for line in inside {
        let line = line.trim().trim_end_matches(',');
        let Some((name, rest)) = line.split_once(' ') else { continue };
        if name == "INDEX" {
            continue;
        }
        let end = [" CODEC(", " DEFAULT "].into_iter().filter_map(|word| rest.find(word)).min();
        columns.push((name.to_owned(), rest.get(..end.unwrap_or(rest.len())).unwrap_or(rest).to_owned()));
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_read_out_of_a_statement() {
        let sql = "CREATE TABLE x\n(\n    a UInt8 CODEC(ZSTD(1)),\n    b DateTime64(3, 'UTC') DEFAULT now64(3),\n    INDEX i b TYPE x\n)\nENGINE = y";
        let expected = [("a", "UInt8"), ("b", "DateTime64(3, 'UTC')")];
        assert_eq!(columns(sql), expected.map(|(name, kind)| (name.to_owned(), kind.to_owned())));
        assert_eq!(columns(STEPS[0].sql).len(), 42);
    }

    #[test]
    fn numbers_ascend_and_every_step_is_repeatable() {
        assert!(STEPS.is_sorted_by(|one, next| one.number < next.number));
        assert!(STEPS.iter().all(|step| step.sql.contains("IF NOT EXISTS") && !step.sql.contains(';')));
    }
}
