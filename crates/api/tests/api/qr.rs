//! QR codes of links.

use hopline_types::Role;
use qrcode::{Color, EcLevel, QrCode};
use serde_json::json;

use crate::harness::{World, affiliate};

/// The pixels of a one-bit PNG, true where dark. What is not of that form panics; checksums are checked where the file
/// is written.
fn pixels(file: &[u8]) -> Vec<Vec<bool>> {
    assert_eq!(file[..8], *b"\x89PNG\r\n\x1a\n");
    let number =
        |at: usize| usize::try_from(u32::from_be_bytes(file[at..at + 4].try_into().unwrap())).unwrap();
    let (width, height) = (number(16), number(20));
    assert_eq!(file[24..29], [1, 0, 0, 0, 0], "one bit, greyscale");
    assert_eq!(file[37..41], *b"IDAT");
    let stream = &file[41..41 + number(33)];
    let (mut at, mut lines) = (2, Vec::<u8>::new());
    while at + 4 < stream.len() {
        let length = usize::from(u16::from_le_bytes(stream[at + 1..at + 3].try_into().unwrap()));
        lines.extend(&stream[at + 5..at + 5 + length]);
        at += 5 + length;
    }
    let rows = lines.chunks(width.div_ceil(8) + 1);
    let rows: Vec<Vec<bool>> = rows
        .map(|row| (0..width).map(|column| row[1 + column / 8] >> (7 - column % 8) & 1 == 0).collect())
        .collect();
    assert_eq!(rows.len(), height);
    rows
}

/// The modules in a picture of `size` pixels, found without knowing the code: the quiet zone is white all round, and
/// the finder pattern's upper edge is seven modules wide.
fn modules(pixels: &[Vec<bool>]) -> Vec<Vec<bool>> {
    let top = pixels.iter().position(|row| row.contains(&true)).unwrap();
    let left = pixels[top].iter().position(|dark| *dark).unwrap();
    let edge = pixels[top][left..].iter().take_while(|dark| **dark).count();
    let scale = edge / 7;
    assert_eq!(edge, scale * 7);
    let last = pixels.iter().rposition(|row| row.contains(&true)).unwrap();
    let side = (last + 1 - top) / scale;
    assert!(top >= 4 * scale && left >= 4 * scale, "four white modules around");
    (0..side).map(|y| (0..side).map(|x| pixels[top + y * scale][left + x * scale]).collect()).collect()
}

fn expected(url: &str, level: EcLevel) -> Vec<Vec<bool>> {
    let code = QrCode::with_error_correction_level(url, level).unwrap();
    let colors = code.to_colors();
    colors.chunks(code.width()).map(|row| row.iter().map(|color| *color == Color::Dark).collect()).collect()
}

#[tokio::test]
async fn the_png_holds_the_links_url_in_the_size_asked_for() {
    let world = World::furnished().await;
    let url = world.get("/v1/links/1").await.expect(200)["url"].as_str().unwrap().to_owned();
    for (query, size, level) in [
        ("", 512, EcLevel::M),
        ("?size=64&ec=L", 64, EcLevel::L),
        ("?size=1001&ec=Q", 1_001, EcLevel::Q),
        ("?size=2048&ec=H", 2_048, EcLevel::H),
    ] {
        let answer = world.get(&format!("/v1/links/1/qr.png{query}")).await;
        assert_eq!((answer.header("content-type"), answer.header("cache-control")), ("image/png", "private"));
        let pixels = pixels(&answer.bytes);
        assert!(pixels.len() == size && pixels.iter().all(|row| row.len() == size), "{query}");
        assert_eq!(modules(&pixels), expected(&url, level), "{query}");
    }
}

#[tokio::test]
async fn the_svg_holds_every_dark_module_of_the_url_on_its_domain() {
    let world = World::furnished().await;
    let link = json!({"offer_id": 1, "affiliate_id": 1, "domain_id": 1, "code": "spring"});
    world.post("/v1/links", &link).await.expect(201);
    let answer = world.get("/v1/links/2/qr.svg?ec=H").await;
    assert_eq!((answer.header("content-type"), answer.header("cache-control")), ("image/svg+xml", "private"));
    let text = String::from_utf8(answer.bytes).unwrap();
    assert!(text.starts_with("<?xml") && text.trim_end().ends_with("</svg>"));
    let dark = expected("https://go.blog.example/spring", EcLevel::H);
    let dark = dark.iter().flatten().filter(|dark| **dark).count();
    // One square per dark module: `M x y h w v w H x V y`, shapes of one path.
    let path = text.rsplit_once(" d=\"").unwrap().1.split('"').next().unwrap();
    assert_eq!(path.matches('M').count(), dark);
}

#[tokio::test]
async fn what_is_no_size_or_level_is_refused_and_another_tenants_link_is_not_found() {
    let world = World::furnished().await;
    let refused = world.get("/v1/links/1/qr.png?size=63&ec=X&colour=red").await.bad_fields(400);
    assert_eq!(refused, ["ec", "size", "colour"]);
    assert_eq!(world.get("/v1/links/1/qr.png?size=2049").await.bad_fields(400), ["size"]);
    assert_eq!(world.get("/v1/links/1/qr.svg?size=64").await.bad_fields(400), ["size"]);
    world.get("/v1/links/9/qr.png").await.problem(404);
    world.post("/v1/affiliates", &affiliate("Rival", "rival@example.com")).await.expect(201);
    let rival = world.key(Role::Affiliate, None, Some(2)).await;
    world.get_as(&rival, "/v1/links/1/qr.png").await.problem(404);
    let own = world.key(Role::Affiliate, None, Some(1)).await;
    assert_eq!(world.get_as(&own, "/v1/links/1/qr.svg").await.status.as_u16(), 200);
    // A long code of a long host has more modules than 64 pixels hold with their quiet zone.
    let host = format!("{}.example", ["a"; 60].join("."));
    world.post("/v1/domains", &json!({"host": host})).await.expect(201);
    let link = json!({"offer_id": 1, "affiliate_id": 1, "domain_id": 2, "code": "x".repeat(64)});
    world.post("/v1/links", &link).await.expect(201);
    assert_eq!(world.get("/v1/links/2/qr.png?size=64&ec=H").await.bad_fields(400), ["size"]);
    assert_eq!(world.get("/v1/links/2/qr.png?ec=H").await.status.as_u16(), 200);
}
