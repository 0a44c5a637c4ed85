use std::collections::{BTreeMap, BTreeSet};

use model::{Control, Demand, Node, Resource, State, Target, Verdict};

use super::{Catalogue, ProfileView};
use crate::testbed::{Machine, path};
use crate::{ResolveError, Tailoring};

const SMALL: &str = r#"version = 1

[variables.var_length]
title = "length"
type = "number"
default = 14

[variables.var_daemon]
title = "daemon"
type = "string"
default = "a"
options = ["a", "b"]

[[profile]]
id = "base"
title = "base"
select = ["level:one"]

[[profile]]
id = "strict"
title = "strict"
extends = "base"
select = ["cis:2"]
drop = ["length"]
set = { var_length = 20 }

[[control]]
id = "length"
title = "at least ${var_length} characters"
rationale = "why"
mend = "minlen = ${var_length}"
refs = { cis = ["1.1"] }
levels = ["one"]
probe = { kind = "setting", path = "/etc/x.conf", syntax = "key-value", key = "minlen", value = "$var_length", order = "at-least" }

[[control]]
id = "forward"
title = "no forwarding"
rationale = "why"
mend = "how"
refs = { cis = ["1.10"] }
levels = ["one"]
when = ["not package:docker-ce", "variable:var_daemon=a"]
probe = { kind = "sysctl", key = "net.ipv4.ip_forward", value = 0 }

[[control]]
id = "shadow"
title = "mode of shadow"
rationale = "why"
mend = "how"
refs = { cis = ["2.1"], nist = ["AC-3"] }
probe = { kind = "file", path = "/etc/shadow", mode = "0640" }
"#;

fn small() -> Catalogue {
    Catalogue::empty().with("small.toml", SMALL).unwrap()
}

fn ids(controls: &[Box<dyn Control>]) -> Vec<String> {
    controls.iter().map(|control| control.id().to_string()).collect()
}

fn only(selector: &str) -> Tailoring {
    Tailoring { only: vec![selector.to_owned()], ..Tailoring::default() }
}

fn set(name: &str, value: &str) -> Tailoring {
    Tailoring { set: BTreeMap::from([(name.to_owned(), value.to_owned())]), ..Tailoring::default() }
}

/// The complaint about the small profile with one text in it replaced.
fn complaint(old: &str, new: &str) -> String {
    assert!(SMALL.contains(old), "{old}");
    Catalogue::empty().with("small.toml", &SMALL.replacen(old, new, 1)).unwrap_err().to_string()
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let table = [
        ("version = 1", "version = 2", "small.toml:1:11: this build reads version 1"),
        (
            "version = 1",
            "version = 1\nextra = 2",
            "small.toml:2:1: unknown field `extra`, expected one of `version`",
        ),
        ("rationale", "rational", "small.toml:30:1: unknown field `rational`, expected one of"),
        ("rationale", "rational", "(did you mean `rationale`?)"),
        ("minlen\", value", "minlen\", valeu", "unknown field `valeu`"),
        ("minlen\", value", "minlen\", valeu", "small.toml:34:89"),
        ("minlen\", value", "minlen\", valeu", "did you mean `value`?"),
        ("kind = \"sysctl\"", "kind = \"sysclt\"", "unknown probe kind `sysclt`, expected one of "),
        ("kind = \"sysctl\"", "kind = \"sysclt\"", "did you mean `sysctl`?"),
        ("\"$var_length\"", "\"$var_lenght\"", "unknown variable `var_lenght` (did you mean `var_length`?)"),
        ("\"$var_length\"", "\"long\"", "`long` is not a number"),
        ("${var_length} characters", "${var_len} characters", "unknown variable `var_len`"),
        ("default = 14", "default = \"x\"", "default of `var_length`: it is a whole number"),
        ("var_length = 20", "var_length = \"x\"", "value of `var_length`: it is a whole number"),
        ("var_length = 20", "var_lenght = 20", "unknown variable `var_lenght` (did you mean `var_length`?)"),
        ("\"0640\"", "\"0980\"", "is not an octal mode"),
        ("\"/etc/shadow\", mode = \"0640\"", "\"/etc/shadow\"", "needs `mode`, `owner` or `group`"),
        ("\"/etc/shadow\"", "\"etc/shadow\"", "is not an absolute, normalised path"),
        (
            "not package:docker-ce",
            "no package:docker-ce",
            "small.toml:43:9: unknown condition `no package:docker-ce`",
        ),
        ("var_daemon=a\"", "var_demon=a\"", "unknown variable `var_demon`"),
        ("id = \"forward\"", "id = \"length\"", "control `length` is here twice"),
        ("probe = { kind = \"sysctl\"", "porbe = { kind = \"sysctl\"", "did you mean `probe`?"),
        ("select = [\"level:one\"]", "select = \"x", "small.toml:17:12: invalid basic string"),
    ];
    for (old, new, wanted) in table {
        let told = complaint(old, new);
        assert!(told.contains(wanted), "{new}: {told}");
    }
}

#[test]
fn profiles_extend_drop_and_set() {
    let catalogue = small();
    let base = catalogue.resolve("base", &Tailoring::default()).unwrap();
    assert_eq!(ids(&base), ["length", "forward"]);
    assert_eq!(base[0].about().title, "at least 14 characters");
    let strict = catalogue.resolve("strict", &Tailoring::default()).unwrap();
    assert_eq!(ids(&strict), ["forward", "shadow"]);
    assert_eq!(catalogue.profiles().map(|view| view.controls).collect::<Vec<_>>(), [2, 2]);
}

#[test]
fn a_tailoring_selects_sets_and_skips() {
    let catalogue = small();
    let resolve = |tailoring: &Tailoring| catalogue.resolve("base", tailoring).unwrap();
    assert_eq!(ids(&resolve(&only("cis:1.1"))), ["length"], "1.10 is not below 1.1");
    assert_eq!(ids(&resolve(&only("cis:1"))), ["length", "forward"]);
    assert_eq!(ids(&resolve(&only("forward"))), ["forward"]);
    let longer = resolve(&set("var_length", "20"));
    assert_eq!(longer[0].about().mend, "minlen = 20");
    let machine = Machine::default().with("/etc/x.conf", "minlen = 15\n");
    assert_eq!(machine.judge(longer[0].as_ref()).verdict, Verdict::Fail);
    assert_eq!(machine.judge(resolve(&Tailoring::default())[0].as_ref()).verdict, Verdict::Pass);

    let skip = BTreeMap::from([("cis:1.1".to_owned(), "TICKET-7".to_owned())]);
    let skipped = resolve(&Tailoring { skip, ..Tailoring::default() });
    assert_eq!(ids(&skipped), ["length", "forward"]);
    let judgement = machine.judge(skipped[0].as_ref());
    assert_eq!((judgement.verdict, judgement.actual.as_str()), (Verdict::Notchecked, "skipped: TICKET-7"));
    assert!(machine.remedy(skipped[0].as_ref()).is_empty());
}

#[test]
fn a_tailoring_with_a_name_says_why_it_leaves_a_control_out() {
    let site = "version = 1\n[[tailoring]]\nid = \"site\"\ntitle = \"the site\"\nskip = { \"cis:1.10\" = \"containers\", nowhere = \"x\" }\n\
                set = { var_length = 16 }\n[[profile]]\nid = \"own\"\ntitle = \"own\"\nextends = \"base\"\napply = [\"site\"]\n";
    let catalogue = small().with("site.toml", site).unwrap();
    let machine = Machine::default();
    let judged = |profile: &str, tailoring: &Tailoring| {
        let controls = catalogue.resolve(profile, tailoring).unwrap();
        let forward = machine.judge(controls[1].as_ref());
        (controls[0].about().title.clone(), forward.verdict, forward.actual)
    };
    let left_out = || "skipped: tailoring `site`: containers".to_owned();
    let expected = ("at least 16 characters".to_owned(), Verdict::Notchecked, left_out());
    assert_eq!(judged("own", &Tailoring::default()), expected, "applied by the profile");
    let apply = Tailoring { apply: vec!["site".to_owned()], ..Tailoring::default() };
    assert_eq!(judged("base", &apply), expected, "applied by the site");
    assert_eq!(judged("base", &Tailoring::default()).1, Verdict::Unknown, "not applied");
    let longer = Tailoring { set: set("var_length", "20").set, ..apply };
    assert_eq!(judged("base", &longer).0, "at least 20 characters", "the site's own value wins");
    let told = catalogue.tailorings("own", &Tailoring::default()).unwrap();
    assert_eq!(told, BTreeMap::from([("site".to_owned(), "the site".to_owned())]));
    let unknown = Tailoring { apply: vec!["sit".to_owned()], ..Tailoring::default() };
    let error = catalogue.resolve("base", &unknown).err().unwrap().to_string();
    assert_eq!(error, "unknown tailoring `sit`; did you mean `site`?");
}

#[test]
fn a_benchmark_gives_a_control_its_number_levels_and_variant() {
    let text = "version = 1\n[benchmark]\nid = \"b9\"\ntitle = \"t\"\nsystem = \"rhel\"\nreleases = [\"9\"]\n[benchmark.rules]\n\
                shadow = { cis = [\"7.7\"], levels = [\"l2\"] }\nnobody_knows = { cis = [\"8.1\"], levels = [\"l2\"] }\n\
                [[profile]]\nid = \"p\"\ntitle = \"p\"\nbenchmark = \"b9\"\nselect = [\"level:l2\"]\n";
    let variant = format!(
        "{SMALL}\n[[control.variant]]\non = [\"b9\"]\ntitle = \"stricter\"\nprobe = {{ kind = \"file\", path = \"/etc/shadow\", mode = \"0000\" }}\n"
    );
    let catalogue = Catalogue::empty().with("small.toml", &variant).unwrap().with("b9.toml", text).unwrap();
    let controls = catalogue.resolve("p", &Tailoring::default()).unwrap();
    assert_eq!(ids(&controls), ["shadow", "nobody_knows"]);
    let about = controls[0].about();
    assert_eq!((about.title.as_str(), about.references[0].to_string().as_str()), ("stricter", "cis:7.7"));
    let machine = Machine::default().with_mode("/etc/shadow", 0o640, 0, 0);
    assert_eq!(machine.judge(controls[0].as_ref()).verdict, Verdict::Fail);
    let elsewhere = catalogue.resolve("base", &only("level:one")).unwrap();
    assert_eq!(ids(&elsewhere), ["length", "forward"], "without the benchmark it has its own levels");
    assert_eq!(machine.judge(controls[1].as_ref()).verdict, Verdict::Notchecked);
    let benchmark = catalogue.benchmark("p").unwrap().unwrap();
    let fits = [("rhel", "9"), ("rhel", "9.4"), ("rhel", "90"), ("debian", "9")]
        .map(|(id, v)| benchmark.is_for(id, v));
    assert_eq!(fits, [true, true, false, false]);
}

#[test]
fn unknown_names_and_values_are_refused() {
    let catalogue = small();
    let error = |profile: &str, tailoring: &Tailoring| match catalogue.resolve(profile, tailoring) {
        Ok(_) => panic!("{tailoring:?} was taken"),
        Err(error) => error.to_string(),
    };
    assert_eq!(error("bass", &Tailoring::default()), "unknown profile `bass`; did you mean `base`?");
    assert_eq!(error("base", &only("lenght")), "unknown control `lenght`; did you mean `length`?");
    assert_eq!(error("base", &only("cis:9")), "unknown control `cis:9`");
    assert_eq!(
        error("base", &set("var_lengt", "3")),
        "unknown variable `var_lengt`; did you mean `var_length`?"
    );
    assert_eq!(
        error("base", &set("var_length", "x")),
        "variable `var_length` cannot be `x`: it is a whole number"
    );
    assert_eq!(
        error("base", &set("var_daemon", "c")),
        "variable `var_daemon` cannot be `c`: it is one of a, b"
    );
    let circle = "version = 1\n[[profile]]\nid = \"base\"\ntitle = \"t\"\nextends = \"strict\"\n";
    let circle = small().with("circle.toml", circle).unwrap();
    assert_eq!(
        circle.resolve("base", &Tailoring::default()).err(),
        Some(ResolveError::Circle("base".to_owned()))
    );
}

#[test]
fn a_later_file_wins_name_by_name() {
    let stricter = "version = 1\n[[control]]\nid = \"shadow\"\ntitle = \"new title\"\nrationale = \"why\"\nmend = \"how\"\n\
                    probe = { kind = \"setting\", path = \"/etc/y\", syntax = \"key-value\", key = \"k\", value = \"$var_length\" }\n";
    let catalogue = small().with("bundle.toml", stricter).unwrap();
    assert_eq!(catalogue.explain("shadow").unwrap().title, "new title");
    assert_eq!(catalogue.explain("length").unwrap().title, "at least 14 characters");
}

#[test]
fn conditions_decide_what_is_applicable() {
    let catalogue = small();
    let judge = |machine: &Machine, tailoring: &Tailoring| {
        machine.judge(catalogue.resolve("base", tailoring).unwrap()[1].as_ref())
    };
    let bare = Machine::default().with_packages(&["cron"]).running("net.ipv4.ip_forward", "1");
    assert_eq!(judge(&bare, &Tailoring::default()).verdict, Verdict::Fail);
    let docker = bare.clone().with_packages(&["docker-ce"]);
    let told = judge(&docker, &Tailoring::default());
    assert_eq!((told.verdict, told.actual.as_str()), (Verdict::Notapplicable, "docker-ce is installed"));
    assert_eq!(judge(&bare, &set("var_daemon", "b")).actual, "var_daemon is not a");
    assert_eq!(judge(&Machine::default(), &Tailoring::default()).verdict, Verdict::Unknown);
}

/// A Debian machine as the installer leaves it, more or less.
fn debian() -> Machine {
    let include = "Include /etc/ssh/sshd_config.d/*.conf\nKbdInteractiveAuthentication no\nUsePAM yes\n";
    let mut machine = Machine::default()
        .with("/etc/ssh/sshd_config", include)
        .with("/etc/group", "root:x:0:\nadm:x:4:\nutmp:x:43:\nsystemd-journal:x:101:\n")
        .with("/etc/passwd", "root:x:0:0::/root:/bin/sh\n")
        .with("/etc/security/pwquality.conf", "# minlen = 8\n")
        .with("/proc/modules", "")
        .with("/usr/lib/systemd/system/rsync.service", "[Install]\nWantedBy=multi-user.target\n")
        .with_link(
            "/etc/systemd/system/multi-user.target.wants/rsync.service",
            "/lib/systemd/system/rsync.service",
        )
        .with("/lib/systemd/system/cron.service", "[Install]\nWantedBy=multi-user.target\n")
        .with("/lib/systemd/system/systemd-journald.service", "[Unit]\n")
        .with("/lib/systemd/system/nftables.service", "[Install]\nWantedBy=sysinit.target\n")
        .active("rsync.service")
        .active("systemd-journald.service")
        .with_packages(&["cron", "nftables", "rsync", "rsyslog", "libpwquality-common", "libpam-runtime"]);
    for (at, mode, gid) in [
        ("/etc/shadow", 0o666, 42),
        ("/etc/shadow-", 0o644, 0),
        ("/etc/gshadow", 0o640, 42),
        ("/etc/shells", 0o644, 0),
        ("/etc/issue", 0o664, 0),
        ("/etc/cron.d", 0o755, 0),
        ("/etc/crontab", 0o644, 0),
        ("/var/log/syslog", 0o644, 0),
        ("/var/log/wtmp", 0o664, 43),
        ("/var/log/apt/history.log", 0o666, 7),
        ("/var/log/journal/x/system.journal", 0o640, 101),
        ("/etc/ssh/ssh_host_rsa_key.pub", 0o666, 0),
    ] {
        machine = machine.with_mode(at, mode, 0, gid);
    }
    let zero =
        ["fs.suid_dumpable", "kernel.randomize_va_space", "net.ipv4.ip_forward", "net.ipv4.tcp_syncookies"];
    zero.into_iter().fold(machine, |machine, key| machine.running(key, "0"))
}

#[test]
fn all_demands_of_the_profile_agree_and_mend_what_they_can() {
    let catalogue = Catalogue::builtin().unwrap();
    let controls = catalogue.resolve("cis-debian12-l1-server", &Tailoring::default()).unwrap();
    let mut machine = debian();
    let demands: Vec<Demand> = controls.iter().flat_map(|control| machine.remedy(control.as_ref())).collect();
    assert!(demands.len() >= 50, "only {} demands", demands.len());
    let mut by_resource: BTreeMap<&Resource, Vec<&Demand>> = BTreeMap::new();
    demands.iter().for_each(|demand| by_resource.entry(&demand.resource).or_default().push(demand));
    for (resource, demands) in by_resource {
        Target::solve(resource, &demands, &State::Absent).unwrap_or_else(|conflict| panic!("{conflict}"));
    }
    demands.iter().for_each(|demand| machine.satisfy(demand));
    let mended: BTreeSet<_> = demands.iter().map(|demand| &demand.by).collect();
    for control in controls.iter().filter(|control| mended.contains(control.id())) {
        let judgement = machine.judge(control.as_ref());
        assert_eq!(judgement.verdict, Verdict::Pass, "{}: {judgement:?}", control.id());
    }
    let shadow = &machine.files[&path("/etc/shadow")];
    assert_eq!((shadow.node, shadow.mode), (Node::File, 0o640));
}

#[test]
fn nothing_is_demanded_of_a_machine_that_cannot_be_read() {
    let catalogue = Catalogue::builtin().unwrap();
    for control in catalogue.resolve("cis-debian12-l1-server", &Tailoring::default()).unwrap() {
        let machine = Machine::blind();
        let judgement = machine.judge(control.as_ref());
        let unasked = judgement.verdict == Verdict::Notapplicable && judgement.actual.starts_with("var_");
        let unasked = unasked || judgement.verdict == Verdict::Notchecked;
        assert!(judgement.verdict == Verdict::Unknown || unasked, "{}: {judgement:?}", control.id());
        assert!(machine.remedy(control.as_ref()).is_empty());
    }
}

#[test]
fn a_container_is_not_asked_about_a_kernel() {
    let catalogue = Catalogue::builtin().unwrap();
    let controls = catalogue.resolve("cis-debian12-l1-server", &only("sysctl_net_ipv4_ip_forward")).unwrap();
    let machine = debian().running("net.ipv4.ip_forward", "1");
    assert_eq!(machine.judge(controls[0].as_ref()).verdict, Verdict::Fail);
    let container = machine.with("/.dockerenv", "");
    assert_eq!(container.judge(controls[0].as_ref()).verdict, Verdict::Notapplicable);
}

#[test]
fn a_profile_of_the_binary_needs_only_a_part_of_it() {
    let whole = Catalogue::builtin().unwrap();
    let ids = |catalogue: &Catalogue, profile: &str| {
        let controls = catalogue.resolve(profile, &Tailoring::default()).unwrap();
        controls.iter().map(|control| format!("{:?}", control.about())).collect::<Vec<_>>()
    };
    for ProfileView { id, .. } in whole.profiles() {
        let part = Catalogue::builtin_for(&id).unwrap();
        assert_eq!(ids(&part, &id), ids(&whole, &id), "{id}");
        assert!(part.benchmarks.len() < 2, "{id}");
    }
    assert_eq!(Catalogue::builtin_for("cis-nothing").unwrap().benchmarks.len(), whole.benchmarks.len());
}
