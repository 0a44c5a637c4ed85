//! Specs: a good one, and for each way of being wrong the message that an author reads.

use super::*;

const GOOD: &str = r#"version = 1

[product]
name = "demo"
channel = "stable"
version = "1.2.3"
release = 7
platforms = ["linux/amd64"]
expires = "2030-01-01T00:00:00Z"

[[image]]
name = "demo/app:1.2.3"
docker-archive = "app.tar"

[[compose]]
path = "compose.yaml"

[needs]
cpu = 2
memory = "2GiB"

[[needs.secret]]
name = "db-password"
service = "app"
uid = 10001
"#;

fn complaint(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    match Spec::parse(&GOOD.replacen(from, to, 1), "demo.toml") {
        Ok(_) => "accepted".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_good_spec_is_read() {
    let spec = Spec::parse(GOOD, "demo.toml").unwrap();
    assert_eq!(spec.product.version, Version::new(1, 2, 3));
    assert!(spec.images[0].non_root);
    assert_eq!(spec.needs.memory, Bytes(2 << 30));
    assert_eq!(spec.needs.secrets[0].mode, 0o400);
}

#[test]
fn what_confines_is_part_of_a_spec() {
    let parts = "[[apparmor]]\npath = \"mac/app\"\n\n[[selinux]]\npath = \"mac/app.cil\"\n\n[[compose]]";
    let text = GOOD.replacen("[[compose]]", parts, 1)
        + "\n[[needs.volume]]\nname = \"data\"\nservice = \"app\"\n\
        selinux-label = \"system_u:object_r:app_data_t:s0:c1,c2\"\n";
    let spec =
        Spec::parse(&text.replacen("memory", "confinement = [\"selinux\"]\nmemory", 1), "demo.toml").unwrap();
    assert_eq!((spec.apparmor.len(), spec.selinux.len()), (1, 1));
    assert_eq!(spec.needs.confinement, [Confinement::Selinux]);
    assert!(spec.needs.volumes[0].selinux_label.is_some());
}

#[test]
fn faults_name_line_column_and_what_is_allowed() {
    let cases = [
        ("channel = ", "chanel = ", "demo.toml:5:1: unknown field `chanel`", "did you mean `channel`?"),
        (
            "docker-archive",
            "docker_archive",
            "demo.toml:13:1: unknown field",
            "did you mean `docker-archive`?",
        ),
        ("[[compose]]", "[[kompose]]", "demo.toml:15:3: unknown field", "did you mean `compose`?"),
        ("release = 7", "", "demo.toml:3:1: missing field `release`", ""),
        ("release = 7", "release = -7", "demo.toml:7:11: ", "-7"),
        ("version = 1\n", "version = 2\n", "demo.toml:1:1: ", "version 2 is not known"),
        ("linux/amd64", "amd64", "demo.toml:8:15: ", "is not a platform"),
        ("\"demo\"", "\"../demo\"", "demo.toml:4:9: ", "lower-case letters"),
        ("docker-archive = \"app.tar\"", "", "demo.toml:12:9: ", "exactly one of"),
        ("memory = \"2GiB\"", "memory = \"2 apples\"", "demo.toml:20:10: ", "512MiB"),
        ("uid = 10001", "mode = \"0644\"", "demo.toml:23:9: ", "at most 0440"),
        ("version = \"1.2.3\"", "version = \"1.2\"", "demo.toml:6:11: ", ""),
        (
            "[[compose]]",
            "[[apparmor]]\npath = \"a/App!\"\n[[compose]]",
            "demo.toml:16:11: ",
            "as a profile is called",
        ),
        (
            "[[compose]]",
            "[[selinux]]\npath = \"app.pp\"\n[[compose]]",
            "demo.toml:16:9: ",
            "with `.cil` behind it",
        ),
        (
            "uid = 10001",
            "[[needs.volume]]\nname = \"x\"\nservice = \"x\"\nselinux-label = \"var_t\"",
            "demo.toml:28:18: ",
            "no label",
        ),
        ("memory = ", "confinement = [\"tomoyo\"]\nmemory = ", "demo.toml:20:16: ", "apparmor"),
    ];
    for (from, to, place, reason) in cases {
        let text = complaint(from, to);
        assert!(text.starts_with(place) && text.contains(reason), "{to}: {text}");
    }
}
