use proptest::prelude::*;

use super::*;

// C-12
#[test]
fn c_12_no_browser_is_flagged_and_all_others_but_two_at_most_are() {
    let fixture: serde_json::Value =
        serde_json::from_str(include_str!("../../tests/fixtures/user_agents.json")).unwrap();
    let agents = UserAgents::built_in();
    let (mut bots, mut missed) = (0, Vec::new());
    for case in fixture["cases"].as_array().unwrap() {
        let text = case["user_agent"].as_str().unwrap();
        let bot = agents.read(text.as_bytes()).bot;
        if case["expect_bot"] == false {
            assert!(!bot, "a browser was flagged: {text}");
            continue;
        }
        bots += 1;
        if !bot {
            missed.push(text);
        }
    }
    assert!(bots > 60);
    assert!(missed.len() <= 2, "missed: {missed:#?}");
}

#[test]
fn a_telephone_named_cubot_is_no_bot_but_a_bot_on_it_is() {
    let agents = UserAgents::built_in();
    let phone =
        "Mozilla/5.0 (Linux; Android 12; CUBOT X50) AppleWebKit/537.36 Chrome/120.0.0.0 Mobile Safari/537.36";
    assert!(!agents.read(phone.as_bytes()).bot);
    assert!(agents.read(format!("{phone} Googlebot/2.1").as_bytes()).bot);
}

#[test]
fn nothing_and_bytes_that_are_no_text_are_tools() {
    let agents = UserAgents::built_in();
    assert!(agents.read(b"").bot);
    assert!(agents.read(b"  ").bot);
    assert!(agents.read(b"\xff\xfe").bot);
}

#[test]
fn common_browsers_are_told_apart() {
    let agents = UserAgents::built_in();
    let table = [
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0",
            Device::Desktop,
            "Windows",
            "Edge",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
            Device::Desktop,
            "Windows",
            "Chrome",
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Safari/605.1.15",
            Device::Desktop,
            "macOS",
            "Safari",
        ),
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0",
            Device::Desktop,
            "Linux",
            "Firefox",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
            Device::Mobile,
            "iOS",
            "Safari",
        ),
        (
            "Mozilla/5.0 (Linux; Android 13; SAMSUNG SM-A536B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36",
            Device::Mobile,
            "Android",
            "Samsung Internet",
        ),
        (
            "Mozilla/5.0 (Linux; Android 13; SM-X700) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/121.0.0.0 Safari/537.36",
            Device::Tablet,
            "Android",
            "Chrome",
        ),
        ("Mozilla/5.0 (Unknown)", Device::Unknown, "Other", "Other"),
    ];
    for (text, device, os, browser) in table {
        assert_eq!(agents.read(text.as_bytes()), UserAgent { bot: false, device, os, browser }, "{text}");
    }
}

#[test]
fn a_wrong_line_of_a_list_is_named() {
    let error = UserAgents::from_list("browser Mozilla/\n\nbots x\n").unwrap_err();
    assert!(error.to_string().starts_with("line 3 of the user agent list is \"bots x\""), "{error}");
}

#[test]
fn systems_and_browsers_have_the_names_of_reports() {
    let agents = UserAgents::built_in();
    let table = [
        (
            "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
            (Device::Desktop, "ChromeOS", "Chrome"),
        ),
        (
            "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0",
            (Device::Desktop, "Linux", "Firefox"),
        ),
        (
            "Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/126.0.6478.54 Mobile/15E148 Safari/604.1",
            (Device::Tablet, "iOS", "Chrome"),
        ),
        (
            "Mozilla/5.0 (Android 14; Mobile; rv:133.0) Gecko/133.0 Firefox/133.0",
            (Device::Mobile, "Android", "Firefox"),
        ),
        (
            "Mozilla/5.0 (Linux; Android 10; HD1913) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.6778.81 Mobile Safari/537.36 EdgA/131.0.2903.48",
            (Device::Mobile, "Android", "Edge"),
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 OPR/116.0.0.0",
            (Device::Desktop, "Windows", "Opera"),
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/22B83 [FBAN/FBIOS;FBAV/489.0.0.0.0;FBBV/1;FBDV/iPhone15,2]",
            (Device::Mobile, "iOS", "Facebook"),
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko",
            (Device::Desktop, "Windows", "Internet Explorer"),
        ),
        (
            "Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/94.0.4606.128 Safari/537.36 WebAppManager",
            (Device::Tv, "webOS", "Chrome"),
        ),
        (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Vivaldi/7.0.3495.11",
            (Device::Desktop, "Linux", "Vivaldi"),
        ),
    ];
    for (text, (device, os, browser)) in table {
        assert_eq!(agents.read(text.as_bytes()), UserAgent { bot: false, device, os, browser }, "{text}");
    }
}

// Sixteen KiB made of the rules' own words: one second for forty of them would be four hundred times too slow.
#[test]
fn a_hostile_user_agent_is_read_in_bounded_time() {
    let agents = UserAgents::built_in();
    let words =
        "Mozilla/5.0 (Linux; Android 4.4; Opera Mini; (HbbTV/1.1.1 ( ;LG ; UCBrowser/9 Symphony 1.0 Nokia5 ";
    let texts = [
        words.repeat(170),
        format!("Mozilla/5.0 {}", "(".repeat(16_384)),
        format!("Mozilla/5.0 {}", "Android ".repeat(2048)),
        format!("Mozilla/5.0 {}", "a".repeat(16_384)),
    ];
    let started = std::time::Instant::now();
    for _ in 0..10 {
        for text in &texts {
            assert!(!agents.read(text.as_bytes()).bot);
        }
    }
    let took = started.elapsed();
    assert!(took < std::time::Duration::from_secs(1), "{took:?}");
}

proptest! {
    #[test]
    fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let agents = UserAgents::built_in();
        let _bare = agents.read(&bytes);
        let browser = agents.read(&[b"Mozilla/5.0 (", &bytes[..]].concat());
        prop_assert_eq!(browser.bot, browser.os.is_empty());
    }

    #[test]
    fn any_text_of_familiar_words_is_read(
        words in proptest::collection::vec("(Android|Windows NT|Version|Opera|Mobile|[;/( )]|[0-9.]{1,6}|\\PC{0,8})", 0..60),
    ) {
        let browser = UserAgents::built_in().read(format!("Mozilla/5.0 {}", words.concat()).as_bytes());
        prop_assert_eq!(browser.bot, browser.os.is_empty());
    }
}
