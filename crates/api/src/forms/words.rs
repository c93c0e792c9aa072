//! The words that fields and parameters take; a test compares them with those that are read.

#![expect(dead_code, reason = "these types are only described, never filled")]

use utoipa::ToSchema;

/// Whether something runs.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum Status {
    Active,
    Paused,
    Pending,
    Blocked,
}

/// Whether a link runs.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum LinkStatus {
    Active,
    Paused,
    Blocked,
}

/// How credit is given.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum Model {
    LastClick,
    FirstClick,
    LastNonDirect,
    Linear,
    PositionBased,
    TimeDecay,
}

/// What is paid: per sale, lead, click or install.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum Kind {
    Pps,
    Ppl,
    Ppc,
    Ppi,
}

/// What postbacks must prove.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum PostbackAuth {
    None,
    Token,
    Hmac,
}

/// Who approves conversions.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum Approval {
    Automatic,
    Manual,
}

/// What a key or a user may do.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum RoleName {
    Operator,
    Finance,
    Advertiser,
    Affiliate,
}

/// How affiliates are paid.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum Method {
    Sepa,
    Ach,
    Paypal,
    Wise,
    Manual,
    Bank,
}

/// What the advertiser has decided already.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum ReportedStatus {
    Pending,
    Approved,
    Rejected,
}

/// Where a conversion stands.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum ConversionStatus {
    Pending,
    Approved,
    Payable,
    Paid,
    Rejected,
    Reversed,
    Unattributed,
}

/// Which time conversions count at.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum ReportBasis {
    Conversion,
    Click,
}

/// How a report is written.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum ReportFormat {
    Json,
    Csv,
}

/// How clicks are written.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum ClickFormat {
    Ndjson,
    Csv,
}

/// Why something was booked.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum TransactionKind {
    CommissionPending,
    CommissionApproved,
    CommissionPayable,
    CommissionRejected,
    CommissionReversed,
    PayoutReserved,
    PayoutSettled,
    PayoutFailed,
    PayoutReturned,
    AdvertiserPayment,
    Adjustment,
    Exchange,
}

/// Whether visitors get the cookie.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum Cookies {
    Always,
    Consent,
    Never,
}

/// What a cap counts.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum CapMetricName {
    Clicks,
    Conversions,
    Revenue,
    Payout,
}

/// In which time a cap counts.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum CapPeriodName {
    Day,
    Week,
    Month,
    Total,
}

/// How much of a QR code may be lost: 7, 15, 25 or 30 percent.
#[derive(ToSchema)]
pub(crate) enum ErrorCorrection {
    L,
    M,
    Q,
    H,
}

/// Why clicks are found to be invalid.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum FindingReason {
    Bot,
    Datacenter,
    Prefetch,
    Stuffing,
    Geo,
    Device,
    Blocked,
}

/// Whose usual names a mapping of mobile measurement reads.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum MeasurementProvider {
    Generic,
    Appsflyer,
    Adjust,
    Branch,
    Kochava,
    Singular,
}

/// What became of a report of an install.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum InstallStateName {
    Counted,
    Kept,
    Waiting,
    Refused,
}
