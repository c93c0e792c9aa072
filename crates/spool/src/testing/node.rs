//! One file: what is seen, what is durable, and the changes between them.

/// What a disk writes whole or not at all.
const SECTOR: usize = 512;

/// What survives of a write.
#[derive(Debug, Clone, Copy)]
enum Kept {
    All,
    Nothing,
    /// The first bytes.
    Prefix(usize),
    /// Sectors of the file whose bit is set, from the lowest on and again.
    Sectors(u64),
}

/// A file of the disk in memory.
#[derive(Debug, Clone, Default)]
pub(super) struct Node {
    pub(super) content: Vec<u8>,
    pub(super) durable: Vec<u8>,
    pending: Vec<Change>,
}

#[derive(Debug, Clone)]
enum Change {
    Write(usize, Vec<u8>),
    SetLen(usize),
}

impl Node {
    pub(super) fn write(&mut self, at: usize, bytes: &[u8]) {
        write(&mut self.content, at, bytes);
        self.pending.push(Change::Write(at, bytes.to_owned()));
    }

    pub(super) fn set_len(&mut self, len: usize) {
        self.content.resize(len, 0);
        self.pending.push(Change::SetLen(len));
    }

    /// After a failure the pending changes are seen but never become durable.
    pub(super) fn sync(&mut self, is_successful: bool) {
        for change in self.pending.drain(..) {
            if is_successful {
                apply(&mut self.durable, &change, Kept::All);
            }
        }
    }

    /// Keeps each pending change, loses it, or keeps a part of it.
    pub(super) fn cut_power(&mut self, draw: &mut impl FnMut() -> u64) {
        for change in self.pending.drain(..) {
            let kept = match draw() % 5 {
                0 => Kept::Nothing,
                1 => Kept::Prefix(usize::try_from(draw() % 64).unwrap_or(0)),
                2 => Kept::Sectors(draw()),
                _ => Kept::All,
            };
            apply(&mut self.durable, &change, kept);
        }
        self.content.clone_from(&self.durable);
    }
}

fn apply(content: &mut Vec<u8>, change: &Change, kept: Kept) {
    match (change, kept) {
        (_, Kept::Nothing) => {}
        (Change::SetLen(len), _) => content.resize(*len, 0),
        (Change::Write(at, bytes), Kept::All) => write(content, *at, bytes),
        (Change::Write(at, bytes), Kept::Prefix(most)) => {
            write(content, *at, &bytes[..bytes.len().min(most)])
        }
        (Change::Write(at, bytes), Kept::Sectors(bits)) => {
            let mut from = 0;
            while from < bytes.len() {
                let sector = (at + from) / SECTOR;
                let to = bytes.len().min((sector + 1) * SECTOR - at);
                if bits >> (sector % 64) & 1 == 1 {
                    write(content, at + from, &bytes[from..to]);
                }
                from = to;
            }
        }
    }
}

fn write(content: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    if bytes.is_empty() {
        return;
    }
    if content.len() < at + bytes.len() {
        content.resize(at + bytes.len(), 0);
    }
    content[at..at + bytes.len()].copy_from_slice(bytes);
}
