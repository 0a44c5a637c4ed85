use std::collections::BTreeMap;

use super::*;

fn digest(byte: u8) -> Digest {
    Digest::from_sha256([byte; 32])
}

fn service() -> Service {
    Service {
        image: digest(1),
        user: "2003".to_owned(),
        pins: BTreeMap::from([("/policy.tar".to_owned(), digest(2))]),
        profile: Some("app".to_owned()),
    }
}

fn release() -> Release {
    Release { compose: digest(9), services: BTreeMap::from([("app".to_owned(), service())]) }
}

fn running(parts: &[(&str, State)]) -> State {
    let State::Record(mut state) = State::record([
        ("confined", State::text("app (enforce)")),
        ("exit", State::Int(0)),
        ("health", State::text("healthy")),
        ("image", State::Content(digest(1))),
        ("pins", pins(&service())),
        ("restarts", State::Int(0)),
        ("running", State::Flag(true)),
        ("user", State::text("2003")),
    ]) else {
        unreachable!("a record")
    };
    state.extend(parts.iter().map(|(name, part)| ((*name).to_owned(), part.clone())));
    State::Record(state)
}

fn judge(control: &dyn Control, seen: Result<State, Unread>) -> Judgement {
    let resource = control.needs(&Evidence::new()).remove(0);
    control.judge(&[(resource, seen)].into_iter().collect())
}

#[test]
fn every_control_passes_fails_and_admits_not_knowing() {
    let changed = State::record([("/policy.tar", State::Content(digest(3)))]);
    let cases: [(Aspect, State, &str); 9] = [
        (Aspect::Confined, running(&[("confined", State::text("app (complain)"))]), "complain"),
        (
            Aspect::Confined,
            running(&[("confined", State::text("docker-default (enforce)"))]),
            "docker-default",
        ),
        (Aspect::Image, running(&[("image", State::Content(digest(7)))]), "sha256:0707"),
        (Aspect::Healthy, running(&[("health", State::text("unhealthy"))]), "health unhealthy"),
        (
            Aspect::Healthy,
            running(&[("running", State::Flag(false)), ("exit", State::Int(137))]),
            "exit code 137",
        ),
        (Aspect::NonRoot, running(&[("user", State::text(""))]), "root"),
        (Aspect::NonRoot, running(&[("user", State::text("0:0"))]), "0:0"),
        (Aspect::Pins, running(&[("pins", changed)]), "/policy.tar is sha256:0303"),
        (Aspect::Pins, State::Absent, "no container"),
    ];
    for (aspect, bad, words) in cases {
        let control = ServiceIs::new("p", "app", &service(), aspect);
        assert_eq!(judge(&control, Ok(running(&[]))).verdict, Verdict::Pass, "{aspect:?}");
        let failed = judge(&control, Ok(bad));
        assert_eq!(failed.verdict, Verdict::Fail, "{aspect:?}");
        assert!(failed.actual.contains(words), "{aspect:?}: {}", failed.actual);
        let unknown = judge(&control, Err(Unread::NoAnswer("engine".to_owned())));
        assert_eq!(unknown.verdict, Verdict::Unknown, "{aspect:?}");
    }
}

#[test]
fn where_nothing_confines_a_service_says_so() {
    let control = ServiceIs::new("p", "app", &service(), Aspect::Confined);
    let without = judge(&control, Ok(running(&[("confined", State::Absent)])));
    assert_eq!(without.verdict, Verdict::Notapplicable);
    assert!(without.actual.contains("AppArmor does not run here"));
    let unread = judge(&control, Ok(running(&[("confined", State::text("unknown: no rights"))])));
    assert_eq!(unread.verdict, Verdict::Unknown);
}

#[test]
fn a_profile_is_part_of_what_a_project_is() {
    let state = release().state();
    assert_eq!(Release::from_state(&state), Some(release()));
    let mut without = release();
    without.services.values_mut().for_each(|service| service.profile = None);
    assert_ne!(without.state(), state);
}

#[test]
fn images_and_projects_pass_fail_and_admit_not_knowing() {
    let image = Image { id: digest(1), name: "app".into(), user: "2003".into(), layers: Vec::new() };
    let up = release().state();
    let State::Record(mut stopped) = up.clone() else { unreachable!("a record") };
    stopped.insert(
        "services".to_owned(),
        State::record([("app", State::record([("running", State::Flag(false))]))]),
    );
    let controls: [(Box<dyn Control>, State, State); 2] = [
        (
            Box::new(ImagePresent::new(&image)),
            images::state(&digest(1), "2003"),
            images::state(&digest(1), "0"),
        ),
        (Box::new(StackUp::new("p", &release())), up, State::Record(stopped)),
    ];
    for (control, good, bad) in controls {
        assert_eq!(judge(&*control, Ok(good.clone())).verdict, Verdict::Pass);
        assert_eq!(judge(&*control, Ok(bad)).verdict, Verdict::Fail);
        assert_eq!(judge(&*control, Ok(State::Absent)).verdict, Verdict::Fail);
        assert_eq!(judge(&*control, Err(Unread::Denied("x".to_owned()))).verdict, Verdict::Unknown);
        let demand = control.remedy(&Evidence::new()).remove(0);
        assert!(demand.constraint.admits(&good));
    }
}

#[test]
fn a_difference_is_told_by_its_place() {
    let seen = State::record([
        ("compose", State::Content(digest(9))),
        ("services", State::record([("x", State::Flag(true))])),
    ]);
    let told = judge(&StackUp::new("p", &release()), Ok(seen)).actual;
    assert!(
        told.contains("services.x is yes instead of absent") && told.contains("services.app is absent"),
        "{told}"
    );
}

#[test]
fn a_release_brings_its_controls() {
    let image = Image { id: digest(1), name: "app".into(), user: "2003".into(), layers: Vec::new() };
    let ids: Vec<_> = of("p", &release(), &[image]).iter().map(|control| control.id().to_string()).collect();
    let expected = [
        "image.app",
        "stack.p",
        "service.app.image",
        "service.app.healthy",
        "service.app.nonroot",
        "service.app.pins",
        "service.app.confined",
    ];
    assert_eq!(ids, expected);
}
