//! From the spool's records to ClickHouse's Native format: one block, column by column, without taking a record apart.
//!
//! A block is the number of columns and of rows, then for each column its name, its type and its values. Numbers are little
//! endian, texts have their length before them. The server converts plain texts to what a column is (`LowCardinality`). A text that no row has
//! is not sent: its column takes its default, which is the empty text too.

use std::collections::{BTreeSet, HashMap};

use bytes::Bytes;
use hopline_click_store::{RecordedClick, Records};
use hopline_record::{Device, FIELDS};
use hopline_types::{HOUR_MS, UnixMillis, Verdict};

/// From 2106-01-01 on, hours do not fit their column.
const TOO_LATE: i64 = 4_291_747_200_000;
/// Bytes of a text to begin with, per row.
const TEXT_BYTES: usize = 12;
/// The tag of the pseudonym.
const PSEUDONYM: u8 = 25;

/// Rows as they are sent.
#[derive(Debug)]
pub(crate) struct Block {
    /// Names of the columns, with commas.
    pub(crate) columns: String,
    /// The bytes, in pieces: the head, then each column.
    pub(crate) body: Vec<Bytes>,
    names: Vec<&'static str>,
}

/// Buffers of columns that were sent, by the columns' names: fresh memory for every batch would cost more than writing into it.
#[derive(Debug, Default)]
pub(crate) struct Spare(HashMap<&'static str, Vec<u8>>);

impl Block {
    /// Takes the buffers back that nobody holds any more.
    pub(crate) fn into_spare(self) -> Spare {
        let columns = self.names.into_iter().zip(self.body.into_iter().skip(1));
        let buffers = columns.filter_map(|(name, bytes)| Some((name, Vec::from(bytes.try_into_mut().ok()?))));
        Spare(buffers.collect())
    }
}

/// What a batch holds.
#[derive(Debug, Default, Clone)]
pub(crate) struct Summary {
    pub(crate) clicks: u64,
    pub(crate) impressions: u64,
    /// Starts of hours with unique clicks.
    pub(crate) hours: BTreeSet<UnixMillis>,
    pub(crate) oldest_at: Option<UnixMillis>,
    pub(crate) newest_at: Option<UnixMillis>,
}

/// A record whose place no table has: its number, and why.
pub(crate) type Refused = (u64, String);

impl Summary {
    pub(crate) fn of(records: &Records) -> Result<Self, Refused> {
        let mut summary = Self::default();
        for click in records.iter() {
            summary.take(&click)?;
        }
        Ok(summary)
    }

    fn take(&mut self, click: &RecordedClick<'_>) -> Result<i64, Refused> {
        let token = click.view.token();
        let millis = i64::from_be_bytes([0, 0, token[2], token[3], token[4], token[5], token[6], token[7]]);
        if millis >= TOO_LATE {
            return Err((click.unique.record(), "its time lies after the year 2105".to_owned()));
        }
        let at = UnixMillis(millis);
        self.oldest_at = Some(self.oldest_at.map_or(at, |oldest| oldest.min(at)));
        self.newest_at = self.newest_at.max(Some(at));
        if click.is_impression {
            self.impressions += 1;
        } else {
            self.clicks += 1;
            // Times ascend, nearly: the newest hour is there already.
            let is_known = self.hours.last().is_some_and(|hour| (0..HOUR_MS).contains(&at.since(*hour)));
            if token[28] == Verdict::UNIQUE.code() && !is_known {
                self.hours.insert(at.hour());
            }
        }
        Ok(millis)
    }
}

/// One column's head and values.
#[derive(Debug)]
struct Column {
    name: &'static str,
    bytes: Vec<u8>,
    /// Rows written so far; those that are missing get defaults.
    rows: usize,
    /// Where the newest value begins.
    newest: usize,
}

impl Column {
    fn new(name: &'static str, kind: &str, room: usize, spare: &mut Spare) -> Self {
        let mut bytes = spare.0.remove(name).unwrap_or_default();
        bytes.clear();
        bytes.reserve(name.len() + kind.len() + 2 + room);
        put_text(&mut bytes, name.as_bytes());
        put_text(&mut bytes, kind.as_bytes());
        Self { name, newest: bytes.len(), bytes, rows: 0 }
    }

    /// Writes defaults up to a row. A text's is its length, 0.
    fn pad(&mut self, row: usize, default: &[u8]) {
        let missing = row.saturating_sub(self.rows);
        self.bytes.resize(self.bytes.len() + missing * default.len(), 0);
        self.rows = self.rows.max(row);
    }
}

/// A length of seven bits a byte, the least first.
fn put_length(bytes: &mut Vec<u8>, mut length: usize) {
    loop {
        let low = u8::try_from(length & 0x7f).expect("seven bits");
        length >>= 7;
        if length == 0 {
            bytes.push(low);
            return;
        }
        bytes.push(low | 0x80);
    }
}

fn put_text(bytes: &mut Vec<u8>, text: &[u8]) {
    put_length(bytes, text.len());
    bytes.extend_from_slice(text);
}

/// Columns that are written only once a row has something for them: the record's fields, by tag.
#[derive(Debug)]
struct Fields {
    columns: Vec<Option<Column>>,
    rows: usize,
    spare: Spare,
}

impl Fields {
    fn of(rows: usize, spare: Spare) -> Self {
        Self { columns: (0..=FIELDS.len()).map(|_| None).collect(), rows, spare }
    }

    /// The value of a field. Should a record have it twice, the last one counts, as it does for the decoder.
    fn put(&mut self, row: usize, tag: u8, value: &[u8]) {
        let index = usize::from(tag).wrapping_sub(1);
        let (rows, spare) = (self.rows, &mut self.spare);
        let Some(slot) = self.columns.get_mut(index) else { return };
        let column = slot.get_or_insert_with(|| match FIELDS.get(index) {
            Some(name) => Column::new(name, "String", rows * TEXT_BYTES, spare),
            None => Column::new("pseudonym", "UInt64", rows * 8, spare),
        });
        if column.rows > row {
            column.bytes.truncate(column.newest);
        } else {
            column.pad(row, default_of(tag));
            column.newest = column.bytes.len();
            column.rows = row + 1;
        }
        if tag == PSEUDONYM {
            column.bytes.extend_from_slice(value);
        } else {
            put_text(&mut column.bytes, value);
        }
    }

    fn finish(self) -> impl Iterator<Item = Column> {
        let rows = self.rows;
        (1..).zip(self.columns).filter_map(move |(tag, column)| {
            let mut column = column?;
            column.pad(rows, default_of(tag));
            Some(column)
        })
    }
}

const fn default_of(tag: u8) -> &'static [u8] {
    if tag == PSEUDONYM { &[0; 8] } else { &[0] }
}

/// Columns that every row has a value for.
#[derive(Debug)]
struct Fixed {
    unique: Column,
    kind: Column,
    at: Column,
    advertiser: Column,
    offer: Column,
    affiliate: Column,
    link: Column,
    verdict: Column,
    visitor_key: Column,
    network: Column,
    flags: Column,
    status: Column,
    rule_version: Column,
    country: Column,
    device: Column,
    token: Column,
}

impl Fixed {
    fn of(rows: usize, spare: &mut Spare) -> Self {
        Self {
            unique: Column::new("unique", "UInt64", rows * 8, spare),
            kind: Column::new("kind", "UInt8", rows, spare),
            at: Column::new("at", "DateTime64(3, 'UTC')", rows * 8, spare),
            advertiser: Column::new("advertiser", "UInt32", rows * 4, spare),
            offer: Column::new("offer", "UInt32", rows * 4, spare),
            affiliate: Column::new("affiliate", "UInt32", rows * 4, spare),
            link: Column::new("link", "UInt32", rows * 4, spare),
            verdict: Column::new("verdict", "UInt8", rows, spare),
            visitor_key: Column::new("visitor_key", "UInt64", rows * 8, spare),
            network: Column::new("network", "UInt32", rows * 4, spare),
            flags: Column::new("flags", "UInt16", rows * 2, spare),
            status: Column::new("status", "UInt16", rows * 2, spare),
            rule_version: Column::new("rule_version", "UInt8", rows, spare),
            country: Column::new("country", "String", rows * 3, spare),
            device: Column::new("device", "String", rows * 8, spare),
            token: Column::new("token", "FixedString(45)", rows * 45, spare),
        }
    }

    fn put(&mut self, click: &RecordedClick<'_>, millis: i64) {
        let view = &click.view;
        let token = view.token();
        // Numbers in a click id are big endian.
        let turned = |at: usize| [token[at + 3], token[at + 2], token[at + 1], token[at]];
        self.unique.bytes.extend_from_slice(&click.unique.bits().to_le_bytes());
        self.kind.bytes.push(if click.is_impression { 2 } else { 1 });
        self.at.bytes.extend_from_slice(&millis.to_le_bytes());
        self.advertiser.bytes.extend_from_slice(&view.advertiser().to_le_bytes());
        self.offer.bytes.extend_from_slice(&turned(8));
        self.affiliate.bytes.extend_from_slice(&turned(12));
        self.link.bytes.extend_from_slice(&turned(16));
        self.verdict.bytes.push(token[28]);
        self.visitor_key.bytes.extend_from_slice(&view.visitor_key().to_le_bytes());
        self.network.bytes.extend_from_slice(&view.network().to_le_bytes());
        self.flags.bytes.extend_from_slice(&view.flags().0.to_le_bytes());
        self.status.bytes.extend_from_slice(&view.status().to_le_bytes());
        self.rule_version.bytes.push(view.rule_version());
        let country = view.country();
        if country.is_ascii() {
            put_text(&mut self.country.bytes, country);
        } else {
            put_text(&mut self.country.bytes, String::from_utf8_lossy(country).as_bytes());
        }
        let device = view.device();
        put_text(
            &mut self.device.bytes,
            if device == Device::Unknown { b"" } else { device.as_str().as_bytes() },
        );
        self.token.bytes.extend_from_slice(token);
    }

    fn finish(self) -> [Column; 16] {
        [
            self.unique,
            self.kind,
            self.at,
            self.advertiser,
            self.offer,
            self.affiliate,
            self.link,
            self.verdict,
            self.visitor_key,
            self.network,
            self.flags,
            self.status,
            self.rule_version,
            self.country,
            self.device,
            self.token,
        ]
    }
}

/// Writes the block of a batch's records.
pub(crate) fn block(records: &Records, mut spare: Spare) -> Result<Block, Refused> {
    let rows = records.len();
    let mut summary = Summary::default();
    let mut fixed = Fixed::of(rows, &mut spare);
    let mut fields = Fields::of(rows, spare);
    for (row, click) in records.iter().enumerate() {
        let millis = summary.take(&click)?;
        fixed.put(&click, millis);
        for (tag, value) in click.view.fields() {
            fields.put(row, tag, value);
        }
    }
    let columns: Vec<Column> = fixed.finish().into_iter().chain(fields.finish()).collect();
    let mut head = Vec::new();
    put_length(&mut head, columns.len());
    put_length(&mut head, rows);
    let names: Vec<&'static str> = columns.iter().map(|column| column.name).collect();
    let body = std::iter::once(head).chain(columns.into_iter().map(|column| column.bytes)).map(Bytes::from);
    Ok(Block { columns: names.join(", "), body: body.collect(), names })
}

#[cfg(test)]
mod tests {
    use hopline_click_store::RecordsBuilder;
    use hopline_record::Click;

    use super::*;

    fn records(clicks: &[Click]) -> Records {
        let mut records = RecordsBuilder::default();
        for click in clicks {
            let mut payload = Vec::new();
            click.encode(&mut payload);
            records.push(&payload, false, |_| Ok(())).unwrap();
        }
        records.build()
    }

    #[test]
    fn lengths_have_seven_bits_a_byte() {
        for (length, expected) in [(0, vec![0]), (127, vec![127]), (128, vec![0x80, 1]), (300, vec![0xac, 2])]
        {
            let mut bytes = Vec::new();
            put_length(&mut bytes, length);
            assert_eq!(bytes, expected);
        }
    }

    #[test]
    fn a_text_that_no_row_has_is_not_sent_and_one_that_some_have_is_padded() {
        let clicks = [
            Click::default(),
            Click { code: "abc".into(), ..Click::default() },
            Click { pseudonym: 1, ..Click::default() },
        ];
        let block = block(&records(&clicks), Spare::default()).unwrap();
        assert!(block.columns.ends_with("token, code, pseudonym"), "{}", block.columns);
        let [.., code, pseudonym] = block.body.as_slice() else { panic!("columns are missing") };
        assert_eq!(code.as_ref(), b"\x04code\x06String\0\x03abc\0");
        assert_eq!(pseudonym.len(), 10 + 7 + 3 * 8);
        assert_eq!(block.body[0].as_ref(), [18, 3]);
    }

    #[test]
    fn of_a_field_that_a_record_has_twice_the_last_counts() {
        let mut payload = Vec::new();
        Click { code: "first".into(), ..Click::default() }.encode(&mut payload);
        payload.extend_from_slice(&[11, 1, 0, b'x']);
        let mut records = RecordsBuilder::default();
        records.push(&payload, false, |_| Ok(())).unwrap();
        let records = records.build();
        assert_eq!(records.iter().next().unwrap().decode().code, "x");
        let block = block(&records, Spare::default()).unwrap();
        assert!(block.body.last().unwrap().ends_with(b"String\x01x"));
    }

    #[test]
    fn a_time_that_no_table_holds_is_refused_by_its_record() {
        let mut token = [0; 45];
        token[2] = 255;
        let records = records(&[Click::default(), Click { token, ..Click::default() }]);
        assert_eq!(
            block(&records, Spare::default()).unwrap_err(),
            (0, "its time lies after the year 2105".to_owned())
        );
    }
}
