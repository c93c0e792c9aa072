//! The seeds of the fuzz targets, and 200 mutations of each, through the targets' functions: what `cargo fuzz` found or
//! would look at first, with every run of the tests. The mutations follow from a fixed number and the file's name.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use hopline_tests::Random;
use hopline_tests::fuzz::TARGETS;

const MUTATIONS: usize = 200;

fn fuzz_dir() -> PathBuf {
    Path::new(&std::env::var("CARGO_MANIFEST_DIR").expect("cargo says it")).join("fuzz")
}

/// The names in a folder, sorted.
fn names(folder: &Path) -> BTreeSet<String> {
    let entries = folder.read_dir().unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("names are text")).collect()
}

/// The seeds of a target by name.
fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = fuzz_dir().join("corpus").join(target);
    let read = |name: String| (name.clone(), std::fs::read(folder.join(name)).expect("a seed can be read"));
    names(&folder).into_iter().map(read).collect()
}

fn index(random: &mut Random, bound: usize) -> usize {
    let bound = u64::try_from(bound.max(1)).expect("lengths fit 64 bits");
    usize::try_from(random.below(bound)).expect("it is below a length")
}

fn byte(random: &mut Random) -> u8 {
    u8::try_from(random.below(256)).expect("it is below 256")
}

/// Changes like those that the engine makes: bits, bytes, numbers at their ends, stretches cut, doubled, taken from
/// another seed.
fn mutate(bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    const ENDS: [&[u8]; 6] = [&[0; 4], &[0xff; 4], &[0, 0, 0, 0x80], &[0xff; 8], b"\r\n", b"%0d"];
    for _ in 0..=random.below(3) {
        let at = index(random, bytes.len() + 1);
        let length = index(random, 9).min(bytes.len() - at);
        match random.below(8) {
            0 | 1 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            2 if at < bytes.len() => bytes[at] = byte(random),
            3 => bytes.insert(at, byte(random)),
            4 => drop(bytes.drain(at..at + length)),
            5 => {
                let copied = bytes[at..at + length].to_vec();
                bytes.splice(at..at, copied);
            }
            6 => {
                let end = ENDS[index(random, ENDS.len())];
                let upto = bytes.len().min(at + end.len());
                bytes.splice(at..upto, end.iter().copied());
            }
            7 => {
                let from = index(random, other.len() + 1);
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
            _ => (),
        }
    }
}

/// The inputs that a seed gives: itself first.
fn inputs(seed: &[u8], others: &[(String, Vec<u8>)], number: u64) -> impl Iterator<Item = Vec<u8>> {
    let mut random = Random::new(number);
    let mutations = (0..MUTATIONS).map(move |_| {
        let mut bytes = seed.to_vec();
        mutate(&mut bytes, &others[index(&mut random, others.len())].1, &mut random);
        bytes
    });
    std::iter::once(seed.to_vec()).chain(mutations)
}

fn every_seed_passes(name: &str) {
    let (_, target) = TARGETS.into_iter().find(|(known, _)| *known == name).expect("it is a target");
    let seeds = seeds(name);
    assert!(seeds.len() >= 10, "{name} has {} seeds", seeds.len());
    for (file, seed) in &seeds {
        let number = file.bytes().fold(1, |number: u64, byte| number.wrapping_mul(31) + u64::from(byte));
        for input in inputs(seed, &seeds, number) {
            let outcome = catch_unwind(AssertUnwindSafe(|| target(&input)));
            assert!(outcome.is_ok(), "{name}, from seed {file}: b\"{}\"", input.escape_ascii());
        }
    }
}

/// One test per target, so that they run side by side and a failure has a name.
macro_rules! targets {
    ($($name:ident)*) => {
        $(#[test] fn $name() { every_seed_passes(stringify!($name)); })*
        const TESTED: &[&str] = &[$(stringify!($name)),*];
    };
}

targets! {
    catalogue cidr click_id click_query config consent dead_letters deep_link fetch_fields money places postback
    proxy_header record referrer report_query request_head segment shipped_mark template user_agent visitor_cookie
}

#[test]
fn every_target_is_tested_fuzzed_and_seeded() {
    let known: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let tested: BTreeSet<String> = TESTED.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(tested, known);
    assert_eq!(names(&fuzz_dir().join("corpus")), known);
    let files = names(&fuzz_dir().join("fuzz_targets"));
    let fuzzed: BTreeSet<String> =
        files.iter().map(|file| file.strip_suffix(".rs").unwrap().to_owned()).collect();
    assert_eq!(fuzzed, known);
    let manifest = std::fs::read_to_string(fuzz_dir().join("Cargo.toml")).unwrap();
    for name in known {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name} is not in the fuzz package");
    }
}

// Were all of them refused at once, the tests above would prove little.
#[test]
fn mutated_records_are_read_as_often_as_refused() {
    let (mut read, mut refused) = (0, 0);
    let seeds = seeds("record");
    for (_, seed) in &seeds {
        for input in inputs(seed, &seeds, 1) {
            let Some((kind, payload)) = input.split_first() else { continue };
            let outcome = hopline_record::Record::decode(*kind, payload);
            *(if outcome.is_ok() { &mut read } else { &mut refused }) += 1;
        }
    }
    assert!(read > 1000 && refused > 1000, "{read} read, {refused} refused");
}
