//! What a batch of the spool holds.

use hopline_click_store::{ClickBatch, StoredClick, StreamId};
use hopline_clickid::UniqueNumber;
use hopline_record::{ConversionEvent, Record};
use hopline_spool::{Batch, RecordId, RecordRef};

/// A batch, sorted by where its records go.
#[derive(Debug)]
pub(crate) struct Sorted {
    pub(crate) clicks: ClickBatch,
    pub(crate) events: Vec<(String, ConversionEvent)>,
    /// Records that nobody can take, and why.
    pub(crate) dead: Vec<(RecordId, String)>,
}

/// The id of a conversion event.
pub(crate) fn event_id(stream: StreamId, record: RecordId) -> String {
    format!("{}-{}-{record}", stream.edge, stream.stream)
}

/// Sorts a batch. Its boundaries are the ids from where it begins to where reading goes on.
pub(crate) fn sort(stream: StreamId, batch: &Batch) -> Sorted {
    let first = batch.start().next_id.get();
    let last = batch.end().next_id.get().saturating_sub(1).max(first);
    let content =
        ClickBatch::hash(stream, first, last, batch.iter().map(|record| (record.id.get(), record.payload)));
    let clicks = ClickBatch { stream, first, last, clicks: Vec::new(), content };
    let mut sorted = Sorted { clicks, events: Vec::new(), dead: Vec::new() };
    for record in batch.iter() {
        if let Err(reason) = sorted.take(stream, &record) {
            sorted.dead.push((record.id, reason));
        }
    }
    sorted
}

impl Sorted {
    fn take(&mut self, stream: StreamId, record: &RecordRef<'_>) -> Result<(), String> {
        let decoded = Record::decode(record.kind, record.payload).map_err(|error| error.to_string())?;
        let (click, is_impression) = match decoded {
            Record::Click(click) => (click, false),
            Record::Impression(click) => (click, true),
            Record::Conversion(event) => {
                self.events.push((event_id(stream, record.id), event));
                return Ok(());
            }
        };
        let click = StoredClick::from_record(click, is_impression)?;
        let own = UniqueNumber::new(stream.edge, stream.stream, record.id.get());
        if own != Ok(click.unique) {
            let (at, given) = (event_id(stream, record.id), click.unique);
            return Err(format!("its click id has the number {given}, but it is record {at}"));
        }
        self.clicks.clicks.push(click);
        Ok(())
    }
}
