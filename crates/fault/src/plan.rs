//! What is to happen where: the rules and their text.

use crate::points::{POINTS, Point, SWITCHES, Switch};

/// What a rule does at its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Abort,
    Error,
    Full,
    Delay { millis: u64 },
}

impl Mode {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Abort => "abort",
            Self::Error => "error",
            Self::Full => "full",
            Self::Delay { .. } => "delay",
        }
    }
}

/// A mode and the times at which it acts, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rule {
    mode: Mode,
    from: u64,
    to: u64,
}

/// The rules of every point, and which switches are off.
#[derive(Debug)]
pub(crate) struct Plan {
    rules: Vec<Vec<Rule>>,
    off: Vec<bool>,
}

impl Plan {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut plan = Self { rules: vec![Vec::new(); POINTS.len()], off: vec![false; SWITCHES.len()] };
        for rule in text.split(';').map(str::trim).filter(|rule| !rule.is_empty()) {
            plan.add(rule).ok_or_else(|| format!("{rule:?} is no rule; expected NAME=MODE[@FROM[-TO]]"))?;
        }
        for rules in &mut plan.rules {
            rules.sort_by_key(|rule| !matches!(rule.mode, Mode::Delay { .. }));
        }
        Ok(plan)
    }

    fn add(&mut self, text: &str) -> Option<()> {
        let (name, what) = text.split_once('=')?;
        if let Some(switch) = Switch::named(name) {
            *self.off.get_mut(switch as usize)? = what == "off";
            return (what == "off").then_some(());
        }
        let point = Point::named(name)?;
        let (mode, times) = what.split_once('@').map_or((what, None), |(mode, times)| (mode, Some(times)));
        let mode = match mode.split_once(':') {
            None if mode == "abort" => Mode::Abort,
            None if mode == "error" => Mode::Error,
            None if mode == "full" => Mode::Full,
            Some(("delay", millis)) => Mode::Delay { millis: millis.parse().ok()? },
            _ => return None,
        };
        let (from, to) = match times.map(|times| times.split_once('-').ok_or(times)) {
            None => (1, u64::MAX),
            Some(Err(only)) => (only.parse().ok()?, only.parse().ok()?),
            Some(Ok((from, ""))) => (from.parse().ok()?, u64::MAX),
            Some(Ok((from, to))) => (from.parse().ok()?, to.parse().ok()?),
        };
        if from == 0 || from > to {
            return None;
        }
        self.rules.get_mut(point as usize)?.push(Rule { mode, from, to });
        Some(())
    }

    /// What is to happen when `point` is passed for the `time`th time, in order.
    pub(crate) fn at(&self, point: Point, time: u64) -> impl Iterator<Item = Mode> + '_ {
        let rules = self.rules.get(point as usize).into_iter().flatten();
        rules.filter(move |rule| (rule.from..=rule.to).contains(&time)).map(|rule| rule.mode)
    }

    pub(crate) fn is_off(&self, switch: Switch) -> bool {
        self.off.get(switch as usize).copied().unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(plan: &Plan, point: Point, time: u64) -> Vec<Mode> {
        plan.at(point, time).collect()
    }

    #[test]
    fn rules_act_at_their_times_and_delays_come_first() {
        let plan = Plan::parse(
            "ship.cut=abort@3; ship.clear=error@2-4;ship.clear=delay:7;segment.fill=full;segment.prepare=error@5-;",
        )
        .unwrap();
        assert_eq!([2, 3, 4].map(|time| at(&plan, Point::ShipCut, time).len()), [0, 1, 0]);
        assert_eq!(at(&plan, Point::ShipCut, 3), [Mode::Abort]);
        assert_eq!(at(&plan, Point::ShipClear, 1), [Mode::Delay { millis: 7 }]);
        assert_eq!(at(&plan, Point::ShipClear, 4), [Mode::Delay { millis: 7 }, Mode::Error]);
        assert_eq!(at(&plan, Point::ShipClear, 5), [Mode::Delay { millis: 7 }]);
        assert_eq!(at(&plan, Point::SegmentFill, 1_000_000), [Mode::Full]);
        assert_eq!([4, 5, 500].map(|time| at(&plan, Point::SegmentPrepare, time).len()), [0, 1, 1]);
        assert_eq!(at(&plan, Point::SpoolSyncAfter, 1), []);
        assert!(!plan.is_off(Switch::SpoolWrite));
    }

    #[test]
    fn a_switch_is_off_where_the_plan_says_so() {
        let plan = Plan::parse("ship.token=off").unwrap();
        assert!(plan.is_off(Switch::ShipToken) && !plan.is_off(Switch::SpoolWrite));
    }

    #[test]
    fn what_is_no_plan_is_refused_and_quoted() {
        for wrong in [
            "ship.insert=abort",
            "ship.cut",
            "ship.cut=off",
            "ship.cut=panic",
            "ship.cut=delay",
            "ship.cut=delay:x",
            "ship.cut=error:1",
            "ship.cut=error@0",
            "ship.cut=error@3-2",
            "ship.cut=error@x",
            "ship.token=error",
        ] {
            let refused = Plan::parse(&format!("ship.clear=abort;{wrong}")).unwrap_err();
            assert!(refused.contains(wrong), "{refused}");
        }
    }
}
