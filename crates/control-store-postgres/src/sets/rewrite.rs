//! From a statement for one row of values to one for a set of them.

use std::fmt::Write as _;
use std::ops::Range;

/// A piece of a statement that matters here, outside of quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece<'a> {
    Word(&'a str),
    Parameter(usize),
    Open,
    Close,
    Comma,
}

#[derive(Debug)]
struct Found<'a> {
    piece: Piece<'a>,
    at: Range<usize>,
    /// Parentheses around it.
    depth: usize,
}

impl Found<'_> {
    fn is_word(&self, word: &str) -> bool {
        self.depth == 0 && matches!(self.piece, Piece::Word(found) if found.eq_ignore_ascii_case(word))
    }
}

/// The statement for a set whose parameters have these types; `None` where it has no such form.
pub(super) fn rewrite(sql: &str, types: &[&str]) -> Option<String> {
    let found = pieces(sql)?;
    if types.is_empty() {
        return None;
    }
    let statement = Statement { sql, found, types };
    match statement.found.first()?.piece {
        Piece::Word(word) if word.eq_ignore_ascii_case("select") => statement.select(),
        Piece::Word(word) if word.eq_ignore_ascii_case("insert") => statement.insert(),
        Piece::Word(word) if word.eq_ignore_ascii_case("update") => statement.joined("FROM"),
        Piece::Word(word) if word.eq_ignore_ascii_case("delete") => statement.joined("USING"),
        _ => None,
    }
}

struct Statement<'a> {
    sql: &'a str,
    found: Vec<Found<'a>>,
    types: &'a [&'a str],
}

impl Statement<'_> {
    fn select(&self) -> Option<String> {
        if self.has("for") || self.has("into") {
            return None;
        }
        let each = self.each(true);
        let one = self.with_columns(0..self.sql.len())?;
        let fence = if self.has("limit") || self.has("offset") { "" } else { " OFFSET 0" };
        Some(format!("SELECT each_row.ord, one.* FROM {each} CROSS JOIN LATERAL ({one}{fence}) AS one"))
    }

    fn insert(&self) -> Option<String> {
        let values = self.found.iter().position(|found| found.is_word("values"))?;
        if self.has("returning") || self.has("select") {
            return None;
        }
        let mut after = self.found.get(values + 1..)?.iter();
        let open = after.next().filter(|found| found.piece == Piece::Open && found.depth == 0)?;
        let close = after.find(|found| found.piece == Piece::Close && found.depth == 0)?;
        // A second row of values, or a conflict's action that depends on the row.
        let mut after = after.peekable();
        let has_second = after.peek().is_some_and(|found| found.piece == Piece::Comma);
        if has_second || after.any(|found| matches!(found.piece, Piece::Parameter(_))) {
            return None;
        }
        let values = self.found.get(values)?;
        let before = self.sql.get(..values.at.start)?;
        let row = self.with_columns(open.at.end..close.at.start)?;
        let rest = self.sql.get(close.at.end..)?;
        let each = self.each(true);
        Some(format!("{before}SELECT {row} FROM {each} ORDER BY each_row.ord{rest}"))
    }

    fn joined(&self, by: &str) -> Option<String> {
        let mut places = self.found.iter().filter(|found| found.is_word("where"));
        let at = places.next()?;
        // DELETE FROM is no join.
        let is_joined =
            self.found.iter().skip(2).any(|found| found.is_word("from") || found.is_word("using"));
        if places.next().is_some() || is_joined || self.has("returning") {
            return None;
        }
        let before = self.with_columns(0..at.at.start)?;
        let after = self.with_columns(at.at.start..self.sql.len())?;
        Some(format!("{before}{by} {} {after}", self.each(false)))
    }

    fn has(&self, word: &str) -> bool {
        self.found.iter().any(|found| found.is_word(word))
    }

    fn each(&self, is_numbered: bool) -> String {
        let mut arrays = String::new();
        let mut names = String::new();
        for (number, name) in (1..).zip(self.types) {
            let comma = if number == 1 { "" } else { ", " };
            write!(arrays, "{comma}${number}::{name}[]").expect("a string takes text");
            write!(names, "{comma}p{number}").expect("a string takes text");
        }
        if is_numbered {
            format!("unnest({arrays}) WITH ORDINALITY AS each_row ({names}, ord)")
        } else {
            format!("unnest({arrays}) AS each_row ({names})")
        }
    }

    /// A part of the statement with columns in place of its parameters.
    fn with_columns(&self, part: Range<usize>) -> Option<String> {
        let mut text = String::new();
        let mut from = part.start;
        for found in &self.found {
            let Piece::Parameter(number) = found.piece else { continue };
            if found.at.start < part.start || found.at.end > part.end {
                continue;
            }
            if number == 0 || number > self.types.len() {
                return None;
            }
            text.push_str(self.sql.get(from..found.at.start)?);
            write!(text, "each_row.p{number}").expect("a string takes text");
            from = found.at.end;
        }
        text.push_str(self.sql.get(from..part.end)?);
        Some(text)
    }
}

/// Words, parameters, commas and parentheses; `None` where the statement has comments or does not close what it opens.
fn pieces(sql: &str) -> Option<Vec<Found<'_>>> {
    let bytes = sql.as_bytes();
    let mut found = Vec::new();
    let (mut at, mut depth) = (0, 0_usize);
    let run = |from: usize, holds: fn(&u8) -> bool| {
        bytes.get(from..).map_or(0, |rest| rest.iter().take_while(|byte| holds(byte)).count())
    };
    while let Some(byte) = bytes.get(at) {
        let start = at;
        at += 1;
        let piece = match byte {
            b'\'' | b'"' => {
                // A doubled quote closes and opens again.
                at += bytes.get(at..)?.iter().position(|next| next == byte)? + 1;
                continue;
            }
            b'-' if bytes.get(at) == Some(&b'-') => return None,
            b'/' if bytes.get(at) == Some(&b'*') => return None,
            b'$' => {
                at += run(at, u8::is_ascii_digit);
                Piece::Parameter(sql.get(start + 1..at)?.parse().ok()?)
            }
            b'(' => Piece::Open,
            b')' => {
                depth = depth.checked_sub(1)?;
                Piece::Close
            }
            b',' => Piece::Comma,
            b'_' | b'a'..=b'z' | b'A'..=b'Z' => {
                at += run(at, |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'));
                Piece::Word(sql.get(start..at)?)
            }
            _ => continue,
        };
        found.push(Found { piece, at: start..at, depth });
        if piece == Piece::Open {
            depth += 1;
        }
    }
    (depth == 0).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::rewrite;

    #[track_caller]
    fn becomes(sql: &str, types: &[&str], expected: &str) {
        assert_eq!(rewrite(sql, types).as_deref(), Some(expected));
    }

    #[test]
    fn a_select_is_joined_with_each_row() {
        becomes(
            "SELECT id FROM conversions WHERE event_id = $1",
            &["text"],
            "SELECT each_row.ord, one.* FROM unnest($1::text[]) WITH ORDINALITY AS each_row (p1, ord) \
             CROSS JOIN LATERAL (SELECT id FROM conversions WHERE event_id = each_row.p1 OFFSET 0) AS one",
        );
        becomes(
            "SELECT a FROM t WHERE b = $2 AND c = '$1, (' ORDER BY a LIMIT $1",
            &["bigint", "bytea"],
            "SELECT each_row.ord, one.* FROM unnest($1::bigint[], $2::bytea[]) WITH ORDINALITY AS each_row (p1, p2, ord) \
             CROSS JOIN LATERAL (SELECT a FROM t WHERE b = each_row.p2 AND c = '$1, (' ORDER BY a LIMIT each_row.p1) AS one",
        );
    }

    #[test]
    fn an_insert_selects_its_values() {
        becomes(
            "INSERT INTO t (a, b, c) VALUES ($1, coalesce($2, 0), 7) ON CONFLICT (a) \
             DO UPDATE SET b = excluded.b, c = excluded.c",
            &["text", "bigint"],
            "INSERT INTO t (a, b, c) SELECT each_row.p1, coalesce(each_row.p2, 0), 7 \
             FROM unnest($1::text[], $2::bigint[]) WITH ORDINALITY AS each_row (p1, p2, ord) \
             ORDER BY each_row.ord ON CONFLICT (a) DO UPDATE SET b = excluded.b, c = excluded.c",
        );
    }

    #[test]
    fn updates_and_deletes_are_joined() {
        becomes(
            "UPDATE t SET a = $2, b = b + $2 WHERE id = $1 AND c IS NULL",
            &["bigint", "bigint"],
            "UPDATE t SET a = each_row.p2, b = b + each_row.p2 \
             FROM unnest($1::bigint[], $2::bigint[]) AS each_row (p1, p2) WHERE id = each_row.p1 AND c IS NULL",
        );
        becomes(
            "DELETE FROM t WHERE id = $1",
            &["bigint"],
            "DELETE FROM t USING unnest($1::bigint[]) AS each_row (p1) WHERE id = each_row.p1",
        );
        // A query inside of it is its own.
        becomes(
            "UPDATE t SET a = (SELECT b FROM u WHERE c = $2) WHERE id = $1",
            &["bigint", "text"],
            "UPDATE t SET a = (SELECT b FROM u WHERE c = each_row.p2) \
             FROM unnest($1::bigint[], $2::text[]) AS each_row (p1, p2) WHERE id = each_row.p1",
        );
    }

    #[test]
    fn what_has_no_such_form_is_left_alone() {
        for sql in [
            "INSERT INTO t (a) VALUES ($1), ($2)",
            "INSERT INTO t (a) VALUES ($1) RETURNING id",
            "INSERT INTO t (a) SELECT $1",
            "INSERT INTO t (a) VALUES ($1) ON CONFLICT (a) DO UPDATE SET b = $2",
            "UPDATE t SET a = $1",
            "UPDATE t SET a = u.a FROM u WHERE u.id = $1",
            "UPDATE t SET a = $2 WHERE id = $1 RETURNING a",
            "DELETE FROM t USING u WHERE u.id = $1",
            "SELECT a FROM t WHERE id = $1 FOR UPDATE",
            "SELECT a FROM t WHERE id = $1 -- why",
            "SELECT a FROM t WHERE (id = $1",
            "SELECT a FROM t WHERE id = $3",
            "WITH u AS (SELECT $1) SELECT * FROM u",
        ] {
            assert_eq!(rewrite(sql, &["bigint", "bigint"]), None, "{sql}");
        }
        assert_eq!(rewrite("SELECT a FROM t", &[]), None);
    }
}
