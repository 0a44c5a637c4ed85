//! Every kind against machines that pass, fail, cannot be read and have nothing there; and the law that a remedy
//! which was carried out makes the control pass.

#![allow(clippy::too_many_lines, reason = "tables of cases")]

mod accounts;
mod audit;
mod compound;
mod confinement;
mod containers;
mod desktop;
mod files;
mod kernel;
mod login;
mod network;
mod redhat;
mod services;
mod settings;

use std::collections::{BTreeMap, BTreeSet};

use model::Verdict::{self, Fail, Notapplicable, Notchecked, Pass, Unknown};

use super::KINDS;
use crate::testbed::{Machine, control};

/// A probe on a machine, what it must come to, and whether its remedy mends it.
struct Case {
    probe: &'static str,
    machine: Machine,
    verdict: Verdict,
    /// A part of what must be said.
    says: &'static str,
    mended: bool,
}

fn case(probe: &'static str, machine: Machine, verdict: Verdict, says: &'static str) -> Case {
    Case { probe, machine, verdict, says, mended: verdict == Fail }
}

/// A failure that has no complete remedy.
fn stuck(probe: &'static str, machine: Machine, says: &'static str) -> Case {
    Case { probe, machine, verdict: Fail, says, mended: false }
}

fn m() -> Machine {
    Machine::default()
}

fn tables() -> BTreeMap<&'static str, Vec<Case>> {
    BTreeMap::from([
        ("account", accounts::account().into_iter().chain(accounts::aging()).collect()),
        ("unit_count", services::unit_count()),
        ("all", compound::compound("all")),
        ("any", compound::compound("any")),
        ("apparmor", confinement::apparmor()),
        ("apt", settings::apt()),
        ("audit_privileged", audit::audit_privileged()),
        ("audit_rules", audit::audit_rules()),
        ("authselect", redhat::authselect()),
        ("banner", files::banner()),
        ("boot_argument", kernel::boot_argument()),
        ("container", containers::container()),
        ("dconf", desktop::dconf()),
        ("dconf_compiled", desktop::compiled()),
        ("docker_file", containers::docker_file()),
        ("docker_option", containers::docker_option()),
        ("faillock", login::faillock()),
        ("file", files::file()),
        ("firewall", network::firewall()),
        ("firewalld_zone", network::zone()),
        ("group_members", accounts::group_members()),
        ("homes", accounts::homes()),
        ("kubernetes", containers::kubernetes()),
        ("lines", settings::lines()),
        ("link", files::link()),
        ("listeners", services::listeners()),
        ("log_files", redhat::log_files()),
        ("module", kernel::module()),
        ("mount", files::mount()),
        ("wireless", kernel::wireless()),
        ("package", services::package()),
        ("package_keys", redhat::package_keys()),
        ("pam", login::pam()),
        ("presence", files::presence()),
        ("repositories", redhat::repositories()),
        ("root_path", login::root_path()),
        ("selinux", confinement::selinux()),
        ("setting", settings::setting()),
        ("shell", login::shell()),
        ("sshd", settings::sshd()),
        ("sshd_any", settings::sshd_any()),
        ("sticky", files::sticky()),
        ("sudoers", login::sudoers()),
        ("swarm", containers::swarm()),
        ("sysctl", kernel::sysctl()),
        ("unit", services::unit()),
        ("unowned", accounts::unowned()),
    ])
}

#[test]
fn what_a_person_has_to_judge_is_never_checked() {
    for machine in [m(), Machine::blind()] {
        let judgement = machine.judge(control(r#"{ kind = "review" }"#).as_ref());
        assert_eq!(judgement.verdict, Verdict::Notchecked);
    }
}

#[test]
fn every_kind_passes_fails_and_cannot_be_told() {
    let tables = tables();
    // The kinds of the environment have tables of their own, beside them; a review has one answer only.
    let ours = KINDS.iter().copied().filter(|kind| !kind.starts_with("env_") && *kind != "review");
    assert_eq!(tables.keys().copied().collect::<BTreeSet<_>>(), ours.collect());
    for (kind, cases) in tables {
        let verdicts: BTreeSet<_> = cases.iter().map(|case| case.verdict).collect();
        for wanted in [Pass, Fail, Unknown] {
            assert!(verdicts.contains(&wanted), "no {wanted} case for {kind}");
        }
    }
}

#[test]
fn cases_come_out_as_they_must() {
    for (kind, cases) in tables() {
        for (number, case) in cases.into_iter().enumerate() {
            let control = control(case.probe);
            let judgement = case.machine.judge(control.as_ref());
            assert_eq!(judgement.verdict, case.verdict, "{kind} case {number}: {judgement:?}");
            assert!(judgement.actual.contains(case.says), "{kind} case {number}: {judgement:?}");
        }
    }
}

#[test]
fn a_remedy_carried_out_makes_the_control_pass() {
    for (kind, cases) in tables() {
        for (number, mut case) in cases.into_iter().enumerate() {
            let control = control(case.probe);
            let demands = case.machine.remedy(control.as_ref());
            if case.verdict != Fail {
                assert!(demands.is_empty(), "{kind} case {number} is not a failure and demands {demands:?}");
                continue;
            }
            demands.iter().for_each(|demand| case.machine.satisfy(demand));
            let after = case.machine.judge(control.as_ref());
            assert_eq!(
                after.verdict == Pass,
                case.mended,
                "{kind} case {number}: {after:?} after {demands:?}"
            );
            if case.mended {
                assert!(
                    case.machine.remedy(control.as_ref()).is_empty(),
                    "{kind} case {number} demands again"
                );
            }
        }
    }
}
