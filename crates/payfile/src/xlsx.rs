//! The generic payout file as a workbook for spreadsheets: the columns of the CSV file, a header row, a row of totals.
//!
//! Amounts are numbers with the currency's decimals where a spreadsheet can hold them exactly (15 digits), else texts. The
//! same input gives the same bytes: the workbook's time is the batch's.

use hopline_money::Amount;
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook, XlsxError};

use crate::csv_file::{CSV_COLUMNS, Cell, cells};
use crate::rows::control_sum;
use crate::{BatchInfo, FileOut, PayoutRow, RowFault, batch};

/// Rows of a sheet, header and totals left out.
const ROWS_MAX: usize = 1_048_574;
/// The column of amounts.
const AMOUNT: usize = 6;
/// Digits that a spreadsheet keeps.
const DIGITS_MAX: usize = 15;

/// The workbook of a batch.
///
/// # Errors
/// Another currency among the payouts, a sum out of range, or more rows than a sheet has.
pub fn xlsx(info: &BatchInfo, rows: &[PayoutRow]) -> Result<FileOut, RowFault> {
    if rows.len() > ROWS_MAX {
        return Err(RowFault::TooMany { given: rows.len(), limit: ROWS_MAX });
    }
    let control_sum = control_sum(info.currency, rows)?;
    let bytes = workbook(info, rows, control_sum)
        .map_err(|error| RowFault::File { detail: format!("the workbook cannot be written: {error}") })?;
    Ok(FileOut {
        bytes,
        count: rows.len(),
        control_sum,
        media_type: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        file_name: batch::file_name(&info.message_id, "xlsx"),
    })
}

fn workbook(info: &BatchInfo, rows: &[PayoutRow], control_sum: Amount) -> Result<Vec<u8>, XlsxError> {
    let mut workbook = Workbook::new();
    let made = ExcelDateTime::parse_from_str(&crate::time::form(info.created_at, "%Y-%m-%dT%H:%M:%SZ"))?;
    workbook.set_properties(&DocProperties::new().set_title(&info.message_id).set_creation_datetime(&made));
    let bold = Format::new().set_bold();
    let decimals = usize::from(info.currency.exponent());
    let number_form = if decimals == 0 { "0".to_owned() } else { format!("0.{}", "0".repeat(decimals)) };
    let money = Format::new().set_num_format(&number_form);
    let bold_money = Format::new().set_num_format(&number_form).set_bold();

    let sheet = workbook.add_worksheet();
    sheet.set_name("Payouts")?;
    sheet.set_freeze_panes(1, 0)?;
    for (column, name) in (0_u16..).zip(CSV_COLUMNS) {
        sheet.write_string_with_format(0, column, name, &bold)?;
    }
    let mut at = 1_u32;
    for row in rows {
        for (column, cell) in (0_u16..).zip(cells(row)) {
            match cell {
                Cell::Text(text) | Cell::Plain(text) if !text.is_empty() && usize::from(column) != AMOUNT => {
                    sheet.write_string(at, column, text)?;
                }
                Cell::Plain(decimal) if usize::from(column) == AMOUNT => {
                    amount(sheet, at, column, &decimal, &money)?
                }
                Cell::Text(_) | Cell::Plain(_) => {}
            }
        }
        at += 1;
    }
    sheet.write_string_with_format(at, 0, "total", &bold)?;
    amount(sheet, at, 6, &control_sum.to_decimal(), &bold_money)?;
    sheet.write_string_with_format(at, 7, info.currency.code(), &bold)?;
    workbook.save_to_buffer()
}

fn amount(
    sheet: &mut rust_xlsxwriter::Worksheet,
    row: u32,
    column: u16,
    decimal: &str,
    form: &Format,
) -> Result<(), XlsxError> {
    let digits = decimal.bytes().filter(u8::is_ascii_digit).count();
    // The nearest float of so few digits is written as these digits again.
    match decimal.parse::<f64>() {
        Ok(number) if digits <= DIGITS_MAX => sheet.write_number_with_format(row, column, number, form)?,
        _ => sheet.write_string_with_format(row, column, decimal, form)?,
    };
    Ok(())
}
