//! Names, faults and power of the disk in memory.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Weak;

use super::node::Node;
use super::{Effect, Operation};

#[derive(Debug, Clone, Default)]
pub(super) struct Disk {
    pub(super) nodes: Vec<Node>,
    pub(super) names: BTreeMap<PathBuf, usize>,
    pub(super) durable_names: BTreeMap<PathBuf, usize>,
    pending: Vec<NameChange>,
    pub(super) faults: Vec<Fault>,
    pub(super) counts: Vec<Operation>,
    pub(super) locks: HashMap<PathBuf, Weak<()>>,
}

#[derive(Debug, Clone)]
pub(super) struct Fault {
    pub(super) operation: Operation,
    /// Where not any file will do.
    pub(super) path: Option<PathBuf>,
    pub(super) skip: u32,
    pub(super) effect: Effect,
}

#[derive(Debug, Clone)]
enum NameChange {
    Name(PathBuf, usize),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
}

impl NameChange {
    fn dir(&self) -> Option<&Path> {
        match self {
            Self::Name(path, _) | Self::Rename(_, path) | Self::Remove(path) => path.parent(),
        }
    }

    fn apply(&self, names: &mut BTreeMap<PathBuf, usize>) {
        match self {
            Self::Name(path, node) => {
                names.insert(path.clone(), *node);
            }
            Self::Rename(from, to) => {
                if let Some(node) = names.remove(from) {
                    names.insert(to.clone(), node);
                }
            }
            Self::Remove(path) => {
                names.remove(path);
            }
        }
    }
}

impl Disk {
    /// The fault that this operation meets now, on an open file or on names.
    pub(super) fn fault(&mut self, operation: Operation, node: Option<usize>) -> Option<Effect> {
        self.counts.push(operation);
        let is_named = |path: &PathBuf| node.is_some() && self.names.get(path).copied() == node;
        let meets = |fault: &Fault| fault.operation == operation && fault.path.as_ref().is_none_or(is_named);
        let at = self.faults.iter().position(meets)?;
        if self.faults[at].skip > 0 {
            self.faults[at].skip -= 1;
            return None;
        }
        Some(self.faults.remove(at).effect)
    }

    pub(super) fn fails(&mut self, operation: Operation, node: Option<usize>) -> io::Result<()> {
        match self.fault(operation, node) {
            Some(Effect::Fail(kind) | Effect::Torn { kind, .. }) => Err(kind.into()),
            Some(Effect::Short { .. }) | None => Ok(()),
        }
    }

    pub(super) fn name(&mut self, path: &Path, node: usize) {
        self.change(NameChange::Name(path.to_owned(), node));
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        self.names.get(from).ok_or(io::ErrorKind::NotFound)?;
        self.change(NameChange::Rename(from.to_owned(), to.to_owned()));
        Ok(())
    }

    pub(super) fn remove(&mut self, path: &Path) -> io::Result<()> {
        self.names.get(path).ok_or(io::ErrorKind::NotFound)?;
        self.change(NameChange::Remove(path.to_owned()));
        Ok(())
    }

    pub(super) fn sync_dir(&mut self, dir: &Path) {
        for change in std::mem::take(&mut self.pending) {
            if change.dir() == Some(dir) {
                change.apply(&mut self.durable_names);
            } else {
                self.pending.push(change);
            }
        }
    }

    pub(super) fn cut_power(&mut self, seed: u64) {
        let mut state = seed;
        let mut draw = move || {
            // SplitMix64.
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ (mixed >> 31)
        };
        // A journal keeps a prefix of the changes; without one, any of them may survive.
        let pending = std::mem::take(&mut self.pending);
        let kept = usize::try_from(draw() % (pending.len() as u64 + 1)).unwrap_or(0);
        let has_journal = draw() % 2 == 0;
        for (place, change) in pending.iter().enumerate() {
            if if has_journal { place < kept } else { draw() % 2 == 0 } {
                change.apply(&mut self.durable_names);
            }
        }
        self.names.clone_from(&self.durable_names);
        for node in &mut self.nodes {
            node.cut_power(&mut draw);
        }
        self.faults.clear();
    }

    fn change(&mut self, change: NameChange) {
        change.apply(&mut self.names);
        self.pending.push(change);
    }
}
