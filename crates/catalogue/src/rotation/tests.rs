use proptest::prelude::*;

use super::*;

fn template(path: &str) -> Template {
    Template::compile(&format!("https://shop.example/{path}"), None).unwrap()
}

fn id(number: i64) -> LandingPageId {
    LandingPageId::new(number).unwrap()
}

/// Pages with these weights: the offer's own first, then those with ids 1, 2, ….
fn pages(weights: &[u32]) -> Pages {
    let others = (1..).zip(weights.iter().skip(1)).map(|(number, weight)| OtherPage {
        id: id(number),
        weight: *weight,
        template: template(&number.to_string()),
    });
    Pages::new(OfferId::new(7).unwrap(), weights[0], others.collect())
}

/// The number of the visitor's page, 0 for the own one.
fn dealt(pages: &Pages, visitor: u64) -> i64 {
    pages.deal(visitor).map_or(0, |page| page.id.get())
}

#[test]
fn a_named_page_wins_also_with_weight_0_and_an_unknown_one_is_flagged() {
    let own = template("own");
    let pages = pages(&[1, 0, 0]);
    let chosen = |named: Option<i64>| {
        let page = pages.choose(&own, named.map(id), 5);
        (page.id.map(LandingPageId::get), page.named_unknown)
    };
    assert_eq!(chosen(None), (None, false));
    assert_eq!(chosen(Some(2)), (Some(2), false));
    assert_eq!(chosen(Some(3)), (None, true));
    let page = pages.choose(&own, Some(id(2)), 5);
    assert_eq!(page.template, &template("2"));
}

#[test]
fn where_all_weights_are_0_the_own_page_is_shown() {
    assert!((0..1000).all(|visitor| dealt(&pages(&[0, 0, 0]), visitor) == 0));
    assert!((0..1000).all(|visitor| dealt(&pages(&[0, 1, 0]), visitor) == 1));
}

#[test]
fn shares_are_those_of_the_weights() {
    const VISITORS: u64 = 100_000;
    for weights in [&[1, 1][..], &[1, 2, 3, 4], &[70, 30], &[9_999, 1], &[0, 5, 5], &[1; 20]] {
        let pages = pages(weights);
        let mut counts = vec![0_u32; weights.len()];
        for visitor in 0..VISITORS {
            counts[usize::try_from(dealt(&pages, visitor)).unwrap()] += 1;
        }
        let total: u32 = weights.iter().sum();
        for (count, weight) in counts.iter().zip(weights) {
            let share = f64::from(*weight) / f64::from(total);
            let expected = 100_000.0 * share;
            // Five standard deviations; the visitors are fixed, so this holds always or never.
            let bound = 5.0 * (expected * (1.0 - share)).sqrt();
            assert!((f64::from(*count) - expected).abs() <= bound, "{weights:?}: {counts:?}");
        }
    }
}

#[test]
fn the_same_visitor_is_dealt_the_same_page_on_every_machine_and_by_every_release() {
    let pages = pages(&[1, 2, 3, 4]);
    let dealt: Vec<_> = (0..24).map(|visitor| dealt(&pages, visitor)).collect();
    assert_eq!(dealt, [2, 1, 2, 3, 3, 3, 3, 1, 1, 2, 2, 1, 2, 2, 3, 3, 3, 3, 1, 3, 1, 3, 2, 1]);
    assert_eq!(mix(0), 0xE220_A839_7B1D_CDAF, "the first number of SplitMix64 with seed 0");
}

#[test]
fn pages_of_one_weight_are_dealt_as_by_their_scores() {
    for (count, weight) in [(2, 1), (3, 70), (20, 5)] {
        let pages = pages(&vec![weight; count]);
        assert!(pages.is_even);
        let scored = Pages { is_even: false, ..self::pages(&vec![weight; count]) };
        for visitor in 0..20_000 {
            assert_eq!(dealt(&pages, visitor), dealt(&scored, visitor), "{count} pages");
        }
    }
    assert!(![&[1, 2][..], &[0, 0], &[1, 1, 0], &[0, 1]].iter().any(|weights| pages(weights).is_even));
}

#[test]
fn two_offers_deal_the_same_visitors_independently() {
    let first = pages(&[1, 1]);
    let second = Pages { offer: OfferId::new(8).unwrap(), ..pages(&[1, 1]) };
    let equal = (0..10_000).filter(|visitor| dealt(&first, *visitor) == dealt(&second, *visitor)).count();
    assert!((4_750..5_250).contains(&equal), "{equal}");
}

#[test]
fn the_logarithm_is_right_to_twelve_digits() {
    for bits in 0..100_000_u64 {
        let value = unit(mix(bits));
        assert!(value > 0.0 && value < 1.0);
        let right = value.ln();
        assert!((ln(value) - right).abs() <= 1e-12 * right.abs().max(1e-3), "{value}: {} {right}", ln(value));
    }
    let (least, most) = (unit(0), unit(u64::MAX));
    assert!(least > 0.0 && most < 1.0 && ln(least) < -36.0 && ln(most) < 0.0);
}

proptest! {
    #[test]
    fn a_change_moves_visitors_only_to_or_from_the_page_that_changed(
        weights in proptest::collection::vec(0_u32..=100, 2..8), added in 1_u32..=100, place in 1_usize..8,
        visitors in proptest::collection::vec(any::<u64>(), 200),
    ) {
        let before = pages(&weights);
        let mut more = weights.clone();
        more.push(added);
        let with_new = pages(&more);
        let new = i64::try_from(weights.len()).unwrap();
        let mut raised = weights.clone();
        let place = place % weights.len();
        raised[place] += added;
        let with_raised = pages(&raised);
        for visitor in visitors {
            let (old, now) = (dealt(&before, visitor), dealt(&with_new, visitor));
            let had_any = weights.iter().any(|weight| *weight > 0);
            prop_assert!(now == old || now == new);
            let now = dealt(&with_raised, visitor);
            prop_assert!(now == old || usize::try_from(now) == Ok(place) || !had_any);
        }
    }
}
