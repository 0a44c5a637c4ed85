//! What moved, and who moved it, on a scratch root whose logs tell.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use serde_json::Value;
use support::{Run, Scratch, finding};

const RULE: &str = "file_permissions_etc_passwd";

/// A small root that one run has hardened.
fn hardened() -> Scratch {
    let scratch = Scratch::new();
    scratch.write("root/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n");
    widen(&scratch);
    let root = scratch.path("root").display().to_string();
    let what = ["harden", "--profile", "cis-debian12-l1-server", "--only", RULE, "--root", &root];
    let _ = scratch.run(&[&what[..], &["--yes", "--no-progress"]].concat()).expect_code(0);
    scratch
}

fn widen(scratch: &Scratch) {
    fs::set_permissions(scratch.path("root/etc/passwd"), fs::Permissions::from_mode(0o666)).unwrap();
}

fn drift(scratch: &Scratch) -> Run {
    scratch.run(&["drift", "--no-progress", "--output", "json"])
}

/// When the file last changed, in seconds since 1970.
fn changed(scratch: &Scratch) -> i64 {
    fs::metadata(scratch.path("root/etc/passwd")).unwrap().ctime()
}

fn cause(scratch: &Scratch) -> Value {
    finding(&drift(scratch).expect_code(3).json(), RULE)["cause"].clone()
}

#[test]
fn who_moved_it_is_told_where_the_system_tells() {
    let scratch = hardened();
    let clean = drift(&scratch).expect_code(0).json();
    assert!(finding(&clean, RULE).get("cause").is_none());
    widen(&scratch);
    assert!(cause(&scratch).is_null(), "nothing tells, so nothing is said");

    let at = changed(&scratch);
    let line = String::from_utf8(
        std::process::Command::new("date")
            .args(["-u", "-d", &format!("@{at}"), "+%F %T"])
            .output()
            .unwrap()
            .stdout,
    );
    let line = format!("{} upgrade base-passwd:amd64 3.6.0 3.6.1\n", line.unwrap().trim());
    scratch.write("root/var/log/dpkg.log", &line);
    assert!(cause(&scratch).is_null(), "the package owns nothing here");
    scratch.write("root/var/lib/dpkg/info/base-passwd.list", "/.\n/etc\n/etc/passwd\n");
    let package = cause(&scratch);
    assert_eq!((&package["by"], &package["who"]), (&"package".into(), &"base-passwd".into()));
    assert_eq!(package["confidence"], "likely");
    let text = scratch.run(&["drift", "--no-progress"]).expect_code(3).stdout;
    assert!(text.contains("cause (likely): ") && text.contains("base-passwd from 3.6.0 to 3.6.1"), "{text}");

    let audit = |login: &str| {
        format!(
            "type=SYSCALL msg=audit({at}.100:7): success=yes auid={login} uid=0 exe=\"/usr/bin/chmod\"\n\
             type=PATH msg=audit({at}.100:7): item=0 name=\"/etc/passwd\" nametype=NORMAL\n"
        )
    };
    scratch.write("root/var/log/audit/audit.log", &audit("1000"));
    let person = cause(&scratch);
    assert_eq!((&person["by"], &person["who"]), (&"person".into(), &"ann".into()));
    assert_eq!(person["confidence"], "recorded");
}

#[test]
fn each_look_is_kept_and_tampering_with_one_is_found() {
    let scratch = hardened();
    let first = drift(&scratch).expect_code(0).json();
    assert!(first["result"]["since_last_look"].is_null());
    widen(&scratch);
    let second = drift(&scratch).expect_code(3).json();
    let since = &second["result"]["since_last_look"];
    assert_eq!(since["finished"], first["finished"]);
    assert!(since["moved"].as_array().unwrap().contains(&RULE.into()), "{since}");
    let again = drift(&scratch).expect_code(3).json();
    assert_eq!(again["result"]["since_last_look"]["moved"], Value::Array(Vec::new()), "it had moved before");
    let status = scratch.run(&["status", "--output", "json"]).expect_code(0).json();
    assert_eq!(status["result"]["looks"].as_array().unwrap().len(), 3);
    assert_eq!(status["result"]["looks"][1]["outcome"], "drifted");
    let _ = scratch.run(&["report", "verify"]).expect_code(0);
    let page = scratch.run(&["report", "--format", "html"]).expect_code(0);
    assert!(page.stdout.contains("<html"));

    let file = scratch.path("data/history/drift.jsonl");
    let mode = fs::metadata(&file).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    let good = fs::read_to_string(&file).unwrap();
    let lines: Vec<&str> = good.lines().collect();
    let changed = good.replacen("\"drifted\"", "\"passed\"", 1);
    let last_changed = format!("{}\n{}\n{}\n", lines[0], lines[1], lines[2].replace("drifted", "passed"));
    let cut = format!("{}\n{}\n", lines[0], lines[1]);
    for (what, bad) in [("changed", changed), ("the last one changed", last_changed), ("cut", cut)] {
        fs::write(&file, &bad).unwrap();
        let _ = scratch.run(&["report", "verify"]).expect_code(4);
        let _ = scratch.run(&["status"]).expect_code(4);
        let drifted = drift(&scratch).expect_code(3).json();
        assert_eq!(finding(&drifted, "history")["verdict"], "fail", "{what}");
        assert_eq!(fs::read_to_string(&file).unwrap(), bad, "nothing is built on it");
    }
    fs::write(&file, &good).unwrap();
    let _ = scratch.run(&["report", "verify"]).expect_code(0);
    fs::remove_file(scratch.path("data/history/head.sigstore.json")).unwrap();
    let _ = scratch.run(&["report", "verify"]).expect_code(4);
}

#[test]
fn a_report_with_a_changed_byte_is_refused() {
    let scratch = hardened();
    let status = scratch.run(&["status", "--output", "json"]).expect_code(0).json();
    let run = status["result"]["runs"][0]["run"].as_str().unwrap().to_owned();
    let report = scratch.path(&format!("data/runs/{run}/report.json"));
    let verify = |arguments: &[&str]| scratch.run(&[&["report", "verify"], arguments].concat());
    let _ = verify(&[&run]).expect_code(0);
    // Elsewhere, with the public key alone.
    let copy = scratch.write("copy/report.json", &fs::read_to_string(&report).unwrap());
    let copy = copy.to_str().unwrap();
    let signature = report.with_file_name("report.sigstore.json");
    let _ = verify(&[copy]).expect_code(4);
    fs::copy(&signature, scratch.path("copy/report.sigstore.json")).unwrap();
    let key = scratch.path("data/keys/report.pub");
    let key = key.to_str().unwrap();
    let _ = verify(&[copy, "--key", key]).expect_code(0);
    let other = hardened();
    let strange = other.path("data/keys/report.pub");
    let _ = verify(&[copy, "--key", strange.to_str().unwrap()]).expect_code(4);

    let good = fs::read(&report).unwrap();
    let mut bad = good.clone();
    let at = bad.len() / 2;
    bad[at] ^= 1;
    fs::write(&report, &bad).unwrap();
    let refused = verify(&[&run]).expect_code(4);
    assert!(refused.stderr.contains("changed after it was signed"), "{}", refused.stderr);
    let _ = verify(&[]).expect_code(4);
    fs::write(&report, &good).unwrap();
    let _ = verify(&[]).expect_code(0);
    let journal = report.with_file_name("journal.jsonl");
    let text = fs::read_to_string(&journal).unwrap();
    fs::write(&journal, text.lines().skip(1).collect::<Vec<_>>().join("\n") + "\n").unwrap();
    let _ = verify(&[&run]).expect_code(4);
    fs::write(&journal, text).unwrap();
    fs::remove_file(&signature).unwrap();
    let _ = verify(&[&run]).expect_code(4);
    let _ = verify(&["01NONE"]).expect_code(2);
}
