//! Customers of advertisers: to whom they are bound, what they ordered before, and where else they clicked.
//!
//! A customer is what the advertiser calls its customer: an id of its own, an e-mail address, or the SHA-256 of one in hex.
//! [`key_of`] makes one of the last two. An address is never kept here, only its hash.

use std::collections::{BTreeMap, BTreeSet};

use hopline_types::{AdvertiserId, AffiliateId, ConversionId, OfferId, UnixMillis};

use crate::{Row, StoreError, Tx, Value, sha256_hex};

/// The most visitors that a customer is known as; the newest count.
pub const VISITORS_MAX: i64 = 20;
/// So many of a customer's conversions are looked at for visitors.
const LOOKED_AT: i64 = 100;

/// An advertiser's customer: [`key_of`] of what the advertiser calls it.
pub type Customer = (AdvertiserId, String);

/// What a customer is known as. An e-mail address and its SHA-256 in hex are the same customer.
#[must_use]
pub fn key_of(customer_id: &str) -> String {
    let text = customer_id.trim();
    let is_hash = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hash {
        text.to_ascii_lowercase()
    } else if text.contains('@') {
        sha256_hex(text.to_lowercase().as_bytes())
    } else {
        text.to_owned()
    }
}

/// To whom a customer is bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binding {
    /// Who.
    pub affiliate: AffiliateId,
    /// The conversion that bound it.
    pub conversion: ConversionId,
    /// When that conversion happened.
    pub at: UnixMillis,
}

/// A decided conversion of a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CustomerConversion {
    /// Which.
    pub conversion: ConversionId,
    /// When it happened.
    pub at: UnixMillis,
    /// Whether it is an order.
    pub is_order: bool,
    /// Who clicked, where the click was at hand.
    pub visitor_key: Option<u64>,
    /// To whom it binds its customer, where no earlier one does.
    pub binds: Option<AffiliateId>,
}

/// The bindings of these customers; those that there are.
///
/// # Errors
/// Those of the store.
pub fn bindings(
    tx: &mut dyn Tx,
    customers: &BTreeSet<Customer>,
) -> Result<BTreeMap<Customer, Binding>, StoreError> {
    let sql = "SELECT affiliate_id, conversion_id, bound_at FROM customers \
               WHERE advertiser_id = $1 AND customer = $2";
    let found = tx.query_many(sql, &values(customers))?;
    let read = |row: &Row| {
        Ok::<_, StoreError>(Binding { affiliate: row.id(0)?, conversion: row.id(1)?, at: row.time(2)? })
    };
    let known = customers.iter().zip(&found).filter_map(|(customer, rows)| Some((customer, rows.first()?)));
    known.map(|(customer, row)| Ok((customer.clone(), read(row)?))).collect()
}

fn values(customers: &BTreeSet<Customer>) -> Vec<Vec<Value>> {
    customers.iter().map(|(advertiser, key)| vec![(*advertiser).into(), key.into()]).collect()
}

/// Binds customers. Of several bindings of one customer that of the conversion which happened first stands, whatever the
/// order in which they are entered.
///
/// # Errors
/// Those of the store.
pub fn bind(tx: &mut dyn Tx, bindings: &[(Customer, Binding)]) -> Result<(), StoreError> {
    let row = |((advertiser, key), binding): &(Customer, Binding)| -> Vec<Value> {
        vec![
            (*advertiser).into(),
            key.into(),
            binding.affiliate.into(),
            binding.conversion.into(),
            binding.at.into(),
        ]
    };
    let rows: Vec<_> = bindings.iter().map(row).collect();
    tx.execute_many(
        "INSERT INTO customers (advertiser_id, customer, affiliate_id, conversion_id, bound_at) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (advertiser_id, customer) DO UPDATE SET \
         affiliate_id = excluded.affiliate_id, conversion_id = excluded.conversion_id, bound_at = excluded.bound_at \
         WHERE (excluded.bound_at, excluded.conversion_id) < (customers.bound_at, customers.conversion_id)",
        &rows,
    )?;
    Ok(())
}

/// How many orders of a customer came before each of these conversions, by the times when they happened, and whether any
/// conversion of it that is decided came after.
///
/// # Errors
/// Those of the store.
pub fn around(
    tx: &mut dyn Tx,
    asked: &[(Customer, UnixMillis, ConversionId)],
) -> Result<Vec<(u64, bool)>, StoreError> {
    let row = |((advertiser, key), at, id): &(Customer, UnixMillis, ConversionId)| -> Vec<Value> {
        vec![(*advertiser).into(), key.into(), (*at).into(), (*id).into()]
    };
    let rows: Vec<_> = asked.iter().map(row).collect();
    let found = tx.query_many(
        "SELECT (SELECT count(*) FROM customer_conversions WHERE advertiser_id = $1 AND customer = $2 AND is_order = 1 \
         AND (converted_at, conversion_id) < ($3, $4)), CASE WHEN EXISTS (SELECT 1 FROM customer_conversions \
         WHERE advertiser_id = $1 AND customer = $2 AND (converted_at, conversion_id) > ($3, $4)) \
         THEN CAST(1 AS BIGINT) ELSE 0 END",
        &rows,
    )?;
    let each = |rows: &Vec<Row>| {
        rows.first().map_or(Ok((0, false)), |row| Ok((row.int(0)?.unsigned_abs(), row.flag(1)?)))
    };
    found.iter().map(each).collect()
}

/// The decided conversions of customers that came after these, by the times when they happened, each once.
///
/// # Errors
/// Those of the store.
pub fn after(
    tx: &mut dyn Tx,
    asked: &[(Customer, UnixMillis, ConversionId)],
) -> Result<BTreeSet<(AdvertiserId, ConversionId)>, StoreError> {
    let row = |((advertiser, key), at, id): &(Customer, UnixMillis, ConversionId)| -> Vec<Value> {
        vec![(*advertiser).into(), key.into(), (*at).into(), (*id).into()]
    };
    let rows: Vec<_> = asked.iter().map(row).collect();
    let found = tx.query_many(
        "SELECT advertiser_id, conversion_id FROM customer_conversions WHERE advertiser_id = $1 AND customer = $2 \
         AND (converted_at, conversion_id) > ($3, $4)",
        &rows,
    )?;
    found.iter().flatten().map(|row| Ok((row.id(0)?, row.id(1)?))).collect()
}

/// Notes decided conversions of customers; what is noted already stays.
///
/// # Errors
/// Those of the store.
pub fn note(tx: &mut dyn Tx, decided: &[(Customer, CustomerConversion)]) -> Result<(), StoreError> {
    let row = |((advertiser, key), one): &(Customer, CustomerConversion)| -> Vec<Value> {
        vec![
            (*advertiser).into(),
            key.into(),
            one.at.into(),
            one.conversion.into(),
            one.is_order.into(),
            one.visitor_key.map(u64::cast_signed).into(),
            one.binds.into(),
        ]
    };
    let rows: Vec<_> = decided.iter().map(row).collect();
    tx.execute_many(
        "INSERT INTO customer_conversions (advertiser_id, customer, converted_at, conversion_id, is_order, visitor_key, \
         binds) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
        &rows,
    )?;
    Ok(())
}

/// Notes again what a conversion that was decided again says of its customer: the visitor, where none was known, and whom
/// it binds. Says whether that has changed; then the customer's binding follows.
///
/// # Errors
/// Those of the store.
pub fn note_again(
    tx: &mut dyn Tx,
    customer: &Customer,
    one: &CustomerConversion,
) -> Result<bool, StoreError> {
    let (advertiser, key) = customer;
    let own: [Value; 4] = [(*advertiser).into(), key.into(), one.at.into(), one.conversion.into()];
    let place = "SELECT visitor_key, binds FROM customer_conversions WHERE advertiser_id = $1 AND customer = $2 \
                 AND converted_at = $3 AND conversion_id = $4";
    let Some(row) = tx.first(place, &own)? else { return Ok(false) };
    let visitor = row.int_or_null(0)?.or(one.visitor_key.map(u64::cast_signed));
    let binds: Option<AffiliateId> = row.id_or_null(1)?;
    if visitor == row.int_or_null(0)? && binds == one.binds {
        return Ok(false);
    }
    let values: Vec<Value> = own.into_iter().chain([visitor.into(), one.binds.into()]).collect();
    tx.execute(
        "UPDATE customer_conversions SET visitor_key = $5, binds = $6 WHERE advertiser_id = $1 AND customer = $2 \
         AND converted_at = $3 AND conversion_id = $4",
        &values,
    )?;
    if binds == one.binds {
        return Ok(true);
    }
    tx.execute(
        "DELETE FROM customers WHERE advertiser_id = $1 AND customer = $2",
        &[(*advertiser).into(), key.into()],
    )?;
    let first = tx.first(
        "SELECT binds, conversion_id, converted_at FROM customer_conversions WHERE advertiser_id = $1 AND customer = $2 \
         AND binds IS NOT NULL ORDER BY converted_at, conversion_id LIMIT 1",
        &[(*advertiser).into(), key.into()],
    )?;
    if let Some(row) = first {
        let binding = Binding { affiliate: row.id(0)?, conversion: row.id(1)?, at: row.time(2)? };
        bind(tx, &[(customer.clone(), binding)])?;
    }
    Ok(true)
}

/// The visitors that customers were at their conversions before these, newest first, each once; in the order asked for.
///
/// # Errors
/// Those of the store.
pub fn visitors(
    tx: &mut dyn Tx,
    asked: &[(Customer, UnixMillis, ConversionId)],
) -> Result<Vec<Vec<u64>>, StoreError> {
    let row = |((advertiser, key), at, id): &(Customer, UnixMillis, ConversionId)| -> Vec<Value> {
        vec![(*advertiser).into(), key.into(), LOOKED_AT.into(), (*at).into(), (*id).into()]
    };
    let rows: Vec<_> = asked.iter().map(row).collect();
    let found = tx.query_many(
        "SELECT visitor_key FROM customer_conversions WHERE advertiser_id = $1 AND customer = $2 \
         AND visitor_key IS NOT NULL AND (converted_at, conversion_id) < ($4, $5) \
         ORDER BY converted_at DESC, conversion_id DESC LIMIT $3",
        &rows,
    )?;
    let most = usize::try_from(VISITORS_MAX).unwrap_or(usize::MAX);
    let mut visitors = Vec::with_capacity(found.len());
    for rows in &found {
        let mut keys: Vec<u64> = Vec::new();
        for row in rows {
            let key = row.int(0)?.cast_unsigned();
            if !keys.contains(&key) && keys.len() < most {
                keys.push(key);
            }
        }
        visitors.push(keys);
    }
    Ok(visitors)
}

/// Affiliates by what they would be known as if they bought under their own e-mail address.
///
/// # Errors
/// Those of the store.
pub fn affiliates_as_customers(
    tx: &mut dyn Tx,
    affiliates: &BTreeSet<AffiliateId>,
) -> Result<BTreeMap<AffiliateId, String>, StoreError> {
    let rows: Vec<Vec<Value>> = affiliates.iter().map(|id| vec![(*id).into()]).collect();
    let found = tx.query_many("SELECT email FROM affiliates WHERE id = $1", &rows)?;
    let known = affiliates.iter().zip(&found).filter_map(|(id, rows)| Some((*id, rows.first()?)));
    known.map(|(id, row)| Ok((id, key_of(row.text(0)?)))).collect()
}

/// What a waiting conversion is, as far as it must be known to look for its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sought {
    /// Its offer.
    pub offer: OfferId,
    /// Whose it is.
    pub advertiser: AdvertiserId,
    /// Its customer.
    pub customer: Option<Customer>,
    /// When it happened.
    pub converted_at: UnixMillis,
    /// When it was received.
    pub received_at: UnixMillis,
}

/// Whether any offer needs more than the click that a conversion names.
///
/// # Errors
/// Those of the store.
pub fn are_paths_needed(tx: &mut dyn Tx) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM offers WHERE model NOT IN ('last_click', 'last_non_direct') \
               OR attribution LIKE '%\"cross_device\":true%' LIMIT 1";
    Ok(tx.first(sql, &[])?.is_some())
}

/// What these conversions are, in the order asked for.
///
/// # Errors
/// Those of the store.
pub fn sought(tx: &mut dyn Tx, ids: &[ConversionId]) -> Result<Vec<Option<Sought>>, StoreError> {
    let rows: Vec<Vec<Value>> = ids.iter().map(|id| vec![(*id).into()]).collect();
    let found = tx.query_many(
        "SELECT offer_id, advertiser_id, customer_id, converted_at, received_at FROM conversions WHERE id = $1",
        &rows,
    )?;
    let read = |row: &Row| {
        let advertiser = row.id(1)?;
        Ok::<_, StoreError>(Sought {
            offer: row.id(0)?,
            advertiser,
            customer: row.text_or_null(2)?.map(|text| (advertiser, key_of(text))),
            converted_at: row.time(3)?,
            received_at: row.time(4)?,
        })
    };
    found.iter().map(|rows| rows.first().map(read).transpose()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_and_its_hash_are_one_customer_whatever_the_case() {
        let hash = sha256_hex(b"ada@example.com");
        assert_eq!(key_of(" Ada@Example.com "), hash);
        assert_eq!(key_of(&hash.to_uppercase()), hash);
        assert_eq!(key_of("C-17"), "C-17");
        assert_ne!(key_of("c-17"), "C-17");
    }
}
