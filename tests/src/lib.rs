//! What the stories over the real binary share.
//!
//! An [`Installation`] is a data directory with one small network in it, and a book of everything that clients were
//! told: clicks that were redirected, postbacks that were accepted. However often its server is killed meanwhile,
//! [`Installation::check`] holds the stores against that book (D-01, D-02).

mod clock;
pub mod fuzz;
mod installation;
mod kills;
mod network;
mod random;

pub use clock::FakeClock;
pub use installation::{Installation, Report};
pub use kills::{Kills, kill_again_and_again, seed};
pub use network::Network;
pub use random::Random;

/// Makes two tests of each story that takes a [`hopline_testkit::Backing`]: `over_files` and `over_servers`.
#[macro_export]
macro_rules! over_both {
    (async $($story:ident),+ $(,)?) => {
        mod over_files {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $story() {
                Box::pin(super::$story(hopline_testkit::Backing::Embedded)).await;
            })+
        }
        mod over_servers {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $story() {
                Box::pin(super::$story(hopline_testkit::Backing::servers())).await;
            })+
        }
    };
    ($($story:ident),+ $(,)?) => {
        mod over_files {
            $(#[test]
            fn $story() {
                super::$story(hopline_testkit::Backing::Embedded);
            })+
        }
        mod over_servers {
            $(#[test]
            fn $story() {
                super::$story(hopline_testkit::Backing::servers());
            })+
        }
    };
}
