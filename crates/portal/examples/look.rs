//! Serves the portal over a made-up network, to look at it:
//! `cargo run -p hopline-portal --example look -- 127.0.0.1:8099`.
//! Users: ops, finance, acme, blog @example.com; `empty` as second argument leaves the network without clicks.

#![allow(
    clippy::unwrap_used,
    dead_code,
    reason = "a tool for people who build pages, over the tests' network"
)]
#![expect(clippy::print_stdout, reason = "says where it listens")]

#[path = "../tests/portal/network.rs"]
mod network;

use hopline_runtime::clock::Clock;
use hopline_types::{HOUR_MS, MINUTE_MS, Verdict};
use network::{Network, bot};

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:8099".into());
    let is_empty = arguments.next().as_deref() == Some("empty");
    let mut network = Network::new(Clock::System).await;
    if !is_empty {
        fill(&mut network).await;
    }
    let state = hopline_portal::PortalState::new(network.services.clone(), &format!("http://{address}"));
    let listener = tokio::net::TcpListener::bind(&address).await.unwrap();
    println!("http://{address}, password {}", network::PASSWORD);
    axum::serve(listener, hopline_portal::router(state)).await.unwrap();
}

async fn fill(network: &mut Network) {
    let now = network.services.clock.now();
    let mut order = 1_000;
    let mut seed = 12_345_u64;
    let mut next = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    for hours_ago in (0..14 * 24).rev() {
        let at = now.plus(-hours_ago * HOUR_MS - 2 * MINUTE_MS);
        let hour = at.get() / HOUR_MS % 24;
        let busy = [3, 2, 1, 1, 1, 2, 4, 7, 9, 10, 11, 12, 13, 12, 11, 11, 12, 14, 17, 19, 18, 14, 9, 5];
        let busy = busy[usize::try_from(hour).unwrap()];
        for _ in 0..2 {
            let (offer, affiliate) = (usize::try_from(next(4)).unwrap(), usize::try_from(next(4)).unwrap());
            let weight = [4, 2, 3, 1][offer] * [5, 3, 2, 1][affiliate];
            let click =
                network.clicks(offer, affiliate, at, 1 + busy * weight / 3 + next(9), Verdict::UNIQUE).await;
            network.clicks(offer, affiliate, at, 1 + next(4), Verdict::DUPLICATE).await;
            network.clicks(offer, affiliate, at, 1 + next(3 + busy / 3), bot()).await;
            if next(30) < busy {
                order += 1;
                let amount = format!("{}.{:02}", 19 + next(140), next(100));
                let amount = if offer % 2 == 0 { amount.as_str() } else { "" };
                network.conversion(offer, &click, &format!("A-{order}"), amount, at.plus(MINUTE_MS)).await;
            }
        }
    }
}
