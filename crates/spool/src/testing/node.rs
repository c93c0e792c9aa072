//! One file: what is seen, what is durable, and the changes between them.

/// A file of the disk in memory.
#[derive(Debug, Default)]
pub(super) struct Node {
    pub(super) content: Vec<u8>,
    pub(super) durable: Vec<u8>,
    pending: Vec<Change>,
}

#[derive(Debug)]
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
                apply(&mut self.durable, &change, usize::MAX);
            }
        }
    }

    /// Keeps each pending change, loses it, or keeps a part of it.
    pub(super) fn cut_power(&mut self, draw: &mut impl FnMut() -> u64) {
        for change in self.pending.drain(..) {
            let most = match draw() % 4 {
                0 => 0,
                1 => usize::try_from(draw() % 64).unwrap_or(0),
                _ => usize::MAX,
            };
            apply(&mut self.durable, &change, most);
        }
        self.content.clone_from(&self.durable);
    }
}

fn apply(content: &mut Vec<u8>, change: &Change, most: usize) {
    match change {
        Change::Write(at, bytes) => write(content, *at, &bytes[..bytes.len().min(most)]),
        Change::SetLen(len) if most > 0 => content.resize(*len, 0),
        Change::SetLen(_) => {}
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
