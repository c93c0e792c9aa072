use super::*;
use proptest::prelude::*;

fn render(template: &Template, passed: &[u8], values: &[(Macro, &str)]) -> String {
    let mut out = Vec::new();
    template.render(&mut out, passed, |which, encoder| {
        if let Some((_, value)) = values.iter().find(|(known, _)| *known == which) {
            encoder.put(value.as_bytes());
        }
    });
    String::from_utf8(out).unwrap()
}

fn rendered(text: &str, parameter: Option<&str>) -> String {
    let values = [(Macro::ClickId, "CLICK"), (Macro::Sub(0), "a b&c=d#é"), (Macro::Sub(9), "ten")];
    render(&Template::compile(text, parameter).unwrap(), b"", &values)
}

#[test]
fn all_four_spellings_are_read_and_values_encoded() {
    for text in ["{sub1}", "[[sub1]]", "{{sub1}}", "{$sub1}"] {
        let url = rendered(&format!("https://shop.example/p?s={text}&t=1"), None);
        assert_eq!(url, "https://shop.example/p?s=a%20b%26c%3Dd%23%C3%A9&t=1", "{text}");
    }
    assert_eq!(
        rendered("https://a.example/{sub10}{sub1}/[[sub11]]", None),
        "https://a.example/tena%20b%26c%3Dd%23%C3%A9/"
    );
}

#[test]
fn the_click_id_is_appended_where_the_template_names_none() {
    let table = [
        ("https://a.example", "https://a.example/?hl_click=CLICK"),
        ("https://a.example/p?x=1", "https://a.example/p?x=1&hl_click=CLICK"),
        ("https://a.example/p?", "https://a.example/p?hl_click=CLICK"),
        ("https://a.example/p?x=1&", "https://a.example/p?x=1&hl_click=CLICK"),
        ("https://a.example/p?x={sub10}#top", "https://a.example/p?x=ten&hl_click=CLICK#top"),
        ("https://a.example/#/r?y=1", "https://a.example/?hl_click=CLICK#/r?y=1"),
        ("https://a.example/p?c={click_id}", "https://a.example/p?c=CLICK"),
        ("https://a.example/#c={click_id}", "https://a.example/#c=CLICK"),
    ];
    for (text, url) in table {
        assert_eq!(rendered(text, Some("hl_click")), url, "{text}");
    }
}

#[test]
fn passed_parameters_stand_before_the_fragment() {
    let template = Template::compile("https://a.example/p#f={sub10}", Some("hl_click")).unwrap();
    let url = render(&template, b"gclid=1&x=%20", &[(Macro::ClickId, "C")]);
    assert_eq!(url, "https://a.example/p?hl_click=C&gclid=1&x=%20#f=");
    let bare = Template::compile("https://a.example/{click_id}", Some("hl_click")).unwrap();
    assert_eq!(render(&bare, b"g=1", &[(Macro::ClickId, "C")]), "https://a.example/C?g=1");
}

#[test]
fn what_is_no_macro_is_kept_and_what_is_unknown_becomes_empty_with_a_warning() {
    assert_eq!(rendered("https://a.example/?j={\"a\":1}", None), "https://a.example/?j={%22a%22:1}");
    assert_eq!(rendered("https://a.example/?a={nope}&b={Click_Id}", None), "https://a.example/?a=&b=");
    assert_eq!(
        check_template("https://a.example/?a={nope}&b=[[sub0]]&c={sub1}"),
        Ok(vec![
            Warning::UnknownMacro { name: "nope".into() },
            Warning::UnknownMacro { name: "sub0".into() }
        ])
    );
}

#[test]
fn literal_text_is_kept_as_a_browser_would_send_it() {
    assert_eq!(
        rendered("https://MÜLLER.example/ä b\r\nX: y?q=ü", None),
        "https://xn--mller-kva.example/%C3%A4%20bX:%20y?q=%C3%BC"
    );
}

// S-22
#[test]
fn s_22_no_macro_may_choose_scheme_host_or_port() {
    for text in [
        "https://{sub1}/",
        "https://{sub1}.shop.example/",
        "https://shop.example{nope}/",
        "https://shop.example.[[sub1]]",
        "https://shop.example:{sub1}/",
        "https:{sub1}",
        "https:///{sub1}",
    ] {
        assert!(
            matches!(check_template(text), Err(TemplateError::MacroInHost { .. })),
            "{text}: {:?}",
            check_template(text)
        );
    }
    for text in [
        "{sub1}://shop.example/",
        "{sub1}",
        "{{source}}shop.example/",
        "javascript:alert({sub1})",
        "ftp://a.example/",
        "data:text/html,x",
    ] {
        assert!(
            matches!(
                check_template(text),
                Err(TemplateError::Scheme { .. } | TemplateError::Unparsable { .. })
            ),
            "{text}: {:?}",
            check_template(text)
        );
    }
    for text in [
        "https://user@shop.example/",
        "https://:pass@shop.example/",
        "https://{sub1}@shop.example/",
        "https://{sub1}:x@shop.example/",
    ] {
        assert!(matches!(check_template(text), Err(TemplateError::UserInfo { .. })), "{text}");
    }
    for text in ["", "/relative", "//a.example/", "http://a b.example/", "https://"] {
        assert!(matches!(check_template(text), Err(TemplateError::Unparsable { .. })), "{text}");
    }
    let long = format!("https://a.example/{}", "x".repeat(URL_BYTES_MAX));
    assert!(matches!(check_template(&long), Err(TemplateError::TooLong { .. })));
}

proptest! {
    #[test]
    fn no_value_changes_host_or_breaks_the_line(
        path in "[a-z/?&#=. {}\\[\\]$]{0,30}", value in ".{0,40}", passed in proptest::collection::vec(any::<u8>(), 0..30),
    ) {
        let text = format!("https://shop.example/{path}{{sub1}}");
        if let Ok(template) = Template::compile(&text, Some("hl_click")) {
            let mut safe = Vec::new();
            encode_query(&passed, &mut safe);
            let url = render(&template, &safe, &[(Macro::Sub(0), &value), (Macro::ClickId, "C")]);
            prop_assert!(url.bytes().all(|byte| (b'!'..=b'~').contains(&byte)), "{}", url);
            let parsed = Url::parse(&url).unwrap();
            prop_assert_eq!(parsed.host_str(), Some("shop.example"));
            prop_assert_eq!(parsed.scheme(), "https");
        }
    }

    #[test]
    fn no_text_makes_the_check_panic(text in "\\PC{0,60}") {
        drop(check_template(&text));
        drop(check_template(&format!("https://a.example/{text}")));
    }
}
