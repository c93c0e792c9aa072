//! A statement as CSV: a row of what it is, then per currency opening, lines and closing.

use hopline_payfile::text_cell;

use super::table::{Cells, decimals};
use super::{Amounts, Statement};

const HEADER: [&str; 22] = [
    "row",
    "affiliate_id",
    "month",
    "status",
    "currency",
    "effective_at",
    "booked_at",
    "ledger_record",
    "kind",
    "conversion_id",
    "converted_at",
    "offer_id",
    "goal",
    "payout_id",
    "late_for",
    "reason",
    "pending",
    "approved",
    "payable",
    "paid",
    "ledger_records",
    "last_hash",
];

/// The statement as CSV with one header, CRLF, UTF-8. The first row, `statement`, names the end of the ledger; amounts stand in
/// the rows `opening`, `line` and `closing`.
#[must_use]
pub fn statement_csv(statement: &Statement) -> Vec<u8> {
    let mut rows = Rows {
        writer: csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new()),
        whose: [
            statement.affiliate.to_string(),
            statement.period.to_string(),
            if statement.is_closed { "closed" } else { "open" }.to_owned(),
        ],
    };
    rows.write(HEADER.map(str::to_owned));
    let mut first = rows.row("statement");
    first[20] = statement.record_count.to_string();
    first[21] = statement.record_hash.to_string();
    rows.write(first);
    for each in &statement.currencies {
        let sums = |rows: &Rows, word: &str, amounts: Amounts| {
            let mut row = rows.row(word);
            each.currency.code().clone_into(&mut row[4]);
            let [pending, approved, payable, paid] = decimals(amounts, each.currency);
            [row[16], row[17], row[18], row[19]] = [pending, approved, payable, paid];
            row
        };
        rows.write(sums(&rows, "opening", each.opening));
        for line in &each.lines {
            let mut row = sums(&rows, "line", line.change);
            let cells = Cells::of(line);
            row[5] = cells.effective_at;
            row[6] = cells.booked_at;
            row[7] = cells.record;
            cells.kind.clone_into(&mut row[8]);
            row[9] = cells.conversion;
            row[10] = cells.converted_at;
            row[11] = cells.offer;
            row[12] = text_cell(&cells.goal);
            row[13] = cells.payout;
            row[14] = cells.late_for;
            row[15] = text_cell(&cells.reason);
            rows.write(row);
        }
        rows.write(sums(&rows, "closing", each.closing));
    }
    rows.writer.into_inner().expect("memory takes all text")
}

type Row = [String; HEADER.len()];

struct Rows {
    writer: csv::Writer<Vec<u8>>,
    whose: [String; 3],
}

impl Rows {
    fn row(&self, word: &str) -> Row {
        let mut row = Row::default();
        word.clone_into(&mut row[0]);
        row[1..4].clone_from_slice(&self.whose);
        row
    }

    fn write(&mut self, row: Row) {
        self.writer.write_record(row).expect("memory takes all text, and every row has as many cells");
    }
}
