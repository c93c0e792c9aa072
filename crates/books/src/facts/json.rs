//! The JSON of a fact in the outbox. Absent texts are left out; unknown keys are refused.

use hopline_click_store::{Deltas, Dims, Fact};
use hopline_money::Currency;
use hopline_types::{
    AdvertiserId, AffiliateId, CommissionStatus, ConversionId, GoalId, GoalKind, LinkId, OfferId, UnixMillis,
};
use serde::{Deserialize, Serialize};

/// A text of the outbox that is no fact: written by another release, or damaged.
#[derive(Debug, thiserror::Error)]
#[error("a waiting fact cannot be read")]
pub struct FactError(#[from] serde_json::Error);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FactForm {
    fact_id: String,
    conversion: ConversionId,
    booked_at: UnixMillis,
    converted_at: UnixMillis,
    clicked_at: Option<UnixMillis>,
    advertiser: AdvertiserId,
    offer: OfferId,
    goal: GoalId,
    goal_key: String,
    goal_kind: GoalKind,
    affiliate: Option<AffiliateId>,
    link: Option<LinkId>,
    #[serde(with = "dims")]
    dims: Dims,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    coupon: String,
    status: CommissionStatus,
    currency: Currency,
    deltas: DeltasForm,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DeltasForm {
    conversions: i64,
    events: i64,
    sales: i64,
    leads: i64,
    installs: i64,
    revenue_minor: i64,
    payout_minor: i64,
    gross_sales_minor: i64,
    refunds_minor: i64,
    approved: i64,
    rejected: i64,
    reversed: i64,
}

/// Dimensions of a click.
pub(crate) mod dims {
    use hopline_click_store::Dims;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize, Default)]
    #[serde(default, deny_unknown_fields)]
    struct Form {
        #[serde(skip_serializing_if = "Vec::is_empty")]
        subs: Vec<String>,
        #[serde(skip_serializing_if = "String::is_empty")]
        source: String,
        #[serde(skip_serializing_if = "String::is_empty")]
        country: String,
        #[serde(skip_serializing_if = "String::is_empty")]
        region: String,
        #[serde(skip_serializing_if = "String::is_empty")]
        device: String,
        #[serde(skip_serializing_if = "String::is_empty")]
        os: String,
        #[serde(skip_serializing_if = "String::is_empty")]
        browser: String,
        #[serde(skip_serializing_if = "String::is_empty")]
        referrer_host: String,
        #[serde(skip_serializing_if = "String::is_empty")]
        landing_page: String,
        #[serde(skip_serializing_if = "String::is_empty")]
        creative: String,
    }

    pub(crate) fn serialize<S: Serializer>(dims: &Dims, serializer: S) -> Result<S::Ok, S::Error> {
        let dims = dims.clone();
        let mut subs = dims.subs.to_vec();
        let used = subs.iter().rposition(|sub| !sub.is_empty()).map_or(0, |last| last + 1);
        subs.truncate(used);
        Form {
            subs,
            source: dims.source,
            country: dims.country,
            region: dims.region,
            device: dims.device,
            os: dims.os,
            browser: dims.browser,
            referrer_host: dims.referrer_host,
            landing_page: dims.landing_page,
            creative: dims.creative,
        }
        .serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Dims, D::Error> {
        let form = Form::deserialize(deserializer)?;
        let mut dims = Dims {
            source: form.source,
            country: form.country,
            region: form.region,
            device: form.device,
            os: form.os,
            browser: form.browser,
            referrer_host: form.referrer_host,
            landing_page: form.landing_page,
            creative: form.creative,
            ..Dims::default()
        };
        for (place, sub) in dims.subs.iter_mut().zip(form.subs) {
            *place = sub;
        }
        Ok(dims)
    }
}

/// Writes a fact.
///
/// # Panics
/// Never: plain numbers and texts always have a JSON form.
#[must_use]
pub fn to_json(fact: &Fact) -> String {
    let fact = fact.clone();
    let deltas = fact.deltas;
    let form = FactForm {
        fact_id: fact.fact_id,
        conversion: fact.conversion,
        booked_at: fact.booked_at,
        converted_at: fact.converted_at,
        clicked_at: fact.clicked_at,
        advertiser: fact.advertiser,
        offer: fact.offer,
        goal: fact.goal,
        goal_key: fact.goal_key,
        goal_kind: fact.goal_kind,
        affiliate: fact.affiliate,
        link: fact.link,
        dims: fact.dims,
        coupon: fact.coupon,
        status: fact.status,
        currency: fact.currency,
        deltas: DeltasForm {
            conversions: deltas.conversions,
            events: deltas.events,
            sales: deltas.sales,
            leads: deltas.leads,
            installs: deltas.installs,
            revenue_minor: deltas.revenue_minor,
            payout_minor: deltas.payout_minor,
            gross_sales_minor: deltas.gross_sales_minor,
            refunds_minor: deltas.refunds_minor,
            approved: deltas.approved,
            rejected: deltas.rejected,
            reversed: deltas.reversed,
        },
    };
    serde_json::to_string(&form).expect("numbers and texts have a JSON form")
}

/// Reads a fact.
///
/// # Errors
/// The text is no fact.
pub fn from_json(text: &str) -> Result<Fact, FactError> {
    let form: FactForm = serde_json::from_str(text)?;
    let deltas = form.deltas;
    Ok(Fact {
        fact_id: form.fact_id,
        conversion: form.conversion,
        booked_at: form.booked_at,
        converted_at: form.converted_at,
        clicked_at: form.clicked_at,
        advertiser: form.advertiser,
        offer: form.offer,
        goal: form.goal,
        goal_key: form.goal_key,
        goal_kind: form.goal_kind,
        affiliate: form.affiliate,
        link: form.link,
        dims: form.dims,
        coupon: form.coupon,
        status: form.status,
        currency: form.currency,
        deltas: Deltas {
            conversions: deltas.conversions,
            events: deltas.events,
            sales: deltas.sales,
            leads: deltas.leads,
            installs: deltas.installs,
            revenue_minor: deltas.revenue_minor,
            payout_minor: deltas.payout_minor,
            gross_sales_minor: deltas.gross_sales_minor,
            refunds_minor: deltas.refunds_minor,
            approved: deltas.approved,
            rejected: deltas.rejected,
            reversed: deltas.reversed,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fact_reads_back_as_written() {
        let mut subs: [String; hopline_record::SUB_COUNT] = Default::default();
        subs[2] = "news \"x\"".into();
        let fact = Fact {
            fact_id: "decided:1:2:in".into(),
            conversion: ConversionId::new(1).unwrap(),
            booked_at: UnixMillis(5),
            converted_at: UnixMillis(3),
            clicked_at: Some(UnixMillis(2)),
            advertiser: AdvertiserId::new(1).unwrap(),
            offer: OfferId::new(1).unwrap(),
            goal: GoalId::new(1).unwrap(),
            goal_key: "sale".into(),
            goal_kind: GoalKind::Pps,
            affiliate: Some(AffiliateId::new(2).unwrap()),
            link: None,
            dims: Dims { subs, country: "DE".into(), ..Dims::default() },
            coupon: "TEN".into(),
            status: CommissionStatus::Approved,
            currency: Currency::EUR,
            deltas: Deltas { conversions: 1, revenue_minor: -599, reversed: 7, ..Deltas::default() },
        };
        assert_eq!(from_json(&to_json(&fact)).unwrap(), fact);
        assert!(from_json("{}").is_err());
    }
}
