//! One program for every target: `GROUNDFAST_FUZZ` names the one to drive.

#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use targets::{Target, named};

static TARGET: OnceLock<&Target> = OnceLock::new();

fuzz_target!(|bytes: &[u8]| {
    let target = TARGET.get_or_init(|| {
        let name = std::env::var("GROUNDFAST_FUZZ").expect("GROUNDFAST_FUZZ names the target");
        named(&name).expect("a target of that name")
    });
    (target.run)(bytes);
});
