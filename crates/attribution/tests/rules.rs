//! What the rules say where the vectors are silent.
#![allow(clippy::unwrap_used, reason = "a test that cannot prepare its case fails")]

use hopline_attribution::{
    Conversion, CouponRule, Decision, Outcome, Policy, Rule, SelfReferral, Source, Touch, TouchKind,
    attribute,
};
use hopline_money::{Amount, Currency};
use hopline_types::{Model, UnixMillis};
use proptest::prelude::*;

const NOW: UnixMillis = UnixMillis(1_000_000_000);
const WINDOW_MS: i64 = 100_000;

fn touch(id: u32, affiliate: &'static str, age_ms: i64, kind: TouchKind) -> Touch<u32, &'static str> {
    Touch { id, affiliate: Some(affiliate), at: NOW.plus(-age_ms), kind, invalid: None }
}

fn click(id: u32, affiliate: &'static str, age_ms: i64) -> Touch<u32, &'static str> {
    touch(id, affiliate, age_ms, TouchKind::Click)
}

fn direct(id: u32, age_ms: i64) -> Touch<u32, &'static str> {
    Touch { affiliate: None, ..touch(id, "", age_ms, TouchKind::Direct) }
}

fn policy(model: Model) -> Policy {
    Policy::new(model, WINDOW_MS)
}

fn winners<'a>(decision: &Decision<u32, &'a str>) -> Vec<&'a str> {
    decision.credits.iter().map(|credit| credit.affiliate).collect()
}

fn outcomes(decision: &Decision<u32, &str>) -> Vec<Outcome> {
    decision.considered.iter().map(|considered| considered.outcome.clone()).collect()
}

//
#[test]
fn every_touch_is_told_what_became_of_it() {
    let touches = [
        click(1, "a", 50),
        click(2, "b", 40),
        Touch { invalid: Some("bot".into()), ..click(3, "c", 30) },
        click(4, "d", WINDOW_MS + 1),
        click(5, "e", -1),
        touch(6, "f", 20, TouchKind::View),
    ];
    let decision = attribute(&policy(Model::LastClick), &Conversion::at(NOW), &touches);
    assert_eq!(winners(&decision), ["b"]);
    assert_eq!(
        outcomes(&decision),
        [
            Outcome::NoShare,
            Outcome::Credited,
            Outcome::Invalid { reason: "bot".into() },
            Outcome::OutsideWindow { window_ms: WINDOW_MS },
            Outcome::AfterConversion,
            Outcome::Outranked { by: Rule::Clicks },
        ]
    );
    assert_eq!(decision.considered[0].age_ms, 50);
    assert_eq!(
        decision.reason,
        "last_click: the last of 2 clicks within 100 seconds gets everything; left out: \
         1 invalid, 1 later than the conversion, 1 outranked, 1 outside the window"
    );
}

#[test]
fn without_any_touch_nobody_is_credited() {
    for model in Model::ALL {
        let decision = attribute::<u32, &str>(&policy(*model), &Conversion::at(NOW), &[]);
        assert_eq!((decision.credits.len(), decision.rule), (0, Rule::Nobody));
        assert_eq!(decision.reason, format!("{model}: nobody is credited, there is no touch"));
        assert_eq!(decision.split(Amount::new(100, Currency::EUR)), Ok(vec![]));
    }
}

#[test]
fn a_direct_visit_takes_the_last_click_and_nobody_is_paid() {
    let touches = [click(1, "a", 50), direct(2, 10)];
    let decision = attribute(&policy(Model::LastClick), &Conversion::at(NOW), &touches);
    assert_eq!(winners(&decision), [""; 0]);
    assert_eq!(outcomes(&decision), [Outcome::NoShare, Outcome::CreditedToNobody]);
    assert_eq!(decision.reason, "last_click: nobody is credited, it falls to a direct visit");
}

#[test]
fn the_share_of_a_direct_visit_is_not_handed_out_to_others() {
    let touches = [click(1, "a", 50), direct(2, 30), click(3, "b", 10)];
    let decision = attribute(&policy(Model::Linear), &Conversion::at(NOW), &touches);
    let parts = decision.split(Amount::new(100, Currency::EUR)).unwrap();
    assert_eq!(parts.iter().map(|part| part.minor).collect::<Vec<_>>(), [34, 33]);
    assert_eq!((decision.nobody.as_slice(), decision.weights_total()), ([1].as_slice(), 3));
    assert!(decision.reason.contains("nobody is paid for the share of direct visits"));
}

//
#[test]
fn a_coupon_touch_wins_as_the_programme_says() {
    let touches =
        [click(1, "a", 50), touch(2, "b", 90, TouchKind::Coupon), touch(3, "c", 80, TouchKind::Coupon)];
    let with = |coupon| Policy { coupon, ..policy(Model::LastClick) };
    let decide = |coupon, touches: &[_]| attribute(&with(coupon), &Conversion::at(NOW), touches);

    let overriding = decide(CouponRule::OverridesClick, &touches);
    assert_eq!((winners(&overriding), overriding.rule), (vec!["c"], Rule::Coupon));
    assert_eq!(outcomes(&overriding)[0], Outcome::Outranked { by: Rule::Coupon });

    assert_eq!(winners(&decide(CouponRule::Fallback, &touches)), ["a"]);
    assert_eq!(winners(&decide(CouponRule::Fallback, &touches[1..])), ["c"]);

    let ignored = decide(CouponRule::Ignored, &touches[1..]);
    assert_eq!((winners(&ignored), ignored.rule), (vec![], Rule::Nobody));
    assert_eq!(outcomes(&ignored), [Outcome::CouponIgnored, Outcome::CouponIgnored]);
}

//
#[test]
fn a_binding_comes_before_a_coupon_and_only_where_terms_are_for_life() {
    let conversion =
        Conversion { customer_bound_to: Some("bound"), coupon_owner: Some("owner"), ..Conversion::at(NOW) };
    let touches = [click(1, "a", 50)];
    let lifetime = Policy { lifetime: true, ..policy(Model::LastClick) };
    let decision = attribute(&lifetime, &conversion, &touches);
    assert_eq!((winners(&decision), decision.rule), (vec!["bound"], Rule::Lifetime));
    assert_eq!(decision.credits[0].source, Source::Lifetime);
    assert_eq!(winners(&attribute(&policy(Model::LastClick), &conversion, &touches)), ["owner"]);
}

// C-16
#[test]
fn the_buyer_is_not_paid_by_any_way_but_others_are() {
    let buyer =
        |conversion: Conversion<&'static str>| Conversion { buyer_is_affiliate: Some("a"), ..conversion };
    let lifetime = Policy { lifetime: true, ..policy(Model::LastClick) };
    let touches = [click(1, "b", 50), click(2, "a", 40), touch(3, "a", 30, TouchKind::Coupon)];
    let own =
        buyer(Conversion { coupon_owner: Some("a"), customer_bound_to: Some("a"), ..Conversion::at(NOW) });
    let decision = attribute(&lifetime, &own, &touches);
    assert_eq!(winners(&decision), ["b"]);
    assert_eq!(outcomes(&decision)[1..], [Outcome::SelfReferral, Outcome::SelfReferral]);

    let allowed = Policy { self_referral: SelfReferral::Allow, ..policy(Model::LastClick) };
    assert_eq!(winners(&attribute(&allowed, &buyer(Conversion::at(NOW)), &touches[..2])), ["a"]);
}

#[test]
fn a_view_is_shared_by_the_model_only_within_its_own_window() {
    let short = Policy { view_window_ms: 60, ..policy(Model::Linear) };
    let touches = [
        touch(1, "a", 61, TouchKind::View),
        touch(2, "b", 60, TouchKind::View),
        touch(3, "c", 5, TouchKind::View),
    ];
    let decision = attribute(&short, &Conversion::at(NOW), &touches);
    assert_eq!((winners(&decision), decision.rule), (vec!["b", "c"], Rule::Views));
    assert_eq!(outcomes(&decision)[0], Outcome::OutsideWindow { window_ms: 60 });
}

#[test]
fn a_decision_is_stored_and_read_back() {
    let touches = [click(1, "a", 50), Touch { invalid: Some("bot".into()), ..click(2, "b", 40) }];
    let decision = attribute(&policy(Model::TimeDecay), &Conversion::at(NOW), &touches);
    let json = serde_json::to_string(&decision).unwrap();
    assert_eq!(serde_json::from_str::<Decision<u32, &str>>(&json).unwrap(), decision);
}

fn any_touches() -> impl Strategy<Value = Vec<Touch<u32, u8>>> {
    let kinds = [TouchKind::Click, TouchKind::Click, TouchKind::View, TouchKind::Coupon, TouchKind::Direct];
    let one = (0_u8..4, -10_i64..120_000, proptest::sample::select(kinds.to_vec()), any::<bool>());
    proptest::collection::vec(one, 0..12).prop_map(|all| {
        let numbered = (0..).zip(all);
        numbered
            .map(|(id, (affiliate, age_ms, kind, valid))| Touch {
                id,
                affiliate: Some(affiliate),
                at: NOW.plus(-age_ms),
                kind,
                invalid: (!valid).then(|| "bot".into()),
            })
            .collect()
    })
}

proptest! {
    //
    #[test]
    fn parts_add_up_to_the_commission_unless_direct_visits_take_part(
        touches in any_touches(),
        model in proptest::sample::select(Model::ALL),
        commission in -1_000_000_i64..1_000_000,
    ) {
        let decision = attribute(&policy(model), &Conversion::at(NOW), &touches);
        let parts = decision.split(Amount::new(commission, Currency::EUR)).unwrap();
        prop_assert_eq!(parts.len(), decision.credits.len());
        let sum: i64 = parts.iter().map(|part| part.minor).sum();
        if decision.nobody.is_empty() && !decision.credits.is_empty() {
            prop_assert_eq!(sum, commission);
        } else {
            prop_assert!(sum.abs() <= commission.abs());
        }
        let credited = decision.considered.iter().filter(|c| c.outcome == Outcome::Credited).count();
        prop_assert_eq!(credited, decision.credits.len());
        prop_assert!(decision.credits.iter().all(|credit| credit.weight > 0));
    }

    //
    #[test]
    fn the_order_in_which_touches_are_given_changes_no_credit(
        (touches, shuffled) in any_touches().prop_flat_map(|touches| {
            (Just(touches.clone()), Just(touches).prop_shuffle())
        }),
        model in proptest::sample::select(Model::ALL),
    ) {
        let credited = |touches: &[Touch<u32, u8>]| {
            let decision = attribute(&policy(model), &Conversion::at(NOW), touches);
            let id = |source: &Source<u32>| match source {
                Source::Touch { id, .. } => Some(*id),
                Source::Coupon | Source::Lifetime => None,
            };
            let credits: Vec<_> =
                decision.credits.iter().map(|c| (id(&c.source), c.affiliate, c.weight)).collect();
            (credits, decision.nobody, decision.rule, decision.reason)
        };
        prop_assert_eq!(credited(&touches), credited(&shuffled));
    }
}
