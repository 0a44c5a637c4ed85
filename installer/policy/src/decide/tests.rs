use std::fs;

use proptest::prelude::*;

use super::*;

const BASE: &str = r#"package shop.authz
import rego.v1
default allow := false
allow if input.role == "admin"
allow if { input.role == "reader"; input.method == "GET" }
limit := 10 if input.role == "admin"
broken := x if { x := to_number(input.text) }
slow := count([1 | some i in numbers.range(1, 3000); some j in numbers.range(1, 3000); i == j + 1])
stop if input.role == "guest"
"#;

const LOCAL: &str = r#"package local
import rego.v1
deny contains "outside 10.0.0.0/8" if not net.cidr_contains("10.0.0.0/8", input.address)
"#;

fn policy(base: &str, local: Option<&str>) -> Result<Policy, LoadError> {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str, text: &str| {
        let path = folder.path().join(name);
        #[expect(clippy::disallowed_methods, reason = "test set-up")]
        fs::write(&path, text).unwrap();
        path
    };
    let local = local.map(|text| place("local.rego", text));
    Policy::load(&place("base.rego", base), None, local.as_ref(), &Limits::default())
}

#[test]
fn the_base_policy_answers() {
    let policy = policy(BASE, None).unwrap();
    let ask = |path: &str, input| policy.decide(path, input).unwrap();
    let admin = || json!({ "role": "admin" });
    assert_eq!(ask("shop/authz/allow", admin()), Some(json!(true)));
    assert_eq!(ask("/shop/authz/allow/", json!({ "role": "reader", "method": "POST" })), Some(json!(false)));
    assert_eq!(ask("shop/authz/allow", Value::Null), Some(json!(false)));
    assert_eq!(ask("shop/authz/limit", admin()), Some(json!(10)));
    assert_eq!(ask("shop/authz/limit", json!({})), None, "undefined is no answer");
    assert_eq!(ask("shop/authz/nothing", admin()), None, "an unknown rule is no answer");
    assert_eq!(ask("elsewhere/allow", admin()), None, "an unknown package is no answer");
}

#[test]
fn failures_and_slowness_are_errors_never_answers() {
    let policy = policy(BASE, None).unwrap();
    let failed = policy.decide("shop/authz/broken", json!({ "text": "no number" }));
    assert!(matches!(failed, Err(DecideError::Evaluation(_))), "{failed:?}");
    assert_eq!(policy.decide("shop/authz/broken", json!({ "text": "7" })), Ok(Some(json!(7))));
    let slow = policy.decide("shop/authz/slow", json!({}));
    assert!(matches!(slow, Err(DecideError::Evaluation(_))), "{slow:?}");
}

#[test]
fn a_local_policy_takes_away_and_never_gives() {
    let policy = policy(BASE, Some(LOCAL)).unwrap();
    let ask = |path: &str, role: &str, address: &str| {
        policy.decide(path, json!({ "role": role, "method": "GET", "address": address })).unwrap()
    };
    assert_eq!(ask("shop/authz/allow", "reader", "10.1.2.3"), Some(json!(true)));
    assert_eq!(ask("shop/authz/allow", "reader", "192.0.2.1"), Some(json!(false)));
    assert_eq!(ask("shop/authz/allow", "guest", "10.1.2.3"), Some(json!(false)), "silence gives nothing");
    assert_eq!(ask("shop/authz/stop", "guest", "192.0.2.1"), Some(json!(true)), "a refusal stays one");
}

#[test]
fn a_failing_local_policy_is_an_error_not_a_permission() {
    let policy = policy(BASE, Some(LOCAL)).unwrap();
    let asked = policy.decide("shop/authz/allow", json!({ "role": "admin", "address": "not an address" }));
    assert!(!matches!(asked, Ok(Some(Value::Bool(true)))), "{asked:?}");
}

#[test]
fn whole_packages_lose_their_permissions_too() {
    let mut answer = json!({ "authz": { "allow": true, "limit": 10 }, "stop": true });
    assert!(grants("shop", &answer));
    withhold("shop", &mut answer, &json!(["why"]));
    assert_eq!(
        answer,
        json!({ "authz": { "allow": false, "limit": 10, "denied_by_local_policy": ["why"] }, "stop": true })
    );
}

#[test]
fn policies_that_cannot_work_are_refused_at_load() {
    assert!(matches!(policy("package a\nallow if {", None), Err(LoadError::Rego(_))));
    let elsewhere = LOCAL.replace("package local", "package shop.authz");
    assert!(
        matches!(policy(BASE, Some(&elsewhere)), Err(LoadError::Package { package, .. }) if package == "shop.authz")
    );
    let near = LOCAL.replace("package local", "package localhost");
    assert!(matches!(policy(BASE, Some(&near)), Err(LoadError::Package { .. })));
}

proptest! {
    #[test]
    fn a_path_is_identifiers_or_refused(path in "\\PC{0,40}") {
        match query(&path) {
            Ok(query) => prop_assert!(query.chars().all(|one| one.is_ascii_alphanumeric() || one == '_' || one == '.')),
            Err(DecideError::Path(_)) => {}
            Err(other) => prop_assert!(false, "{other}"),
        }
    }
}
