//! Touches, coupons and customers: who is credited under each model, and what is booked.

use hopline_attribution::{CouponRule, SelfReferral};
use hopline_books::{Decided, ToDecide};
use hopline_click_store::Touch;
use hopline_clickid::UniqueNumber;
use hopline_control_store::coupons::{self, Coupon, NewCoupon};
use hopline_control_store::offers::{self, AttributionSettings};
use hopline_control_store::{Scope, Tx, commissions};
use hopline_types::{AffiliateId, Class, CommissionStatus, ConversionId, Model, UnixMillis, Verdict};
use serde_json::Value;

use crate::world::{DAY, NOW, Rules, World};

const WEEK: i64 = 7 * DAY;

impl World {
    pub(crate) fn credits_by(&self, model: Model, settings: AttributionSettings) {
        let offer = self.offer;
        let set = move |tx: &mut dyn Tx| {
            offers::update(tx, Scope::All, offer, &mut |settings| settings.model = model, NOW)?;
            Ok(offers::update_attribution(tx, Scope::All, offer, &settings, NOW)?)
        };
        self.write(set).unwrap().unwrap();
    }

    pub(crate) fn touch(&self, record: u64, affiliate: AffiliateId, age: i64) -> Touch {
        Touch {
            unique: UniqueNumber::new(0, 1, record).unwrap(),
            at: NOW.plus(-age),
            advertiser: self.advertiser,
            offer: self.offer,
            affiliate,
            link: None,
            class: Class::Unique,
        }
    }

    pub(crate) fn decide_with(&self, id: ConversionId, touches: Vec<Touch>) -> Decided {
        let keys = self.keys.clone();
        let decide = move |tx: &mut dyn Tx| {
            let asked = [ToDecide { conversion: id, click: None, touches: &touches }];
            hopline_books::decide_many(tx, &asked, &keys, NOW)?.remove(0)
        };
        self.write(decide).unwrap()
    }

    /// Affiliate, revenue and payout of a conversion's commissions.
    pub(crate) fn commissions(&self, id: ConversionId) -> Vec<(AffiliateId, i64, i64)> {
        let found = self.write(move |tx| Ok(commissions::of_conversion(tx, id)?)).unwrap();
        let mut found: Vec<_> =
            found.iter().map(|one| (one.affiliate, one.revenue_minor, one.payout_minor)).collect();
        found.sort_unstable();
        found
    }

    pub(crate) fn told(&self, id: ConversionId, scope: Scope) -> Value {
        self.write(move |tx| hopline_books::explain(tx, scope, id)).unwrap()
    }

    pub(crate) fn coupon(&self, code: &str, affiliate_id: AffiliateId, from: Option<UnixMillis>) -> Coupon {
        let new = NewCoupon {
            advertiser_id: self.advertiser,
            code: code.into(),
            affiliate_id,
            offer_id: None,
            valid_from: from,
            valid_until: None,
        };
        self.write(move |tx| Ok(coupons::create_many(tx, std::slice::from_ref(&new), NOW)?))
            .unwrap()
            .remove(0)
    }

    /// An order of a customer at a time, without a click unless one is given, decided.
    pub(crate) fn ordered(
        &self,
        order: &str,
        customer: &str,
        at: UnixMillis,
        click: Option<String>,
    ) -> ConversionId {
        let mut sale = self.sale(order, "100.00", click);
        sale.customer_id = Some(customer.into());
        (sale.converted_at, sale.received_at) = (at, NOW);
        let id = self.taken(sale);
        self.decide(id);
        id
    }

    pub(crate) fn click_of(&self, affiliate: AffiliateId, at: UnixMillis) -> Option<String> {
        Some(self.click(affiliate, at, Verdict::UNIQUE))
    }
}

//
#[test]
fn a_02_every_model_shares_a_sale_among_the_visitors_clicks() {
    // 100.00 EUR bring 12.00 and pay 10.00. Clicks: blog 14 days, shop 7 days, blog named one day before.
    let cases = [
        (Model::LastClick, vec![("blog", 1200, 1000)]),
        (Model::FirstClick, vec![("blog", 1200, 1000)]),
        (Model::LastNonDirect, vec![("blog", 1200, 1000)]),
        (Model::Linear, vec![("blog", 800, 667), ("shop", 400, 333)]),
        (Model::PositionBased, vec![("blog", 960, 800), ("shop", 240, 200)]),
        // Weights 2^-2, 2^-1 and 2^(-1/7): 0.25, 0.5, 0.905724 of 1.655724.
        (Model::TimeDecay, vec![("blog", 838, 698), ("shop", 362, 302)]),
    ];
    for (model, expected) in cases {
        let world = World::new(Rules::PAID_AT_ONCE);
        world.credits_by(model, AttributionSettings::default());
        let click = world.click(world.blog, NOW.plus(-DAY), Verdict::UNIQUE);
        let id = world.taken(world.sale("A-1", "100.00", Some(click)));
        let touches = vec![world.touch(1, world.blog, 2 * WEEK), world.touch(2, world.shop, WEEK)];
        let decided = world.decide_with(id, touches);
        assert_eq!(decided.status, CommissionStatus::Payable, "{model}");
        let name = |name| if name == "blog" { world.blog } else { world.shop };
        let mut expected: Vec<_> =
            expected.into_iter().map(|(who, revenue, payout)| (name(who), revenue, payout)).collect();
        expected.sort_unstable();
        assert_eq!(world.commissions(id), expected, "{model}");
        let told = world.told(id, Scope::All);
        assert_eq!(told["decision"]["touches"].as_array().unwrap().len(), 3, "{model}");
        assert_eq!(told["decision"]["model"], model.as_str());
        world.audit();
    }
}

//
#[test]
fn a_01_the_first_click_wins_only_within_the_window_and_while_it_is_valid() {
    let world = World::new(Rules::PAID_AT_ONCE);
    world.credits_by(Model::FirstClick, AttributionSettings::default());
    let click = world.click_of(world.blog, NOW.plus(-DAY));
    let id = world.taken(world.sale("A-1", "100.00", click));
    // The window of 30 days is inclusive; one millisecond more is outside; what came after cannot count.
    let touches = vec![
        world.touch(1, world.blog, 30 * DAY + 1),
        world.touch(2, world.shop, 30 * DAY),
        world.touch(3, world.blog, -5_000),
    ];
    let decided = world.decide_with(id, touches);
    assert_eq!(decided.affiliate, Some(world.shop));
    let told = world.told(id, Scope::All);
    let outcomes: Vec<_> = told["decision"]["touches"]
        .as_array()
        .unwrap()
        .iter()
        .map(|touch| touch["outcome"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(outcomes, ["outside_window", "credited", "no_share", "after_conversion"]);
}

#[test]
fn a_cent_among_three_is_one_commission_of_a_cent_and_nothing_is_lost() {
    let world = World::new(Rules::PAID_AT_ONCE);
    world.credits_by(Model::Linear, AttributionSettings::default());
    let click = world.click_of(world.blog, NOW.plus(-DAY));
    let id = world.taken(world.sale("A-1", "0.10", click));
    world.decide_with(id, vec![world.touch(1, world.shop, 2 * DAY), world.touch(2, world.shop, 3 * DAY)]);
    let booked = world.commissions(id);
    assert_eq!(booked.iter().map(|one| (one.1, one.2)).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1)), (1, 1));
    world.audit();
}

//
#[test]
fn a_07_a_coupon_names_its_owner_at_the_time_of_the_order_whatever_its_case() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let old = world.coupon("Summer10", world.blog, None);
    world.write(move |tx| Ok(coupons::archive(tx, old.id, NOW.plus(-2 * DAY))?)).unwrap();
    world.coupon("SUMMER10", world.shop, None);
    let mut orders = Vec::new();
    for (order, age) in [("A-1", 3 * DAY), ("A-2", DAY)] {
        let mut sale = world.sale(order, "100.00", None);
        sale.coupon = Some(" summer10".into());
        sale.converted_at = NOW.plus(-age);
        orders.push(world.taken(sale));
    }
    assert_eq!(world.decide(orders[0]).affiliate, Some(world.blog));
    assert_eq!(world.decide(orders[1]).affiliate, Some(world.shop));
    assert_eq!(world.commissions(orders[0]), [(world.blog, 1200, 1000)]);
    assert_eq!(world.commissions(orders[1]), [(world.shop, 1200, 1000)]);
    let told = world.told(orders[1], Scope::All);
    assert_eq!(told["decision"]["coupon"]["outcome"], "credited");
    assert_eq!(told["decision"]["rule"], "coupon");
}

//
#[test]
fn a_07_a_coupon_comes_before_a_click_behind_it_or_not_at_all_as_the_offer_says() {
    for (rule, wins) in
        [(CouponRule::OverridesClick, "shop"), (CouponRule::Fallback, "blog"), (CouponRule::Ignored, "blog")]
    {
        let world = World::new(Rules::PAID_AT_ONCE);
        world.credits_by(Model::LastClick, AttributionSettings { coupon: rule, ..Default::default() });
        world.coupon("X", world.shop, None);
        let mut sale = world.sale("A-1", "100.00", world.click_of(world.blog, NOW.plus(-DAY)));
        sale.coupon = Some("x".into());
        let id = world.taken(sale);
        world.decide(id);
        let winner = if wins == "shop" { world.shop } else { world.blog };
        assert_eq!(world.commissions(id)[0].0, winner, "{rule:?}");
        // Without a click it falls to the coupon, unless coupons are ignored.
        let mut sale = world.sale("A-2", "100.00", None);
        sale.coupon = Some("x".into());
        let id = world.taken(sale);
        let decided = world.decide(id);
        assert_eq!(decided.status == CommissionStatus::Unattributed, rule == CouponRule::Ignored, "{rule:?}");
    }
}

#[test]
fn a_coupon_that_nobody_knows_says_so_and_credits_nobody() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let mut sale = world.sale("A-1", "100.00", None);
    sale.coupon = Some("nope".into());
    let id = world.taken(sale);
    let decided = world.decide(id);
    assert_eq!(
        (decided.status, decided.reason.as_deref()),
        (CommissionStatus::Unattributed, Some("no_click"))
    );
    assert_eq!(world.told(id, Scope::All)["decision"]["coupon"]["outcome"], "unknown");
}

//
#[test]
fn a_08_a_customer_stays_with_the_affiliate_of_its_first_order() {
    let world = World::new(Rules::PAID_AT_ONCE);
    world.credits_by(Model::LastClick, AttributionSettings { lifetime: true, ..Default::default() });
    let first = world.ordered(
        "A-1",
        "Ada@example.com",
        NOW.plus(-5 * DAY),
        world.click_of(world.blog, NOW.plus(-6 * DAY)),
    );
    // The same customer by the hash of its address; another affiliate's click.
    let hash = hopline_control_store::customers::key_of("ada@example.com");
    let second = world.ordered("A-2", &hash, NOW.plus(-DAY), world.click_of(world.shop, NOW.plus(-2 * DAY)));
    let third = world.ordered("A-3", "ada@example.com", NOW, None);
    for id in [first, second, third] {
        assert_eq!(world.commissions(id), [(world.blog, 1200, 1000)], "{id}");
    }
    let told = world.told(third, Scope::All);
    assert_eq!(told["decision"]["rule"], "lifetime");
    assert_eq!(told["decision"]["customer"]["earlier_orders"], 2);
    assert_eq!(told["decision"]["customer"]["bound"]["conversion_id"], first.get());
    // Another customer is not bound, and one that ordered before the first order neither.
    let other = world.ordered("A-4", "C-4", NOW, None);
    assert_eq!(world.commissions(other), []);
    let before = world.ordered("A-5", "ada@example.com", NOW.plus(-9 * DAY), None);
    assert_eq!(world.commissions(before), []);
    assert_eq!(world.told(before, Scope::All)["decision"]["customer"]["is_new"], true);
}

#[test]
fn orders_of_a_customer_that_are_decided_together_know_of_each_other() {
    let world = World::new(Rules::PAID_AT_ONCE);
    world.credits_by(Model::LastClick, AttributionSettings { lifetime: true, ..Default::default() });
    let mut ids = Vec::new();
    for (order, age, click) in
        [("A-1", 3, world.click_of(world.blog, NOW.plus(-4 * DAY))), ("A-2", 2, None), ("A-3", 1, None)]
    {
        let mut sale = world.sale(order, "100.00", click);
        sale.customer_id = Some("C-1".into());
        sale.converted_at = NOW.plus(-age * DAY);
        ids.push(world.taken(sale));
    }
    let (keys, asked) = (world.keys.clone(), ids.clone());
    let decide = move |tx: &mut dyn Tx| {
        let asked: Vec<_> =
            asked.iter().map(|id| ToDecide { conversion: *id, click: None, touches: &[] }).collect();
        hopline_books::decide_many(tx, &asked, &keys, NOW)
    };
    world.write(decide).unwrap();
    for (place, id) in ids.into_iter().enumerate() {
        assert_eq!(world.commissions(id), [(world.blog, 1200, 1000)]);
        assert_eq!(world.told(id, Scope::All)["decision"]["customer"]["earlier_orders"], place);
    }
    world.audit();
}

#[test]
fn an_affiliate_that_buys_itself_is_paid_only_where_the_offer_allows_it() {
    for (self_referral, is_paid) in [(SelfReferral::Reject, false), (SelfReferral::Allow, true)] {
        let world = World::new(Rules::PAID_AT_ONCE);
        world.credits_by(Model::LastClick, AttributionSettings { self_referral, ..Default::default() });
        let id = world.ordered("A-1", "blog@EXAMPLE.com", NOW, world.click_of(world.blog, NOW.plus(-DAY)));
        assert_eq!(!world.commissions(id).is_empty(), is_paid);
        let conversion = world.conversion(id);
        let expected = if is_paid { None } else { Some("self_referral") };
        assert_eq!(conversion.reason.as_deref(), expected);
    }
}

#[test]
fn an_affiliate_is_told_its_own_part_of_a_path() {
    let world = World::new(Rules::PAID_AT_ONCE);
    world.credits_by(Model::Linear, AttributionSettings::default());
    let click = world.click_of(world.blog, NOW.plus(-DAY));
    let id = world.taken(world.sale("A-1", "100.00", click));
    world.decide_with(id, vec![world.touch(2, world.shop, 2 * DAY)]);
    let primary = world.conversion(id).affiliate.unwrap();
    let told = world.told(id, Scope::Affiliate(primary));
    let decision = &told["decision"];
    assert_eq!(decision["credits"].as_array().unwrap().len(), 1);
    assert!(decision["credits"][0].get("revenue").is_none());
    let named: Vec<_> =
        decision["touches"].as_array().unwrap().iter().map(|touch| &touch["affiliate_id"]).collect();
    assert_eq!(named.iter().filter(|id| id.is_null()).count(), 1);
    let text = hopline_books::explain_text(&told);
    let other = if primary == world.blog { world.shop } else { world.blog };
    assert!(
        !text.contains(&format!("affiliate {other}")) && !text.contains(&format!("Affiliate {other}")),
        "{text}"
    );
    assert!(text.contains("1 of 2 parts, payout 5.00 EUR"), "{text}");
    let text = hopline_books::explain_text(&world.told(id, Scope::All));
    for part in [
        "linear: 2 clicks within 30 days",
        "100.00 EUR x 10 % = 10",
        "1 of 2 parts, revenue 6.00 EUR, payout 5.00 EUR",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    assert!(text.lines().count() < 60, "one page");
}
