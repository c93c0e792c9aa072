//! Sending dead letters again.
//!
//! The file of a stream's dead letters is moved into `resending/` first, so that letters which come meanwhile go to a new one. What
//! the stores take now is done; the others are put back with their new reason. At the end the file stays as
//! `resent-MILLISECONDS.letters`, as proof. A crash in between leaves `resending/`: the next call goes on with it.
//! Sending twice is harmless: stores know a click by its number, a conversion by the id of its event.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use hopline_click_store::{ClickBatch, ClickStore, ClickStoreError, RecordsBuilder, StreamId};
use hopline_record::{ConversionEvent, Kind};
use hopline_spool::{DeadLetter, DeadLetterError, DeadLetters, RecordId};
use hopline_types::UnixMillis;

use crate::records::{event_id, take};
use crate::{ConversionSink, SinkError};

const FILE: &str = "dead.letters";
const FOLDER: &str = "resending";
/// Clicks sent at once.
const CLICKS_AT_ONCE: usize = 10_000;

/// What became of a stream's dead letters.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Resent {
    /// Taken now, or found to have been taken before.
    pub taken: u64,
    /// Put back, and why.
    pub left: Vec<(RecordId, String)>,
}

/// Why dead letters could not be sent; they are sent by the next call.
#[derive(Debug, thiserror::Error)]
pub enum ResendError {
    /// The files.
    #[error("cannot move the dead letters in {dir}")]
    Io {
        /// The stream's directory.
        dir: PathBuf,
        /// The disk's answer.
        #[source]
        source: io::Error,
    },
    /// Reading or adding letters.
    #[error("cannot read or put back dead letters")]
    Letters(#[from] DeadLetterError),
    /// The click store could not.
    #[error("the click store does not take them now")]
    Clicks(#[from] ClickStoreError),
    /// The control store could not.
    #[error("the control store does not take them now")]
    Conversions(#[from] SinkError),
}

/// The letters of a stream, those that are being sent again first.
///
/// # Errors
/// A file cannot be read.
pub fn letters(dir: &Path) -> Result<Vec<DeadLetter>, DeadLetterError> {
    let mut letters = Vec::new();
    for dir in [dir.join(FOLDER), dir.to_owned()] {
        // Opening makes the file.
        if dir.join(FILE).exists() {
            letters.extend(DeadLetters::open(&dir)?.read_all()?);
        }
    }
    Ok(letters)
}

/// Sends the dead letters of the stream in `dir` again.
///
/// # Errors
/// A store or the disk could not. What was taken stays taken.
pub async fn resend(
    dir: &Path,
    stream: StreamId,
    clicks: &dyn ClickStore,
    conversions: &dyn ConversionSink,
    now: UnixMillis,
) -> Result<Resent, ResendError> {
    let folder = dir.join(FOLDER);
    let failed = |source| ResendError::Io { dir: dir.to_owned(), source };
    if !folder.join(FILE).exists() {
        if !dir.join(FILE).exists() {
            return Ok(Resent::default());
        }
        std::fs::create_dir_all(&folder).map_err(failed)?;
        moved(&dir.join(FILE), &folder.join(FILE)).map_err(failed)?;
        sync(&folder).and_then(|()| sync(dir)).map_err(failed)?;
    }
    let mut letters = DeadLetters::open(&folder)?.read_all()?;
    // A crash may have moved a record aside twice.
    let mut seen = BTreeSet::new();
    letters.retain(|letter| seen.insert(letter.id));
    letters.sort_by_key(|letter| letter.id);
    let mut round = Round { stream, resent: Resent::default() };
    for some in letters.chunks(CLICKS_AT_ONCE) {
        round.clicks(some, clicks).await?;
        round.events(some, conversions).await?;
    }
    if !round.resent.left.is_empty() {
        let mut back = DeadLetters::open(dir)?;
        for (id, reason) in &round.resent.left {
            let Some(letter) = letters.iter().find(|letter| letter.id == *id) else { continue };
            back.append(*id, letter.kind, &letter.payload, reason, now)?;
        }
    }
    let done = dir.join(format!("resent-{}.letters", now.get()));
    moved(&folder.join(FILE), &done).and_then(|()| sync(dir)).map_err(failed)?;
    Ok(round.resent)
}

#[expect(clippy::disallowed_methods, reason = "the directories are synced by the caller")]
fn moved(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::rename(from, to)
}

fn sync(dir: &Path) -> io::Result<()> {
    std::fs::File::open(dir)?.sync_all()
}

struct Round {
    stream: StreamId,
    resent: Resent,
}

impl Round {
    async fn clicks(&mut self, letters: &[DeadLetter], store: &dyn ClickStore) -> Result<(), ResendError> {
        let mut records = RecordsBuilder::default();
        for letter in letters {
            if Kind::from_code(letter.kind) == Some(Kind::Conversion) {
                continue;
            }
            if let Err(reason) = take(self.stream, letter.id, letter.kind, &letter.payload, &mut records) {
                self.resent.left.push((letter.id, reason));
            }
        }
        let mut records = records.build();
        while !records.is_empty() {
            match store.restore(self.batch(&records)).await {
                Err(ClickStoreError::RecordRefused { record, reason, .. })
                    if records.numbers().any(|unique| unique.record() == record) =>
                {
                    records = records.only(|unique| unique.record() != record);
                    self.resent.left.push((RecordId::new(record).expect("it had one"), reason));
                }
                Err(error) => return Err(error.into()),
                Ok(_) => break,
            }
        }
        self.resent.taken += u64::try_from(records.len()).unwrap_or(u64::MAX);
        Ok(())
    }

    fn batch(&self, records: &hopline_click_store::Records) -> ClickBatch {
        let ids = || records.numbers().map(|unique| unique.record());
        let (first, last) = (ids().next().unwrap_or(0), ids().last().unwrap_or(0));
        let content = records.iter().map(|click| (click.unique.record(), click.payload));
        let content = ClickBatch::hash(self.stream, first, last, content);
        ClickBatch { stream: self.stream, first, last, records: records.clone(), content }
    }

    async fn events(&mut self, letters: &[DeadLetter], sink: &dyn ConversionSink) -> Result<(), ResendError> {
        let mut events: Vec<(RecordId, String, ConversionEvent)> = Vec::new();
        for letter in letters {
            if Kind::from_code(letter.kind) != Some(Kind::Conversion) {
                continue;
            }
            match ConversionEvent::decode(&letter.payload) {
                Ok(event) => events.push((letter.id, event_id(self.stream, letter.id), event)),
                Err(error) => self.resent.left.push((letter.id, error.to_string())),
            }
        }
        while !events.is_empty() {
            let sent = events.iter().map(|(_, id, event)| (id.clone(), event.clone())).collect();
            match sink.accept(sent).await {
                Err(SinkError::Refused { event_id, reason })
                    if events.iter().any(|(_, id, _)| *id == event_id) =>
                {
                    let at = events.iter().position(|(_, id, _)| *id == event_id).expect("it is there");
                    let (id, ..) = events.remove(at);
                    self.resent.left.push((id, reason));
                }
                Err(error) => return Err(error.into()),
                Ok(()) => break,
            }
        }
        self.resent.taken += u64::try_from(events.len()).unwrap_or(u64::MAX);
        Ok(())
    }
}
