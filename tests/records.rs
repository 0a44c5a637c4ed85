//! Signed records over the built binary: waivers, attestations, accepted drift, the second person.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;
use support::{Run, Scratch, finding};

const RULE: &str = "file_permissions_etc_passwd";
const SYSCTL: &str = "sysctl_kernel_randomize_va_space";

/// A scratch place with a small root to harden, and keys of people, each in a folder of its own.
struct Place {
    scratch: Scratch,
}

impl Place {
    fn new(people: &[&str]) -> Self {
        let place = Self { scratch: Scratch::new() };
        place.scratch.write("root/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n");
        place.scratch.write("root/etc/group", "root:x:0:\n");
        place.scratch.write("root/etc/sysctl.d/10.conf", "kernel.randomize_va_space = 1\n");
        place.mode("etc/passwd", 0o666);
        for person in people {
            fs::create_dir_all(place.scratch.path(person)).unwrap();
            let prefix = place.path(&format!("{person}/key"));
            let _ = place.run(&["key", "generate", "--output-key-prefix", &prefix]).expect_code(0);
        }
        place
    }

    fn path(&self, name: &str) -> String {
        self.scratch.path(name).display().to_string()
    }

    fn mode(&self, name: &str, mode: u32) {
        let path = self.scratch.path("root").join(name);
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> Run {
        let mut command = self.scratch.command();
        Run::of(&command.env("GROUNDFAST_PASSPHRASE", "secret").args(arguments).output().unwrap())
    }

    /// `harden` of two rules, with these answers.
    fn harden(&self, answers: &str, more: &[&str]) -> Run {
        let answers = self.scratch.write("answers.toml", &format!("version = 1\n{answers}"));
        let (answers, root) = (answers.display().to_string(), self.path("root"));
        let mut arguments = vec!["harden", "--profile", "cis-debian12-l1-server", "--root", &root];
        arguments.extend([
            "--only",
            RULE,
            SYSCTL,
            "--answers",
            &answers,
            "--no-progress",
            "--output",
            "json",
        ]);
        arguments.extend(more);
        self.run(&arguments)
    }

    /// A signed waiver of the rule.
    fn waiver(&self, name: &str, key: &str, expires: &str, scope: &str) -> String {
        fs::create_dir_all(self.scratch.path(name).parent().unwrap()).unwrap();
        let (out, key) = (self.path(name), self.path(&format!("{key}/key.key")));
        let text = ["--reason", "a lab", "--ticket", "OPS-1", "--owner", "bob", "--approver", "carol"];
        let mut arguments = vec!["waiver", "sign", RULE, "--expires", expires, "--scope", scope];
        arguments.extend(text);
        arguments.extend(["--key", &key, "-o", &out]);
        let _ = self.run(&arguments).expect_code(0);
        out
    }
}

/// The finding of the rule after a look with these records.
fn judged(place: &Place, records: &[&str]) -> Value {
    let mut more = vec!["--plan"];
    records.iter().for_each(|record| more.extend(["--waivers", record]));
    let run = place.harden("[records.waivers]\ncarol = \"carol/key.pub\"\n", &more).expect_code(0);
    finding(&run.json(), RULE).clone()
}

fn told(finding: &Value, text: &str) {
    assert_eq!(finding["verdict"], "fail", "{finding}");
    assert!(finding["actual"].as_str().unwrap().contains(text), "{finding}");
    assert!(finding["waiver"].is_null(), "{finding}");
}

#[test]
fn a_signed_waiver_covers_and_a_bad_one_never_does() {
    let place = Place::new(&["carol", "mallory"]);
    told(&judged(&place, &[]), "0666");
    let good = place.waiver("good.json", "carol", "2099-12-31", "*");
    assert_eq!(fs::metadata(&good).unwrap().permissions().mode() & 0o777, 0o600);
    let covered = judged(&place, &[&good]);
    assert_eq!(covered["verdict"], "waived", "{covered}");
    assert!(covered["waiver"]["signed_by"].is_string() && covered["remedy"] == false, "{covered}");
    let here = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let own = place.waiver("own.json", "carol", "2099-12-31", &here);
    assert_eq!(judged(&place, &[&own])["verdict"], "waived");

    told(
        &judged(&place, &[&place.waiver("expired.json", "carol", "2020-01-31", "*")]),
        "expired on 2020-01-31",
    );
    told(
        &judged(&place, &[&place.waiver("other.json", "carol", "2099-12-31", "other-host")]),
        "is for other-host",
    );
    let forged = place.waiver("forged.json", "mallory", "2099-12-31", "*");
    told(&judged(&place, &[&forged]), "does not count");
    let text = fs::read_to_string(&good).unwrap();
    let truncated = place.scratch.write("truncated.json", &text[..text.len() / 2]).display().to_string();
    let cut = place.harden("", &["--plan", "--waivers", &truncated]).expect_code(0);
    told(finding(&cut.json(), RULE), "0666");
    assert!(cut.stderr.contains("truncated.json does not count"), "{}", cut.stderr);
    // A bad one beside a good one takes nothing away.
    assert_eq!(judged(&place, &[&forged, &good])["verdict"], "waived");
    // A plan without the waived rule leaves the file alone.
    let answers = "[records]\npaths = [\"good.json\"]\n[records.waivers]\ncarol = \"carol/key.pub\"\n";
    let done = place.harden(answers, &["--yes"]).expect_code(0).json();
    assert_eq!(finding(&done, RULE)["verdict"], "waived");
    assert_eq!(finding(&done, SYSCTL)["verdict"], "fixed");
    let mode = fs::metadata(place.scratch.path("root/etc/passwd")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o666);
}

#[test]
fn a_waiver_that_lapses_is_drift() {
    let place = Place::new(&["carol"]);
    let good = place.waiver("records/good.json", "carol", "2099-12-31", "*");
    let answers = "[records]\npaths = [\"records\"]\n[records.waivers]\ncarol = \"carol/key.pub\"\n";
    let _ = place.harden(answers, &["--yes"]).expect_code(0);
    let drift = |code| place.run(&["drift", "--no-progress", "--output", "json"]).expect_code(code).json();
    assert_eq!(finding(&drift(0), RULE)["verdict"], "waived");
    fs::remove_file(good).unwrap();
    told(finding(&drift(3), RULE), "0666");
    place.waiver("records/old.json", "carol", "2020-01-31", "*");
    told(finding(&drift(3), RULE), "expired on 2020-01-31");
}

#[test]
fn an_attestation_makes_a_rule_pass_that_only_a_person_can_judge_and_no_other() {
    let place = Place::new(&["carol", "mallory"]);
    let (root, photo) = (place.path("root"), place.scratch.write("photo", "a photo").display().to_string());
    place.scratch.write("answers.toml", "version = 1\n[records.waivers]\ncarol = \"carol/key.pub\"\n");
    let answers = place.path("answers.toml");
    let look = |more: &[&str]| {
        let all = ["harden", "--profile", "cis-debian12-l2-server", "--root", &root, "--answers", &answers];
        let rest = ["--plan", "--no-progress", "--output", "json"];
        place.run(&[&all[..], &rest, more].concat()).expect_code(0)
    };
    let bare = look(&[]).json();
    let manual = bare["findings"].as_array().unwrap().iter().find(|one| one["verdict"] == "notchecked");
    let manual = manual.unwrap()["control"].as_str().unwrap().to_owned();
    let sign = |control: &str, key: &str, expires: &str, out: &str| {
        let (key, out) = (place.path(&format!("{key}/key.key")), place.path(out));
        let what = ["attest", "sign", control, "--statement", "the guard has the key", "--by", "carol"];
        let how = ["--evidence", &photo, "--expires", expires, "--key", &key, "-o", &out];
        let _ = place.run(&[&what[..], &how].concat()).expect_code(0);
        out
    };
    let good = sign(&manual, "carol", "2099-12-31", "good.json");
    let attested = look(&["--waivers", &good]).json();
    let passed = finding(&attested, &manual);
    assert_eq!(passed["verdict"], "pass", "{passed}");
    assert!(passed["actual"].as_str().unwrap().starts_with("attested by carol until 2099-12-31"), "{passed}");
    assert!(passed["attestation"]["evidence"].as_str().unwrap().starts_with("sha256:"), "{passed}");
    let skipped = look(&["--waivers", &good, "--skip", &manual, "--reason", "no"]).json();
    assert_eq!(finding(&skipped, &manual)["verdict"], "notchecked", "what was left out stays out");
    for bad in [
        sign(&manual, "mallory", "2099-12-31", "forged.json"),
        sign(&manual, "carol", "2020-01-31", "old.json"),
        sign(RULE, "carol", "2099-12-31", "machine.json"),
    ] {
        let seen = look(&["--waivers", &bad]).json();
        assert_eq!(finding(&seen, &manual)["verdict"], "notchecked", "{bad}");
        assert_eq!(finding(&seen, RULE)["verdict"], "fail", "what a machine judges, nobody talks away");
    }
    let unknown = sign("manual_rul", "carol", "2099-12-31", "unknown.json");
    let arguments = ["harden", "--profile", "cis-debian12-l2-server", "--root", &root, "--answers", &answers];
    let refused = place.run(&[&arguments[..], &["--plan", "--waivers", &unknown]].concat()).expect_code(2);
    assert!(refused.stderr.contains("unknown control `manual_rul`"), "{}", refused.stderr);
}

#[test]
fn an_unsigned_waiver_goes_on_working_and_is_shown_as_unsigned() {
    let place = Place::new(&[]);
    let waived = |control: &str, expires: &str| {
        let text = format!(
            "[[harden.waivers]]\ncontrol = \"{control}\"\nreason = \"r\"\nowner = \"bob\"\nexpires = \"{expires}\"\n"
        );
        place.harden(&text, &["--plan"])
    };
    let covered = waived(RULE, "2099-12-31").expect_code(0).json();
    let covered = finding(&covered, RULE);
    assert_eq!((&covered["verdict"], &covered["waiver"]["signed_by"]), (&"waived".into(), &Value::Null));
    told(
        finding(&waived(RULE, "2020-01-31").expect_code(0).json(), RULE),
        "the waiver of bob expired on 2020-01-31",
    );
    let typo = waived("file_permission_etc_passwd", "2099-12-31").expect_code(2);
    assert!(typo.stderr.contains("did you mean `file_permissions_etc_passwd`?"), "{}", typo.stderr);
}

#[test]
fn what_cannot_be_signed_is_refused_before_a_passphrase_is_asked_for() {
    let place = Place::new(&["carol"]);
    let sign = |owner: &str, approver: &str, expires: &str, out: &str| {
        let (key, out) = (place.path("carol/key.key"), place.path(out));
        let arguments = [
            "waiver",
            "sign",
            RULE,
            "--reason",
            "r",
            "--ticket",
            "t",
            "--owner",
            owner,
            "--approver",
            approver,
            "--expires",
            expires,
            "--key",
            &key,
            "-o",
            &out,
        ];
        Run::of(&place.scratch.command().args(arguments).output().unwrap())
    };
    let alone = sign("carol", "Carol", "2099-12-31", "a.json").expect_code(2);
    assert!(alone.stderr.contains("a second person has to agree"), "{}", alone.stderr);
    let date = sign("bob", "carol", "31.12.2099", "a.json").expect_code(2);
    assert!(date.stderr.contains("no date like"), "{}", date.stderr);
    let asked = sign("bob", "carol", "2099-12-31", "a.json").expect_code(2);
    assert!(asked.stderr.contains("passphrase"), "the good twin gets that far: {}", asked.stderr);
    assert!(!Path::new(&place.path("a.json")).exists());
}

#[test]
fn records_are_verified_kept_and_listed() {
    let place = Place::new(&["carol", "mallory"]);
    let good = place.waiver("good.json", "carol", "2099-12-31", "*");
    let (carol, mallory) = (place.path("carol/key.pub"), place.path("mallory/key.pub"));
    let _ = place.run(&["waiver", "verify", &good, "--key", &carol]).expect_code(0);
    let _ = place.run(&["waiver", "verify", &good, "--key", &mallory]).expect_code(4);
    let nobody = place.run(&["waiver", "verify", &good]).expect_code(4);
    assert!(nobody.stderr.contains("may: nobody"), "{}", nobody.stderr);
    let old = place.waiver("old.json", "carol", "2020-01-31", "*");
    let expired = place.run(&["waiver", "verify", &old, "--key", &carol]).expect_code(4);
    assert!(expired.stderr.contains("expired on 2020-01-31"), "{}", expired.stderr);

    let _ = place.run(&["waiver", "import", &good, "--key", &mallory]).expect_code(4);
    assert!(!place.scratch.path("data/trust").exists(), "what is not believed is not kept");
    let import = ["waiver", "import", &good, &old, "--key", &carol, "--output", "json"];
    let kept = place.run(&import).expect_code(0).json();
    let file = kept["result"]["records"][0]["file"].as_str().unwrap().to_owned();
    let bits = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((bits(Path::new(&file)), bits(Path::new(&file).parent().unwrap())), (0o600, 0o700));
    assert_eq!(place.run(&import).expect_code(0).json()["result"], kept["result"], "once is enough");

    let answers = "[records.waivers]\ncarol = \"carol/key.pub\"\n";
    let done = place.harden(answers, &["--yes"]).expect_code(0).json();
    assert_eq!(finding(&done, RULE)["verdict"], "waived", "kept records are found without a flag");
    let answers = place.path("answers.toml");
    let listed =
        place.run(&["waiver", "list", "--answers", &answers, "--output", "json"]).expect_code(0).json();
    let rows = listed["result"]["records"].as_array().unwrap();
    let row = |state: &str| rows.iter().find(|row| row["state"] == state).unwrap();
    let holds = row("holds");
    assert_eq!((&holds["owner"], &holds["approver"]), (&"bob".into(), &"carol".into()));
    assert!(holds["covers"] == true && holds["daysLeft"].as_i64().unwrap() > 20_000, "{holds}");
    assert_eq!(row("expired")["daysLeft"], Value::Null);
    let text = place.run(&["waiver", "list", "--key", &mallory]).expect_code(0).stdout;
    assert!(text.contains("refused") && text.contains("may not sign"), "{text}");
}

#[test]
fn a_root_of_trust_names_who_may_sign_what() {
    let place = Place::new(&["carol"]);
    fs::create_dir_all(place.scratch.path("data/trust")).unwrap();
    fs::create_dir_all(place.scratch.path("release")).unwrap();
    let (prefix, carol) = (place.path("release/key"), place.path("carol/key.pub"));
    let generate = ["key", "generate", "--output-key-prefix", &prefix, "--waivers-key", &carol];
    let _ = place.run(&generate).expect_code(0);
    fs::copy(place.path("release/root.json"), place.path("data/trust/root.json")).unwrap();
    let look = |record: &str| {
        let run = place.harden("", &["--plan", "--waivers", record]).expect_code(0);
        finding(&run.json(), RULE).clone()
    };
    let by_carol = place.waiver("carol.json", "carol", "2099-12-31", "*");
    assert_eq!(look(&by_carol)["verdict"], "waived");
    told(&look(&place.waiver("release.json", "release", "2099-12-31", "*")), "role `waivers`");
    // A root that names nobody for it leaves it to the release key, and to that alone.
    fs::copy(place.path("carol/root.json"), place.path("data/trust/root.json")).unwrap();
    assert_eq!(look(&by_carol)["verdict"], "waived");
    told(&look(&place.path("release.json")), "role `waivers`");
}

#[test]
fn accepted_drift_is_the_baseline_until_it_moves_again() {
    let place = Place::new(&["carol", "mallory"]);
    let answers = "[records.waivers]\ncarol = \"carol/key.pub\"\n";
    let _ = place.harden(answers, &["--yes"]).expect_code(0);
    let drift =
        |code: i32| place.run(&["drift", "--no-progress", "--output", "json"]).expect_code(code).json();
    let accept = |id: &str, key: &str| {
        let key = place.path(&format!("{key}/key.key"));
        let by = ["--by", "carol", "--no-progress", "--output", "json"];
        place.run(&[&["drift", "accept", id, "--ticket", "OPS-2", "--key", &key], &by[..]].concat())
    };
    let clean = drift(0);
    let pin = clean["findings"].as_array().unwrap().iter().find(|one| {
        one["control"].as_str().unwrap().starts_with("pin:")
            && one["title"].as_str().unwrap().contains("passwd")
    });
    let pin = pin.unwrap()["control"].as_str().unwrap().to_owned();
    let refused = accept(&pin, "carol").expect_code(2);
    assert!(refused.stderr.contains("has not drifted"), "{}", refused.stderr);

    place.mode("etc/passwd", 0o666);
    let drifted = drift(3);
    assert_eq!(finding(&drifted, &pin)["verdict"], "fail");
    assert_eq!(finding(&drifted, RULE)["verdict"], "fail");
    let _ = accept(&pin, "mallory").expect_code(4);
    assert_eq!(finding(&drift(3), &pin)["verdict"], "fail", "nobody may accept with a strange key");
    let accepted = accept(&pin, "carol").expect_code(0).json();
    let file = accepted["result"]["records"][0]["file"].as_str().unwrap().to_owned();
    let half = drift(3);
    assert_eq!(finding(&half, &pin)["verdict"], "pass");
    assert!(finding(&half, &pin)["actual"].as_str().unwrap().contains("accepted by carol"));
    assert_eq!(finding(&half, RULE)["verdict"], "fail", "each is accepted by its own name");
    let _ = accept(RULE, "carol").expect_code(0);
    let _ = drift(0);

    place.mode("etc/passwd", 0o667);
    assert_eq!(finding(&drift(3), &pin)["verdict"], "fail", "it moved again");
    place.mode("etc/passwd", 0o644);
    let back = drift(3);
    assert_eq!(finding(&back, &pin)["verdict"], "fail", "back is away from the new baseline");
    assert_eq!(finding(&back, RULE)["verdict"], "pass", "the rule itself holds");
    fs::remove_file(&file).unwrap();
    let _ = drift(0);
    place.mode("etc/passwd", 0o666);
    assert_eq!(finding(&drift(3), &pin)["verdict"], "fail", "the record is gone, and the acceptance with it");

    // A later run makes everything anew; what was accepted before it is over.
    let _ = place.harden(answers, &["--yes"]).expect_code(0);
    let _ = drift(0);
    place.mode("etc/passwd", 0o666);
    assert_eq!(finding(&drift(3), RULE)["verdict"], "fail");
}

#[test]
fn a_plan_waits_for_the_second_person() {
    let place = Place::new(&["carol", "mallory"]);
    let alone = "[approval]\nsecond_person = true\n";
    let answers = format!("{alone}[records.approvals]\ncarol = \"carol/key.pub\"\n");
    let answers = answers.as_str();
    let (plan, approval) = (place.path("plan.json"), place.path("approval.json"));
    let passwd = || fs::metadata(place.scratch.path("root/etc/passwd")).unwrap().permissions().mode() & 0o777;
    let refused = place.harden(answers, &["--yes"]).expect_code(4);
    assert!(refused.stderr.contains("second person"), "{}", refused.stderr);
    let _ = place.harden(answers, &["--plan-out", &plan]).expect_code(0);
    let _ = place.harden(answers, &["--plan-in", &plan]).expect_code(4);
    let approve = |approver: &str, key: &str, more: &[&str]| {
        let key = place.path(&format!("{key}/key.key"));
        let _ = fs::remove_file(&approval);
        let mut arguments =
            vec!["plan", "approve", &plan, "--approver", approver, "--key", &key, "-o", &approval];
        arguments.extend(more);
        place.run(&arguments)
    };
    let enforce = || place.harden(answers, &["--plan-in", &plan, "--approval", &approval]);

    let _ = approve("carol", "mallory", &[]).expect_code(0);
    assert!(enforce().expect_code(4).stderr.contains("may not sign for the role `approvals`"));
    let _ = approve("carol", "carol", &["--expires", "2020-01-31"]).expect_code(0);
    assert!(enforce().expect_code(4).stderr.contains("expired on 2020-01-31"));
    // Who made the plan does not approve it.
    let maker = serde_json::from_slice::<Value>(&fs::read(&plan).unwrap()).unwrap();
    let maker = maker["made_by"].as_str().unwrap().to_owned();
    assert!(approve(&maker, "carol", &[]).expect_code(2).stderr.contains("second person"));
    // Nor does who runs it, whoever made it.
    let text = fs::read_to_string(&plan).unwrap();
    fs::write(&plan, text.replace(&format!("\"made_by\": \"{maker}\""), "\"made_by\": \"dave\"")).unwrap();
    let _ = approve(&maker, "carol", &[]).expect_code(0);
    let own = format!("{alone}[records.approvals]\n{maker} = \"carol/key.pub\"\n");
    let own = place.harden(&own, &["--plan-in", &plan, "--approval", &approval]).expect_code(4);
    assert!(own.stderr.contains("that is one person"), "{}", own.stderr);
    // An altered plan has another digest, and is none.
    fs::write(&plan, text.replace("\"mode\": 438", "\"mode\": 511")).unwrap();
    assert!(approve("carol", "carol", &[]).expect_code(2).stderr.contains("altered"));
    fs::write(&plan, &text).unwrap();

    let shown = approve("carol", "carol", &[]).expect_code(0);
    assert!(shown.stderr.contains("/etc/passwd") && shown.stdout.contains("approved by carol"), "{shown:?}");
    // The machine moves: it is another plan, and the approval is not for it.
    place.mode("etc/passwd", 0o777);
    let moved = place.harden(answers, &["--yes", "--approval", &approval]).expect_code(4);
    assert!(moved.stderr.contains("it approves another plan"), "{}", moved.stderr);
    assert_eq!(passwd(), 0o777, "nothing was changed");
    place.mode("etc/passwd", 0o666);
    let done = enforce().expect_code(0).json();
    assert_eq!((done["outcome"].as_str(), passwd()), (Some("enforced"), 0o644));
    // A second run changes nothing, so nobody has to agree to it; and taking back never waits.
    let _ = place.harden(answers, &["--yes"]).expect_code(0);
    let _ = place.run(&["rollback", "--yes", "--no-progress"]).expect_code(0);
}
