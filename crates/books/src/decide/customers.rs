//! The customers of conversions that are decided together: what is known of them, and what these decisions add.

use std::collections::{BTreeMap, BTreeSet};

use hopline_control_store::Tx;
use hopline_control_store::conversions::Conversion;
use hopline_control_store::customers::{self, Binding, Customer, CustomerConversion};
use hopline_control_store::reconsiderations::{self, Asked, Why};
use hopline_types::{AffiliateId, CommissionStatus, ConversionId, GoalKind, UnixMillis};

use super::touch::Candidate;
use crate::BookError;

/// Customers, with what was decided since they were read.
#[derive(Debug, Default)]
pub(super) struct Customers {
    bindings: BTreeMap<Customer, Binding>,
    orders: BTreeMap<ConversionId, u64>,
    /// Which of these had later ones of their customer decided before them.
    overtaken: BTreeSet<ConversionId>,
    /// What affiliates would be known as if they bought themselves.
    affiliates: BTreeMap<AffiliateId, String>,
    new_bindings: Vec<(Customer, Binding)>,
    new_conversions: Vec<(Customer, CustomerConversion)>,
}

impl Customers {
    /// Reads what is known of the customers; nothing is asked where there are none.
    pub(super) fn read(tx: &mut dyn Tx, candidates: &[Candidate<'_>]) -> Result<Self, BookError> {
        let of = |one: &Candidate<'_>| {
            let conversion = &one.conversion;
            Some((one.customer.clone()?, conversion.converted_at, conversion.id))
        };
        let asked: Vec<_> = candidates.iter().filter_map(of).collect();
        if asked.is_empty() {
            return Ok(Self::default());
        }
        let known: BTreeSet<Customer> = asked.iter().map(|(customer, ..)| customer.clone()).collect();
        let bindings = customers::bindings(tx, &known)?;
        let around = customers::around(tx, &asked)?;
        let ids = || asked.iter().map(|(_, _, id)| *id);
        let orders = ids().zip(around.iter().map(|(before, _)| *before)).collect();
        let overtaken = ids().zip(&around).filter(|(_, (_, after))| *after).map(|(id, _)| id).collect();
        Ok(Self { bindings, orders, overtaken, ..Self::default() })
    }

    /// To whom they are bound.
    pub(super) fn bound(&self) -> impl Iterator<Item = AffiliateId> {
        self.bindings.values().map(|binding| binding.affiliate)
    }

    /// Learns what affiliates would be known as who may be credited for these.
    pub(super) fn read_affiliates(
        &mut self,
        tx: &mut dyn Tx,
        affiliates: &BTreeSet<AffiliateId>,
    ) -> Result<(), BookError> {
        if !self.orders.is_empty() {
            self.affiliates = customers::affiliates_as_customers(tx, affiliates)?;
        }
        Ok(())
    }

    /// The binding of a conversion's customer, where it came before it.
    pub(super) fn binding(&self, candidate: &Candidate<'_>) -> Option<Binding> {
        let binding = self.bindings.get(candidate.customer.as_ref()?)?;
        let conversion = &candidate.conversion;
        let is_earlier = (binding.at, binding.conversion) < (conversion.converted_at, conversion.id);
        is_earlier.then_some(*binding)
    }

    /// How many orders the customer has made before; none where the customer is not known.
    pub(super) fn earlier_orders(&self, candidate: &Candidate<'_>) -> Option<u64> {
        let customer = candidate.customer.as_ref()?;
        let conversion = &candidate.conversion;
        let stored = self.orders.get(&conversion.id).copied().unwrap_or_default();
        let own = (conversion.converted_at, conversion.id);
        let is_earlier = |(whose, one): &&(Customer, CustomerConversion)| {
            whose == customer && one.is_order && (one.at, one.conversion) < own
        };
        let since = self.new_conversions.iter().filter(is_earlier).count();
        Some(stored.saturating_add(u64::try_from(since).unwrap_or(u64::MAX)))
    }

    /// Who of these affiliates is the customer.
    pub(super) fn buyer(
        &self,
        candidate: &Candidate<'_>,
        mut concerned: impl Iterator<Item = AffiliateId>,
    ) -> Option<AffiliateId> {
        let (_, key) = candidate.customer.as_ref()?;
        concerned.find(|affiliate| self.affiliates.get(affiliate) == Some(key))
    }

    /// Notes a decided conversion, and whom it binds its customer to.
    pub(super) fn note(&mut self, candidate: &Candidate<'_>, credited: Option<AffiliateId>) {
        let Some((customer, one)) = noted(candidate, credited) else { return };
        let customer = &customer;
        let Conversion { id, converted_at, .. } = candidate.conversion;
        let is_later = |(whose, other): &(Customer, CustomerConversion)| {
            whose == customer && (other.at, other.conversion) > (one.at, one.conversion)
        };
        if self.new_conversions.iter().any(is_later) {
            self.overtaken.insert(id);
        }
        self.new_conversions.push((customer.clone(), one));
        let Some(affiliate) = credited else { return };
        let binding = Binding { affiliate, conversion: id, at: converted_at };
        let known = self.bindings.get(customer);
        if known.is_none_or(|known| (binding.at, binding.conversion) < (known.at, known.conversion)) {
            self.bindings.insert(customer.clone(), binding);
            self.new_bindings.push((customer.clone(), binding));
        }
    }

    /// Writes down what was noted. What was decided too early, without these, is to be looked at again.
    pub(super) fn write(self, tx: &mut dyn Tx, now: UnixMillis) -> Result<(), BookError> {
        if !self.new_conversions.is_empty() {
            customers::note(tx, &self.new_conversions)?;
        }
        let earlier = self.new_conversions.iter().filter(|(_, one)| self.overtaken.contains(&one.conversion));
        let earlier: Vec<_> =
            earlier.map(|(customer, one)| (customer.clone(), one.at, one.conversion)).collect();
        look_at_later(tx, &earlier, now)?;
        if !self.new_bindings.is_empty() {
            // The earliest of each customer; one statement writes a row once.
            let mut first: BTreeMap<Customer, Binding> = BTreeMap::new();
            for (customer, binding) in self.new_bindings {
                first.insert(customer, binding);
            }
            customers::bind(tx, &first.into_iter().collect::<Vec<_>>())?;
        }
        Ok(())
    }
}

/// What a decided conversion says of its customer.
pub(super) fn noted(
    candidate: &Candidate<'_>,
    binds: Option<AffiliateId>,
) -> Option<(Customer, CustomerConversion)> {
    let Conversion { id, converted_at, kind, requested_status, .. } = candidate.conversion;
    let one = CustomerConversion {
        conversion: id,
        at: converted_at,
        is_order: kind == GoalKind::Pps && requested_status != Some(CommissionStatus::Rejected),
        visitor_key: candidate.named_click().map(|click| click.visitor_key),
        binds,
    };
    Some((candidate.customer.clone()?, one))
}

/// Asks for the decided conversions of customers that came after these.
pub(super) fn look_at_later(
    tx: &mut dyn Tx,
    earlier: &[(Customer, UnixMillis, ConversionId)],
    now: UnixMillis,
) -> Result<(), BookError> {
    if earlier.is_empty() {
        return Ok(());
    }
    let later = customers::after(tx, earlier)?;
    let asked = |(advertiser, conversion)| Asked {
        conversion,
        advertiser,
        why: Why::Customer,
        due_at: now,
        asked_at: now,
        look: 1,
    };
    Ok(reconsiderations::ask(tx, &later.into_iter().map(asked).collect::<Vec<_>>())?)
}
