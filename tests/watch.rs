//! Drift on a schedule, and who is told of it: units in a scratch root, sinks that come and go, and a whole machine
//! whose timer really elapses.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rcgen::{CertificateParams, KeyPair};
use serde_json::Value;
use support::machine::{Disk, Machine, eventually};
use support::{Run, Scratch, finding, prepared, snapshot, workspace};

const RULE: &str = "file_permissions_etc_passwd";
const UNITS: &str = "root/etc/systemd/system";

/// A root with one file that a rule is about.
fn root() -> Scratch {
    let scratch = Scratch::new();
    scratch.write("root/etc/passwd", "root:x:0:0:root:/root:/bin/sh\n");
    fs::create_dir_all(scratch.path(UNITS)).unwrap();
    set_mode(&scratch, 0o644);
    scratch
}

fn set_mode(scratch: &Scratch, mode: u32) {
    fs::set_permissions(scratch.path("root/etc/passwd"), fs::Permissions::from_mode(mode)).unwrap();
}

fn groundfast(scratch: &Scratch, arguments: &[&str]) -> Run {
    scratch.run(&[arguments, &["--no-progress", "--output", "json"]].concat())
}

fn in_root(scratch: &Scratch, arguments: &[&str]) -> Run {
    let root = scratch.path("root").display().to_string();
    groundfast(scratch, &[arguments, &["--root", &root]].concat())
}

/// Whether systemd accepts a unit, with all that it says.
fn verify(unit: &Path) -> Run {
    let mut command = Command::new("systemd-analyze");
    Run::of(&command.args(["verify", "--man=no"]).arg(unit).output().unwrap())
}

#[test]
fn a_schedule_is_planned_written_and_taken_back() {
    let scratch = root();
    let (units, before) = (scratch.path(UNITS), snapshot(&scratch.path("root")));
    let _ = in_root(&scratch, &["drift", "--schedule"]).expect_code(2);
    let plan = in_root(&scratch, &["drift", "--schedule", "--plan"]).expect_code(0).json();
    assert_eq!(plan["plan"]["stages"][0]["steps"].as_array().unwrap().len(), 4, "{}", plan["plan"]);
    assert_eq!(snapshot(&scratch.path("root")), before, "a plan changes nothing");

    let _ = in_root(&scratch, &["drift", "--schedule", "--yes"]).expect_code(0);
    let timer = fs::read_to_string(units.join("groundfast-drift.timer")).unwrap();
    assert!(timer.contains("\nOnCalendar=daily\nRandomizedDelaySec=1h\n"), "{timer}");
    let link = fs::read_link(units.join("timers.target.wants/groundfast-drift.timer")).unwrap();
    assert_eq!(link, Path::new("../groundfast-drift.timer"));
    let again = in_root(&scratch, &["drift", "--schedule=daily", "--plan"]).expect_code(0).json();
    assert_eq!(again["plan"]["stages"], Value::Array(Vec::new()));
    let status = groundfast(&scratch, &["status"]).expect_code(0).json();
    assert_eq!(status["result"]["schedule"]["calendar"], "daily");
    assert_eq!(status["result"]["schedule"]["enabled"], true);

    // One data directory is about one root.
    let other = scratch.path("other").display().to_string();
    let refused = groundfast(&scratch, &["drift", "--schedule", "--root", &other, "--yes"]).expect_code(2);
    assert!(refused.stderr.contains("--data-dir"), "{}", refused.stderr);

    // The timer itself is looked after.
    let _ = groundfast(&scratch, &["drift"]).expect_code(0);
    fs::remove_file(units.join("timers.target.wants/groundfast-drift.timer")).unwrap();
    let _ = groundfast(&scratch, &["drift"]).expect_code(3);
    let _ = in_root(&scratch, &["drift", "--schedule", "--yes"]).expect_code(0);
    let _ = groundfast(&scratch, &["drift"]).expect_code(0);

    let scheduled = snapshot(&scratch.path("root"));
    let _ = in_root(&scratch, &["drift", "--unschedule", "--yes"]).expect_code(0);
    assert!(
        !units.join("groundfast-drift.timer").exists() && !units.join("groundfast-drift.service").exists()
    );
    assert_eq!(groundfast(&scratch, &["status"]).json()["result"]["schedule"], Value::Null);
    let _ = groundfast(&scratch, &["rollback", "--yes"]).expect_code(0);
    assert_eq!(snapshot(&scratch.path("root")), scheduled);
    let first = groundfast(&scratch, &["status"]).json()["result"]["runs"][0]["run"].clone();
    let _ = groundfast(&scratch, &["rollback", first.as_str().unwrap(), "--yes"]).expect_code(0);
    assert_eq!(snapshot(&scratch.path("root")), before);
}

#[test]
fn systemd_accepts_the_units_and_what_it_does_not_accept_is_refused() {
    let scratch = root();
    for calendar in ["--schedule", "--schedule=Mon..Fri *-*-* 04:00,16:30 UTC"] {
        let _ = in_root(&scratch, &["drift", calendar, "--yes"]).expect_code(0);
        for name in ["groundfast-drift.service", "groundfast-drift.timer"] {
            let verified = verify(&scratch.path(UNITS).join(name));
            assert_eq!((verified.code, verified.stderr.as_str()), (0, ""), "{name}");
        }
    }
    // The good twin of those: systemd does complain of a unit that is none.
    let broken = fs::read_to_string(scratch.path(UNITS).join("groundfast-drift.timer")).unwrap();
    let broken = scratch.write("broken/x.timer", &broken.replace("OnCalendar=", "OnCalendar=now and then "));
    assert_ne!(verify(&broken).stderr, "");
    for bad in ["--schedule=now and then", "--schedule=daily\nExecStart=/bin/sh", "--schedule="] {
        let refused = in_root(&scratch, &["drift", bad, "--plan"]).expect_code(2);
        assert!(refused.stderr.contains("calendar"), "{}", refused.stderr);
    }
    for usage in [&["drift", "--yes"][..], &["drift", "--plan"], &["drift", "--schedule", "--unschedule"]] {
        let _ = groundfast(&scratch, usage).expect_code(2);
    }
    fs::remove_dir_all(scratch.path("root/etc/systemd")).unwrap();
    let none = in_root(&scratch, &["drift", "--schedule", "--yes"]).expect_code(1);
    assert!(none.stderr.contains("has no systemd") && none.stderr.contains("cron"), "{}", none.stderr);
}

/// An HTTPS server on the loopback that writes down what it gets.
struct Receiver(Child);

impl Receiver {
    fn start(scratch: &Scratch, port: u16) -> (Self, u16) {
        let script = workspace().join("installer/alerts/tests/support/webhook.py");
        let mut command = Command::new("python3");
        command.arg(script).args(["server.pem", "server.key", "received"].map(|name| scratch.path(name)));
        let mut child = command.arg(port.to_string()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        (Self(child), line.trim().parse().unwrap())
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What was received: of each alert the name, and what it says of the rule.
fn received(scratch: &Scratch) -> Vec<Value> {
    let text = fs::read_to_string(scratch.path("received")).unwrap_or_default();
    let body = |line: &str| -> Value {
        let seen: Value = serde_json::from_str(line).unwrap();
        assert!(seen["headers"]["x-hub-signature-256"].as_str().unwrap().starts_with("sha256="));
        serde_json::from_str(seen["body"].as_str().unwrap()).unwrap()
    };
    text.lines().map(body).collect()
}

/// What the newest alert says of the rule.
fn newest(scratch: &Scratch) -> String {
    let alert = received(scratch).pop().unwrap();
    let changes = alert["changes"].as_array().unwrap();
    let change = changes.iter().find(|change| change["control"] == RULE);
    change.map_or(Value::Null, |change| change["change"].clone()).as_str().unwrap_or("nothing").to_owned()
}

/// A hardened root whose answers name a webhook at this port and a textfile.
fn with_alerts(scratch: &Scratch, port: u16) {
    let answers = format!(
        "version = 1\n[site]\nname = \"plant 7\"\n[harden]\nprofile = \"cis-debian12-l1-server\"\nonly = [\"{RULE}\"]\n\
         root = \"root\"\n[alerts]\ntextfile = \"groundfast.prom\"\n[alerts.webhook]\n\
         url = \"https://localhost:{port}/drift\"\nauthority = \"server.pem\"\nsecret = \"file:secret\"\n"
    );
    scratch.write("answers.toml", &answers);
    let answers = scratch.path("answers.toml").display().to_string();
    let _ = groundfast(scratch, &["answers", "check", &answers]).expect_code(0);
    let _ = groundfast(scratch, &["harden", "--answers", &answers]).expect_code(0);
}

fn certify(scratch: &Scratch) {
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    scratch.write("server.pem", &certificate.pem());
    scratch.write("server.key", &key.serialize_pem());
    let secret = scratch.write("secret", "hunter2");
    fs::set_permissions(secret, fs::Permissions::from_mode(0o400)).unwrap();
}

fn waiting(scratch: &Scratch) -> u64 {
    let status = groundfast(scratch, &["status"]).expect_code(0).json();
    status["result"]["alerts"][0]["waiting"].as_u64().unwrap()
}

#[test]
fn what_moves_is_told_once_and_waits_while_nobody_listens() {
    let scratch = root();
    certify(&scratch);
    let (receiver, port) = Receiver::start(&scratch, 0);
    with_alerts(&scratch, port);
    let drift = |code: i32| groundfast(&scratch, &["drift"]).expect_code(code);

    let _ = drift(0);
    assert_eq!(received(&scratch).len(), 0, "nothing moved, so nobody is told");
    set_mode(&scratch, 0o666);
    let _ = drift(3);
    assert_eq!((received(&scratch).len(), newest(&scratch).as_str()), (1, "moved"));
    let alert = received(&scratch).remove(0);
    assert_eq!((&alert["site"], &alert["kind"]), (&"plant 7".into(), &"drift".into()));
    let text = alert.to_string();
    assert!(!text.contains("0666") && !text.contains("hunter2") && !text.contains("/bin/sh"), "{text}");
    let _ = drift(3);
    assert_eq!(received(&scratch).len(), 1, "once is enough");

    // A run made of flags alone leaves the sinks as they are, and nothing depends on whether they listen.
    drop(receiver);
    set_mode(&scratch, 0o644);
    let _ = in_root(&scratch, &["drift", "--schedule", "--yes"]).expect_code(0);
    let unheard = drift(0);
    assert!(
        unheard.stderr.contains("was not told") && unheard.stderr.contains("waiting for the next look: 1"),
        "{}",
        unheard.stderr
    );
    set_mode(&scratch, 0o666);
    let unheard = drift(3);
    assert!(unheard.stderr.contains("waiting for the next look: 2"), "{}", unheard.stderr);
    assert_eq!(waiting(&scratch), 2);
    let outbox = scratch.path("data/alerts/outbox.json");
    assert_eq!(fs::metadata(&outbox).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!fs::read_to_string(&outbox).unwrap().contains("hunter2"));
    let _ = groundfast(&scratch, &["drift", "--test-alerts"]).expect_code(1);

    let (_receiver, _) = Receiver::start(&scratch, port);
    let _ = drift(3);
    assert_eq!(waiting(&scratch), 0);
    let told: Vec<_> = received(&scratch).iter().map(|alert| alert["changes"][0]["change"].clone()).collect();
    assert_eq!(told, ["moved", "back", "moved"], "oldest first");
    let tried = groundfast(&scratch, &["drift", "--test-alerts"]).expect_code(0).json();
    assert_eq!(tried["result"]["alerts"].as_array().unwrap().len(), 2);
    assert_eq!(received(&scratch).pop().unwrap()["kind"], "test");

    // A look that cannot be made is told, too, and is no reason to take back what was told before.
    let root = scratch.path("root");
    fs::rename(&root, scratch.path("away")).unwrap();
    let _ = drift(1);
    let alert = received(&scratch).pop().unwrap();
    assert_eq!(alert["changes"][0]["control"], "drift.look", "{alert}");
    assert_eq!((&alert["outcome"], alert["changes"].as_array().unwrap().len()), (&"error".into(), 1));
    fs::rename(scratch.path("away"), &root).unwrap();
    let _ = drift(3);
    let alert = received(&scratch).pop().unwrap();
    assert_eq!(
        (&alert["changes"][0]["change"], &alert["changes"][0]["verdict"]),
        (&"back".into(), &"pass".into())
    );

    // An empty section takes the sinks away.
    let none = "version = 1\n[harden]\nprofile = \"cis-debian12-l1-server\"\nroot = \"root\"\n";
    scratch.write("answers.toml", &format!("{none}only = [\"{RULE}\"]\n[alerts]\n"));
    let answers = scratch.path("answers.toml").display().to_string();
    let _ = groundfast(&scratch, &["harden", "--answers", &answers]).expect_code(0);
    let before = received(&scratch).len();
    let _ = drift(0);
    assert_eq!(received(&scratch).len(), before);
    let _ = groundfast(&scratch, &["drift", "--test-alerts"]).expect_code(2);
}

#[test]
fn node_exporter_can_read_what_a_look_found() {
    let scratch = root();
    certify(&scratch);
    with_alerts(&scratch, 1);
    set_mode(&scratch, 0o666);
    let _ = groundfast(&scratch, &["drift"]).expect_code(3);
    let file = scratch.path("groundfast.prom");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o644);
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains("groundfast_run_finished_timestamp_seconds{command=\"drift\"} 1"), "{text}");
    assert!(text.contains(&format!("control=\"{RULE}\"")) && !text.contains("verdict=\"fail\"} 0"), "{text}");
    assert!(text.contains("groundfast_alerts_waiting{sink=\"webhook\"} 1\n"), "{text}");
    let Some(promtool) = prepared("GROUNDFAST_PROMTOOL") else { return };
    let check = |path: &Path| {
        let mut command = Command::new(&promtool);
        Run::of(&command.args(["check", "metrics"]).stdin(fs::File::open(path).unwrap()).output().unwrap())
    };
    let checked = check(&file);
    assert_eq!((checked.code, checked.stderr.as_str()), (0, ""));
    exported(&scratch, &promtool.with_file_name("prometheus-node-exporter"));
    let broken = scratch.write("broken.prom", &text.replace("# TYPE", "# TIPE").replace("\"}", "\""));
    assert_ne!(check(&broken).code, 0);
}

/// What a real node exporter makes of the file, which it finds in its folder among others.
fn exported(scratch: &Scratch, exporter: &Path) {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut command = Command::new(exporter);
    command.args(["--collector.disable-defaults", "--collector.textfile"]);
    command.arg(format!("--collector.textfile.directory={}", scratch.path("").display()));
    command.arg(format!("--web.listen-address={port}")).stderr(Stdio::null());
    let _exporter = Receiver(command.spawn().unwrap());
    let metrics = eventually("node exporter to answer", || {
        let mut command = Command::new("curl");
        let got = Run::of(&command.args(["-sf", &format!("http://{port}/metrics")]).output().unwrap());
        (got.code == 0).then_some(got.stdout)
    });
    let open = format!("groundfast_control_open{{command=\"drift\",control=\"{RULE}\"");
    assert!(metrics.contains(&open) && metrics.contains("node_textfile_scrape_error 0"), "{metrics}");
}

#[test]
fn answers_that_would_give_a_secret_away_are_refused() {
    let scratch = Scratch::new();
    for (bad, why) in [
        ("[alerts.webhook]\nurl = \"http://a/\"\nauthority = \"ca\"\n", "in the clear"),
        ("[alerts.webhook]\nurl = \"https://u:p@a/\"\nauthority = \"ca\"\n", "no user and password"),
        ("[alerts.webhook]\nurl = \"https://a/\"\nauthority = \"ca\"\nsecret = \"x\"\n", "never the secret"),
        ("[alerts.syslog]\nserver = \"tls://a\"\n", "authority is needed"),
        ("[alerts.syslog]\nserver = \"a:514\"\n", "is no syslog server"),
        ("[alerts]\ntextfile = \"x.txt\"\n", ".prom"),
        ("[alerts]\nsyslogs = 1\n", "did you mean `syslog`"),
    ] {
        let file = scratch.write("answers.toml", &format!("version = 1\n{bad}"));
        let refused = groundfast(&scratch, &["answers", "check", file.to_str().unwrap()]).expect_code(2);
        assert!(refused.stderr.contains(why), "{}", refused.stderr);
    }
}

fn status(machine: &Machine) -> Value {
    machine.shell("groundfast status --output json --no-progress").expect_code(0).json()["result"].clone()
}

/// How many looks there were.
fn looks(machine: &Machine) -> usize {
    status(machine)["looks"].as_array().map_or(0, Vec::len)
}

#[test]
fn the_timer_of_a_machine_looks_and_tells() {
    let Some(disk) = Disk::new() else { return };
    let machine = disk.start();
    the_units_shut_nothing_out(&machine);
    let answers =
        "version = 1\n[alerts]\ntextfile = \"groundfast.prom\"\n[alerts.syslog]\nserver = \"local\"\n";
    fs::write(disk.root().join("root/answers.toml"), answers).unwrap();
    let harden =
        format!("groundfast harden --profile cis-debian12-l1-server --only {RULE} --yes --no-progress");
    let _ = machine.shell(&harden).expect_code(0);
    let schedule = "groundfast drift --schedule='*:*:0/3' --answers /root/answers.toml --no-progress";
    let _ = machine.shell(schedule).expect_code(0);
    let _ = machine.shell(&format!("{schedule} --plan | grep -q 'nothing to change'")).expect_code(0);
    assert_eq!(machine.shell("systemctl is-active groundfast-drift.timer").stdout.trim(), "active");

    eventually("the timer to elapse", || (looks(&machine) > 0).then_some(()));
    assert_eq!(status(&machine)["looks"][0]["outcome"], "passed");
    assert!(status(&machine)["schedule"]["next"].is_string(), "{}", status(&machine)["schedule"]);
    let failed =
        "systemctl show --value --property=Result,ExecMainStatus groundfast-drift.service | tr '\\n' ' '";
    assert_eq!(machine.shell(failed).stdout.trim(), "success 0");

    let _ = machine.shell("chmod 666 /etc/passwd").expect_code(0);
    eventually("drift to fail the unit", || {
        (machine.shell(failed).stdout.trim() == "exit-code 3").then_some(())
    });
    let told = "journalctl --no-pager -t groundfast | grep -c 'moved: .*file_permissions_etc_passwd: fail'";
    eventually("the journal to have the alert", || (machine.shell(told).stdout.trim() == "1").then_some(()));
    let many = looks(&machine);
    eventually("more looks", || (looks(&machine) > many + 1).then_some(()));
    assert_eq!(machine.shell(told).stdout.trim(), "1", "told once");
    let metrics = fs::read_to_string(disk.root().join("root/groundfast.prom")).unwrap();
    assert!(metrics.contains("groundfast_findings{command=\"drift\",verdict=\"fail\"} 1"), "{metrics}");
    let _ = machine.shell("chmod 644 /etc/passwd").expect_code(0);
    let back = "journalctl --no-pager -t groundfast | grep -c 'back: .*file_permissions_etc_passwd: pass'";
    eventually("the journal to have that it is back", || {
        (machine.shell(back).stdout.trim() == "1").then_some(())
    });

    // Who stops the timer is seen by whoever looks, and one command mends it.
    let _ = machine.shell("systemctl disable --now groundfast-drift.timer").expect_code(0);
    let stopped = machine.shell("groundfast drift --no-progress --output json").expect_code(3).json();
    let pin = "pin:activity of groundfast-drift.timer";
    assert_eq!(finding(&stopped, pin)["verdict"], "fail");
    let _ = machine.shell(schedule).expect_code(0);
    let _ = machine.shell("groundfast drift --no-progress").expect_code(0);
    let _ = machine.shell("groundfast drift --unschedule --yes --no-progress").expect_code(0);
    let _ = machine.shell("! systemctl --quiet is-active groundfast-drift.timer").expect_code(0);
    let _ = machine
        .shell("! ls /etc/systemd/system/groundfast-drift.* && groundfast drift --no-progress")
        .expect_code(0);
}

/// The whole profile comes out alike by hand and shut in as the service is.
fn the_units_shut_nothing_out(machine: &Machine) {
    let _ = machine.shell("groundfast drift --schedule --root / --yes --no-progress").expect_code(0);
    let look = "groundfast harden --profile cis-debian12-l2-server --plan --no-progress --output json";
    let unit = machine.shell("cat /etc/systemd/system/groundfast-drift.service").stdout;
    let own = format!("ExecStart=/usr/local/bin/{look}\nStandardOutput=truncate:/root/look.json");
    let whole: Vec<&str> =
        unit.lines().map(|line| if line.starts_with("ExecStart=") { own.as_str() } else { line }).collect();
    let path = "/run/systemd/system/groundfast-look.service";
    let write = format!("cat >{path} <<'END'\n{}\nEND", whole.join("\n"));
    let _ = machine.shell(&format!("{write}\nsystemctl daemon-reload")).expect_code(0);
    let by_hand = machine.shell(look).expect_code(0).json();
    let _ = machine.shell("systemctl start groundfast-look.service").expect_code(0);
    let shut_in = machine.shell("cat /root/look.json").json();
    let told = |document: &Value| -> Vec<String> {
        let findings = document["findings"].as_array().unwrap().iter();
        findings.map(|one| format!("{} {} {}", one["control"], one["verdict"], one["actual"])).collect()
    };
    assert!(told(&by_hand).len() > 300 && whole.iter().any(|line| line.starts_with("NoNewPrivileges=")));
    assert_eq!(told(&shut_in), told(&by_hand));
    let _ = machine.shell("groundfast rollback --yes --no-progress").expect_code(0);
}
