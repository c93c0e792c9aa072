//! A statement as PDF: a table in Courier on A4 across, no compression, nothing that depends on when it is made.
//!
//! The page is as wide as the longest row wants: the type shrinks from 8 points until it fits. Text is Windows-1252, which the
//! standard fonts have; other letters are printed as `?`.

use pdf_writer::{Content, Finish as _, Name, Pdf, Rect, Ref, Str, TextStr};

use super::table::{Cells, decimals};
use super::{CurrencyStatement, Statement};

const WIDTH: f32 = 842.0;
const HEIGHT: f32 = 595.0;
const MARGIN: f32 = 36.0;
const LARGEST: f32 = 8.0;
/// The width of a letter of Courier at one point.
const LETTER: f32 = 0.6;
/// Letters in a row at the largest size.
const ROW_LETTERS: usize = 160;
const ROWS: usize = 50;
const FONT: Name<'static> = Name(b"F1");
const HEADINGS: [&str; 12] = [
    "effective",
    "record",
    "kind",
    "conversion",
    "offer",
    "goal",
    "payout",
    "late for",
    "pending",
    "approved",
    "payable",
    "paid",
];
/// Those from here on stand to the right.
const AMOUNTS_FROM: usize = 8;

/// The statement as PDF; the same statement gives the same bytes.
#[must_use]
pub fn statement_pdf(statement: &Statement) -> Vec<u8> {
    let rows = rows(statement);
    let longest = rows.iter().map(|row| row.chars().count()).max().unwrap_or(0).max(ROW_LETTERS);
    // A row has at most some hundred letters, which a f32 holds exactly.
    let letters = f32::from(u16::try_from(longest).unwrap_or(u16::MAX));
    let size = LARGEST.min((WIDTH - 2.0 * MARGIN) / (letters * LETTER));
    let pages: Vec<&[String]> = rows.chunks(ROWS).collect();
    write(statement, &pages, size)
}

fn rows(statement: &Statement) -> Vec<String> {
    let status = if statement.is_closed { "closed" } else { "open: more may be booked" };
    let mut rows = vec![
        format!("Statement of affiliate {} for {} ({status})", statement.affiliate, statement.period),
        format!("Ledger records: {}", statement.record_count),
        format!("Last hash: {}", statement.record_hash),
    ];
    if statement.currencies.is_empty() {
        rows.extend([String::new(), "Nothing was booked.".to_owned()]);
    }
    for each in &statement.currencies {
        rows.extend([String::new(), each.currency.code().to_owned()]);
        rows.extend(table(each));
    }
    rows
}

/// Heading, opening, lines with their reasons, closing.
fn table(each: &CurrencyStatement) -> Vec<String> {
    let sums = |word: &str, amounts| {
        let mut cells = vec![String::new(); AMOUNTS_FROM];
        word.clone_into(&mut cells[0]);
        cells.extend(decimals(amounts, each.currency));
        (cells, String::new())
    };
    let heading = (HEADINGS.map(str::to_owned).to_vec(), String::new());
    let mut table = vec![heading, sums("opening", each.opening)];
    for line in &each.lines {
        let cells = Cells::of(line);
        // Seconds are enough on paper.
        let time =
            cells.effective_at.get(..19).map_or(cells.effective_at.clone(), |time| time.replace('T', " "));
        let mut row = vec![
            time,
            cells.record,
            cells.kind.to_owned(),
            cells.conversion,
            cells.offer,
            cells.goal,
            cells.payout,
            cells.late_for,
        ];
        row.extend(decimals(line.change, each.currency));
        table.push((row, cells.reason));
    }
    table.push(sums("closing", each.closing));
    let wide = |column: usize| {
        table
            .iter()
            .filter_map(|(row, _)| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..HEADINGS.len()).map(wide).collect();
    let mut rows = Vec::new();
    for (cells, reason) in &table {
        let cell = |(column, (cell, width)): (usize, (&String, &usize))| {
            if column < AMOUNTS_FROM { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        };
        let row: Vec<String> = cells.iter().zip(&widths).enumerate().map(cell).collect();
        rows.push(row.join("  ").trim_end().to_owned());
        let letters: Vec<char> = reason.chars().collect();
        rows.extend(
            letters.chunks(ROW_LETTERS - 4).map(|part| format!("    {}", part.iter().collect::<String>())),
        );
    }
    rows
}

fn write(statement: &Statement, pages: &[&[String]], size: f32) -> Vec<u8> {
    let (catalog, tree, font, info) = (Ref::new(1), Ref::new(2), Ref::new(3), Ref::new(4));
    let count = i32::try_from(pages.len()).expect("a statement fits into memory");
    let page_ref = |index: i32| Ref::new(5 + 2 * index);
    let content_ref = |index: i32| Ref::new(6 + 2 * index);
    let mut pdf = Pdf::new();
    pdf.catalog(catalog).pages(tree);
    pdf.pages(tree).kids((0..count).map(page_ref)).count(count);
    pdf.type1_font(font).base_font(Name(b"Courier")).encoding_predefined(Name(b"WinAnsiEncoding"));
    let title = format!("Statement of affiliate {} for {}", statement.affiliate, statement.period);
    pdf.document_info(info).title(TextStr(&title));
    for (index, rows) in (0_i32..).zip(pages) {
        let mut page = pdf.page(page_ref(index));
        page.media_box(Rect::new(0.0, 0.0, WIDTH, HEIGHT)).parent(tree).contents(content_ref(index));
        page.resources().fonts().pair(FONT, font);
        page.finish();
        let mut content = Content::new();
        content.begin_text().set_font(FONT, size).set_leading(10.0);
        content.next_line(MARGIN, HEIGHT - MARGIN);
        for row in *rows {
            content.show(Str(&encoded(row))).next_line_using_leading();
        }
        let foot = format!("Page {} of {count}", index + 1);
        content.next_line_using_leading().show(Str(&encoded(&foot))).end_text();
        pdf.stream(content_ref(index), &content.finish());
    }
    pdf.finish()
}

/// Windows-1252, as far as it agrees with Unicode, and the euro sign.
fn encoded(text: &str) -> Vec<u8> {
    let letter = |letter: char| match letter {
        '€' => 0x80,
        ' '..='~' | '\u{a0}'..='\u{ff}' => u8::try_from(u32::from(letter)).unwrap_or(b'?'),
        _ => b'?',
    };
    text.chars().map(letter).collect()
}
