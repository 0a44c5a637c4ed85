//! Running containers as the engine describes them, as far as their isolation goes.

use model::{HostPath, State, Unread};
use serde_json::Value;

use super::engine::get;
use super::tree::Tree;

/// The most containers that are asked about.
const MOST: usize = 1000;

/// A list of records `name`, `image`, `user` (absent for root), the flags `privileged`, `read_only` and `health`
/// (something checks it), `network`, `pid`, `ipc`, `uts`, `userns`, `cgroup`, `apparmor`, `selinux` (the label of its processes), `restart` (modes as the engine names
/// them), `retries`, `memory` (bytes), `cpu_shares`, `pids` (0 or below: no limit), `devices` (how many), the lists
/// `capabilities` (those added), `security` (options), `mounts` (records `source`, `propagation`) and `ports`
/// (records `address`, `port` of the host). A socket that is not there is [`State::Absent`].
pub(super) async fn read(tree: &Tree, socket: &HostPath) -> Result<State, Unread> {
    if !tree.exists(socket.as_str())? {
        return Ok(State::Absent);
    }
    let listed = get(tree, socket, "/containers/json").await?;
    let listed = listed
        .as_array()
        .ok_or_else(|| Unread::Malformed("the engine's answer to /containers/json is no list".to_owned()))?;
    if listed.len() > MOST {
        return Err(Unread::Malformed(format!("{} containers run, more than {MOST}", listed.len())));
    }
    let mut found = Vec::new();
    for id in listed.iter().filter_map(|one| one["Id"].as_str()).filter(|id| is_plain(id)) {
        found.push(record(&get(tree, socket, &format!("/containers/{id}/json")).await?));
    }
    Ok(State::List(found))
}

fn is_plain(id: &str) -> bool {
    id.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn record(one: &Value) -> State {
    let (host, config) = (&one["HostConfig"], &one["Config"]);
    let word = |value: &Value| State::from(value.as_str().filter(|text| !text.is_empty()).map(str::to_owned));
    let number = |value: &Value| State::Int(value.as_i64().unwrap_or_default());
    let flag = |value: &Value| State::Flag(value.as_bool().unwrap_or_default());
    let list = |value: &Value| State::List(value.as_array().into_iter().flatten().map(word).collect());
    let user = config["User"].as_str().map(|user| user.split(':').next().unwrap_or_default());
    let user = user.filter(|user| !matches!(*user, "" | "0" | "root")).map(str::to_owned);
    let tests = config["Healthcheck"]["Test"].as_array().and_then(|test| test.first()?.as_str());
    State::record([
        ("name", word(&Value::from(one["Name"].as_str().unwrap_or_default().trim_start_matches('/')))),
        ("image", word(&config["Image"])),
        ("user", user.into()),
        ("privileged", flag(&host["Privileged"])),
        ("read_only", flag(&host["ReadonlyRootfs"])),
        ("health", State::Flag(tests.is_some_and(|test| test != "NONE"))),
        ("network", word(&host["NetworkMode"])),
        ("pid", word(&host["PidMode"])),
        ("ipc", word(&host["IpcMode"])),
        ("uts", word(&host["UTSMode"])),
        ("userns", word(&host["UsernsMode"])),
        ("cgroup", word(&host["CgroupParent"])),
        ("apparmor", word(&one["AppArmorProfile"])),
        ("selinux", word(&one["ProcessLabel"])),
        ("restart", word(&host["RestartPolicy"]["Name"])),
        ("retries", number(&host["RestartPolicy"]["MaximumRetryCount"])),
        ("memory", number(&host["Memory"])),
        ("cpu_shares", number(&host["CpuShares"])),
        ("pids", number(&host["PidsLimit"])),
        (
            "devices",
            State::Int(
                host["Devices"].as_array().map_or(0, |all| i64::try_from(all.len()).unwrap_or(i64::MAX)),
            ),
        ),
        ("capabilities", list(&host["CapAdd"])),
        ("security", list(&host["SecurityOpt"])),
        ("mounts", State::List(mounts(one))),
        ("ports", State::List(ports(one))),
    ])
}

fn mounts(one: &Value) -> Vec<State> {
    let text = |value: &Value| State::text(value.as_str().unwrap_or_default());
    let mounts = one["Mounts"].as_array().into_iter().flatten();
    mounts
        .map(|mount| {
            State::record([("source", text(&mount["Source"])), ("propagation", text(&mount["Propagation"]))])
        })
        .collect()
}

fn ports(one: &Value) -> Vec<State> {
    let bound = one["NetworkSettings"]["Ports"].as_object().into_iter().flat_map(|ports| ports.values());
    let bound = bound.filter_map(Value::as_array).flatten();
    let port = |one: &Value| {
        let number = one["HostPort"].as_str().and_then(|port| port.parse::<i64>().ok())?;
        let address = State::text(one["HostIp"].as_str().unwrap_or("0.0.0.0"));
        Some(State::record([("address", address), ("port", State::Int(number))]))
    };
    bound.filter_map(port).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_inspected_container_tells_its_isolation() {
        let one = json!({
            "Name": "/web", "AppArmorProfile": "docker-default",
            "Config": { "Image": "web:1", "User": "1000:1000", "Healthcheck": { "Test": ["CMD", "true"] } },
            "HostConfig": { "Privileged": false, "ReadonlyRootfs": true, "NetworkMode": "bridge", "PidMode": "",
                "Memory": 1024, "PidsLimit": null, "CapAdd": ["NET_ADMIN"], "SecurityOpt": ["no-new-privileges"],
                "RestartPolicy": { "Name": "on-failure", "MaximumRetryCount": 5 } },
            "Mounts": [{ "Source": "/etc", "Propagation": "rprivate" }],
            "NetworkSettings": { "Ports": { "80/tcp": [{ "HostIp": "0.0.0.0", "HostPort": "80" }], "81/tcp": null } },
        });
        let seen = record(&one);
        let part = |name: &str| seen.get(name).map(ToString::to_string).unwrap_or_default();
        assert_eq!(part("name"), "web");
        assert_eq!(
            (part("user"), part("health"), part("read_only")),
            ("1000".into(), "yes".into(), "yes".into())
        );
        assert_eq!((part("pid"), part("pids"), part("memory")), (String::new(), "0".into(), "1024".into()));
        assert_eq!(part("capabilities"), "NET_ADMIN");
        assert_eq!(part("mounts"), "propagation rprivate, source /etc");
        assert_eq!(part("ports"), "address 0.0.0.0, port 80");
        let root = record(&json!({ "Config": { "User": "0:0" } }));
        assert_eq!((root.get("user"), root.get("health")), (None, Some(&State::Flag(false))));
        assert!(is_plain("0a1b") && !is_plain("../x"));
    }
}
