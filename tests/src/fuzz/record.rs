//! Payloads of the spool's records.

use hopline_record::{FIELD_BYTES_MAX, Record};

/// The first byte is the kind, the rest the payload. What is read can be written, and reads back the same; texts longer
/// than a writer may write are cut, once.
///
/// # Panics
/// One of these does not hold.
pub fn record(data: &[u8]) {
    let Some((kind, payload)) = data.split_first() else { return };
    let Ok(record) = Record::decode(*kind, payload) else { return };
    let again = reread(*kind, &record);
    if payload.len() <= FIELD_BYTES_MAX {
        assert_eq!(again, record);
    }
    assert_eq!(reread(*kind, &again), again);
}

fn reread(kind: u8, record: &Record) -> Record {
    let mut payload = Vec::new();
    match record {
        Record::Click(click) | Record::Impression(click) => click.encode(&mut payload),
        Record::Conversion(event) => event.encode(&mut payload),
    }
    Record::decode(kind, &payload).expect("what is written can be read")
}
