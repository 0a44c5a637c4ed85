//! Every target over its corpus, over inputs near to it, and over bytes without sense.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test that cannot be set up must stop")]

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use targets::{TARGETS, Target};

fn corpus(target: &Target) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus").join(target.name);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

#[test]
fn corpora_are_taken() {
    for target in TARGETS {
        let corpus = corpus(target);
        assert!(!corpus.is_empty(), "{} has no corpus", target.name);
        corpus.iter().for_each(|bytes| (target.run)(bytes));
    }
}

/// A seed with one stretch of it replaced.
fn near(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let seed = prop::sample::select(seeds);
    let sense = prop::sample::select(vec![
        "\n",
        "=",
        " ",
        "\"",
        "\\\n",
        "#",
        "{",
        "}",
        "@include x",
        "Match all",
        "\0",
        "\u{e9}",
    ]);
    let other = prop_oneof![
        sense.prop_map(|text| text.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..8)
    ];
    (seed, any::<prop::sample::Index>(), 0_usize..12, other).prop_map(|(mut seed, at, cut, other)| {
        let start = at.index(seed.len() + 1);
        let end = (start + cut).min(seed.len());
        seed.splice(start..end, other);
        seed
    })
}

#[test]
fn inputs_near_the_corpora_are_taken() {
    for target in TARGETS {
        let mut seeds = corpus(target);
        seeds.push(Vec::new());
        let mut runner =
            TestRunner::new(Config { cases: 128, failure_persistence: None, ..Config::default() });
        let taken = runner.run(&near(seeds), |bytes| {
            (target.run)(&bytes);
            Ok(())
        });
        taken.unwrap_or_else(|error| panic!("{}: {error}", target.name));
    }
}
