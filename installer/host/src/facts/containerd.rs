//! containerd, asked over its own socket: the one unary gRPC call `containerd.services.version.v1.Version`.
//!
//! A gRPC library would bring a code generator and a service framework for this single empty message, so the
//! frame is read by hand (gRPC over HTTP/2, "Length-Prefixed-Message").

use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo};
use model::{HostPath, State, Unread};

use super::engine::{beside, connect};
use super::tree::Tree;

const CALL: &str = "http://containerd/containerd.services.version.v1.Version/Version";
const LIMIT: usize = 64 << 10;
const PATIENCE: Duration = Duration::from_secs(5);

/// Fields: `version`, `revision`. A socket that is not there is [`State::Absent`].
pub(super) async fn read(tree: &Tree, socket: &HostPath) -> Result<State, Unread> {
    if !tree.exists(socket.as_str())? {
        return Ok(State::Absent);
    }
    let late = |_| Unread::NoAnswer(format!("{socket} did not answer within {} s", PATIENCE.as_secs()));
    let body = tokio::time::timeout(PATIENCE, call(tree, socket)).await.map_err(late)??;
    message(&body)
        .ok_or_else(|| Unread::Malformed(format!("{socket} answered something else than a version")))
}

async fn call(tree: &Tree, socket: &HostPath) -> Result<Bytes, Unread> {
    let stream = connect(tree, socket).await?;
    let silent = |error: hyper::Error| Unread::NoAnswer(format!("{socket}: {error}"));
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .map_err(silent)?;
    let request = Request::post(CALL)
        .header(hyper::header::CONTENT_TYPE, "application/grpc")
        .header(hyper::header::TE, "trailers")
        .body(Full::new(Bytes::from_static(&[0; 5])))
        .map_err(|error| Unread::Failed(format!("asking {socket}: {error}")))?;
    let exchange = async {
        let answer = sender.send_request(request).await.map_err(silent)?;
        let early = answer.headers().get("grpc-status").cloned();
        let body = Limited::new(answer.into_body(), LIMIT).collect().await;
        let body = body.map_err(|error| Unread::Malformed(format!("{socket}: {error}")))?;
        let status = body.trailers().and_then(|trailers| trailers.get("grpc-status")).cloned().or(early);
        match status.as_ref().and_then(|status| status.to_str().ok()) {
            Some("0") => Ok(body.to_bytes()),
            Some(code) => Err(Unread::Failed(format!("{socket} answered with gRPC status {code}"))),
            None => Err(Unread::Malformed(format!("{socket} does not speak gRPC"))),
        }
    };
    beside(connection, exchange).await
}

/// Reads a length-prefixed `VersionResponse { string version = 1; string revision = 2; }`.
fn message(frame: &[u8]) -> Option<State> {
    let (&[compressed, a, b, c, d], rest) = frame.split_first_chunk::<5>()?;
    let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).ok()?;
    if compressed != 0 || rest.len() != length {
        return None;
    }
    let (mut version, mut revision, mut rest) = (None, None, rest);
    while let Some((&tag, after)) = rest.split_first() {
        let (length, after) = varint(after)?;
        // Every field of this message, known or new, is taken as length-delimited; anything else is refused.
        if tag & 7 != 2 || after.len() < length {
            return None;
        }
        let (value, after) = after.split_at(length);
        let text = std::str::from_utf8(value).ok()?.to_owned();
        match tag >> 3 {
            1 => version = Some(text),
            2 => revision = Some(text),
            _ => {}
        }
        rest = after;
    }
    let version = version.filter(|text| !text.is_empty())?;
    Some(State::record([("version", State::Text(version)), ("revision", State::from(revision))]))
}

/// A protobuf varint of at most four bytes, and what follows it.
fn varint(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut number = 0;
    for (place, byte) in bytes.iter().take(4).enumerate() {
        number |= usize::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Some((number, &bytes[place + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(message: &[u8]) -> Vec<u8> {
        let length = u32::try_from(message.len()).unwrap();
        [&[0], &length.to_be_bytes()[..], message].concat()
    }

    #[test]
    fn versions_are_read_and_nonsense_refused() {
        let seen = message(&frame(b"\x0a\x061.6.20\x12\x04abcd")).unwrap();
        assert_eq!(seen.to_string(), "revision abcd, version 1.6.20");
        let long = [b"\x12\xc8\x01".as_slice(), &[b'x'; 200], b"\x0a\x052.0.1"].concat();
        assert_eq!(message(&frame(&long)).unwrap().get("version"), Some(&State::text("2.0.1")));
        for bad in [
            Vec::new(),
            frame(b""),
            frame(b"\x0a\x061.6"),
            frame(b"\x08\x01"),
            frame(b"\x0a\xff\xff\xff\xff\xff"),
            frame(b"\x0a\x01\xff"),
            [frame(b"\x0a\x011"), vec![0]].concat(),
            vec![1, 0, 0, 0, 0],
        ] {
            assert_eq!(message(&bad), None, "{bad:?}");
        }
    }
}
