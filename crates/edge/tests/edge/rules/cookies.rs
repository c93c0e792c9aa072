//! Who gets the visitor's cookie, and whose cookie is looked at.

use super::*;

/// A TC string with consent to purpose 1, and one without.
const GIVEN: &str = "CAAAAAAAAAAAAAAAAAAAAAAAAIAAAAAAAAAAAAAA";
const DENIED: &str = "CAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

//
#[test]
fn r_05_a_cookie_is_set_as_offer_country_and_consent_allow() {
    let edge = edge(|_| ());
    let given = format!("?gdpr=1&gdpr_consent={GIVEN}");
    let denied = format!("?gdpr=1&gdpr_consent={DENIED}");
    let swapped = format!("?gdpr=1&gpp={GIVEN}&gpp_sid=2");
    let gpp_as_tc = format!("?gdpr=1&gdpr_consent={}", GIVEN.replacen('C', "D", 1));
    let table: [(CookieMode, &str, &str, bool); 15] = [
        (CookieMode::Always, "", SWEDEN, true),
        (CookieMode::Always, &denied, SWEDEN, true),
        (CookieMode::Always, "", LONDON, false),
        (CookieMode::Always, "?gdpr=0", LONDON, false),
        (CookieMode::Always, "", NOWHERE, true),
        (CookieMode::Consent, "", SWEDEN, false),
        (CookieMode::Consent, "?gdpr=0", SWEDEN, true),
        (CookieMode::Consent, "?gdpr=1", SWEDEN, false),
        (CookieMode::Consent, &given, SWEDEN, true),
        (CookieMode::Consent, &given, LONDON, false),
        (CookieMode::Consent, &denied, SWEDEN, false),
        (CookieMode::Consent, &swapped, SWEDEN, false),
        (CookieMode::Consent, &gpp_as_tc, SWEDEN, false),
        (CookieMode::Never, "?gdpr=0", SWEDEN, false),
        (CookieMode::Never, &given, NOWHERE, false),
    ];
    for (mode, query, address, is_set) in table {
        edge.catalogue.store(Arc::new(compiled(|data| {
            rules(data, 1).cookies = mode;
            rules(data, 1).cookieless_countries = vec!["GB".into()];
        })));
        // A day later everybody is new.
        edge.clock.advance(2 * 86_400_000);
        let answer = edge.get(&format!("/abc1234{query}"), &from(address, BROWSER));
        assert_eq!(answer.cookie().is_some(), is_set, "{mode:?} {query} {address}");
    }
    let stopped = edge.stop();
    for (click, (mode, query, address, is_set)) in stopped.clicks().into_iter().zip(table) {
        assert_eq!(verdict(click), Verdict::UNIQUE, "counted either way");
        assert_eq!(click.visitor_key != click.pseudonym, is_set, "{mode:?} {query} {address}");
    }
}

//
#[test]
fn r_04_where_no_cookie_may_be_set_one_that_is_brought_says_nothing() {
    let edge = edge(|data| rules(data, 1).cookies = CookieMode::Never);
    let with = |number: u64, address| {
        let cookie = cookie(number);
        let fields = [from(address, BROWSER), vec![("Cookie", cookie.as_str())]].concat();
        edge.verify(edge.get("/abc1234", &fields).parameter("c")).verdict
    };
    assert_eq!(with(1, SWEDEN), Verdict::UNIQUE);
    assert_eq!(with(2, SWEDEN), Verdict::DUPLICATE, "the same browser with another cookie");
    assert_eq!(with(1, LONDON), Verdict::UNIQUE, "another browser with the same cookie");
    let stopped = edge.stop();
    for click in stopped.clicks() {
        assert!(has(click, Flags::NO_COOKIE) && click.pseudonym != 0, "{click:?}");
        assert_eq!(click.visitor_key, click.pseudonym);
    }
}

//
#[test]
fn r_05_consent_strings_are_stored_and_handed_on_as_they_came() {
    let edge = edge(|_| ());
    let sent = format!("gdpr=1&gdpr_consent={GIVEN}.YAAA&gpp=DBABMA~CPXx-_A.YA~1YNN&gpp_sid=2,6");
    let landing = edge.visit(&format!("/signed1?sub1=x&{sent}&gclid=1"));
    let token = landing.parameter("hl_click");
    assert_eq!(landing.location(), format!("https://shop.example/?hl_click={token}&{sent}"));
    let deep = edge.visit(&format!("/abc1234?{sent}&url=https://shop.example/x%3Fy%3D1%23top"));
    let token = deep.parameter("hl_click");
    assert_eq!(deep.location(), format!("https://shop.example/x?y=1&hl_click={token}&{sent}#top"));
    // Escapes stay as they came too.
    let escaped = "gpp_sid=2%2C6";
    assert!(edge.visit(&format!("/signed1?{escaped}")).location().ends_with(escaped));
    assert!(
        edge.visit(&format!("/abc1234?{escaped}&url=https://shop.example/")).location().ends_with(escaped)
    );
    let stopped = edge.stop();
    let found: Vec<_> = stopped.clicks().into_iter().map(|click| click.consent.as_str()).collect();
    assert_eq!(found, [&sent, &sent, escaped, escaped]);
}
