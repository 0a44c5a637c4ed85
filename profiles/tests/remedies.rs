//! How many rules have a remedy, and why the others have none: the list that a review of either reads first.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test that cannot be set up must stop, and tests read their own files"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;

use profiles::{Catalogue, Tailoring};

/// The benchmarks, and how many of the rules of level 2 on servers have a remedy at least.
const BENCHMARKS: [(&str, usize); 6] = [
    ("debian12", 430),
    ("debian13", 430),
    ("ubuntu2204", 430),
    ("ubuntu2404", 430),
    ("rhel8", 340),
    ("rhel9", 340),
];
const LIST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/by_hand.txt");

#[test]
fn what_has_no_remedy_is_listed_with_the_reason() {
    let catalogue = Catalogue::builtin().unwrap();
    let mut list = String::from("# Rules of level 2 on servers that are left to a person, and why.\n");
    for (benchmark, least) in BENCHMARKS {
        let profile = format!("cis-{benchmark}-l2-server");
        let mut controls = catalogue.resolve(&profile, &Tailoring::default()).unwrap();
        controls.retain(|control| !control.id().as_str().starts_with("review_"));
        let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for control in &controls {
            if let Some(why) = control.by_hand() {
                reasons.entry(why).or_default().push(control.id().as_str());
            }
        }
        let left: usize = reasons.values().map(Vec::len).sum();
        let mended = controls.len() - left;
        assert!(mended >= least, "{profile}: only {mended} of {} have a remedy", controls.len());
        writeln!(list, "\n{profile}: {mended} of {} rules have a remedy", controls.len()).unwrap();
        for (why, mut ids) in reasons {
            ids.sort_unstable();
            writeln!(list, "  {why}:").unwrap();
            ids.iter().for_each(|id| writeln!(list, "    {id}").unwrap());
        }
    }
    let known = std::fs::read_to_string(LIST).unwrap_or_default();
    if known != list {
        let new = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("by_hand.txt");
        std::fs::write(&new, &list).unwrap();
        panic!("{LIST} says otherwise; if the change is meant, copy {} there", new.display());
    }
}
