//! Images out of the engine of the build machine: `GET /images/NAME/get` on its socket (Docker Engine API v1.24+).
//!
//! HTTP/1.0 makes the engine answer with plain bytes until it closes, so the archive is simply what follows
//! the headers.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

/// The longest header line accepted, in bytes.
const MAX_LINE: u64 = 8192;
/// The most header lines accepted.
const MAX_LINES: usize = 100;

/// An engine behind a socket.
pub struct DockerSocket(pub PathBuf);

impl bundle::Engine for DockerSocket {
    fn save(&self, name: &str) -> io::Result<Box<dyn Read>> {
        let shown = |error: io::Error| {
            io::Error::new(error.kind(), format!("cannot reach the engine at {}: {error}", self.0.display()))
        };
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._/:@".contains(&byte);
        if name.is_empty() || !name.bytes().all(plain) {
            return Err(io::Error::other(format!("`{}` is not an image name", name.escape_debug())));
        }
        let mut socket = UnixStream::connect(&self.0).map_err(shown)?;
        write!(socket, "GET /images/{name}/get HTTP/1.0\r\nHost: localhost\r\n\r\n").map_err(shown)?;
        let mut reader = BufReader::new(socket);
        let status = line(&mut reader)?;
        let code = status.split(' ').nth(1).unwrap_or_default().to_owned();
        for _ in 0..MAX_LINES {
            if line(&mut reader)?.is_empty() {
                return body(&code, name, reader);
            }
        }
        Err(io::Error::other("the engine's answer has too many headers"))
    }
}

fn body(code: &str, name: &str, reader: BufReader<UnixStream>) -> io::Result<Box<dyn Read>> {
    if code == "200" {
        return Ok(Box::new(reader));
    }
    let mut text = String::new();
    reader.take(MAX_LINE).read_to_string(&mut text)?;
    Err(io::Error::other(format!("the engine does not give the image {name}: {code} {}", text.trim())))
}

fn line(reader: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    reader.take(MAX_LINE).read_line(&mut line)?;
    if !line.ends_with('\n') {
        return Err(io::Error::other("the engine's answer is not HTTP"));
    }
    Ok(line.trim_end().to_owned())
}
