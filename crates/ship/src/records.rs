//! What a batch of the spool holds.

use hopline_click_store::{ClickBatch, Records, RecordsBuilder, StreamId};
use hopline_clickid::UniqueNumber;
use hopline_record::{ConversionEvent, DecodeError, Kind};
use hopline_spool::{Batch, RecordId};

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

/// Sorts a batch. Its boundaries are the ids from where it begins to where reading goes on. Clicks are read in place and
/// copied as they are, into the memory of those that are done.
pub(crate) fn sort(stream: StreamId, batch: &Batch, done: Records) -> Sorted {
    let first = batch.start().next_id.get();
    let last = batch.end().next_id.get().saturating_sub(1).max(first);
    let content =
        ClickBatch::hash(stream, first, last, batch.iter().map(|record| (record.id.get(), record.payload)));
    let mut clicks = RecordsBuilder::instead_of(done, batch.len(), batch.payload_bytes());
    let (mut events, mut dead) = (Vec::new(), Vec::new());
    for record in batch.iter() {
        match take(stream, record.id, record.kind, record.payload, &mut clicks) {
            Ok(event) => events.extend(event),
            Err(reason) => dead.push((record.id, reason)),
        }
    }
    let clicks = ClickBatch { stream, first, last, records: clicks.build(), content };
    Sorted { clicks, events, dead }
}

/// Takes a record to the clicks, or gives the conversion event that it is.
pub(crate) fn take(
    stream: StreamId,
    id: RecordId,
    kind: u8,
    payload: &[u8],
    clicks: &mut RecordsBuilder,
) -> Result<Option<(String, ConversionEvent)>, String> {
    let is_impression = match Kind::from_code(kind) {
        Some(Kind::Click) => false,
        Some(Kind::Impression) => true,
        Some(Kind::Conversion) => {
            let event = ConversionEvent::decode(payload).map_err(|error| error.to_string())?;
            return Ok(Some((event_id(stream, id), event)));
        }
        None => return Err(DecodeError::UnknownKind { kind }.to_string()),
    };
    let own = UniqueNumber::new(stream.edge, stream.stream, id.get()).map_err(|error| error.to_string())?;
    clicks.push(payload, is_impression, |given| {
        if given == own {
            return Ok(());
        }
        let at = event_id(stream, id);
        Err(format!("its click id has the number {given}, but it is record {at}"))
    })?;
    Ok(None)
}
