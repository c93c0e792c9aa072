use std::fs;

use hopline_listen::tls::{FILE_BYTES_MAX, TlsError, TlsFiles};

use crate::harness::{Folder, fixture, pair};

/// The error's text and those of its sources.
fn told(error: &TlsError) -> String {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(source) = next {
        text = format!("{text}: {source}");
        next = source.source();
    }
    text
}

#[test]
fn every_form_of_a_key_loads() {
    for key in ["first.key", "first.sec1.key"] {
        pair("first.pem", key).load().unwrap();
    }
}

#[test]
fn certificate_and_key_may_share_a_file_in_any_order() {
    let mut folder = Folder::new();
    let (certificate, key) =
        (fs::read(fixture("first.pem")).unwrap(), fs::read(fixture("first.key")).unwrap());
    for both in [[certificate.as_slice(), &key], [key.as_slice(), &certificate]] {
        folder.write("both.pem", &both.concat());
        let both = folder.path("both.pem");
        TlsFiles { certificate: both.clone(), key: both, ..folder.files() }.load().unwrap();
    }
}

#[test]
fn text_around_the_sections_and_windows_line_ends_do_not_matter() {
    let mut folder = Folder::new();
    let pem = fs::read_to_string(fixture("first.pem")).unwrap();
    let commented = format!("subject=CN = localhost\r\n{}", pem.replace('\n', "\r\n"));
    folder.write("tls.pem", commented.as_bytes());
    folder.files().load().unwrap();
}

#[test]
fn what_cannot_be_used_is_told_with_file_and_reason() {
    let mut folder = Folder::new();
    let der_of_nothing = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let key_of_nothing = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    let key = fs::read_to_string(fixture("first.key")).unwrap();
    let cut = key.replace("-----END PRIVATE KEY-----", "");
    let too_large = "x".repeat(usize::try_from(FILE_BYTES_MAX).unwrap() + 1);
    let written = [
        ("nothing.pem", der_of_nothing),
        ("nothing.key", key_of_nothing),
        ("empty", ""),
        ("cut.key", &cut),
        ("dashes.key", "-----BEGIN PRIVATE KEY---\n"),
        ("signs.key", "-----BEGIN PRIVATE KEY-----\n%%%%\n-----END PRIVATE KEY-----\n"),
        ("large.pem", &too_large),
    ];
    for (name, text) in written {
        folder.write(name, text.as_bytes());
    }
    for name in ["first.pem", "first.key", "second.key", "encrypted.key", "encrypted.sec1.key"] {
        folder.write(name, &fs::read(fixture(name)).unwrap());
    }
    fs::create_dir(folder.path("folder")).unwrap();
    let table = [
        ("missing.pem", "first.key", "cannot read missing.pem: No such file"),
        ("first.pem", "missing.key", "cannot read missing.key: No such file"),
        ("folder", "first.key", "cannot read folder: Is a directory"),
        ("large.pem", "first.key", "large.pem has more than 1048576 bytes"),
        ("empty", "first.key", "empty contains no certificate"),
        ("first.key", "first.key", "first.key contains no certificate"),
        (
            "nothing.pem",
            "first.key",
            "the first certificate in nothing.pem cannot be used: invalid peer certificate",
        ),
        ("first.pem", "empty", "empty contains no private key"),
        ("first.pem", "first.pem", "first.pem contains no private key"),
        ("first.pem", "nothing.key", "the private key in nothing.key is neither RSA, ECDSA"),
        ("first.pem", "cut.key", "cut.key is not in PEM form: a section has no END line"),
        (
            "first.pem",
            "dashes.key",
            "dashes.key is not in PEM form: a BEGIN line does not end in five dashes",
        ),
        ("first.pem", "signs.key", "signs.key is not in PEM form: a section is not Base64"),
        ("first.pem", "encrypted.key", "the private key in encrypted.key is encrypted"),
        ("first.pem", "encrypted.sec1.key", "the private key in encrypted.sec1.key is encrypted"),
        (
            "first.pem",
            "second.key",
            "the private key in second.key does not belong to the first certificate in first.pem",
        ),
    ];
    let prefix = format!("{}/", folder.path("").display().to_string().trim_end_matches('/'));
    for (certificate, key, expected) in table {
        let files =
            TlsFiles { certificate: folder.path(certificate), key: folder.path(key), ..folder.files() };
        let told = told(&files.load().unwrap_err()).replace(&prefix, "");
        assert!(told.starts_with(expected), "{certificate} and {key}: {told}");
    }
}

#[test]
fn an_error_tells_nothing_of_the_key() {
    let mut folder = Folder::new();
    let key = fs::read_to_string(fixture("first.key")).unwrap();
    let secret = key.lines().nth(1).unwrap();
    let broken = [
        key.replace("-----END", "----END"),
        key.replace("PRIVATE KEY-----\n", "PRIVATE KEY-----\n%"),
        format!("-----BEGIN {secret}\n{key}"),
    ];
    for text in broken {
        folder.write("tls.key", text.as_bytes());
        let error = folder.files().load().unwrap_err();
        assert!(!told(&error).contains(secret), "{error}");
        assert!(!format!("{error:?}").contains(secret), "{error:?}");
    }
}
