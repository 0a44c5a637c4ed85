//! The sample product on a real engine: brought up, asked, tampered with, mended, broken, taken back.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::too_many_lines,
    clippy::type_complexity,
    clippy::print_stderr,
    reason = "a test that cannot be set up must stop, and tests make their own places"
)]

mod sample;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use model::{Change, Control, Evidence, Fut, Host, HostError, Observe, Resource, State, Verdict};
use sample::Sample;
use secrets::SecretInPlace;
use stack::names::Name;
use stack::smoke::{Authorities, Smoke};
use stack::{Checks, Release, controls};

fn run<T>(future: Fut<'_, T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn see(host: &dyn Observe, resource: &Resource) -> State {
    run(host.observe(std::slice::from_ref(resource))).remove(0).unwrap()
}

/// Changes a resource from whatever it is to `to`, and sees that it is so.
fn make(host: &dyn Host, sample: &Sample, resource: &Resource, to: &State) -> Result<(), HostError> {
    let change = Change { resource: resource.clone(), from: see(host, resource), to: to.clone() };
    run(host.put(&change, &sample.store))?;
    assert_eq!(see(host, resource), *to, "after the change");
    Ok(())
}

/// The controls that do not hold, with what they saw.
fn failing(host: &dyn Observe, controls: &[Box<dyn Control>]) -> Vec<(String, Verdict, String)> {
    let wanted: Vec<_> = controls.iter().flat_map(|control| control.needs(&Evidence::new())).collect();
    let seen: Evidence = wanted.iter().cloned().zip(run(host.observe(&wanted))).collect();
    let judged = controls.iter().map(|control| {
        let judgement = control.judge(&seen);
        (control.id().to_string(), judgement.verdict, judgement.actual)
    });
    // What concerns AppArmor concerns no machine without it.
    judged.filter(|(_, verdict, _)| !matches!(verdict, Verdict::Pass | Verdict::Notapplicable)).collect()
}

fn names(failing: &[(String, Verdict, String)]) -> Vec<&str> {
    failing.iter().map(|(name, ..)| name.as_str()).collect()
}

fn checks(sample: &Sample) -> Checks {
    let smoke = |name: &str, url: &str, port: u16, status: u16, contains: Option<&str>| Smoke {
        name: name.to_owned(),
        url: url.to_owned(),
        connect: Some(([127, 0, 0, 1], port).into()),
        method: "GET".to_owned(),
        body: None,
        status,
        contains: contains.map(str::to_owned),
        within: Duration::from_secs(20),
    };
    let name = |service: &str, name: &str| Name { service: service.to_owned(), name: name.to_owned() };
    Checks {
        names: vec![name("app", "db"), name("app", "policy"), name("nginx", "app")],
        smoke: vec![
            smoke("works", "https://companyos.internal/", 443, 200, Some("\"working\":true")),
            smoke("nobody reads rows", "https://companyos.internal/rows", 443, 403, Some("denied")),
            smoke("plain HTTP is sent on", "http://companyos.internal/", 80, 308, None),
        ],
        authorities: Authorities::read(&sample.certificates.join("tls/ca.crt")).unwrap(),
    }
}

#[test]
fn the_sample_product_comes_up_is_watched_and_goes_back() {
    let Some(mut sample) = Sample::new() else { return };
    let rewritten = sample.rewritten(&sample.compose.clone());
    let release = Release::of(&rewritten);
    let project = Resource::Stack { project: sample.project.clone() };
    let stack = sample.backend(Duration::from_secs(120)).with_checks(release.compose, checks(&sample));

    bring_up(&sample, &stack, &project, &release);
    let watched = controls::of(&sample.project, &release, &sample.images);
    assert_eq!(failing(&stack, &watched), []);
    use_it(&sample);
    tamper(&sample, &stack, &project, &release, &watched);
    names_that_are_not_there(&sample, &stack, &project, &release);
    break_it_and_go_back(&mut sample, &stack, &project, &release);
    assert_eq!(failing(&stack, &watched), []);
    only_what_changed_is_made_anew(&mut sample, &stack, &project, &release);
    it_lies_still_again(&mut sample, &stack, &project);
    health_is_looked_at_whatever_compose_says(&mut sample, &project, &release);

    make(&stack, &sample, &project, &State::Absent).unwrap();
    let gone = failing(&stack, &watched);
    let about_containers = |control: &dyn Control| {
        let id = control.id().as_str();
        !id.starts_with("image.") && !id.ends_with(".confined")
    };
    for control in watched.iter().filter(|control| about_containers(control.as_ref())) {
        assert!(names(&gone).contains(&control.id().as_str()), "{} of {gone:?}", control.id());
    }
    for image in &sample.images {
        make(&stack, &sample, &Resource::Image { id: image.id }, &State::Absent).unwrap();
    }
}

fn bring_up(sample: &Sample, stack: &stack::Stack, project: &Resource, release: &Release) {
    for image in &sample.images {
        let up = State::record([("id", State::Content(image.id)), ("user", State::text(&image.user))]);
        make(stack, sample, &Resource::Image { id: image.id }, &up).unwrap();
    }
    for secret in &sample.secrets {
        make(&sample.injected, sample, &secret.resource(), &secret.state(&sample.key).unwrap()).unwrap();
    }
    make(stack, sample, project, &release.state()).unwrap();
}

fn use_it(sample: &Sample) {
    let post = ["-d", "{\"text\":\"first row\"}"];
    assert_eq!(sample.curl("/rows", "writer", &post).0, 200);
    assert_eq!(sample.curl("/rows", "reader", &post).0, 403);
    let (status, body) = sample.curl("/rows", "reader", &[]);
    assert!(status == 200 && body.contains("first row"), "{status} {body}");
    assert_eq!(sample.curl("/rows", "nobody", &[]).0, 403);
    assert_eq!(sample.curl("/", "nobody", &["--tls-max", "1.2"]).0, 0, "TLS 1.2 is not spoken");

    // The database knows certificates, not passwords, and nothing on its network leads outside.
    let db = sample.container("db");
    let insecure = sample.docker(&[
        "exec",
        &db,
        "/usr/lib/postgresql/15/bin/psql",
        "-U",
        "companyos_app",
        "-h",
        "/var/run/postgresql",
        "companyos",
        "-c",
        "SELECT 1",
    ]);
    assert!(!insecure.contains("1 row"), "{insecure}");
    // Fail closed: without the decision point everything is denied.
    sample.docker(&["stop", "-t", "2", &sample.container("policy")]);
    let (status, body) = sample.curl("/", "writer", &[]);
    assert!(status == 403 && body.contains("does not answer"), "{status} {body}");
    sample.docker(&["start", &sample.container("policy")]);
}

/// Each kind of tampering is found by the control whose business it is, and mended by bringing the release up.
fn tamper(
    sample: &Sample,
    stack: &stack::Stack,
    project: &Resource,
    release: &Release,
    watched: &[Box<dyn Control>],
) {
    let mended = || {
        make(stack, sample, project, &release.state()).unwrap();
        assert_eq!(failing(stack, watched), []);
    };
    mended();
    sample.docker(&["stop", "-t", "2", &sample.container("app")]);
    assert_eq!(
        names(&failing(stack, watched)),
        [format!("stack.{}", sample.project).as_str(), "service.app.healthy"]
    );
    mended();

    let policy =
        sample.site.folder.as_ref().unwrap().join(&sample.site.files["policy.tar.gz"].hex()).unwrap();
    fs::set_permissions(policy.as_str(), fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(policy.as_str(), b"allow everything").unwrap();
    let found = failing(stack, watched);
    assert_eq!(
        names(&found),
        [format!("stack.{}", sample.project).as_str(), "service.policy.pins"],
        "{found:?}"
    );
    assert!(found[1].2.contains("/etc/companyos/policy.tar.gz"), "{found:?}");
    mended();

    let other = sample.images.iter().find(|image| image.name.contains("/nginx")).unwrap();
    let swapped = sample.container("policy");
    sample.docker(&["rm", "-f", &swapped]);
    let labels = format!("com.docker.compose.project={}", sample.project);
    sample.docker(&[
        "run",
        "-d",
        "--name",
        &swapped,
        "--label",
        &labels,
        "--label",
        "com.docker.compose.service=policy",
        "--user",
        "0",
        "--entrypoint",
        "/usr/bin/sleep",
        &other.id.to_string(),
        "600",
    ]);
    let found = failing(stack, watched);
    for control in ["service.policy.image", "service.policy.nonroot", "service.policy.pins"] {
        assert!(names(&found).contains(&control), "{control} {found:?}");
    }
    // Compose takes it for nobody's and would leave it there; bringing the release up does not.
    mended();

    let token = sample.secrets.iter().find(|secret| secret.target.name() == "app-tokens").unwrap();
    let control: [Box<dyn Control>; 1] =
        [Box::new(SecretInPlace::new(token.target.clone(), token.state(&sample.key).unwrap()))];
    assert_eq!(failing(&sample.injected, &control), []);
    fs::set_permissions(token.target.as_str(), fs::Permissions::from_mode(0o444)).unwrap();
    assert_eq!(failing(&sample.injected, &control)[0].2, "mode 0444 instead of 0400");
    make(&sample.injected, sample, &token.resource(), &token.state(&sample.key).unwrap()).unwrap();
}

fn names_that_are_not_there(sample: &Sample, stack: &stack::Stack, project: &Resource, release: &Release) {
    let engine = stack::Engine::new(stack_socket());
    let containers = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let running = containers.block_on(engine.containers(&sample.project)).unwrap();
    for (service, name, resolves) in
        [("app", "db", true), ("app", "no-such-service", false), ("nginx", "db", false)]
    {
        let name = Name { service: service.to_owned(), name: name.to_owned() };
        assert_eq!(containers.block_on(stack::names::check(&name, &running)).is_ok(), resolves, "{name:?}");
    }
    assert_eq!(see(stack, project), release.state());
}

fn stack_socket() -> String {
    std::env::var("DOCKER_HOST").unwrap().trim_start_matches("unix://").to_owned()
}

/// A release whose app cannot start.
fn broken(sample: &mut Sample) -> Release {
    let text = sample.compose.replace("[\"/etc/companyos/app.json\"]", "[\"/etc/companyos/nothing.json\"]");
    Release::of(&sample.rewritten(&text))
}

/// A release that does not become healthy says why, and the inverse of its change brings the old one back.
fn break_it_and_go_back(sample: &mut Sample, stack: &stack::Stack, project: &Resource, release: &Release) {
    let broken = broken(sample);
    assert_ne!(broken.compose, release.compose);
    let hasty = sample.backend(Duration::from_secs(15));
    let failed = make(&hasty, sample, project, &broken.state()).unwrap_err().to_string();
    assert!(failed.contains("app ended with code 1") || failed.contains("nothing.json"), "{failed}");
    make(stack, sample, project, &release.state()).unwrap();
    let (status, body) = sample.curl("/rows", "reader", &[]);
    assert!(status == 200 && body.contains("first row"), "the data outlives it: {status} {body}");
}

/// An upgrade leaves the containers of services that did not change, and networks become what the release says.
fn only_what_changed_is_made_anew(
    sample: &mut Sample,
    stack: &stack::Stack,
    project: &Resource,
    release: &Release,
) {
    let id = |sample: &Sample, service: &str| {
        sample.docker(&["inspect", "-f", "{{.Id}}", &sample.container(service)])
    };
    let (db, nginx) = (id(sample, "db"), id(sample, "nginx"));
    let longer = sample.compose.replacen("memory: 128M, pids: 50", "memory: 160M, pids: 50", 1);
    let longer = Release::of(&sample.rewritten(&longer));
    assert_ne!(longer.compose, release.compose);
    make(stack, sample, project, &longer.state()).unwrap();
    assert_eq!((id(sample, "db"), id(sample, "nginx")), (db, nginx));

    let network = format!("{}_data", sample.project);
    let open = sample
        .compose
        .replace("data: { internal: true }", "data: { internal: true, labels: { seen: yes-it-is } }");
    let open = Release::of(&sample.rewritten(&open));
    assert_ne!(open.compose, release.compose);
    make(stack, sample, project, &open.state()).unwrap();
    assert!(sample.docker(&["network", "inspect", &network]).contains("yes-it-is"));
    make(stack, sample, project, &release.state()).unwrap();
    assert!(!sample.docker(&["network", "inspect", &network]).contains("yes-it-is"));
}

/// A project that lay still is put back to that, whatever was tried meanwhile and whatever was damaged.
fn it_lies_still_again(sample: &mut Sample, stack: &stack::Stack, project: &Resource) {
    let broken = broken(sample);
    let hasty = sample.backend(Duration::from_secs(15));
    for service in ["nginx", "app", "policy", "db"] {
        sample.docker(&["stop", "-t", "2", &sample.container(service)]);
    }
    let still = see(stack, project);
    make(&hasty, sample, project, &broken.state()).unwrap_err();
    assert_ne!(see(stack, project), still);
    let policy = sample.site.files["policy.tar.gz"].hex();
    let policy = sample.site.folder.as_ref().unwrap().join(&policy).unwrap();
    make(stack, sample, project, &still).unwrap();
    fs::write(policy.as_str(), "damaged").unwrap();
    assert_eq!(see(stack, project), still, "nobody reads what is mounted into a container that does not run");
    make(stack, sample, project, &still).unwrap();
}

/// Compose's own waiting taken away, which is what its success means when its time ends between two looks.
fn health_is_looked_at_whatever_compose_says(sample: &mut Sample, project: &Resource, release: &Release) {
    let sick =
        sample.compose.replace("\"ping\", \"--addr=127.0.0.1:8182\"", "\"ping\", \"--addr=127.0.0.1:1\"");
    let sick =
        sick.replace("policy: { condition: service_healthy }", "policy: { condition: service_started }");
    let sick = Release::of(&sample.rewritten(&sick));
    assert_ne!(sick.compose, release.compose);
    let hasty = sample.hasty_backend(Duration::from_secs(20));
    let failed = make(&hasty, sample, project, &sick.state()).unwrap_err().to_string();
    assert!(failed.contains("policy is "), "{failed}");
    make(&hasty, sample, project, &release.state()).unwrap();
}
