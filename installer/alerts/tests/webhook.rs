//! Alerts to a real HTTPS server: signed, tried again, kept while it refuses them, delivered in their order.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test that cannot be set up must stop, and tests make their own places"
)]

mod support;

use std::process::{Command, Stdio};

use alerts::{Config, Look, Outbox, Sink, Webhook};
use model::{ControlId, Finding, Severity, Verdict};
use serde_json::Value;
use support::{Daemon, Site, alert, received};

struct Receiver {
    site: Site,
    url: String,
    _daemon: Daemon,
}

impl Receiver {
    /// A receiver that answers with these statuses first.
    fn start(statuses: &[&str]) -> Self {
        Self::start_as("server", statuses)
    }

    /// The same with another certificate.
    fn start_as(name: &str, statuses: &[&str]) -> Self {
        let site = Site::new();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/webhook.py");
        let mut command = Command::new("python3");
        command.arg(script).args([
            site.path(&format!("{name}.pem")),
            site.path(&format!("{name}.key")),
            site.path("received"),
        ]);
        let mut daemon = Daemon::start(command.arg("0").args(statuses).stdout(Stdio::piped()));
        let url = format!("https://localhost:{}/hooks/drift?from=site", daemon.first_line());
        Self { site, url, _daemon: daemon }
    }

    fn config(&self) -> Config {
        let webhook = Webhook { url: self.url.clone(), authority: self.site.path("ca.pem"), secret: None };
        Config { webhook: Some(webhook), ..Config::default() }
    }

    fn received(&self) -> Vec<Value> {
        received(&self.site.path("received"))
    }
}

fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

#[test]
fn a_document_arrives_with_a_signature_that_others_can_check() {
    let receiver = Receiver::start(&[]);
    let mut config = receiver.config();
    // As an editor leaves it, with a line break.
    receiver.site.write("secret", "hunter2\n");
    config.webhook.as_mut().unwrap().secret = Some(receiver.site.secret("secret"));
    let sent = alert("01A");
    let tried = wait(config.try_out(&sent));
    assert_eq!((tried[0].delivered, tried[0].why.as_deref()), (1, None));
    let [seen] = &receiver.received()[..] else { panic!("one request: {:?}", receiver.received()) };
    assert_eq!(seen["path"], "/hooks/drift?from=site");
    assert_eq!(seen["headers"]["content-type"], "application/json");
    let body = seen["body"].as_str().unwrap();
    assert_eq!(serde_json::from_str::<alerts::Alert>(body).unwrap(), sent);
    // OpenSSL says the same of it.
    let file = receiver.site.write("body", body);
    let openssl = Command::new("openssl")
        .args(["dgst", "-sha256", "-hmac", "hunter2", "-r"])
        .arg(file)
        .output()
        .unwrap();
    let digest = String::from_utf8(openssl.stdout).unwrap();
    let digest = digest.split(' ').next().unwrap();
    assert_eq!(seen["headers"]["x-hub-signature-256"], format!("sha256={digest}"));
    assert!(!seen.to_string().contains("hunter2"));
}

#[test]
fn what_may_pass_is_tried_again_and_what_will_not_is_kept() {
    let receiver = Receiver::start(&["503", "429", "204", "401", "500", "500", "500"]);
    let config = receiver.config();
    let overwhelmed = wait(config.try_out(&alert("01A")));
    assert_eq!((overwhelmed[0].delivered, receiver.received().len()), (1, 3));
    let refused = wait(config.try_out(&alert("01B")));
    assert_eq!(
        (refused[0].delivered, receiver.received().len()),
        (0, 4),
        "a refusal is not asked twice at once"
    );
    let why = refused[0].why.as_deref().unwrap();
    assert!(why.ends_with("answered with status 401") && !why.contains("hooks/drift"), "{why}");
    let failing = wait(config.try_out(&alert("01C")));
    assert_eq!((failing[0].delivered, receiver.received().len()), (0, 7), "three times in all");
}

#[test]
fn a_server_of_another_authority_and_an_open_secret_are_refused() {
    let receiver = Receiver::start(&[]);
    let mut config = receiver.config();
    config.webhook.as_mut().unwrap().authority = receiver.site.path("strange-ca.pem");
    let refused = wait(config.try_out(&alert("01A")));
    assert!(refused[0].why.as_ref().unwrap().contains("cannot connect"), "{refused:?}");
    let mut config = receiver.config();
    let open = receiver.site.write("open", "hunter2");
    std::fs::set_permissions(&open, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    config.webhook.as_mut().unwrap().secret = Some(receiver.site.secret("open"));
    let refused = wait(config.try_out(&alert("01B")));
    assert!(refused[0].why.as_ref().unwrap().contains("chmod 0400"), "{refused:?}");
    assert_eq!(receiver.received(), Vec::<Value>::new());

    // A certificate of the right authority for another name is no better.
    let receiver = Receiver::start_as("strange", &[]);
    let mut config = receiver.config();
    config.webhook.as_mut().unwrap().authority = receiver.site.path("strange-ca.pem");
    let refused = wait(config.try_out(&alert("01C")));
    assert!(refused[0].why.as_ref().unwrap().contains("not valid for name"), "{refused:?}");
}

fn finding(control: &str) -> Finding {
    Finding {
        control: ControlId::new(control),
        title: control.to_owned(),
        severity: Severity::Medium,
        verdict: Verdict::Fail,
        expected: String::new(),
        actual: String::new(),
        evidence: Vec::new(),
        refs: Vec::new(),
        remedy: false,
        mend: String::new(),
        waiver: None,
        attestation: None,
        cause: None,
    }
}

#[test]
fn what_waited_is_delivered_oldest_first() {
    let receiver = Receiver::start(&["204", "403"]);
    let good = receiver.config();
    let mut gone = receiver.config();
    gone.webhook.as_mut().unwrap().url = "https://localhost:1/".to_owned();
    let mut outbox = Outbox::default();
    for (n, name) in ["a", "b", "c"].iter().enumerate() {
        let findings: Vec<_> = ["a", "b", "c"][..=n].iter().map(|name| finding(name)).collect();
        let look = Look {
            host: "h",
            site: "",
            at: "2026-11-22T10:00:00Z",
            run: "01R",
            outcome: "drifted",
            findings: &findings,
        };
        outbox.note(&gone, &look, name);
    }
    let failed = wait(outbox.deliver(&gone, "2026-11-22T10:00:01Z"));
    assert_eq!((failed[0].delivered, outbox.queues[&Sink::Webhook].waiting.len()), (0, 3));
    assert!(outbox.queues[&Sink::Webhook].failed.is_some());
    let partly = wait(outbox.deliver(&good, "2026-11-22T11:00:00Z"));
    assert_eq!((partly[0].delivered, outbox.queues[&Sink::Webhook].waiting.len()), (1, 2));
    let rest = wait(outbox.deliver(&good, "2026-11-22T12:00:00Z"));
    assert_eq!((rest[0].delivered, outbox.queues[&Sink::Webhook].waiting.len()), (2, 0));
    let ids: Vec<String> = receiver
        .received()
        .iter()
        .map(|seen| {
            let body: Value = serde_json::from_str(seen["body"].as_str().unwrap()).unwrap();
            body["id"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(ids, ["a", "b", "b", "c"]);
    assert_eq!(wait(outbox.deliver(&good, "2026-11-22T13:00:00Z")), [], "nothing waits, nobody is asked");
}
