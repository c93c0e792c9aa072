//! The clicks that every server gets: the same in all rows.
//!
//! Codes are taken in a scattered order, `sub1` is new each time, the headers are those of a navigation by one of four
//! browsers that came through a proxy, each from an address of its own. Nobody brings a cookie: the dearest kind of
//! click, a first visit.

/// What follows the code and `?sub1=nNUMBER` in a request; the address behind the last colon is missing.
pub const HEADS: [&str; 4] = [
    concat!(
        " HTTP/1.1\r\nHost: go.example\r\nConnection: keep-alive\r\n",
        "sec-ch-ua: \"Google Chrome\";v=\"143\", \"Chromium\";v=\"143\", \"Not A(Brand\";v=\"24\"\r\n",
        "sec-ch-ua-mobile: ?0\r\nsec-ch-ua-platform: \"Windows\"\r\nUpgrade-Insecure-Requests: 1\r\n",
        "User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) ",
        "Chrome/143.0.0.0 Safari/537.36\r\n",
        "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n",
        "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-User: ?1\r\n",
        "Sec-Fetch-Dest: document\r\nReferer: https://blog.example/\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n",
        "Accept-Language: en-US,en;q=0.9\r\nX-Forwarded-For: "
    ),
    concat!(
        " HTTP/1.1\r\nHost: go.example\r\nConnection: keep-alive\r\n",
        "sec-ch-ua: \"Google Chrome\";v=\"142\", \"Chromium\";v=\"142\", \"Not_A Brand\";v=\"99\"\r\n",
        "sec-ch-ua-mobile: ?1\r\nsec-ch-ua-platform: \"Android\"\r\nUpgrade-Insecure-Requests: 1\r\n",
        "User-Agent: Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) ",
        "Chrome/142.0.0.0 Mobile Safari/537.36\r\n",
        "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n",
        "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-User: ?1\r\n",
        "Sec-Fetch-Dest: document\r\nReferer: https://magazine.example/\r\n",
        "Accept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: pt-BR,pt;q=0.9,en;q=0.8\r\nX-Forwarded-For: "
    ),
    concat!(
        " HTTP/1.1\r\nHost: go.example\r\nSec-Fetch-Dest: document\r\n",
        "User-Agent: Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 ",
        "(KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1\r\n",
        "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n",
        "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nAccept-Language: de-DE,de;q=0.9\r\n",
        "Priority: u=0, i\r\nReferer: https://search.example/\r\nAccept-Encoding: gzip, deflate, br\r\n",
        "Connection: keep-alive\r\nX-Forwarded-For: "
    ),
    concat!(
        " HTTP/1.1\r\nHost: go.example\r\n",
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0\r\n",
        "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n",
        "Accept-Language: fr,fr-FR;q=0.8,en-US;q=0.5,en;q=0.3\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n",
        "Connection: keep-alive\r\nReferer: https://deals.example/\r\nUpgrade-Insecure-Requests: 1\r\n",
        "Sec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Site: cross-site\r\n",
        "Sec-Fetch-User: ?1\r\nPriority: u=0, i\r\nX-Forwarded-For: "
    ),
];

/// Appends a click on one of the links.
pub fn write(number: u32, links: u32, out: &mut Vec<u8>) {
    let scattered = u64::from(number) * 7919 % u64::from(links.max(1));
    let code = crate::subject::code(u32::try_from(scattered).unwrap_or_default());
    let head = HEADS.iter().cycle().nth(usize::try_from(number % 4).unwrap_or_default()).unwrap_or(&HEADS[0]);
    let address = address(number);
    out.extend_from_slice(format!("GET /{code}?sub1=n{number}{head}{address}\r\n\r\n").as_bytes());
}

/// Where a visitor comes from: addresses from 1.0.0.0 to 99.255.255.255 in scattered order.
fn address(number: u32) -> std::net::Ipv4Addr {
    let scattered = u64::from(number) * 519_001 % (99 << 24);
    std::net::Ipv4Addr::from_bits(u32::try_from(scattered).unwrap_or_default() + (1 << 24))
}
