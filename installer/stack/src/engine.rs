//! A small client of the Docker Engine API (v1.41, Engine 20.10 and later) over its unix socket.
//!
//! Only what bringing a stack up needs; answers are read as JSON within a bound.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, Full, Limited};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::UnixStream;
use tokio::sync::mpsc;

/// The API version asked for: that of Engine 20.10, which newer engines still speak.
const API: &str = "/v1.41";
/// The longest wait for an answer that is not a stream.
const PATIENCE: Duration = Duration::from_secs(60);
/// The largest answer taken into memory.
const MAX_ANSWER: usize = 32 << 20;
/// Size of the pieces in which an archive is sent.
const PIECE: usize = 256 << 10;

type Body = BoxBody<Bytes, io::Error>;

/// Why the engine did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Nobody listens at the socket, or we may not talk to it.
    #[error("cannot reach the container engine at {socket}")]
    Connect {
        /// The socket.
        socket: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The connection broke or the answer makes no sense.
    #[error("the container engine broke off while {doing}: {why}")]
    Broken {
        /// What was asked.
        doing: String,
        /// How it broke.
        why: String,
    },
    /// It took too long.
    #[error("the container engine did not answer in time while {0}")]
    Slow(String),
    /// It said no.
    #[error("the container engine refused {doing}: {message} (status {status})")]
    Refused {
        /// What was asked.
        doing: String,
        /// The HTTP status.
        status: u16,
        /// What it said.
        message: String,
    },
}

impl EngineError {
    /// Whether the engine said that there is no such thing.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }
}

/// The engine behind one socket.
#[derive(Clone, Debug)]
pub struct Engine {
    socket: PathBuf,
}

impl Engine {
    /// The engine that listens at this socket. Nothing is connected yet.
    pub fn new(socket: impl Into<PathBuf>) -> Self {
        Self { socket: socket.into() }
    }

    /// The engine's socket.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// An image as `docker image inspect` shows it; `None` when the engine does not have it.
    ///
    /// # Errors
    /// When the engine cannot be asked.
    pub async fn image(&self, id: &str) -> Result<Option<Value>, EngineError> {
        optional(self.json(Method::GET, &format!("/images/{id}/json"), None).await)
    }

    /// The uncompressed layer digests of every image that the engine has, from the bottom up.
    ///
    /// # Errors
    /// When the engine cannot be asked.
    pub async fn layers(&self) -> Result<Vec<Vec<String>>, EngineError> {
        let images = self.json(Method::GET, "/images/json?all=true", None).await?;
        let mut all = Vec::new();
        for id in images.as_array().into_iter().flatten().filter_map(|image| image["Id"].as_str()) {
            // An image may vanish between the two questions; then its layers do not help anyway.
            if let Some(image) = self.image(id).await? {
                all.push(strings(&image["RootFS"]["Layers"]));
            }
        }
        Ok(all)
    }

    /// Removes an image that no container uses.
    ///
    /// # Errors
    /// When it is used, or the engine cannot be asked.
    pub async fn remove_image(&self, id: &str) -> Result<(), EngineError> {
        optional(self.json(Method::DELETE, &format!("/images/{id}"), None).await).map(drop)
    }

    /// The containers of a Compose project, running or not, each as `docker inspect` shows it.
    ///
    /// # Errors
    /// When the engine cannot be asked.
    pub async fn containers(&self, project: &str) -> Result<Vec<Value>, EngineError> {
        let filter = json!({ "label": [format!("com.docker.compose.project={project}")] });
        let path = format!("/containers/json?all=true&filters={}", escape(&filter.to_string()));
        let list = self.json(Method::GET, &path, None).await?;
        let mut containers = Vec::new();
        for id in list.as_array().into_iter().flatten().filter_map(|container| container["Id"].as_str()) {
            if let Some(container) =
                optional(self.json(Method::GET, &format!("/containers/{id}/json"), None).await)?
            {
                containers.push(container);
            }
        }
        Ok(containers)
    }

    /// Stops a container, giving it ten seconds.
    ///
    /// # Errors
    /// When the engine cannot be asked or refuses.
    pub async fn stop(&self, container: &str, within: Duration) -> Result<(), EngineError> {
        let path = format!("/containers/{container}/stop");
        self.within(PATIENCE + within, Method::POST, &path, None).await.map(drop)
    }

    /// Removes a container, running or not. Its volumes stay.
    ///
    /// # Errors
    /// When the engine cannot be asked or refuses.
    pub async fn remove(&self, container: &str) -> Result<(), EngineError> {
        optional(self.json(Method::DELETE, &format!("/containers/{container}?force=true"), None).await)
            .map(drop)
    }

    /// The last lines that a container wrote, both streams together, at most 8 KiB.
    ///
    /// # Errors
    /// When the engine cannot be asked.
    pub async fn logs(&self, container: &str, lines: u32) -> Result<String, EngineError> {
        let path = format!("/containers/{container}/logs?stdout=true&stderr=true&tail={lines}");
        let bytes = self.bytes(Method::GET, &path, None).await?;
        let text = String::from_utf8_lossy(&demultiplex(&bytes)).into_owned();
        let start = text.len().saturating_sub(8 << 10);
        let start = (start..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
        Ok(text[start..].to_owned())
    }

    /// What lies at a path inside a container, as the container itself would see it: a tar archive.
    /// `None` when nothing does.
    ///
    /// # Errors
    /// When the engine cannot be asked, or what lies there exceeds 32 MiB.
    pub async fn archive(&self, container: &str, path: &str) -> Result<Option<Vec<u8>>, EngineError> {
        let path = format!("/containers/{container}/archive?path={}", escape(path));
        optional(self.bytes(Method::GET, &path, None).await).map(|found| found.map(Vec::from))
    }

    /// Loads a docker archive while it is being made: `write` runs on a thread of its own.
    ///
    /// # Errors
    /// When the archive cannot be made, or the engine refuses it.
    pub async fn load<F>(&self, write: F) -> Result<(), EngineError>
    where
        F: FnOnce(&mut dyn io::Write) -> io::Result<()> + Send + 'static,
    {
        let doing = "loading an image";
        let (sender, receiver) = mpsc::channel::<io::Result<Frame<Bytes>>>(4);
        let writer = tokio::task::spawn_blocking(move || {
            let mut pieces = io::BufWriter::with_capacity(PIECE, Pieces(sender.clone()));
            let written = write(&mut pieces).and_then(|()| io::Write::flush(&mut pieces));
            if let Err(error) = &written {
                // The engine must see a broken stream, never a short archive that looks complete.
                let _ = sender.blocking_send(Err(io::Error::new(error.kind(), error.to_string())));
            }
            written
        });
        let body = BodyExt::boxed(Receiving(receiver));
        let sent = self
            .send(Method::POST, "/images/load?quiet=true", Some(("application/x-tar", body)), doing)
            .await;
        // The cause of a broken stream is the writer's error, so that one is told first.
        let written = writer.await.map_err(|error| broken(doing, &error))?;
        let answer = match (sent, written) {
            (_, Err(error)) if error.kind() != io::ErrorKind::BrokenPipe => {
                return Err(broken(doing, &error));
            }
            (Err(error), _) => return Err(error),
            (Ok(answer), _) => collect(answer, doing).await?,
        };
        // Status 200 may still carry an error in the stream of messages.
        match String::from_utf8_lossy(&answer).lines().find_map(error_in) {
            Some(message) => Err(EngineError::Refused { doing: doing.to_owned(), status: 200, message }),
            None => Ok(()),
        }
    }

    async fn json(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, EngineError> {
        let bytes = self.bytes(method, path, body).await?;
        if bytes.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&bytes).map_err(|error| broken(path, &error))
    }

    async fn bytes(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Bytes, EngineError> {
        self.within(PATIENCE, method, path, body).await
    }

    async fn within(
        &self,
        patience: Duration,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Bytes, EngineError> {
        let body = body.map(|body| {
            let full = Full::new(Bytes::from(body.to_string())).map_err(|never| match never {});
            ("application/json", BodyExt::boxed(full))
        });
        let doing = format!("{method} {path}");
        let ask = async { collect(self.send(method, path, body, &doing).await?, &doing).await };
        tokio::time::timeout(patience, ask).await.unwrap_or_else(|_| Err(EngineError::Slow(doing.clone())))
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<(&str, Body)>,
        doing: &str,
    ) -> Result<Response<Incoming>, EngineError> {
        let unreachable = |source| EngineError::Connect { socket: self.socket.clone(), source };
        let stream = UnixStream::connect(&self.socket).await.map_err(unreachable)?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| broken(doing, &error))?;
        // Ends by itself when the answer was read or the sender is dropped.
        tokio::spawn(connection);
        let mut request =
            Request::builder().method(method).uri(format!("{API}{path}")).header("Host", "docker");
        let body = match body {
            Some((kind, body)) => {
                request = request.header("Content-Type", kind);
                body
            }
            None => BodyExt::boxed(Empty::new().map_err(|never| match never {})),
        };
        let request = request.body(body).map_err(|error| broken(doing, &error))?;
        let response = sender.send_request(request).await.map_err(|error| broken(doing, &error))?;
        let status = response.status();
        if status.is_success() || status == StatusCode::NOT_MODIFIED {
            return Ok(response);
        }
        let body = collect(response, doing).await.unwrap_or_default();
        let said: Value = serde_json::from_slice(&body).unwrap_or_default();
        let message = said["message"].as_str().unwrap_or("no reason given").to_owned();
        Err(EngineError::Refused { doing: doing.to_owned(), status: status.as_u16(), message })
    }
}

/// Hands written pieces to the connection; a full queue makes the writer wait.
struct Pieces(mpsc::Sender<io::Result<Frame<Bytes>>>);

impl io::Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let piece = Frame::data(Bytes::copy_from_slice(bytes));
        self.0.blocking_send(Ok(piece)).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The receiving end as the body of a request.
struct Receiving(mpsc::Receiver<io::Result<Frame<Bytes>>>);

impl hyper::body::Body for Receiving {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<io::Result<Frame<Bytes>>>> {
        self.0.poll_recv(context)
    }
}

async fn collect(response: Response<Incoming>, doing: &str) -> Result<Bytes, EngineError> {
    let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
    body.map(http_body_util::Collected::to_bytes).map_err(|error| broken(doing, &error))
}

fn broken(doing: &str, why: &dyn std::fmt::Display) -> EngineError {
    EngineError::Broken { doing: doing.to_owned(), why: why.to_string() }
}

fn optional<T>(answer: Result<T, EngineError>) -> Result<Option<T>, EngineError> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.is_missing() => Ok(None),
        Err(error) => Err(error),
    }
}

fn error_in(line: &str) -> Option<String> {
    let message: Value = serde_json::from_str(line).ok()?;
    message["error"].as_str().map(str::to_owned)
}

/// The strings of a JSON array.
pub(crate) fn strings(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Takes the frames of a container's two streams apart: eight bytes of head, of which the last four are the
/// length (Engine API, "Stream format"). What does not look like frames came from a terminal, as it is.
fn demultiplex(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    let mut rest = bytes;
    while let Some((head, tail)) = rest.split_first_chunk::<8>() {
        if head[0] > 2 || head[1..4] != [0; 3] {
            return bytes.to_vec();
        }
        let length = u32::from_be_bytes([head[4], head[5], head[6], head[7]]) as usize;
        let end = length.min(tail.len());
        text.extend_from_slice(&tail[..end]);
        rest = &tail[end..];
    }
    text
}

/// Percent-encodes everything but unreserved characters (RFC 3986, section 2.3).
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => escaped.push(byte.into()),
            other => escaped.push_str(&format!("%{other:02X}")),
        }
    }
    escaped
}

/// Reads one regular file out of an archive that the engine sent, as long as it is no larger than `most`.
pub(crate) fn only_file(archive: &[u8], most: u64) -> io::Result<Vec<u8>> {
    let mut archive = tar::Archive::new(archive);
    let mut entries = archive.entries()?;
    let mut entry = entries.next().ok_or_else(|| io::Error::other("an empty archive"))??;
    if !entry.header().entry_type().is_file() || entry.size() > most {
        return Err(io::Error::other("not a regular file of a moderate size"));
    }
    let mut bytes = Vec::new();
    entry.read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_frames_are_taken_apart() {
        let framed = b"\x01\0\0\0\0\0\0\x03one\x02\0\0\0\0\0\0\x03two";
        assert_eq!(demultiplex(framed), b"onetwo");
        assert_eq!(demultiplex(&framed[..21]), b"onetw");
        assert_eq!(demultiplex(b"plain text from a terminal"), b"plain text from a terminal");
    }

    #[test]
    fn filters_are_escaped() {
        assert_eq!(escape(r#"{"a":["b=c/d"]}"#), "%7B%22a%22%3A%5B%22b%3Dc%2Fd%22%5D%7D");
    }

    #[tokio::test]
    async fn nobody_listening_is_said_so() {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::new(folder.path().join("none.sock"));
        assert!(matches!(engine.image("sha256:00").await, Err(EngineError::Connect { .. })));
    }
}
