//! Reports for the tests, and the tools that they are held against.

#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::print_stdout, reason = "test set-up")]

use std::path::PathBuf;
use std::process::Command;

use model::{About, ControlId, Reference, Severity, Summary};
use report::{Past, Report};
use serde_json::{Value, json};

/// The verdicts with everything that a finding can carry.
pub fn document() -> Value {
    let finding = |control: &str, verdict: &str, severity: &str| {
        json!({
            "control": control, "title": format!("Title of {control}"), "severity": severity, "verdict": verdict,
            "expected": "PermitRootLogin no", "actual": "yes, by line 7 of /etc/ssh/sshd_config",
            "evidence": ["sshd setting permitrootlogin: yes"], "refs": ["cis:5.1.20", "nist:AC-6"], "remedy": false,
        })
    };
    let mut failed = finding("sshd_disable_root_login", "fail", "high");
    failed["remedy"] = true.into();
    failed["mend"] = "set PermitRootLogin no".into();
    failed["cause"] = json!({
        "by": "person", "who": "ann", "at": "2026-11-22T00:30:00Z", "confidence": "recorded",
        "says": "/etc/ssh/sshd_config changed at 2026-11-22 00:30:00, by ann (vi)",
        "evidence": ["/var/log/audit/audit.log: event 812"],
    });
    let mut waived = finding("env.clock_synchronised", "waived", "blocker");
    waived["waiver"] = json!({
        "control": "env.clock_synchronised", "reason": "until the time server comes", "owner": "ops",
        "ticket": "OPS-7", "approver": "security", "expires": "2027-01-31",
    });
    json!({
        "v": 1, "command": "harden", "host": "plant-7.example", "run": "01KAN0000000000000000000AB",
        "started": "2026-11-22T01:00:00Z", "finished": "2026-11-22T01:00:01.25Z", "outcome": "enforced",
        "summary": { "total": 9, "pass": 1, "fail": 1, "error": 1, "unknown": 1, "notapplicable": 1, "notchecked": 1,
                     "informational": 1, "fixed": 1, "waived": 1 },
        "findings": [
            failed, waived,
            finding("file_permissions_etc_shadow", "pass", "medium"),
            finding("sysctl_net_ipv4_ip_forward", "fixed", "medium"),
            finding("env.clock_offset", "unknown", "blocker"),
            finding("env.dns", "error", "blocker"),
            finding("sysctl_net_ipv6_conf_all_forwarding", "notapplicable", "medium"),
            finding("service_cups_disabled", "notchecked", "low"),
            finding("pin:file /etc/issue.net", "informational", "info"),
        ],
        "plan": {
            "digest": format!("sha256:{}", "0".repeat(64)),
            "stages": [],
            "diffs": [{ "control": "sshd_disable_root_login", "diff": "--- a\n+++ b\n+PermitRootLogin no\n" }],
        },
        "added later": { "is": "kept" },
    })
}

/// The report of [`document`] with everything that can be known besides.
pub fn sample() -> Report {
    full(document())
}

/// A document with everything that can be known besides.
pub fn full(document: Value) -> Report {
    let about = About {
        id: ControlId::new("sshd_disable_root_login"),
        title: "Root does not log in over SSH".to_owned(),
        severity: Severity::High,
        references: vec![Reference { source: "cis".to_owned(), id: "5.1.20".to_owned() }],
        rationale: "Whoever works as root cannot be told from others.".to_owned(),
        mend: "set PermitRootLogin no".to_owned(),
    };
    let past = |run: &str, fail| Past {
        run: run.to_owned(),
        command: "harden".to_owned(),
        finished: "2026-11-21T01:00:00Z".to_owned(),
        summary: Summary { total: 9, pass: 9 - fail, fail, ..Summary::default() },
    };
    let report = Report::read(document, "1.2.3").unwrap();
    report
        .knowing([about])
        .of_profile(Some("cis-debian12-l1-server".to_owned()))
        .after(vec![past("01KAM0000000000000000000AA", 4), past("01KAM0000000000000000000AB", 2)])
}

/// A report without a finding, run, plan or profile.
pub fn empty() -> Report {
    let document = json!({
        "v": 1, "command": "status", "host": "", "started": "2026-11-22T01:00:00Z", "finished": "",
        "outcome": "done", "findings": [],
    });
    Report::read(document, "1.2.3").unwrap()
}

/// A report in whose every text somebody tries something.
pub fn hostile(text: &str) -> Report {
    let mut document = document();
    for name in ["command", "host", "outcome", "run"] {
        document[name] = text.into();
    }
    document["result"] = json!({ "why": text, "left": [{ "resource": text, "why": text }] });
    document["plan"]["diffs"][0]["diff"] = text.into();
    for finding in document["findings"].as_array_mut().unwrap() {
        for name in ["title", "expected", "actual", "mend"] {
            finding[name] = text.into();
        }
        finding["evidence"] = json!([text, text]);
        finding["refs"] = json!([text]);
    }
    document["findings"][0]["cause"]["says"] = text.into();
    document["findings"][0]["cause"]["evidence"] = json!([text]);
    document["findings"][1]["waiver"]["reason"] = text.into();
    document["findings"][1]["waiver"]["owner"] = text.into();
    document["findings"][2]["control"] = text.into();
    document["findings"][3]["control"] = text.into();
    full(document).of_profile(Some(text.to_owned()))
}

/// Texts that break out of formats which are put together carelessly.
pub const HOSTILE: [&str; 12] = [
    "</script><script>document.title='owned'</script>",
    "<img src=x onerror=\"document.title='owned'\">",
    "]]> <![CDATA[ --> <!-- <?xml?> &amp; &#0; &unknown;",
    "'\"`${}{{ 7 * 7 }}{% raw %}",
    "\u{0}\u{1}\u{8}\u{b}\u{c}\u{1b}[2J\u{7f}\u{85}\u{fffe}\u{ffff}",
    "\u{202e}desrever\u{2066}\u{feff}",
    "line one\nline two\r\n\ttab\u{2028}separator",
    "",
    " \u{feff}\u{a0} ",
    "\\ \\n \\\" \\\\",
    "| a | b |\n|---|---|\n# heading\n```\n[link](javascript:alert(1))",
    "日本語 🦀 e\u{301}",
];

/// Runs a tool; nothing, and a line that says so, when it is not there.
pub fn tool(program: &str, arguments: &[&str]) -> Option<(bool, String)> {
    match Command::new(program).args(arguments).output() {
        Ok(output) => {
            let told =
                [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
            Some((output.status.success(), told.concat()))
        }
        Err(error) => {
            println!("left out: no {program} ({error}); `make test` installs it");
            None
        }
    }
}

/// A file that the test runner names in the environment; nothing, and a line that says so, when it does not.
pub fn prepared(variable: &str) -> Option<PathBuf> {
    let path = std::env::var_os(variable).map(PathBuf::from).filter(|path| path.exists());
    if path.is_none() {
        println!("left out: {variable} is not set; `make test` prepares it");
    }
    path
}
