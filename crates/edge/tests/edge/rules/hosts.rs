//! Hosts of links beside the edge's own.

use super::*;

fn domains(data: &mut CatalogueData) {
    data.advertisers
        .push(AdvertiserEntry { id: AdvertiserId::new(3).unwrap(), ..data.advertisers[1].clone() });
    data.advertisers[2].postback_token_sha256 = "ab".repeat(32);
    data.offers[5].advertiser_id = AdvertiserId::new(3).unwrap();
    data.affiliates.push(AffiliateEntry { id: affiliate(10), standing: Standing::Active });
    data.links.push(LinkEntry { affiliate_id: affiliate(10), ..link(20, "tenth10", 1) });
    let domain = |id: i64, host: &str| DomainEntry {
        id: DomainId::new(id).unwrap(),
        host: host.into(),
        affiliate_id: None,
        advertiser_id: None,
        default_url: None,
    };
    let own = Some("https://blog.example/start".to_owned());
    data.domains = vec![
        DomainEntry { affiliate_id: Some(affiliate(9)), default_url: own, ..domain(1, "go.blog.example") },
        DomainEntry { advertiser_id: Some(AdvertiserId::new(3).unwrap()), ..domain(2, "go.shop.example") },
        domain(3, "go.all.example"),
    ];
}

fn ask(edge: &Edge, host: &str, path: &str) -> Answer {
    let mut client = edge.client();
    client.raw(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {BROWSER}\r\n\r\n").as_bytes());
    client.answer(false).unwrap()
}

#[test]
fn a_host_answers_the_links_of_its_owner_only() {
    let edge = edge(domains);
    let table = [
        ("go.blog.example", "/abc1234", "shop.example"),
        ("go.blog.example", "/c?offer=1&aff=9", "shop.example"),
        ("go.blog.example", "/tenth10", "blog.example"),
        ("go.blog.example", "/c?offer=1&aff=10", "blog.example"),
        ("GO.Blog.Example:8443", "/abc1234", "shop.example"),
        ("GO.Blog.Example.:80", "/tenth10", "blog.example"),
        ("go.shop.example", "/open123", "shop.example"),
        ("go.shop.example", "/abc1234", ""),
        ("go.all.example", "/tenth10", "shop.example"),
        ("edge.example", "/tenth10", "shop.example"),
        ("127.0.0.1:8080", "/abc1234", "shop.example"),
    ];
    for (host, path, expected) in table {
        let answer = ask(&edge, host, path);
        let found = answer.header("location").map_or("", |url| url.split('/').nth(2).unwrap());
        assert_eq!(found, expected, "{host} {path}");
    }
    assert_eq!(edge.stop().clicks().len(), 7, "another owner's link is no click");
}

#[test]
fn unknown_paths_lead_to_the_hosts_own_page_and_elsewhere_nowhere() {
    let edge = edge(domains);
    for path in ["/", "/nothing", "/a/b?c=d", "/ab", "/c", "/c?offer=99&aff=9"] {
        let answer = ask(&edge, "go.blog.example", path);
        assert_eq!(answer.location(), "https://blog.example/start", "{path}");
        assert_eq!((answer.cookie(), answer.header("cache-control")), (None, Some("no-store")), "{path}");
        for host in ["go.all.example", "edge.example", ""] {
            assert_eq!(ask(&edge, host, path).status, 404, "{host} {path}");
        }
    }
    // What every host has.
    assert!(ask(&edge, "go.blog.example", "/robots.txt").body.starts_with(b"User-agent"));
    assert_eq!(ask(&edge, "go.blog.example", "/t.js").status, 200);
    assert_eq!(edge.stop().records.len(), 0);
}
