//! Schedules, minimums, forms of files: what their requests hold.

use serde_json::Value;
use utoipa::ToSchema;

use super::Method;

/// The file of a payout batch.
#[derive(ToSchema)]
pub(crate) enum ExportFormat {
    #[schema(rename = "csv")]
    Csv,
    #[schema(rename = "xlsx")]
    Xlsx,
    #[schema(rename = "pain.001.001.09")]
    Pain09,
    #[schema(rename = "pain.001.001.03")]
    Pain03,
    #[schema(rename = "nacha")]
    Nacha,
    #[schema(rename = "paypal")]
    Paypal,
    #[schema(rename = "wise")]
    Wise,
}

/// A form of CSV files that go out. Cells are texts with `{fields}`.
#[derive(ToSchema)]
#[schema(examples(json!({"name": "house-bank", "template": {
    "header": [["H", "{message_id}", "{execution_date}"]],
    "columns": [{"title": "Name", "value": "{holder}"}, {"title": "IBAN", "value": "{iban}"},
        {"title": "Amount", "value": "{amount}"}, {"title": "Text", "value": "Payout {payout_id}"}],
    "footer": [["T", "{count}", "{total}"]],
    "separator": ";", "decimal_mark": ",", "encoding": "windows-1252", "transliterate": true}})))]
pub(crate) struct TemplateForm {
    #[schema(min_length = 1, max_length = 64)]
    name: String,
    /// `columns` (each with `title` and `value`), `header`, `titles`, `footer`, `separator`, `quotes`, `line_end`, `encoding`,
    /// `transliterate`, `decimal_mark`, `decimals`, `for_spreadsheets`, `ending`: deploy/PAYOUTS.md tells what each does.
    template: Value,
}

/// How CSV files that come in are read.
#[derive(ToSchema)]
#[schema(examples(json!({"name": "house-bank", "mapping": {
    "columns": {"reference": "Reference", "status": "Status", "amount": "Amount", "reason": "Reason"},
    "paid": ["executed"], "failed": ["rejected", "returned"], "waiting": ["pending"], "separator": ";"}})))]
pub(crate) struct MappingForm {
    #[schema(min_length = 1, max_length = 64)]
    name: String,
    /// `columns` (`reference`, `status`, and where the file has them `amount`, `currency`, `reason`), the words `paid`, `failed` and
    /// `waiting`, `separator`, `encoding`, `decimal_mark`.
    mapping: Value,
}

/// The least that is paid by a method.
#[derive(ToSchema)]
#[schema(examples(json!({"method": "sepa", "currency": "EUR", "minimum": "25.00"})))]
pub(crate) struct MethodMinimumForm {
    method: Method,
    #[schema(min_length = 3, max_length = 3)]
    currency: String,
    /// Decimal text; 0 takes it away.
    #[schema(max_length = 64)]
    minimum: String,
}

/// The least that an affiliate wants to be paid.
#[derive(ToSchema)]
#[schema(examples(json!({"currency": "EUR", "minimum": "100.00"})))]
pub(crate) struct AffiliateMinimumForm {
    #[schema(min_length = 3, max_length = 3)]
    currency: String,
    /// Decimal text; 0 takes it away.
    #[schema(max_length = 64)]
    minimum: String,
}

/// A schedule that prepares drafts.
#[derive(ToSchema)]
#[schema(examples(json!({"currency": "EUR", "method": "sepa", "when": {"every": "month", "day": 1}, "net_days": 30,
    "minimum": "25.00", "time_zone": "Europe/Berlin"})))]
pub(crate) struct ScheduleForm {
    #[schema(min_length = 3, max_length = 3)]
    currency: String,
    method: Method,
    /// `{"every": "week", "weekday": 1}` (1 is Monday), `{"every": "half_month", "days": [1, 16]}` or `{"every": "month", "day": 31}`; a
    /// shorter month has its last day instead.
    when: Value,
    /// Days between what is owed and what is drafted; 0 by default.
    #[schema(minimum = 0, maximum = 366)]
    net_days: Option<i64>,
    /// Decimal text: whoever has less is left out.
    #[schema(max_length = 64)]
    minimum: Option<String>,
    /// Decimal text: amounts are rounded down to multiples of it, the rest stays on the balance.
    #[schema(max_length = 64)]
    round_down_to: Option<String>,
    /// In which its days begin; `UTC` by default.
    #[schema(max_length = 64)]
    time_zone: Option<String>,
    /// Whether it runs; it does by default.
    active: Option<bool>,
}

/// What to change of a schedule.
#[derive(ToSchema)]
#[schema(examples(json!({"active": false})))]
pub(crate) struct ScheduleChangeForm {
    #[schema(min_length = 3, max_length = 3)]
    currency: Option<String>,
    method: Option<Method>,
    when: Option<Value>,
    #[schema(minimum = 0, maximum = 366)]
    net_days: Option<i64>,
    #[schema(max_length = 64)]
    minimum: Option<String>,
    #[schema(max_length = 64)]
    round_down_to: Option<String>,
    #[schema(max_length = 64)]
    time_zone: Option<String>,
    active: Option<bool>,
}
