//! D-06, D-09: any sequence of appends, flushes, syncs, changes of segments, planning, shipping, faults, kills,
//! starts that fail, power cuts (also of a start), flipped bits and lost files, against a list of what was appended,
//! with segments that are reserved or full of zeros.
//!
//! Invariants, checked after every reopening and at the end:
//! 1. no id is given twice, and ids rise;
//! 2. what is read was appended, byte for byte, in the order of the ids, each id once;
//! 3. what was acknowledged and not put at risk since (a power cut without a sync) is read, but for one
//!    record for each flipped bit;
//! 4. what a failed flush or sync took back is not read in the same run;
//! 5. the shipped mark never goes back, and nothing before it is read again;
//! 6. a batch that was planned is read again as it was, whatever happened since, but for flipped bits and lost files,
//!    and, where a sync has failed that nobody else waits for, for what a power cut takes (see the crate's header);
//! 7. a lost file costs the records that were in it, which stand together, and no others.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use hopline_spool::testing::{Effect, FaultStorage, Operation};
use hopline_spool::{
    AppendError, Batch, BatchLimits, Durability, Position, RecordId, ShippedMark, SpoolOptions, SpoolReader,
    SpoolWriter,
};
use proptest::prelude::*;
use proptest::test_runner::Config;

use crate::harness::{ALL, DIR, HEADER, IDENTITY, NOW, open, open_as, options, segment, segments};

#[derive(Debug, Clone)]
enum Step {
    Append(usize),
    Flush,
    Sync,
    Prepare,
    Plan(usize),
    Ship(usize),
    Fail(Operation, u32, Effect),
    Kill,
    CutPower(u64),
    /// A start that meets this fault, and perhaps a power cut after it.
    FailStart(Operation, u32, Option<u64>),
    Flip(usize, usize, u8),
    Lose(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let operation = prop_oneof![
        Just(Operation::Write),
        Just(Operation::Sync),
        Just(Operation::SyncDir),
        Just(Operation::Allocate),
        Just(Operation::Create),
        Just(Operation::Rename),
    ];
    let effect = prop_oneof![
        Just(Effect::Fail(ErrorKind::StorageFull)),
        (0..2000_usize).prop_map(|bytes| Effect::Torn { bytes, kind: ErrorKind::Other }),
        (1..200_usize).prop_map(|bytes| Effect::Short { bytes }),
    ];
    let step = prop_oneof![
        20 => prop_oneof![3 => 1..120_usize, 1 => 1000..4200_usize].prop_map(Step::Append),
        12 => Just(Step::Flush),
        4 => Just(Step::Sync),
        2 => Just(Step::Prepare),
        2 => (1..20_usize).prop_map(Step::Plan),
        4 => (1..20_usize).prop_map(Step::Ship),
        2 => (operation.clone(), 0..3_u32, effect).prop_map(|(operation, skip, effect)| Step::Fail(operation, skip, effect)),
        2 => Just(Step::Kill),
        1 => any::<u64>().prop_map(Step::CutPower),
        1 => (prop_oneof![operation, Just(Operation::SetLen), Just(Operation::Remove), Just(Operation::Open)],
              0..6_u32, any::<Option<u64>>()).prop_map(|(operation, skip, cut)| Step::FailStart(operation, skip, cut)),
        1 => (any::<usize>(), any::<usize>(), 0..8_u8).prop_map(|(file, at, bit)| Step::Flip(file, at, bit)),
        1 => any::<usize>().prop_map(Step::Lose),
    ];
    prop::collection::vec(step, 1..80)
}

struct Model {
    storage: FaultStorage,
    durability: Durability,
    options: SpoolOptions,
    writer: SpoolWriter,
    /// Everything ever appended.
    appended: BTreeMap<u64, Vec<u8>>,
    /// What must be read.
    acknowledged: BTreeSet<u64>,
    /// Flushed, not yet synced (with `disk`).
    flushed: BTreeSet<u64>,
    buffered: BTreeSet<u64>,
    /// Taken back in this run.
    refused: BTreeSet<u64>,
    shipped: BTreeSet<u64>,
    /// Batches whose mark may or may not have been stored: the store knows them, as in life.
    unsure: Vec<(Position, Vec<u64>)>,
    /// The batch that is planned: up to which id, and which records it holds.
    planned: Option<(RecordId, BTreeSet<u64>)>,
    /// A sync has failed: a later one says nothing about what was written before.
    has_failed_sync: bool,
    last_id: u64,
    mark: Position,
    flips: usize,
}

impl Model {
    fn new(durability: Durability, options: SpoolOptions) -> Self {
        let storage = FaultStorage::new();
        let (writer, _) = open_as(&storage, options);
        Self {
            storage,
            durability,
            options,
            writer,
            appended: BTreeMap::new(),
            acknowledged: BTreeSet::new(),
            flushed: BTreeSet::new(),
            buffered: BTreeSet::new(),
            refused: BTreeSet::new(),
            shipped: BTreeSet::new(),
            unsure: Vec::new(),
            planned: None,
            has_failed_sync: false,
            last_id: 0,
            mark: Position::START,
            flips: 0,
        }
    }

    fn run(&mut self, step: &Step) {
        if let Step::Fail(Operation::Sync, ..) | Step::FailStart(Operation::Sync, ..) = step {
            self.has_failed_sync = true;
        }
        match *step {
            Step::Append(len) => self.append(len),
            Step::Flush => self.flush(),
            Step::Sync => self.sync(),
            Step::Prepare => drop(self.writer.preparer().prepare_next(NOW)),
            Step::Plan(records) => self.plan(records),
            Step::Ship(records) => self.ship(records),
            Step::Fail(operation, skip, effect) => self.storage.inject(operation, skip, effect),
            Step::Kill => self.reopen(),
            Step::CutPower(seed) => {
                self.reopen_after(|storage| storage.cut_power(seed));
            }
            Step::FailStart(operation, skip, cut) => self.fail_start(operation, skip, cut),
            Step::Flip(file, at, bit) => self.flip(file, at, bit),
            Step::Lose(file) => self.lose(file),
        }
    }

    fn append(&mut self, len: usize) {
        let seed = self.last_id;
        let payload: Vec<u8> =
            (0..len).map(|at| u8::try_from((at as u64 * 7 + seed) % 251).unwrap()).collect();
        let given = match self.writer.append(NOW, 1, &payload) {
            Ok(id) => id.get(),
            Err(AppendError::Size { id, .. } | AppendError::NoSegment { id: Some(id), .. }) => {
                assert!(id.get() > self.last_id);
                self.last_id = id.get();
                return;
            }
            Err(AppendError::BufferFull { .. } | AppendError::NoSegment { id: None, .. }) => return,
            Err(error @ AppendError::IdsUsedUp) => panic!("{error}"),
        };
        assert!(given > self.last_id, "{given} was given after {}", self.last_id);
        self.last_id = given;
        self.appended.insert(given, payload);
        self.buffered.insert(given);
    }

    fn flush(&mut self) {
        let batch = std::mem::take(&mut self.buffered);
        match self.writer.flush(self.durability) {
            Ok(_) if self.durability == Durability::Disk => self.flushed.extend(batch),
            Ok(_) => self.acknowledged.extend(batch),
            Err(error) => {
                assert!(batch.iter().all(|id| (error.first.get()..error.end.get()).contains(id)));
                self.refused.extend(batch);
            }
        }
    }

    fn sync(&mut self) {
        match self.writer.sync() {
            Ok(_) => self.acknowledged.append(&mut self.flushed),
            Err(error) => {
                let lost = self.flushed.iter().chain(&self.buffered);
                assert!(lost.clone().all(|id| (error.first.get()..error.end.get()).contains(id)));
                self.refused.extend(lost.copied().collect::<Vec<_>>());
                self.flushed.clear();
                self.buffered.clear();
            }
        }
    }

    fn reader(&self) -> SpoolReader {
        let (storage, tail) = (Arc::new(self.storage.clone()), Some(self.writer.tail()));
        SpoolReader::open_in(storage, Path::new(DIR), self.mark, tail).unwrap()
    }

    /// Fixes the next batch, durably, unless one is fixed.
    fn plan(&mut self, records_max: usize) {
        if self.planned.is_some() {
            return;
        }
        let mut reader = self.reader();
        let mut batch = Batch::default();
        reader.next_batch(BatchLimits { records_max, ..ALL }, &mut batch).unwrap();
        if batch.is_empty() || reader.sync_batch().is_err() {
            return;
        }
        let until = batch.end().next_id;
        let mark = ShippedMark { shipped: self.mark, planned: Some(until) };
        if mark.store_in(&self.storage, Path::new(DIR)).is_ok() {
            self.planned = Some((until, batch.iter().map(|record| record.id.get()).collect()));
        }
    }

    /// Reads a batch, the planned one if there is one, checks it, stores the mark and removes what it passed.
    fn ship(&mut self, records_max: usize) {
        let mut reader = self.reader();
        let mut batch = Batch::default();
        let limits = match &self.planned {
            Some((until, _)) => BatchLimits { until: Some(*until), ..ALL },
            None => BatchLimits { records_max, ..ALL },
        };
        reader.next_batch(limits, &mut batch).unwrap();
        self.check(&batch);
        if let Some((_, planned)) = self.planned.take() {
            let read: BTreeSet<u64> = batch.iter().map(|record| record.id.get()).collect();
            // A bit that was flipped before its sector was written is right again after a power cut.
            let changed = planned.symmetric_difference(&read).count();
            assert!(changed <= self.flips || self.has_failed_sync, "planned {planned:?}, read {read:?}");
        }
        let mark = ShippedMark { shipped: batch.end(), planned: None };
        assert!(mark.shipped >= self.mark);
        let ids = batch.iter().map(|record| record.id.get());
        if mark.store_in(&self.storage, Path::new(DIR)).is_ok() {
            self.mark = mark.shipped;
            self.shipped.extend(ids);
            reader.delete_before(self.mark).unwrap();
        } else {
            self.unsure.push((mark.shipped, ids.collect()));
        }
    }

    fn check(&self, batch: &Batch) {
        let mut last = 0;
        for record in batch.iter() {
            let id = record.id.get();
            assert!(id > last, "{id} was read after {last}");
            last = id;
            assert!(!self.shipped.contains(&id), "{id} was shipped already");
            assert!(!self.refused.contains(&id), "{id} was refused in this run");
            assert!(!self.buffered.contains(&id), "{id} was not flushed");
            assert!(!self.flushed.contains(&id), "{id} was not synced");
            assert_eq!(Some(record.payload), self.appended.get(&id).map(Vec::as_slice), "record {id}");
        }
    }

    /// Everything that must be there is there.
    fn check_all(&mut self) {
        let mut batch = Batch::default();
        self.reader().next_batch(ALL, &mut batch).unwrap();
        self.check(&batch);
        let read: BTreeSet<u64> = batch.iter().map(|record| record.id.get()).collect();
        let lost: Vec<_> =
            self.acknowledged.iter().filter(|id| !read.contains(id) && !self.shipped.contains(id)).collect();
        assert!(lost.len() <= self.flips, "{lost:?} are lost with {} flipped bits", self.flips);
    }

    fn fail_start(&mut self, operation: Operation, skip: u32, cut: Option<u64>) {
        let (options, is_disk) = (self.options, self.durability == Durability::Disk);
        if cut.is_some() && !is_disk {
            self.acknowledged.clear();
        }
        self.reopen_after(|storage| {
            storage.inject(operation, skip, Effect::Fail(ErrorKind::Other));
            let storage_of_start = Arc::new(storage.clone());
            drop(SpoolWriter::open_in(storage_of_start, Path::new(DIR), IDENTITY, options, NOW));
            storage.clear_faults();
            if let Some(seed) = cut {
                storage.cut_power(seed);
            }
        });
    }

    fn reopen(&mut self) {
        self.reopen_after(|_| ());
    }

    fn reopen_after(&mut self, disaster: impl Fn(&FaultStorage)) {
        self.storage.clear_faults();
        // Frees the directory's lock: a writer elsewhere takes this one's place meanwhile.
        self.writer = open(&FaultStorage::new()).0;
        disaster(&self.storage);
        let (writer, first) = open_as(&self.storage, self.options);
        drop(writer);
        let (writer, second) = open_as(&self.storage, self.options);
        assert_eq!(second.cuts, [], "the first recovery left {first:?}");
        self.writer = writer;
        self.buffered.clear();
        self.flushed.clear();
        self.refused.clear();
        let mark = ShippedMark::load_in(&self.storage, Path::new(DIR)).unwrap();
        if self.planned.is_none()
            && let Some(until) = mark.and_then(|mark| mark.planned)
        {
            // The mark arrived though its writer was told otherwise: the batch is what it says.
            self.planned = Some((until, self.read_until(until)));
        }
        let mark = mark.map_or(Position::START, |mark| mark.shipped);
        assert!(mark >= self.mark);
        self.mark = mark;
        for (_, ids) in self.unsure.drain(..).filter(|(end, _)| *end <= mark) {
            self.shipped.extend(ids);
        }
        self.check_all();
    }

    fn read_until(&self, until: RecordId) -> BTreeSet<u64> {
        let mut batch = Batch::default();
        self.reader().next_batch(BatchLimits { until: Some(until), ..ALL }, &mut batch).unwrap();
        batch.iter().map(|record| record.id.get()).collect()
    }

    /// Loses the file of a segment that nobody writes.
    fn lose(&mut self, file: usize) {
        let mut segments = segments(&self.storage);
        segments.retain(|path| *path < segment(self.writer.tail().get().segment.get()));
        let Some(path) = segments.get(file % segments.len().max(1)) else { return };
        let before: Vec<u64> = self.read_until(RecordId::LAST).into_iter().collect();
        self.storage.lose(path);
        let after = self.read_until(RecordId::LAST);
        let lost: Vec<usize> = (0..before.len()).filter(|place| !after.contains(&before[*place])).collect();
        assert!(lost.windows(2).all(|pair| pair[1] == pair[0] + 1), "{lost:?} of {before:?}");
        for place in lost {
            self.acknowledged.remove(&before[place]);
            if let Some((_, planned)) = &mut self.planned {
                planned.remove(&before[place]);
            }
        }
    }

    /// Flips a bit behind the header of some segment.
    fn flip(&mut self, file: usize, at: usize, bit: u8) {
        let segments = segments(&self.storage);
        let path = &segments[file % segments.len()];
        let used = self.storage.content(path).unwrap().iter().rposition(|byte| *byte != 0).unwrap_or(0);
        if used >= HEADER {
            let at = HEADER + at % (used - HEADER + 1);
            self.storage.tamper(path, |content| {
                if let Some(byte) = content.get_mut(at) {
                    *byte ^= 1 << bit;
                }
            });
            self.flips += 1;
        }
    }
}

proptest! {
    #![proptest_config(Config { cases: 512, failure_persistence: None, ..Config::default() })]

    #[test]
    fn d_06_d_09_the_spool_agrees_with_a_list_of_records(
        is_disk in any::<bool>(),
        prefill in any::<bool>(),
        steps in steps(),
    ) {
        let durability = if is_disk { Durability::Disk } else { Durability::Process };
        let mut model = Model::new(durability, SpoolOptions { prefill, ..options() });
        for step in &steps {
            if let Step::CutPower(_) = step && !is_disk {
                // Nothing that waits in the kernel is promised.
                model.acknowledged.clear();
            }
            model.run(step);
        }
        model.storage.clear_faults();
        model.flush();
        model.sync();
        model.check_all();
        model.reopen();
    }
}
