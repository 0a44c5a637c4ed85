//! The profile of Docker against the numbers of its benchmark.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up must stop")]

use std::collections::BTreeMap;

use profiles::{Catalogue, Tailoring};

/// The sections of CIS Docker v1.7 and how many recommendations each has.
const SECTIONS: [(&str, usize); 8] =
    [("1.1", 18), ("1.2", 2), ("2", 18), ("3", 24), ("4", 12), ("5", 32), ("6", 2), ("7", 9)];

#[test]
fn every_recommendation_has_one_control() {
    let catalogue = Catalogue::builtin().unwrap();
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for control in catalogue.resolve("cis-docker-l2", &Tailoring::default()).unwrap() {
        for reference in control.about().references.iter().map(ToString::to_string) {
            if let Some(number) = reference.strip_prefix("cis:") {
                found.entry(number.to_owned()).or_default().push(control.id().to_string());
            }
        }
    }
    let wanted =
        SECTIONS.iter().flat_map(|(section, count)| (1..=*count).map(move |n| format!("{section}.{n}")));
    for number in wanted {
        assert_eq!(found.remove(&number).map(|ids| ids.len()), Some(1), "{number}");
    }
    assert_eq!(found, BTreeMap::new(), "no number of the benchmark");
}
