//! Docker's API, asked over its own unix socket, and which runtimes are installed.

use std::time::Duration;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use model::{HostPath, State, Unread};
use serde_json::Value;
use tokio::net::UnixStream;

use super::tree::{Tree, unread};

/// The most that an answer may hold, in bytes.
const LIMIT: usize = 8 << 20;

/// How long one request may take; `/info` of a busy engine is slow.
const PATIENCE: Duration = Duration::from_secs(8);

/// The programs that tell that a runtime is installed.
const PROGRAMS: &[(&str, &str)] = &[
    ("docker", "dockerd"),
    ("containerd", "containerd"),
    ("podman", "podman"),
    ("cri-o", "crio"),
    ("k3s", "k3s"),
];

/// Fields: `name` (`Docker Engine`, `Podman Engine`), `version`, `api`, `storage_driver`, `cgroup_version`,
/// `root` (its data directory), `swarm` (`inactive`, `active`, `pending`, `locked`, `error`), `security` (a list: `name=apparmor`, `name=rootless`…), `rootless` (a flag).
/// A socket that is not there is [`State::Absent`].
pub(super) async fn read(tree: &Tree, socket: &HostPath) -> Result<State, Unread> {
    if !tree.exists(socket.as_str())? {
        return Ok(State::Absent);
    }
    let version = get(tree, socket, "/version").await?;
    let info = get(tree, socket, "/info").await?;
    record(&version, &info)
}

fn record(version: &Value, info: &Value) -> Result<State, Unread> {
    let word = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let number = word(&version["Version"])
        .ok_or_else(|| Unread::Malformed("the engine's answer to /version names no Version".to_owned()))?;
    let component = version["Components"].as_array().and_then(|parts| word(&parts.first()?["Name"]));
    let name = match component.as_deref() {
        Some("Engine") | None => "Docker Engine".to_owned(),
        Some(other) => other.to_owned(),
    };
    let security: Vec<String> =
        info["SecurityOptions"].as_array().into_iter().flatten().filter_map(word).collect();
    Ok(State::record([
        ("name", State::Text(name)),
        ("version", State::Text(number)),
        ("api", State::from(word(&version["ApiVersion"]))),
        ("storage_driver", State::from(word(&info["Driver"]))),
        ("cgroup_version", State::from(word(&info["CgroupVersion"]))),
        ("root", State::from(word(&info["DockerRootDir"]))),
        ("swarm", State::from(word(&info["Swarm"]["LocalNodeState"]))),
        ("rootless", State::Flag(security.iter().any(|option| option.contains("rootless")))),
        ("security", State::texts(security)),
    ]))
}

/// A list of records `protocol`, `address`, `port`, `container`, `project` (the Compose project, or absent).
/// A socket that is not there is [`State::Absent`].
pub(super) async fn read_published(tree: &Tree, socket: &HostPath) -> Result<State, Unread> {
    if !tree.exists(socket.as_str())? {
        return Ok(State::Absent);
    }
    published(&get(tree, socket, "/containers/json").await?)
}

fn published(containers: &Value) -> Result<State, Unread> {
    let containers = containers
        .as_array()
        .ok_or_else(|| Unread::Malformed("the engine's answer to /containers/json is no list".to_owned()))?;
    let mut ports = Vec::new();
    for container in containers {
        let name = container["Names"][0].as_str().unwrap_or_default().trim_start_matches('/');
        let project = container["Labels"]["com.docker.compose.project"].as_str();
        for port in container["Ports"].as_array().into_iter().flatten() {
            let Some(public) = port["PublicPort"].as_i64() else { continue };
            ports.push(State::record([
                ("protocol", State::text(port["Type"].as_str().unwrap_or("tcp"))),
                ("address", State::text(port["IP"].as_str().unwrap_or("0.0.0.0"))),
                ("port", State::Int(public)),
                ("container", State::text(name)),
                ("project", State::from(project)),
            ]));
        }
    }
    ports.sort();
    Ok(State::List(ports))
}

/// Fields: one flag a runtime (`docker`, `containerd`, `podman`, `cri-o`, `k3s`): its program is there.
pub(super) fn read_installed(tree: &Tree) -> Result<State, Unread> {
    let folders = ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/opt/bin", "/snap/bin"];
    let mut found = Vec::new();
    for (name, program) in PROGRAMS {
        let mut there = false;
        for folder in folders {
            there |= tree.exists(&format!("{folder}/{program}"))?;
        }
        found.push((*name, State::Flag(there)));
    }
    Ok(State::record(found))
}

/// One GET request; the answer must be JSON with status 200.
pub(super) async fn get(tree: &Tree, socket: &HostPath, path: &str) -> Result<Value, Unread> {
    let asking = request(tree, socket, path);
    let late =
        |_| Unread::NoAnswer(format!("{socket} did not answer {path} within {} s", PATIENCE.as_secs()));
    let body = tokio::time::timeout(PATIENCE, asking).await.map_err(late)??;
    serde_json::from_slice(&body).map_err(|error| Unread::Malformed(format!("{socket}{path}: {error}")))
}

async fn request(tree: &Tree, socket: &HostPath, path: &str) -> Result<Bytes, Unread> {
    let stream = connect(tree, socket).await?;
    let silent = |error: hyper::Error| Unread::NoAnswer(format!("{socket}: {error}"));
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(silent)?;
    let request = Request::get(path)
        .header(hyper::header::HOST, "docker")
        .body(Empty::<Bytes>::new())
        .map_err(|error| Unread::Failed(format!("asking {socket}: {error}")))?;
    // The connection is driven beside the exchange and ends with it.
    let exchange = async {
        let answer = sender.send_request(request).await.map_err(silent)?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), LIMIT).collect().await;
        let body = body.map_err(|error| Unread::Malformed(format!("{socket}{path}: {error}")))?.to_bytes();
        if status.is_success() {
            return Ok(body);
        }
        let said = String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned();
        Err(Unread::Failed(format!("{socket}{path} answered {status}: {said}")))
    };
    beside(connection, exchange).await
}

/// Runs an exchange while its connection is driven; the answer may arrive after the connection has ended.
pub(super) async fn beside<T>(
    connection: impl Future<Output = Result<(), hyper::Error>>,
    exchange: impl Future<Output = Result<T, Unread>>,
) -> Result<T, Unread> {
    tokio::pin!(connection, exchange);
    tokio::select! {
        answer = &mut exchange => answer,
        _ = &mut connection => exchange.await,
    }
}

/// Connects to a unix socket of this machine.
pub(super) async fn connect(tree: &Tree, socket: &HostPath) -> Result<UnixStream, Unread> {
    let refused = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::ConnectionRefused => Unread::NoAnswer(format!("nobody listens at {socket}")),
        _ => unread(socket.as_str(), &error),
    };
    UnixStream::connect(tree.outside(socket.as_str())).await.map_err(refused)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::UnixListener;

    use super::*;
    use crate::facts::tests::scratch;

    /// Serves one fixed answer to every request on a socket in a scratch directory.
    fn serve(answer: Option<String>) -> (tempfile::TempDir, HostPath, tokio::task::JoinHandle<()>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("engine.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 512];
                let _ = stream.read(&mut request).await;
                if let Some(answer) = &answer {
                    let _ = stream.write_all(answer.as_bytes()).await;
                }
            }
        });
        (folder, path.to_str().unwrap().parse().unwrap(), task)
    }

    async fn asked(answer: Option<String>) -> Result<Value, Unread> {
        let (_folder, socket, task) = serve(answer);
        let seen = get(&Tree::at(Path::new("/")).unwrap(), &socket, "/version").await;
        task.abort();
        seen
    }

    #[tokio::test]
    async fn answers_and_refusals() {
        let good = |body: &str| format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        assert_eq!(asked(Some(good("{\"Version\":\"24.0.7\"}"))).await.unwrap()["Version"], "24.0.7");
        assert!(matches!(asked(Some(good("{\"Version\":"))).await, Err(Unread::Malformed(_))));
        assert!(
            matches!(asked(Some("HTTP/1.1 500 X\r\nContent-Length: 4\r\n\r\nbusy".into())).await, Err(Unread::Failed(text)) if text.contains("busy"))
        );
        assert!(matches!(asked(None).await, Err(Unread::NoAnswer(_))));
        assert!(matches!(asked(Some("SSH-2.0-x\r\n".into())).await, Err(Unread::NoAnswer(_))));
        let long =
            format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}", LIMIT + 1, " ".repeat(LIMIT + 1));
        assert!(matches!(asked(Some(long)).await, Err(Unread::Malformed(_))));
    }

    #[tokio::test]
    async fn no_socket_is_absent_and_a_dead_one_no_answer() {
        let tree = Tree::at(Path::new("/")).unwrap();
        assert_eq!(read(&tree, &"/no/such.sock".parse().unwrap()).await, Ok(State::Absent));
        let (folder, socket, task) = serve(None);
        task.abort();
        let _ = task.await;
        assert!(matches!(read(&tree, &socket).await, Err(Unread::NoAnswer(_))));
        drop(folder);
    }

    #[test]
    fn docker_and_podman_are_told_apart() {
        let docker =
            json!({"Version": "20.10.24+dfsg1", "ApiVersion": "1.41", "Components": [{"Name": "Engine"}]});
        let info = json!({"Driver": "overlay2", "CgroupVersion": "1", "SecurityOptions": ["name=seccomp,profile=default", "name=rootless"]});
        let seen = record(&docker, &info).unwrap();
        assert_eq!(seen.get("name"), Some(&State::text("Docker Engine")));
        assert_eq!(seen.get("version"), Some(&State::text("20.10.24+dfsg1")));
        assert_eq!(seen.get("rootless"), Some(&State::Flag(true)));
        let podman = json!({"Version": "4.3.1", "Components": [{"Name": "Podman Engine"}]});
        assert_eq!(record(&podman, &json!({})).unwrap().get("name"), Some(&State::text("Podman Engine")));
        assert!(record(&json!({}), &info).is_err());
    }

    #[test]
    fn published_ports_name_their_project() {
        let answer = json!([
            {"Names": ["/web-nginx-1"], "Labels": {"com.docker.compose.project": "web"},
             "Ports": [{"IP": "0.0.0.0", "PrivatePort": 8443, "PublicPort": 443, "Type": "tcp"}, {"PrivatePort": 80, "Type": "tcp"}]},
            {"Names": ["/other"], "Ports": []},
        ]);
        let seen = published(&answer).unwrap();
        assert_eq!(
            seen.to_string(),
            "address 0.0.0.0, container web-nginx-1, port 443, project web, protocol tcp"
        );
        assert!(published(&json!({"message": "no"})).is_err());
    }

    #[test]
    fn installed_runtimes_are_found_by_their_program() {
        let (_folder, tree) = scratch(&[("usr/bin/podman", ""), ("usr/local/bin/containerd", "")]);
        let seen = read_installed(&tree).unwrap();
        let yes: Vec<_> = PROGRAMS
            .iter()
            .filter(|(name, _)| seen.get(name) == Some(&State::Flag(true)))
            .map(|(name, _)| *name)
            .collect();
        assert_eq!(yes, ["containerd", "podman"]);
    }
}
