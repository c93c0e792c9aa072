//! Rates from files: the European Central Bank's reference rates (XML or CSV, of a day or of all days), and a plain CSV.
//!
//! | form | begins with | meaning |
//! |---|---|---|
//! | ECB XML | `<` | `<Cube time="2026-11-20"><Cube currency="USD" rate="1.1523"/>` |
//! | ECB CSV | `Date,USD,JPY,...` | a row for each day; `N/A` and empty cells are left out |
//! | plain CSV | `date,from,to,rate,source` | one rate a row; the date may be a time (RFC 3339) |
//!
//! The ECB quotes units of a currency for one euro and publishes at about 16:00 in Frankfurt: its rates count from 15:00 UTC
//! of their day on. A date alone in a plain file counts from the beginning of that day in UTC. Currencies that are not
//! listed any more (old files have some) are left out of ECB files and refused in plain ones.

use hopline_control_store::rates::Rate;
use hopline_money::{Currency, Decimal};
use hopline_types::{HOUR_MS, UnixMillis};

/// The most rates of one file.
pub const RATES_MAX: usize = 400_000;
/// When the ECB's rates of a day count from.
const ECB_PUBLISHED_MS: i64 = 15 * HOUR_MS;
const ECB: &str = "ecb";

/// A file that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// None of the forms.
    #[error(
        "the file begins with {given:?}: expected the ECB's XML or CSV (Date,USD,...), or date,from,to,rate,source"
    )]
    Form {
        /// Its beginning.
        given: String,
    },
    /// A line makes no sense.
    #[error("line {line}: {detail}")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// What is wrong.
        detail: String,
    },
    /// Nothing in it.
    #[error("there is no rate in the file")]
    Empty,
    /// Too long.
    #[error("there are more than {RATES_MAX} rates in the file")]
    TooMany,
}

/// Reads the rates of a file.
///
/// # Errors
/// Says in which line what is wrong.
pub fn read_file(text: &str) -> Result<Vec<Rate>, FileError> {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let first = text.lines().next().unwrap_or_default();
    let heads: Vec<String> = cells(first).iter().map(|cell| cell.to_ascii_lowercase()).collect();
    let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
    let rates = if text.starts_with('<') {
        ecb_xml(text)?
    } else if heads.starts_with(&["date", "from", "to", "rate"]) {
        plain(text)?
    } else if heads.first() == Some(&"date") {
        ecb_csv(text)?
    } else {
        return Err(FileError::Form { given: first.chars().take(40).collect() });
    };
    match rates.len() {
        0 => Err(FileError::Empty),
        length if length > RATES_MAX => Err(FileError::TooMany),
        _ => Ok(rates),
    }
}

fn cells(line: &str) -> Vec<&str> {
    line.split(',').map(|cell| cell.trim().trim_matches('"').trim()).collect()
}

fn wrong(line: usize, detail: impl std::fmt::Display) -> FileError {
    FileError::Line { line, detail: detail.to_string() }
}

/// The beginning of a day: `2026-11-20` or `20 November 2026`.
fn day(text: &str) -> Option<UnixMillis> {
    let date: jiff::civil::Date = match text.parse() {
        Ok(date) => date,
        Err(_) => jiff::civil::Date::strptime("%d %B %Y", text).ok()?,
    };
    let at = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
    Some(UnixMillis(at.as_millisecond()))
}

/// A day, or a time.
fn moment(text: &str) -> Option<UnixMillis> {
    let time = || text.parse::<jiff::Timestamp>().ok().map(|at| UnixMillis(at.as_millisecond()));
    day(text).or_else(time)
}

/// One rate of the ECB; `None` for a currency that is not listed any more.
fn of_euro(code: &str, rate: &str, day: UnixMillis, line: usize) -> Result<Option<Rate>, FileError> {
    let rate = Decimal::parse(rate).map_err(|error| wrong(line, error))?;
    let at = day.plus(ECB_PUBLISHED_MS);
    let to = Currency::new(code).ok().filter(|to| *to != Currency::EUR);
    Ok(to.map(|to| Rate { from: Currency::EUR, to, rate, source: ECB.to_owned(), at }))
}

fn ecb_csv(text: &str) -> Result<Vec<Rate>, FileError> {
    let mut lines = text.lines().enumerate();
    let codes = lines.next().map(|(_, line)| cells(line)).unwrap_or_default();
    let mut rates = Vec::new();
    for (index, line) in lines {
        let number = index + 1;
        let row = cells(line);
        let Some(date) = row.first().filter(|date| !date.is_empty()) else { continue };
        let day = day(date).ok_or_else(|| wrong(number, format!("{date:?} is no date")))?;
        for (code, rate) in codes.iter().zip(&row).skip(1) {
            if !code.is_empty() && !rate.is_empty() && *rate != "N/A" {
                rates.extend(of_euro(code, rate, day, number)?);
            }
        }
    }
    Ok(rates)
}

fn ecb_xml(text: &str) -> Result<Vec<Rate>, FileError> {
    let mut rates = Vec::new();
    let mut today = None;
    for (index, line) in text.split('<').enumerate() {
        let Some(tag) = line.strip_prefix("Cube").and_then(|rest| rest.split('>').next()) else { continue };
        // There are no lines to count: the number of the tag says where.
        if let Some(time) = attribute(tag, "time") {
            today = Some(day(time).ok_or_else(|| wrong(index, format!("{time:?} is no date")))?);
        }
        if let (Some(code), Some(rate)) = (attribute(tag, "currency"), attribute(tag, "rate")) {
            let day = today.ok_or_else(|| wrong(index, "a rate stands before its date"))?;
            rates.extend(of_euro(code, rate, day, index)?);
        }
    }
    Ok(rates)
}

/// The value of an attribute, in either sort of quotes.
fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = tag;
    while let Some(at) = rest.find(name) {
        let (before, found) = rest.split_at(at);
        let after = found.strip_prefix(name)?;
        let is_whole = before.chars().last().is_none_or(char::is_whitespace);
        if let Some(value) = after.trim_start().strip_prefix('=').filter(|_| is_whole) {
            let value = value.trim_start();
            let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
            return value.strip_prefix(quote)?.split(quote).next();
        }
        rest = after;
    }
    None
}

fn plain(text: &str) -> Result<Vec<Rate>, FileError> {
    let mut rates = Vec::new();
    for (index, line) in text.lines().enumerate().skip(1) {
        let number = index + 1;
        if line.trim().is_empty() {
            continue;
        }
        let [date, from, to, rate, source] = cells(line)[..] else {
            return Err(wrong(number, "expected date,from,to,rate,source"));
        };
        rates.push(Rate {
            at: moment(date)
                .ok_or_else(|| wrong(number, format!("{date:?} is neither a date nor a time")))?,
            from: Currency::new(from).map_err(|error| wrong(number, error))?,
            to: Currency::new(to).map_err(|error| wrong(number, error))?,
            rate: Decimal::parse(rate).map_err(|error| wrong(number, error))?,
            source: source.to_owned(),
        });
    }
    Ok(rates)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(rates: &[Rate]) -> Vec<String> {
        let told = |rate: &Rate| {
            format!(
                "{} {} {} {} {}",
                rate.from,
                rate.to,
                rate.rate,
                rate.source,
                crate::explain::rfc3339(rate.at)
            )
        };
        rates.iter().map(told).collect()
    }

    #[test]
    fn the_ecbs_xml_is_read_with_its_day() {
        let xml = r#"<?xml version="1.0" encoding="UTF-8"?>
<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01"><gesmes:subject>Reference rates</gesmes:subject>
<Cube><Cube time='2026-11-20'><Cube currency='USD' rate='1.1523'/><Cube currency='JPY' rate='180.52'/></Cube>
<Cube time="2026-11-19"><Cube currency="USD" rate="1.1501"/><Cube currency="TRL" rate="1650000"/></Cube></Cube>
</gesmes:Envelope>"#;
        assert_eq!(
            told(&read_file(xml).unwrap()),
            [
                "EUR USD 1.1523 ecb 2026-11-20T15:00:00Z",
                "EUR JPY 180.52 ecb 2026-11-20T15:00:00Z",
                "EUR USD 1.1501 ecb 2026-11-19T15:00:00Z",
            ]
        );
    }

    #[test]
    fn the_ecbs_csv_is_read_of_one_day_and_of_all() {
        let daily = "Date, USD, JPY, \n20 November 2026, 1.1523, 180.52, \n";
        assert_eq!(
            told(&read_file(daily).unwrap()),
            ["EUR USD 1.1523 ecb 2026-11-20T15:00:00Z", "EUR JPY 180.52 ecb 2026-11-20T15:00:00Z"]
        );
        let all = "\u{feff}Date,USD,CYP,GBP,\r\n2026-11-20,1.1523,N/A,0.88,\r\n2007-12-31,1.4721,0.585274,0.73335,\r\n";
        assert_eq!(
            told(&read_file(all).unwrap()),
            [
                "EUR USD 1.1523 ecb 2026-11-20T15:00:00Z",
                "EUR GBP 0.88 ecb 2026-11-20T15:00:00Z",
                "EUR USD 1.4721 ecb 2007-12-31T15:00:00Z",
                "EUR GBP 0.73335 ecb 2007-12-31T15:00:00Z",
            ]
        );
    }

    #[test]
    fn a_plain_file_says_everything_itself() {
        let plain = "date,from,to,rate,source\n2026-11-20,USD,EUR,0.92345,bank\n2026-11-20T08:30:00Z,GBP,USD,1.31,bank\n\n";
        assert_eq!(
            told(&read_file(plain).unwrap()),
            ["USD EUR 0.92345 bank 2026-11-20T00:00:00Z", "GBP USD 1.31 bank 2026-11-20T08:30:00Z"]
        );
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (text, told) in [
            ("", "the file begins with \"\""),
            ("rate,date\n", "the file begins with \"rate,date\""),
            ("date,from,to,rate,source\n", "there is no rate in the file"),
            ("date,from,to,rate,source\n2026-11-20,USD,EUR,1,x\n2026-11-20,USD,XXX,1,x", "line 3: "),
            ("date,from,to,rate,source\n2026-11-20,USD,EUR,1e3,x", "line 2: "),
            ("date,from,to,rate,source\n2026-13-20,USD,EUR,1,x", "line 2: \"2026-13-20\" is neither"),
            ("date,from,to,rate,source\n2026-11-20,USD,EUR,1", "line 2: expected date,from,to,rate,source"),
            ("Date,USD\nyesterday,1.1\n", "line 2: \"yesterday\" is no date"),
            ("<Cube currency='USD' rate='1'/>", "line 1: a rate stands before its date"),
        ] {
            let error = read_file(text).unwrap_err().to_string();
            assert!(error.starts_with(told), "{text:?}: {error}");
        }
    }
}
