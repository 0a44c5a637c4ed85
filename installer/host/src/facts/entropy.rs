//! Random numbers: whether the generator is initialised, what feeds it, how fast it is.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use model::{State, Unread};
use rustix::io::Errno;
use rustix::rand::{GetRandomFlags, getrandom};

use super::tree::{Tree, processes};

/// How long the rate is measured.
const SPELL: Duration = Duration::from_millis(20);

/// Daemons that feed the generator, as the kernel cuts their names.
const FEEDERS: [&str; 4] = ["rngd", "haveged", "jitterentropy-r", "jitterentropy-rngd"];

/// Fields: `initialised` (a flag: `getrandom` does not block), `available` and `pool` in bits, `hardware` (the
/// source in use, or absent), `cpu` (words: `rdrand`, `rdseed`), `feeders` (words: running daemons), `rate` in
/// bytes a second (absent while not initialised).
///
/// Since kernel 5.18 the pool holds 256 bits and stays full once initialised; before, `available` goes up and
/// down, so little of it says nothing as long as the generator is initialised.
pub(super) fn read(tree: &Tree) -> Result<State, Unread> {
    let number = |path: &str| Ok::<_, Unread>(tree.line(path)?.and_then(|text| text.parse::<i64>().ok()));
    let initialised = initialised()?;
    let hardware = tree.line("/sys/class/misc/hw_random/rng_current")?;
    let running = processes(tree)?.into_iter().filter(|name| FEEDERS.contains(&name.as_str()));
    Ok(State::record([
        ("initialised", State::Flag(initialised)),
        ("available", State::from(number("/proc/sys/kernel/random/entropy_avail")?)),
        ("pool", State::from(number("/proc/sys/kernel/random/poolsize")?)),
        ("hardware", State::from(hardware.filter(|name| !name.is_empty() && name != "none"))),
        ("cpu", State::Words(cpu_sources(&tree.text("/proc/cpuinfo")?.unwrap_or_default()))),
        ("feeders", State::Words(running.collect())),
        ("rate", State::from(initialised.then(rate).transpose()?)),
    ]))
}

fn initialised() -> Result<bool, Unread> {
    match getrandom(&mut [0_u8; 1], GetRandomFlags::NONBLOCK) {
        Ok(_) => Ok(true),
        Err(Errno::AGAIN) => Ok(false),
        Err(error) => Err(Unread::Failed(format!("asking for random bytes: {error}"))),
    }
}

/// Bytes a second, over a short spell.
fn rate() -> Result<i64, Unread> {
    let mut buffer = [0_u8; 256];
    let (start, mut bytes) = (Instant::now(), 0_u128);
    while start.elapsed() < SPELL {
        let got = getrandom(&mut buffer, GetRandomFlags::NONBLOCK)
            .map_err(|error| Unread::Failed(format!("reading random bytes: {error}")))?;
        bytes += got as u128;
    }
    let spent = start.elapsed().as_nanos().max(1);
    Ok(i64::try_from(bytes * 1_000_000_000 / spent).unwrap_or(i64::MAX))
}

/// Instructions of the CPU that yield random numbers: x86 `rdrand` and `rdseed`, ARM `rng`.
fn cpu_sources(cpuinfo: &str) -> BTreeSet<String> {
    cpuinfo
        .lines()
        .filter_map(|line| line.split_once(':'))
        .filter(|(key, _)| matches!(key.trim(), "flags" | "Features"))
        .flat_map(|(_, flags)| flags.split_whitespace())
        .filter(|flag| matches!(*flag, "rdrand" | "rdseed" | "rng"))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn cpu_flags_are_words_not_fragments() {
        let words = |text| cpu_sources(text).into_iter().collect::<Vec<_>>().join(" ");
        assert_eq!(words("flags\t\t: fpu rdrand sse2 rdseed\nbugs\t: rdrandx\n"), "rdrand rdseed");
        assert_eq!(words("flags\t: fpu nordrand\nmodel name: rdrand\n"), "");
        assert_eq!(words("Features\t: fp asimd rng\n"), "rng");
    }

    #[test]
    fn a_running_machine_has_random_numbers() {
        let seen = read(&Tree::at(Path::new("/")).unwrap()).unwrap();
        assert_eq!(seen.get("initialised"), Some(&State::Flag(true)));
        assert!(seen.get("rate").and_then(State::as_int) > Some(100_000), "{seen}");
        assert!(seen.get("available").and_then(State::as_int) > Some(0), "{seen}");
    }
}
