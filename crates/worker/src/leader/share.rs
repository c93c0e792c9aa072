//! Who should hold what: from the leases as they are seen to what this worker takes and gives back.

use hopline_control_store::conversions::{PARTITIONS, all_partitions};
use hopline_control_store::leases::Lease;

/// The lease of what only one may do.
pub(super) const LEADER: &str = "leader";
const WORKER: &str = "worker:";
const PART: &str = "part:";

/// What this worker does next.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Plan {
    /// Parts that it keeps.
    pub(super) held: Vec<u16>,
    /// Whether it leads and goes on leading.
    pub(super) leads: bool,
    /// What it gives back.
    pub(super) release: Vec<String>,
    /// What it takes, from what was seen.
    pub(super) take: Vec<(String, Option<Lease>)>,
    /// Workers that are gone.
    pub(super) forget: Vec<Lease>,
}

impl Plan {
    pub(super) const fn changes_nothing(&self) -> bool {
        self.release.is_empty() && self.take.is_empty() && self.forget.is_empty()
    }
}

pub(super) fn worker_name(id: &str) -> String {
    format!("{WORKER}{id}")
}

pub(super) fn part_name(part: u16) -> String {
    format!("{PART}{part:02}")
}

/// The part that a lease is of.
pub(super) fn part_of(name: &str) -> Option<u16> {
    name.strip_prefix(PART)?.parse().ok()
}

/// Whether workers share this lease out.
pub(super) fn is_ours(name: &str) -> bool {
    name == LEADER || part_of(name).is_some()
}

/// What the worker `own` does, having just beaten. `stands_still` says whether a worker's lease has not changed for long.
pub(super) fn plan(own: &str, leases: &[Lease], stands_still: impl Fn(&str) -> bool) -> Plan {
    let mut plan = Plan::default();
    let mut alive = vec![own];
    for lease in leases {
        let Some(id) = lease.name.strip_prefix(WORKER).filter(|id| *id != own) else { continue };
        if stands_still(&lease.name) {
            plan.forget.push(lease.clone());
        } else {
            alive.push(id);
        }
    }
    alive.sort_unstable();
    let find = |name: &str| leases.iter().find(|lease| lease.name == name);
    // What nobody holds who lives.
    let is_open = |lease: Option<&Lease>| lease.is_none_or(|lease| !alive.contains(&lease.holder.as_str()));

    let leader = find(LEADER);
    plan.leads = leader.is_some_and(|leader| leader.holder == own);
    if is_open(leader) {
        plan.take.push((LEADER.to_owned(), leader.cloned()));
    }

    let place = alive.iter().position(|id| *id == own).unwrap_or(0);
    let share = share(place, alive.len());
    let mut open = Vec::new();
    for part in all_partitions() {
        let name = part_name(part);
        let lease = find(&name);
        if lease.is_some_and(|lease| lease.holder == own) {
            if plan.held.len() < share {
                plan.held.push(part);
            } else {
                plan.release.push(name);
            }
        } else if is_open(lease) {
            open.push((name, lease.cloned()));
        }
    }
    // Workers that look at the same moment begin at different parts.
    let wanted = share - plan.held.len();
    let begin = if open.is_empty() { 0 } else { place * open.len() / alive.len() };
    open.rotate_left(begin);
    plan.take.extend(open.into_iter().take(wanted));
    plan
}

/// How many parts the worker at this place of so many holds.
fn share(place: usize, workers: usize) -> usize {
    let parts = usize::from(PARTITIONS);
    parts / workers + usize::from(place < parts % workers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(name: &str, holder: &str) -> Lease {
        Lease { name: name.to_owned(), holder: holder.to_owned(), beat: 1 }
    }

    fn worker(id: &str) -> Lease {
        lease(&worker_name(id), id)
    }

    /// Plays rounds in which every living worker plans and all of it is applied at once, until nothing changes.
    fn settle(leases: &mut Vec<Lease>, alive: &[&str], dead: &[&str]) -> usize {
        let is_dead = |name: &str| dead.iter().any(|id| name == worker_name(id));
        for round in 0..100 {
            let mut is_quiet = true;
            for own in alive {
                if !leases.iter().any(|lease| lease.name == worker_name(own)) {
                    leases.push(worker(own));
                }
            }
            for own in alive {
                let plan = plan(own, leases, is_dead);
                is_quiet &= plan.changes_nothing();
                for name in &plan.release {
                    leases.iter_mut().find(|lease| lease.name == *name).unwrap().holder.clear();
                }
                leases.retain(|lease| !plan.forget.contains(lease));
                for (name, seen) in plan.take {
                    match leases.iter_mut().find(|lease| lease.name == name) {
                        None => leases.push(lease(&name, own)),
                        Some(now) if Some(&*now) == seen.as_ref() => now.holder = (*own).to_owned(),
                        Some(_) => {}
                    }
                }
            }
            if is_quiet {
                return round;
            }
        }
        panic!("it does not come to rest: {leases:?}");
    }

    fn held(leases: &[Lease], id: &str) -> usize {
        leases.iter().filter(|lease| part_of(&lease.name).is_some() && lease.holder == id).count()
    }

    #[test]
    fn workers_that_come_and_go_share_all_parts_evenly_within_two_rounds() {
        let mut leases = Vec::new();
        assert!(settle(&mut leases, &["a"], &[]) <= 2);
        assert_eq!(held(&leases, "a"), 32);
        assert!(settle(&mut leases, &["a", "b"], &[]) <= 2);
        assert_eq!((held(&leases, "a"), held(&leases, "b")), (16, 16));
        assert!(settle(&mut leases, &["a", "b", "c"], &[]) <= 3);
        assert_eq!(["a", "b", "c"].map(|id| held(&leases, id)), [11, 11, 10]);
        assert!(settle(&mut leases, &["b", "c"], &["a"]) <= 2);
        assert_eq!((held(&leases, "b"), held(&leases, "c")), (16, 16));
        assert!(!leases.iter().any(|lease| lease.name == worker_name("a")), "the dead one is forgotten");
        let leader = leases.iter().find(|lease| lease.name == LEADER).unwrap();
        assert!(["b", "c"].contains(&leader.holder.as_str()), "the leader was the one that died");
    }

    #[test]
    fn who_stays_keeps_what_it_has() {
        let mut leases = Vec::new();
        settle(&mut leases, &["a", "b"], &[]);
        let of_b: Vec<String> =
            leases.iter().filter(|lease| lease.holder == "b").map(|lease| lease.name.clone()).collect();
        settle(&mut leases, &["b"], &["a"]);
        for name in of_b {
            assert_eq!(leases.iter().find(|lease| lease.name == name).unwrap().holder, "b");
        }
    }

    #[test]
    fn what_a_living_worker_holds_is_not_taken_even_where_it_holds_too_much() {
        let leases: Vec<Lease> = all_partitions()
            .into_iter()
            .map(|part| lease(&part_name(part), "a"))
            .chain([worker("a"), worker("b"), lease(LEADER, "a")])
            .collect();
        let of_b = plan("b", &leases, |_| false);
        assert_eq!((of_b.take.len(), of_b.held.len(), of_b.leads), (0, 0, false));
        assert_eq!(plan("a", &leases, |_| false).release.len(), 16);
        let after_a = plan("b", &leases, |name| name == "worker:a");
        assert_eq!(after_a.take.len(), 33);
        assert_eq!(after_a.forget, [worker("a")]);
    }

    #[test]
    fn more_workers_than_parts_leave_some_without() {
        let ids: Vec<String> = (0..40).map(|number| format!("w{number:02}")).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let mut leases = Vec::new();
        settle(&mut leases, &ids, &[]);
        assert_eq!(ids.iter().filter(|id| held(&leases, id) == 1).count(), 32);
    }

    #[test]
    fn marks_of_edges_are_left_alone() {
        let leases = [lease("edge:1", "somebody"), worker("a")];
        let plan = plan("a", &leases, |_| true);
        assert!(plan.forget.is_empty() && plan.take.iter().all(|(name, _)| is_ours(name)));
    }
}
