//! Whether a name resolves inside a container: a DNS question asked from the container's own network.
//!
//! A thread joins the container's network namespace (setns(2) for this thread alone) and asks the engine's
//! resolver there. So images need no tools for it, not even a shell.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use serde_json::Value;

use crate::service::name_of;

/// Docker's resolver inside every container on a network of its own.
const RESOLVER: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(127, 0, 0, 11), 53);
/// How long one question may take, and how often it is asked.
const PATIENCE: Duration = Duration::from_secs(2);
const TRIES: u16 = 3;

/// A name that a service must be able to resolve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The service that asks.
    pub service: String,
    /// The name, such as that of another service.
    pub name: String,
}

/// Why a name did not resolve.
#[derive(Debug, thiserror::Error)]
pub enum NameError {
    /// The service does not run.
    #[error("cannot ask for `{name}` inside {service}: it does not run")]
    NotRunning {
        /// The service.
        service: String,
        /// The name.
        name: String,
    },
    /// The question could not be asked.
    #[error("cannot ask for `{name}` inside {service}: {why}")]
    Unasked {
        /// The service.
        service: String,
        /// The name.
        name: String,
        /// Why.
        why: io::Error,
    },
    /// There is no such name.
    #[error("`{name}` does not resolve inside {service}: {answer}")]
    Unknown {
        /// The service.
        service: String,
        /// The name.
        name: String,
        /// What the resolver said.
        answer: String,
    },
}

/// Asks for one name from inside the service's container, found among these.
///
/// # Errors
/// When it does not resolve or cannot be asked.
pub async fn check(wanted: &Name, containers: &[Value]) -> Result<(), NameError> {
    let (service, name) = (wanted.service.clone(), wanted.name.clone());
    let container = containers.iter().find(|container| name_of(container) == Some(wanted.service.as_str()));
    let pid = container.and_then(|container| container["State"]["Pid"].as_i64()).filter(|pid| *pid > 0);
    let Some(pid) = pid else { return Err(NameError::NotRunning { service, name }) };
    let asked = name.clone();
    let answer = tokio::task::spawn_blocking(move || {
        // A thread of its own, since its network namespace does not come back.
        std::thread::spawn(move || ask_inside(pid, &asked))
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("the thread that asked broke down")))
    });
    match answer.await.unwrap_or_else(|error| Err(io::Error::other(error))) {
        Ok(Answer::Address) => Ok(()),
        Ok(Answer::None(code)) => {
            let answer =
                if code == 3 { "no such name".to_owned() } else { format!("DNS code {code}, no address") };
            Err(NameError::Unknown { service, name, answer })
        }
        Err(why) => Err(NameError::Unasked { service, name, why }),
    }
}

enum Answer {
    Address,
    None(u8),
}

fn ask_inside(pid: i64, name: &str) -> io::Result<Answer> {
    let namespace = std::fs::File::open(format!("/proc/{pid}/ns/net"))?;
    move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?;
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.connect(RESOLVER)?;
    let mut answer = [0; 1500];
    for id in 1..=TRIES {
        socket.send(&question(id, name)?)?;
        match socket.recv(&mut answer) {
            Ok(length) => {
                if let Some(answer) = read_answer(id, &answer[..length]) {
                    return Ok(answer);
                }
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::new(io::ErrorKind::TimedOut, "the engine's resolver does not answer"))
}

/// A question for an address (RFC 1035, section 4).
fn question(id: u16, name: &str) -> io::Result<Vec<u8>> {
    let mut message = id.to_be_bytes().to_vec();
    // Recursion desired; one question, nothing else.
    message.extend_from_slice(&[1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in name.trim_end_matches('.').split('.') {
        let length = u8::try_from(label.len()).ok().filter(|length| (1..=63).contains(length));
        message.push(length.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "not a DNS name"))?);
        message.extend_from_slice(label.as_bytes());
    }
    message.extend_from_slice(&[0, 0, 1, 0, 1]);
    Ok(message)
}

fn read_answer(id: u16, message: &[u8]) -> Option<Answer> {
    let head = message.first_chunk::<12>()?;
    let answers = u16::from_be_bytes([head[6], head[7]]);
    let is_answer = head[2] & 0x80 != 0;
    if u16::from_be_bytes([head[0], head[1]]) != id || !is_answer {
        return None;
    }
    match head[3] & 0x0f {
        0 if answers > 0 => Some(Answer::Address),
        code => Some(Answer::None(code)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_as_the_standard_says() {
        let expected = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x02db\x08internal\0\0\x01\0\x01";
        assert_eq!(question(0x1234, "db.internal.").unwrap(), expected);
        for bad in ["", "a..b", &"x".repeat(64)] {
            assert!(question(1, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_answers_to_our_question_count() {
        let answer =
            |id: u8, flags: [u8; 2], count: u8| [0, id, flags[0], flags[1], 0, 1, 0, count, 0, 0, 0, 0];
        assert!(matches!(read_answer(1, &answer(1, [0x81, 0x80], 1)), Some(Answer::Address)));
        assert!(matches!(read_answer(1, &answer(1, [0x81, 0x83], 0)), Some(Answer::None(3))));
        assert!(matches!(read_answer(1, &answer(1, [0x81, 0x80], 0)), Some(Answer::None(0))));
        assert!(read_answer(1, &answer(2, [0x81, 0x80], 1)).is_none());
        assert!(read_answer(1, &answer(1, [0x01, 0x00], 1)).is_none());
        assert!(read_answer(1, b"short").is_none());
    }
}
