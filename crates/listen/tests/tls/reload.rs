use std::fs;
use std::os::unix::fs::symlink;
use std::sync::Arc;

use hopline_listen::tls::{Checked, Reloader, TlsError, TlsFiles};

use crate::harness::{BOTH, Folder, certificate, client_config, connected, fixture, shown, talk};

/// The fixture that a new connection is shown.
async fn shown_now(reloader: &Reloader) -> &'static str {
    let client_config = Arc::new(client_config(&BOTH, &[b"http/1.1"]));
    let (_server, client) = connected(reloader.current(), client_config).await;
    let shown = shown(&client);
    ["first.pem", "second.pem"].into_iter().find(|name| certificate(name) == shown).unwrap()
}

#[tokio::test]
async fn new_connections_get_the_new_certificate_and_old_ones_live_on() {
    let mut folder = Folder::new();
    let reloader = Reloader::open(folder.files()).unwrap();
    let client_config = Arc::new(client_config(&BOTH, &[b"http/1.1"]));
    let (mut old_server, mut old_client) = connected(reloader.current(), client_config).await;
    assert_eq!(shown(&old_client), certificate("first.pem"));

    folder.install("second");
    assert_eq!(shown_now(&reloader).await, "first.pem", "nobody has looked yet");
    assert_eq!(reloader.check().unwrap(), Checked::Reloaded);
    assert_eq!(shown_now(&reloader).await, "second.pem");
    talk(&mut old_server, &mut old_client).await;
}

#[tokio::test]
async fn files_that_stay_are_not_loaded_again() {
    let mut folder = Folder::new();
    let reloader = Reloader::open(folder.files()).unwrap();
    let before = reloader.current();
    assert_eq!(reloader.check().unwrap(), Checked::Unchanged);
    assert!(Arc::ptr_eq(&before, &reloader.current()));
    folder.install("first");
    assert_eq!(reloader.check().unwrap(), Checked::Reloaded, "written again, if with the same content");
    assert_eq!(reloader.check().unwrap(), Checked::Unchanged);
}

#[tokio::test]
async fn broken_files_keep_the_old_certificate_until_they_are_repaired() {
    let mut folder = Folder::new();
    let reloader = Reloader::open(folder.files()).unwrap();
    let second = fs::read(fixture("second.pem")).unwrap();
    let half = &second[..second.len() / 2];
    for broken in [half, b"", b"not a certificate"] {
        folder.write("tls.pem", broken);
        for _ in 0..2 {
            assert!(reloader.check().is_err(), "at every check, not only at the first");
        }
        assert_eq!(shown_now(&reloader).await, "first.pem");
    }
    fs::remove_file(folder.path("tls.pem")).unwrap();
    assert!(matches!(reloader.check(), Err(TlsError::Unreadable { .. })));
    assert_eq!(shown_now(&reloader).await, "first.pem");

    folder.install("second");
    assert_eq!(reloader.check().unwrap(), Checked::Reloaded);
    assert_eq!(shown_now(&reloader).await, "second.pem");
}

#[tokio::test]
async fn a_key_that_arrives_after_its_certificate_is_waited_for() {
    let mut folder = Folder::new();
    let reloader = Reloader::open(folder.files()).unwrap();
    folder.write("tls.pem", &fs::read(fixture("second.pem")).unwrap());
    assert!(matches!(reloader.check(), Err(TlsError::Mismatch { .. })));
    assert_eq!(shown_now(&reloader).await, "first.pem");
    folder.write("tls.key", &fs::read(fixture("second.key")).unwrap());
    assert_eq!(reloader.check().unwrap(), Checked::Reloaded);
    assert_eq!(shown_now(&reloader).await, "second.pem");
}

#[tokio::test]
async fn a_link_that_points_elsewhere_is_a_replaced_file() {
    let folder = Folder::new();
    let files =
        TlsFiles { certificate: folder.path("live.pem"), key: folder.path("live.key"), ..folder.files() };
    symlink(fixture("first.pem"), &files.certificate).unwrap();
    symlink(fixture("first.key"), &files.key).unwrap();
    let reloader = Reloader::open(files.clone()).unwrap();
    for path in [&files.certificate, &files.key] {
        fs::remove_file(path).unwrap();
    }
    symlink(fixture("second.pem"), &files.certificate).unwrap();
    symlink(fixture("second.key"), &files.key).unwrap();
    assert_eq!(reloader.check().unwrap(), Checked::Reloaded);
    assert_eq!(shown_now(&reloader).await, "second.pem");
}

#[test]
fn a_reloader_is_shared_by_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Reloader>();
}
