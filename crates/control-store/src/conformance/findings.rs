//! Findings about clicks.

use hopline_types::{AffiliateId, ClickFilter, HOUR_MS, Reason};

use super::network::{Network, enter};
use super::{NOW, read, refused, write};
use crate::findings::{self, Applied, FindingFilter, NewFinding};
use crate::{Database, ErrorKind, Page, Scope};

const ALL: Scope = Scope::All;

fn robots(network: &Network) -> NewFinding {
    NewFinding {
        offer_id: network.offer.id,
        affiliate_id: network.affiliate.id,
        from: NOW.plus(-2 * HOUR_MS),
        to: NOW.plus(-HOUR_MS),
        filter: ClickFilter { source: Some("mail".to_owned()), ..ClickFilter::default() },
        reason: Reason::Bot,
        remark: "one visitor in three came once a second".to_owned(),
    }
}

/// Entered, found by what they are about, applied once; then nothing of them changes (C-02).
pub async fn c_02_findings_are_entered_applied_once_and_never_changed(database: &dyn Database) {
    let network = write(database, |tx| enter(tx, "acme")).await;
    let (wanted, now) = (robots(&network), NOW.plus(5));
    let new = wanted.clone();
    let entered = write(database, move |tx| findings::create(tx, &new, "user:1", now)).await;
    assert_eq!((&entered.what, entered.decided_by.as_str()), (&wanted, "user:1"));
    assert_eq!((entered.decided_at, entered.applied), (now, None));
    let id = entered.id;
    assert_eq!(read(database, move |tx| findings::get(tx, ALL, id)).await.as_ref(), Some(&entered));
    assert_eq!(read(database, |tx| findings::pending(tx, 9)).await, std::slice::from_ref(&entered));
    let (offer, affiliate) = (wanted.offer_id, wanted.affiliate_id);
    let between = |from: i64, to: i64| {
        let (from, to) = (NOW.plus(from * HOUR_MS), NOW.plus(to * HOUR_MS));
        read(database, move |tx| Ok(findings::between(tx, offer, affiliate, from, to)?.len()))
    };
    let found = [between(-3, -2).await, between(-3, -1).await, between(-2, 0).await, between(-1, 0).await];
    assert_eq!(found, [0, 1, 1, 0]);

    let applied = |clicks| Applied { clicks, at: NOW.plus(9) };
    assert!(write(database, move |tx| findings::mark_applied(tx, id, applied(3))).await);
    assert!(!write(database, move |tx| findings::mark_applied(tx, id, applied(4))).await);
    assert_eq!(read(database, |tx| findings::pending(tx, 9)).await, []);
    let known = read(database, move |tx| findings::get(tx, ALL, id)).await.expect("it is there");
    assert_eq!(known.applied, Some(applied(3)));
    let new = wanted.clone();
    write(database, move |tx| findings::create(tx, &new, "user:1", now)).await;
    for change in [
        "UPDATE click_findings SET clicks = 5 WHERE clicks = 3",
        "UPDATE click_findings SET remark = 'other'",
        "UPDATE click_findings SET to_at = to_at + 1 WHERE applied_at IS NULL",
        "DELETE FROM click_findings",
    ] {
        assert_eq!(
            refused(database, move |tx| tx.execute(change, &[])).await,
            ErrorKind::Constraint,
            "{change}"
        );
    }
    let empty = NewFinding { to: wanted.from, ..wanted.clone() };
    let empty = refused(database, move |tx| findings::create(tx, &empty, "user:1", NOW));
    assert_eq!(empty.await, ErrorKind::Constraint);
    let nobodys = NewFinding { affiliate_id: AffiliateId::new(99).expect("an id"), ..wanted };
    let nobodys = refused(database, move |tx| findings::create(tx, &nobodys, "user:1", NOW));
    assert_eq!(nobodys.await, ErrorKind::Reference);
}

/// An affiliate sees what was found about its clicks, an advertiser what was found on its offers (S-10).
pub async fn s_10_findings_are_seen_by_those_they_are_about(database: &dyn Database) {
    let (one, other) = write(database, |tx| {
        let (one, other) = (enter(tx, "one")?, enter(tx, "other")?);
        for network in [&one, &other] {
            findings::create(tx, &robots(network), "user:1", NOW)?;
        }
        Ok((one, other))
    })
    .await;
    for (scope, seen) in [
        (ALL, vec![1, 2]),
        (Scope::Nothing, vec![]),
        (Scope::Affiliate(one.affiliate.id), vec![1]),
        (Scope::Affiliate(other.affiliate.id), vec![2]),
        (Scope::Advertiser(one.advertiser.id), vec![1]),
        (Scope::Advertiser(other.advertiser.id), vec![2]),
    ] {
        let (listed, got) = read(database, move |tx| {
            let listed = findings::list(tx, scope, FindingFilter::default(), Page::first(9))?;
            let mut got = Vec::new();
            for finding in findings::pending(tx, 9)? {
                got.extend(findings::get(tx, scope, finding.id)?);
            }
            Ok((listed, got))
        })
        .await;
        assert_eq!(listed.iter().map(|finding| finding.id.get()).collect::<Vec<_>>(), seen, "{scope:?}");
        assert_eq!(got, listed, "{scope:?}");
    }
    let about = FindingFilter { offer_id: Some(other.offer.id), affiliate_id: Some(other.affiliate.id) };
    let listed = read(database, move |tx| findings::list(tx, ALL, about, Page::first(9))).await;
    assert_eq!(listed.iter().map(|finding| finding.id.get()).collect::<Vec<_>>(), [2]);
}
