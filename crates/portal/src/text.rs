//! Every word a person reads, by page; one table per language.
//!
//! Templates name fields of these tables and hold no words of their own, so that a language is added by one more
//! table, and the compiler says what it lacks. Numbers, dates and money are written by [`crate::view`].

mod english;

use hopline_types::{CommissionStatus, GoalKind, Role};

pub(crate) use english::ENGLISH;

/// All words in one language.
#[derive(Debug)]
pub(crate) struct Text {
    /// Value of `<html lang>`.
    pub(crate) lang: &'static str,
    pub(crate) frame: FrameText,
    pub(crate) sign_in: SignInText,
    pub(crate) dashboard: DashboardText,
    pub(crate) chart: ChartText,
    pub(crate) tables: TableText,
    pub(crate) explain: ExplainText,
    pub(crate) message: MessageText,
    pub(crate) words: WordText,
}

#[derive(Debug)]
pub(crate) struct FrameText {
    pub(crate) skip: &'static str,
    pub(crate) navigation: &'static str,
    pub(crate) sign_out: &'static str,
    pub(crate) nav_today: &'static str,
    pub(crate) nav_conversions: &'static str,
    pub(crate) nav_links: &'static str,
    pub(crate) nav_balances: &'static str,
    pub(crate) nav_api: &'static str,
}

#[derive(Debug)]
pub(crate) struct SignInText {
    pub(crate) title: &'static str,
    pub(crate) sub: &'static str,
    pub(crate) email: &'static str,
    pub(crate) password: &'static str,
    pub(crate) submit: &'static str,
    pub(crate) slogan: &'static str,
    pub(crate) slogan_second: &'static str,
    pub(crate) slogan_sub: &'static str,
    pub(crate) promise: &'static str,
    pub(crate) wrong: &'static str,
    pub(crate) stale: &'static str,
    pub(crate) ended: &'static str,
    /// How many seconds to wait, if known.
    pub(crate) too_many: fn(Option<u64>) -> String,
    pub(crate) missing: &'static str,
}

#[derive(Debug)]
pub(crate) struct DashboardText {
    pub(crate) title: &'static str,
    pub(crate) unique: &'static str,
    pub(crate) gross: &'static str,
    pub(crate) invalid: &'static str,
    pub(crate) conversions: &'static str,
    pub(crate) revenue: &'static str,
    pub(crate) spend: &'static str,
    pub(crate) payout: &'static str,
    pub(crate) earnings: &'static str,
    pub(crate) profit: &'static str,
    pub(crate) earnings_column: &'static str,
    pub(crate) spend_column: &'static str,
    pub(crate) cvr: &'static str,
    pub(crate) epc: &'static str,
    pub(crate) cpc: &'static str,
    pub(crate) yesterday: &'static str,
    pub(crate) of_gross: &'static str,
    pub(crate) cvr_note: &'static str,
    pub(crate) epc_note: &'static str,
    pub(crate) cpc_note: &'static str,
    pub(crate) counted_to: &'static str,
    pub(crate) not_counted: &'static str,
    pub(crate) ago: &'static str,
    pub(crate) lost: &'static str,
    pub(crate) latest: &'static str,
    pub(crate) all: &'static str,
    pub(crate) latest_empty: &'static str,
    pub(crate) latest_empty_operator: &'static str,
    pub(crate) latest_empty_advertiser: &'static str,
    pub(crate) latest_empty_affiliate: &'static str,
    pub(crate) balance: &'static str,
    pub(crate) balance_empty: &'static str,
    pub(crate) balance_empty_sub: &'static str,
    pub(crate) pending: &'static str,
    pub(crate) pending_note: &'static str,
    pub(crate) approved: &'static str,
    pub(crate) approved_note: &'static str,
    pub(crate) payable: &'static str,
    pub(crate) payable_note: &'static str,
    pub(crate) paid: &'static str,
    pub(crate) carried: &'static str,
    pub(crate) due: &'static str,
    pub(crate) due_sub: &'static str,
    pub(crate) due_empty: &'static str,
    pub(crate) due_empty_sub: &'static str,
    pub(crate) links: &'static str,
    pub(crate) links_sub: &'static str,
    pub(crate) links_empty: &'static str,
    pub(crate) links_empty_sub: &'static str,
    pub(crate) copy: &'static str,
    pub(crate) copied: &'static str,
    pub(crate) marked: &'static str,
}

#[derive(Debug)]
pub(crate) struct ChartText {
    pub(crate) title_day: &'static str,
    pub(crate) title_fortnight: &'static str,
    pub(crate) span: &'static str,
    pub(crate) day: &'static str,
    pub(crate) fortnight: &'static str,
    pub(crate) table: &'static str,
    pub(crate) at: &'static str,
    pub(crate) all_day: &'static str,
    pub(crate) all_fortnight: &'static str,
}

#[derive(Debug)]
pub(crate) struct TableText {
    pub(crate) top_offers: &'static str,
    pub(crate) top_affiliates: &'static str,
    pub(crate) top_sub1: &'static str,
    pub(crate) offer: &'static str,
    pub(crate) affiliate: &'static str,
    pub(crate) sub1: &'static str,
    pub(crate) no_value: &'static str,
    pub(crate) clicks: &'static str,
    pub(crate) conversions: &'static str,
    pub(crate) today: &'static str,
    pub(crate) empty: &'static str,
    pub(crate) empty_sub: &'static str,
    pub(crate) when: &'static str,
    pub(crate) what: &'static str,
    pub(crate) status: &'static str,
    pub(crate) amount: &'static str,
    pub(crate) why: &'static str,
    pub(crate) why_of: &'static str,
    pub(crate) newer: &'static str,
    pub(crate) older: &'static str,
    pub(crate) conversions_title: &'static str,
    pub(crate) conversions_sub: &'static str,
}

#[derive(Debug)]
pub(crate) struct ExplainText {
    pub(crate) title: &'static str,
    pub(crate) sub: &'static str,
    pub(crate) back: &'static str,
    pub(crate) what: &'static str,
    pub(crate) order: &'static str,
    pub(crate) happened: &'static str,
    pub(crate) received: &'static str,
    pub(crate) source: &'static str,
    pub(crate) click: &'static str,
    pub(crate) clicked: &'static str,
    pub(crate) terms: &'static str,
    pub(crate) order_value: &'static str,
    pub(crate) repeats: &'static str,
    pub(crate) step_reported: &'static str,
    pub(crate) step_attributed: &'static str,
    pub(crate) step_priced: &'static str,
    pub(crate) step_booked: &'static str,
    pub(crate) not_booked: &'static str,
    /// When, class, how long before, outcome.
    pub(crate) touch: fn(&str, &str, &str, &str) -> String,
    /// Side, [rate, of what, how much], exact, rounded.
    pub(crate) line: fn(&str, [&str; 3], &str, &str) -> String,
    /// When, kind, id.
    pub(crate) transaction: fn(&str, &str, &str) -> String,
    pub(crate) step_stands: &'static str,
    /// How and when it was reported.
    pub(crate) reported: fn(&str, &str) -> String,
    pub(crate) waiting: &'static str,
    pub(crate) nobody: &'static str,
    pub(crate) credited: &'static str,
    pub(crate) credited_you: &'static str,
    pub(crate) not_priced: &'static str,
    pub(crate) record: &'static str,
    pub(crate) record_sub: &'static str,
}

#[derive(Debug)]
pub(crate) struct MessageText {
    pub(crate) home: &'static str,
    pub(crate) not_found: &'static str,
    pub(crate) not_found_sub: &'static str,
    pub(crate) refused: &'static str,
    pub(crate) refused_sub: &'static str,
    pub(crate) failed: &'static str,
    pub(crate) failed_sub: &'static str,
    pub(crate) unreadable: &'static str,
    pub(crate) unreadable_sub: &'static str,
    pub(crate) later: &'static str,
    pub(crate) later_sub: &'static str,
}

#[derive(Debug)]
pub(crate) struct WordText {
    pub(crate) operator: &'static str,
    pub(crate) finance: &'static str,
    pub(crate) advertiser: &'static str,
    pub(crate) affiliate: &'static str,
    pub(crate) pending: &'static str,
    pub(crate) approved: &'static str,
    pub(crate) payable: &'static str,
    pub(crate) paid: &'static str,
    pub(crate) rejected: &'static str,
    pub(crate) reversed: &'static str,
    pub(crate) unattributed: &'static str,
    pub(crate) pps: &'static str,
    pub(crate) ppl: &'static str,
    pub(crate) ppc: &'static str,
    pub(crate) ppi: &'static str,
}

impl WordText {
    pub(crate) const fn role(&self, role: Role) -> &'static str {
        match role {
            Role::Operator => self.operator,
            Role::Finance => self.finance,
            Role::Advertiser => self.advertiser,
            Role::Affiliate => self.affiliate,
        }
    }

    pub(crate) const fn status(&self, status: CommissionStatus) -> &'static str {
        match status {
            CommissionStatus::Pending => self.pending,
            CommissionStatus::Approved => self.approved,
            CommissionStatus::Payable => self.payable,
            CommissionStatus::Paid => self.paid,
            CommissionStatus::Rejected => self.rejected,
            CommissionStatus::Reversed => self.reversed,
            CommissionStatus::Unattributed => self.unattributed,
        }
    }

    pub(crate) const fn kind(&self, kind: GoalKind) -> &'static str {
        match kind {
            GoalKind::Pps => self.pps,
            GoalKind::Ppl => self.ppl,
            GoalKind::Ppc => self.ppc,
            GoalKind::Ppi => self.ppi,
        }
    }
}
