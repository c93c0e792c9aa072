//! The plan in force, the counts, and doing what the plan says.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::plan::{Mode, Plan};
use crate::points::{POINTS, Point, Switch};
use crate::{Injected, LOG_VARIABLE, PLAN_VARIABLE};

static ARMED: OnceLock<Option<Armed>> = OnceLock::new();

#[derive(Debug)]
struct Armed {
    plan: Plan,
    times: Vec<AtomicU64>,
    log: Option<File>,
}

fn armed() -> Option<&'static Armed> {
    let read = || {
        let text = std::env::var(PLAN_VARIABLE).ok()?;
        let plan = Plan::parse(&text).unwrap_or_else(|error| panic!("{PLAN_VARIABLE}: {error}"));
        let log = std::env::var_os(LOG_VARIABLE).map(|path| {
            let opened = OpenOptions::new().create(true).append(true).open(&path);
            opened.unwrap_or_else(|error| panic!("{LOG_VARIABLE}={}: {error}", path.display()))
        });
        Some(Armed::new(plan, log))
    };
    ARMED.get_or_init(read).as_ref()
}

pub(crate) fn pass(point: Point) -> io::Result<()> {
    armed().map_or(Ok(()), |armed| armed.pass(point))
}

pub(crate) fn is_off(switch: Switch) -> bool {
    armed().is_some_and(|armed| armed.plan.is_off(switch))
}

impl Armed {
    fn new(plan: Plan, log: Option<File>) -> Self {
        Self { plan, times: POINTS.iter().map(|_| AtomicU64::new(0)).collect(), log }
    }

    fn pass(&self, point: Point) -> io::Result<()> {
        let counter = self.times.get(point as usize).expect("there is a counter for each point");
        let time = counter.fetch_add(1, Ordering::Relaxed) + 1;
        for mode in self.plan.at(point, time) {
            self.note(point, mode, time);
            match mode {
                Mode::Abort => std::process::abort(),
                Mode::Error => return Err(io::Error::other(Injected { point })),
                Mode::Full => return Err(io::Error::new(io::ErrorKind::StorageFull, Injected { point })),
                Mode::Delay { millis } => pause(Duration::from_millis(millis)),
            }
        }
        Ok(())
    }

    fn note(&self, point: Point, mode: Mode, time: u64) {
        let Some(mut log) = self.log.as_ref() else { return };
        // One write, so that lines of several threads stay whole.
        let line = format!("{} {} {time}\n", point.name(), mode.name());
        log.write_all(line.as_bytes()).expect("the log of faults can be written");
    }
}

#[expect(clippy::disallowed_methods, reason = "a slow step is what is asked for")]
fn pause(duration: Duration) {
    std::thread::sleep(duration);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_fails_when_its_time_has_come_and_each_counts_for_itself() {
        let armed = Armed::new(Plan::parse("ship.cut=error@2;ship.clear=full@1").unwrap(), None);
        assert!(armed.pass(Point::ShipCut).is_ok());
        let full = armed.pass(Point::ShipClear).unwrap_err();
        assert_eq!(full.kind(), io::ErrorKind::StorageFull);
        let error = armed.pass(Point::ShipCut).unwrap_err();
        assert_eq!(error.to_string(), "injected at ship.cut");
        assert!(armed.pass(Point::ShipCut).is_ok() && armed.pass(Point::ShipClear).is_ok());
    }

    #[test]
    fn what_happened_is_logged_and_what_did_not_is_not() {
        let path = std::env::temp_dir().join(format!("hopline-fault-{}.log", std::process::id()));
        let log = OpenOptions::new().create(true).append(true).open(&path).unwrap();
        let plan = Plan::parse("ship.cut=delay:0@1-2;ship.cut=error@2;ship.clear=abort@9").unwrap();
        let armed = Armed::new(plan, Some(log));
        assert!(armed.pass(Point::ShipCut).is_ok());
        assert!(armed.pass(Point::ShipCut).is_err());
        assert!(armed.pass(Point::ShipClear).is_ok());
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(text, "ship.cut delay 1\nship.cut delay 2\nship.cut error 2\n");
    }
}
