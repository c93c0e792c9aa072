//! What was set as a goal before, beside what was measured.

/// A line that tells whether something is as small as it should be; not a number: not measured.
#[must_use]
pub fn at_most(what: &str, value: f64, most: f64) -> String {
    line(what, value, "<=", most, value <= most)
}

/// A line that tells whether something is as large as it should be; not a number: not measured.
#[must_use]
pub fn at_least(what: &str, value: f64, least: f64) -> String {
    line(what, value, ">=", least, value >= least)
}

fn line(what: &str, value: f64, sign: &str, bound: f64, is_met: bool) -> String {
    let verdict = match (value.is_nan(), is_met) {
        (true, _) => "not measured",
        (false, true) => "met",
        (false, false) => "MISSED",
    };
    format!("goal: {what:<56}{value:>9.2} {sign} {bound:<7.2} {verdict}")
}

#[cfg(test)]
mod tests {
    use super::{at_least, at_most};

    #[test]
    fn a_goal_is_met_missed_or_not_measured() {
        for (line, verdict) in [
            (at_most("x", 1.0, 1.0), " met"),
            (at_most("x", 1.1, 1.0), " MISSED"),
            (at_least("x", 0.7, 0.7), " met"),
            (at_least("x", 0.6, 0.7), " MISSED"),
            (at_least("x", f64::NAN, 0.7), " not measured"),
        ] {
            assert!(line.ends_with(verdict), "{line}");
        }
    }
}
