//! Which colour a status has; the word and a sign always stand beside it.

use hopline_types::CommissionStatus;

/// The class of the pill.
pub(crate) const fn tone(status: CommissionStatus) -> &'static str {
    match status {
        CommissionStatus::Pending => "wait",
        CommissionStatus::Approved | CommissionStatus::Payable => "good",
        CommissionStatus::Paid => "paid",
        CommissionStatus::Rejected | CommissionStatus::Reversed => "bad",
        CommissionStatus::Unattributed => "",
    }
}
