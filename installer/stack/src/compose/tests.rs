use super::service::SECRETS_LABEL;
use super::*;

fn site() -> Site {
    let digest = |byte| Digest::from_sha256([byte; 32]);
    let secret = |name: &str| InjectedSecret {
        path: format!("/run/groundfast/secrets/{name}").parse().unwrap(),
        fingerprint: "f1".to_owned(),
    };
    Site {
        images: BTreeMap::from([(
            "shop/app:1.0".to_owned(),
            SignedImage { id: digest(1), user: "2003".to_owned() },
        )]),
        files: BTreeMap::from([
            ("conf/app.json".to_owned(), digest(2)),
            ("policy.tar.gz".to_owned(), digest(3)),
        ]),
        folder: Some("/var/lib/groundfast/stack".parse().unwrap()),
        secrets: BTreeMap::from([("app-key".to_owned(), secret("app-key"))]),
        env_secrets: BTreeMap::from([("app".to_owned(), vec![secret("token")])]),
        volumes: BTreeSet::from(["/srv/data".parse().unwrap()]),
        stop_seconds: Some(45),
        profiles: BTreeSet::from(["shop-app".to_owned(), "shop-db".to_owned()]),
        proxies: BTreeMap::from([("HTTPS_PROXY".to_owned(), "http://proxy:3128/$x".to_owned())]),
    }
}

const GOOD: &str = r#"
services:
  app:
    image: shop/app:1.0
    command: ["serve", "--price", "$$5"]
    privileged: false
    environment: [MODE=live, https_proxy=http://own]
    configs:
      - policy
      - { source: app, target: /etc/app.json }
    secrets: [app-key]
    volumes:
      - data:/data
      - /srv/data:/srv
      - ./conf/app.json:/etc/second.json:ro
      - { type: tmpfs, target: /tmp }
configs:
  app: { file: ./conf/app.json }
  policy: { file: policy.tar.gz }
secrets:
  app-key: { file: ./secrets/app-key }
volumes: { data: }
networks:
  back: { internal: true }
"#;

#[test]
fn a_good_file_is_pinned_in_every_part() {
    let rewritten = rewrite(GOOD, &site()).unwrap();
    let file: Value = serde_json::from_str(&rewritten.text).unwrap();
    let app = &file["services"]["app"];
    let one = format!("sha256:{}", "01".repeat(32));
    let path = |byte: &str| format!("/var/lib/groundfast/stack/{}", byte.repeat(32));
    assert_eq!((app["image"].as_str(), app["pull_policy"].as_str()), (Some(one.as_str()), Some("never")));
    assert_eq!(app["command"], json!(["serve", "--price", "$$5"]));
    assert_eq!(file["configs"], json!({ "app": { "file": path("02") }, "policy": { "file": path("03") } }));
    assert_eq!(file["secrets"]["app-key"], json!({ "file": "/run/groundfast/secrets/app-key" }));
    assert_eq!(app["env_file"], json!(["/run/groundfast/secrets/token"]));
    assert_eq!(app["labels"][SECRETS_LABEL], json!("app-key=f1 token=f1"));
    assert_eq!(app["volumes"][2]["source"], json!(path("02")));
    assert_eq!(app["volumes"][2]["read_only"], json!(true));
    let direct = "localhost,127.0.0.1,app";
    let environment = json!({ "MODE": "live", "HTTPS_PROXY": "http://proxy:3128/$$x", "https_proxy": "http://own",
                              "NO_PROXY": direct, "no_proxy": direct });
    assert_eq!(app["environment"], environment);
    let pins: Vec<_> = rewritten.services["app"].pins.keys().map(String::as_str).collect();
    assert_eq!(pins, ["/etc/app.json", "/etc/second.json", "/policy"]);
}

#[test]
fn a_service_names_a_profile_of_the_release() {
    let profile = |text: &str| rewrite(text, &site()).unwrap().services["app"].profile.clone();
    let with = |line: &str| GOOD.replace("privileged: false", line);
    assert_eq!(profile(GOOD), None);
    assert_eq!(profile(&with("security_opt: [\"no-new-privileges:true\"]")), None);
    for option in ["apparmor=shop-app", "apparmor:shop-app"] {
        assert_eq!(profile(&with(&format!("security_opt: [\"{option}\"]"))).as_deref(), Some("shop-app"));
    }
}

#[test]
fn a_service_runs_as_its_own_user_or_that_of_its_image() {
    let user = |text: &str| rewrite(text, &site()).unwrap().services["app"].user.clone();
    let with = |line: &str| GOOD.replace("privileged: false", line);
    assert_eq!(user(GOOD), "2003");
    for (line, expected) in
        [("user: \"7:8\"", "7:8"), ("user: 2009", "2009"), ("user: ~", "2003"), ("user: \"\"", "2003")]
    {
        assert_eq!(user(&with(line)), expected, "{line}");
    }
    let text = rewrite(&with("user: 2009"), &site()).unwrap().text;
    assert!(text.contains("\"user\": \"2009\""), "{text}");
}

#[test]
fn what_services_say_to_each_other_goes_through_no_proxy() {
    let direct = |proxies: &[(&str, &str)]| {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let site = Site { proxies: proxies.iter().map(own).collect(), ..site() };
        let file: Value = serde_json::from_str(&rewrite(GOOD, &site).unwrap().text).unwrap();
        file["services"]["app"]["environment"]["NO_PROXY"].clone()
    };
    assert_eq!(direct(&[]), Value::Null);
    assert_eq!(direct(&[("no_proxy", ".internal")]), ".internal");
    let both = [("http_proxy", "http://p:1"), ("no_proxy", ".internal,app")];
    assert_eq!(direct(&both), ".internal,app,localhost,127.0.0.1");
}

#[test]
fn an_image_that_was_signed_as_roots_may_be_named_so() {
    let mut site = site();
    site.images.get_mut("shop/app:1.0").unwrap().user = String::new();
    let text = GOOD.replace("privileged: false", "user: root");
    assert_eq!(rewrite(&text, &site).unwrap().services["app"].user, "root");
}

#[test]
fn a_service_has_the_declared_time_to_stop_unless_it_names_its_own() {
    let time = |text: &str, site: &Site| {
        let file: Value = serde_json::from_str(&rewrite(text, site).unwrap().text).unwrap();
        file["services"]["app"]["stop_grace_period"].clone()
    };
    assert_eq!(time(GOOD, &site()), "45s");
    assert_eq!(time(&GOOD.replace("privileged: false", "stop_grace_period: 2m"), &site()), "2m");
    assert_eq!(time(GOOD, &Site { stop_seconds: None, ..site() }), Value::Null);
}

#[test]
fn the_same_input_gives_the_same_bytes_and_a_rotated_secret_others() {
    let first = rewrite(GOOD, &site()).unwrap();
    assert_eq!(first, rewrite(GOOD, &site()).unwrap());
    let mut rotated = site();
    rotated.secrets.get_mut("app-key").unwrap().fingerprint = "f2".to_owned();
    assert_ne!(first.text, rewrite(GOOD, &rotated).unwrap().text);
}

#[test]
fn whatever_cannot_be_pinned_or_reaches_out_is_refused() {
    let service = |extra: &str| GOOD.replace("privileged: false", extra);
    let cases = [
        (GOOD.replace("image: shop/app:1.0", "image: shop/other:1.0"), "services.app.image"),
        (GOOD.replace("    image: shop/app:1.0\n", ""), "services.app"),
        (service("build: ."), "services.app.build"),
        (service("user: [1]"), "services.app.user"),
        (service("user: root"), "services.app.user"),
        (service("user: \"0:0\""), "services.app.user"),
        (service("user: 0"), "services.app.user"),
        (service("privileged: true"), "services.app.privileged"),
        (service("privileged: \"true\""), "services.app.privileged"),
        (service("network_mode: host"), "services.app.network_mode"),
        (service("pid: host"), "services.app.pid"),
        (service("cap_add: [SYS_ADMIN]"), "services.app.cap_add"),
        (service("devices: [/dev/mem]"), "services.app.devices"),
        (service("security_opt: [\"seccomp:unconfined\"]"), "services.app.security_opt"),
        (service("security_opt: [\"apparmor=docker-default\"]"), "services.app.security_opt"),
        (service("security_opt: [\"apparmor=shop-app\", \"apparmor=shop-db\"]"), "services.app.security_opt"),
        (service("env_file: .env"), "services.app.env_file"),
        (service("extends: { file: other.yaml, service: x }"), "services.app.extends"),
        (service("labels: { com.docker.compose.project: x }"), "services.app.labels"),
        (GOOD.replace("$$5", "${HOME}"), "services.app.command[2]"),
        (GOOD.replace("MODE=live", "MODE"), "services.app.environment.MODE"),
        (GOOD.replace("/srv/data:/srv", "/var/run/docker.sock:/s"), "services.app.volumes[1]"),
        (GOOD.replace("/srv/data:/srv", "/srv/data/../../etc:/s"), "services.app.volumes[1]"),
        (GOOD.replace("second.json:ro", "second.json"), "services.app.volumes[2]"),
        (GOOD.replace("./conf/app.json:/etc", "./conf/other.json:/etc"), "services.app.volumes[2]"),
        (GOOD.replace("{ file: policy.tar.gz }", "{ file: /etc/shadow }"), "configs.policy"),
        (GOOD.replace("{ file: policy.tar.gz }", "{ content: x }"), "configs.policy"),
        (GOOD.replace("      - policy\n", "      - nobody\n"), "services.app.configs"),
        (GOOD.replace("app-key: {", "other-key: {"), "secrets.other-key"),
        (GOOD.replace("secrets: [app-key]", "secrets: [other]"), "services.app.secrets"),
        (
            GOOD.replace("{ data: }", "{ data: { driver_opts: { device: /etc } } }"),
            "volumes.data.driver_opts",
        ),
        (GOOD.replace("{ internal: true }", "{ driver: host }"), "networks.back"),
        (GOOD.replace("{ internal: true }", "{ external: true }"), "networks.back"),
        (format!("include: [x.yaml]{GOOD}"), "include"),
    ];
    for (text, place) in cases {
        match rewrite(&text, &site()) {
            Err(ComposeError::Refused { at, .. }) => assert_eq!(at, place, "{text}"),
            other => panic!("expected {place} to be refused, got {other:?}"),
        }
    }
}

#[test]
fn what_is_no_compose_file_is_said_so() {
    for text in
        ["", "[]", "services: {}", "services: 7", "a: b: c", "services: {app: {image: x}, app: {image: y}}"]
    {
        assert!(matches!(rewrite(text, &site()), Err(ComposeError::Malformed(_))), "{text}");
    }
    let deep = "[".repeat(100_000);
    assert!(matches!(rewrite(&deep, &site()), Err(ComposeError::Malformed(_))));
}

#[test]
fn anchors_and_merges_are_resolved_before_anything_is_judged() {
    let text = "x-base: &base { image: shop/app:1.0, privileged: true }\nservices: { app: { <<: *base } }\n";
    assert!(
        matches!(rewrite(text, &site()), Err(ComposeError::Refused { at, .. }) if at == "services.app.privileged")
    );
    let text = text.replace(", privileged: true", "");
    assert!(rewrite(&text, &site()).is_ok());
}
