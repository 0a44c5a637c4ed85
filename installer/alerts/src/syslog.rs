//! Syslog: RFC 5424 messages over TLS (RFC 5425), TCP (RFC 6587) or UDP (RFC 5426), and the socket of this machine.
//!
//! Syslog does not say that a message arrived. Over TLS and TCP we end our half of the connection and insist that the
//! server ends its own in order: one that refuses our certificate, or crashes, tells so there.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

use jiff::Timestamp;
use model::Severity;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket, UnixDatagram};

use crate::SinkError;
use crate::alert::{Alert, Change, Kind, What};
use crate::config::{Address, Syslog};
use crate::tls::{Trust, in_time};

/// Our structured data. No enterprise number is ours, so it is the one for examples (RFC 5612).
const SD_ID: &str = "groundfast@32473";
/// What every receiver takes (RFC 5425, section 4.3.1), in bytes.
const LONGEST: usize = 2048;
/// The longest value of structured data, in bytes, so that all of them leave room for the message.
const LONGEST_VALUE: usize = 160;

impl Syslog {
    /// Sends all changes of some alerts over one connection.
    pub(crate) async fn send(&self, alerts: &[Alert]) -> Result<(), SinkError> {
        let to = self.server.to_string();
        in_time(&to, self.send_all(&to, alerts)).await
    }

    async fn send_all(&self, to: &str, alerts: &[Alert]) -> Result<(), SinkError> {
        let refused = |source| SinkError::Connect { to: to.to_owned(), source };
        let broken = |source| SinkError::Broken { to: to.to_owned(), source };
        let pri = self.facility as u8 * 8;
        let messages = alerts.iter().flat_map(|alert| messages(alert, pri));
        match &self.server {
            Address::Tls(host, port) => {
                let authority = self.authority.as_deref().unwrap_or_else(|| Path::new(""));
                let own = self.certificate.as_deref().zip(self.key.as_deref());
                let stream = Trust { authority, own }.connect(to, host, *port).await?;
                hand_over(stream, messages).await.map_err(broken)
            }
            Address::Tcp(host, port) => {
                let stream = TcpStream::connect((host.as_str(), *port)).await.map_err(refused)?;
                hand_over(stream, messages).await.map_err(broken)
            }
            Address::Udp(host, port) => {
                let found = tokio::net::lookup_host((host.as_str(), *port)).await.map_err(refused)?.next();
                let address = found.ok_or_else(|| refused(io::Error::other("the name has no address")))?;
                let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
                let socket = UdpSocket::bind(any).await.map_err(refused)?;
                socket.connect(address).await.map_err(refused)?;
                for message in messages {
                    let _ = socket.send(message.as_bytes()).await.map_err(broken)?;
                }
                Ok(())
            }
            Address::Unix(path) => {
                let socket = UnixDatagram::unbound().map_err(refused)?;
                socket.connect(path).map_err(refused)?;
                for alert in alerts {
                    for message in local(alert, pri) {
                        let _ = socket.send(message.as_bytes()).await.map_err(broken)?;
                    }
                }
                Ok(())
            }
        }
    }
}

/// Writes messages, each with its length before it, then waits until the other end has read to the end.
async fn hand_over<S>(mut stream: S, messages: impl Iterator<Item = String>) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    for message in messages {
        stream.write_all(format!("{} {message}", message.len()).as_bytes()).await?;
    }
    stream.shutdown().await?;
    let mut answer = [0_u8; 512];
    loop {
        match stream.read(&mut answer).await {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            // Closed without TLS' own word of farewell, which is common; a refusal has one of its own.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

/// One message a change, in the form of RFC 5424; a test is one message.
fn messages(alert: &Alert, pri: u8) -> Vec<String> {
    each(alert, |level, id, data, text| {
        // Six digits of a second at most.
        let at = alert.at.parse::<Timestamp>();
        let at = at.map_or("-".to_owned(), |at| at.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string());
        let mut message =
            format!("<{}>1 {at} {} groundfast - {id} [{SD_ID}", pri + level, header(&alert.host));
        for (name, value) in data {
            let _ = write!(message, " {name}=\"{}\"", escaped(value));
        }
        // Text beyond ASCII is announced by a byte order mark.
        let mark = if text.is_ascii() { "" } else { "\u{feff}" };
        let _ = write!(message, "] {mark}{text}");
        shortened(&message, LONGEST).to_owned()
    })
}

/// The same in the form that daemons read from their local socket: they know the host, and no structured data.
fn local(alert: &Alert, pri: u8) -> Vec<String> {
    each(alert, |level, _, data, text| {
        let mut message = format!("<{}>groundfast: {text}", pri + level);
        for (name, value) in data {
            let _ = write!(message, " {name}=\"{}\"", escaped(value));
        }
        shortened(&message, LONGEST).to_owned()
    })
}

type Data<'d> = &'d [(&'static str, &'d str)];

fn each(alert: &Alert, write: impl Fn(u8, &str, Data<'_>, &str) -> String) -> Vec<String> {
    if alert.kind == Kind::Test {
        let text = "test: alerts of Groundfast arrive here";
        return vec![write(6, "test", &[("alert", &alert.id), ("site", &alert.site)], text)];
    }
    let one = |change: &Change| {
        let (severity, verdict) = (change.severity.to_string(), change.verdict.to_string());
        let who = change.cause.as_ref().and_then(|cause| cause.who.as_deref()).unwrap_or_default();
        let data = [
            ("alert", alert.id.as_str()),
            ("site", &alert.site),
            ("run", &alert.run),
            ("change", change.change.word()),
            ("control", change.control.as_str()),
            ("verdict", &verdict),
            ("severity", &severity),
            ("since", &change.since),
            ("who", who),
        ];
        let data: Vec<_> = data.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        write(level(change), change.change.word(), &data, &sentence(change))
    };
    alert.changes.iter().map(one).collect()
}

/// How much a message weighs (RFC 5424, section 6.2.1).
fn level(change: &Change) -> u8 {
    match (change.change, change.severity) {
        (What::Back, _) => 5,
        (_, Severity::Blocker) => 2,
        (_, Severity::High) => 3,
        (_, Severity::Medium) => 4,
        (_, Severity::Low) => 5,
        (_, Severity::Info) => 6,
    }
}

fn sentence(change: &Change) -> String {
    let Change { change: what, control, title, verdict, since, cause, .. } = change;
    let mut text = match what {
        What::Moved => format!("moved: {title} ({control}: {verdict})"),
        What::Open => format!("still open since {since}: {title} ({control}: {verdict})"),
        What::Back => format!("back: {title} ({control}: {verdict})"),
    };
    if let Some(cause) = cause {
        let _ = write!(text, "; cause ({}): {}", cause.confidence, cause.says);
    }
    text.replace(char::is_control, " ")
}

/// A name for the header: printable ASCII without spaces, or none.
fn header(name: &str) -> &str {
    let fits = (1..=255).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic());
    if fits { name } else { "-" }
}

/// A value of structured data (RFC 5424, section 6.3.3).
fn escaped(value: &str) -> String {
    let value = shortened(value, LONGEST_VALUE).replace(char::is_control, " ");
    value.replace('\\', "\\\\").replace('"', "\\\"").replace(']', "\\]")
}

/// The beginning of a text, of so many bytes at most.
fn shortened(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::{Cause, Look};
    use model::{Confidence, ControlId, Mover, Verdict};

    fn alert(title: &str) -> Alert {
        let look = Look {
            host: "site-7",
            site: "plant \"7\"]",
            at: "2026-11-22T10:00:00.123456789Z",
            run: "01R",
            outcome: "drifted",
            findings: &[],
        };
        let cause = Cause {
            by: Mover::Person,
            who: Some("ann".to_owned()),
            at: "2026-11-22T09:59:00Z".to_owned(),
            says: "ann changed it".to_owned(),
            confidence: Confidence::Likely,
        };
        let change = Change {
            change: What::Moved,
            control: ControlId::new("pin:content /etc/motd"),
            title: title.to_owned(),
            severity: Severity::High,
            verdict: Verdict::Fail,
            since: "2026-11-22T10:00:00Z".to_owned(),
            cause: Some(cause),
        };
        look.alert("01A", Kind::Drift, vec![change])
    }

    #[test]
    fn a_message_is_what_the_standard_says() {
        assert_eq!(
            messages(&alert("a title\nwith a line"), 80),
            ["<83>1 2026-11-22T10:00:00.123456Z site-7 groundfast - moved [groundfast@32473 alert=\"01A\" \
              site=\"plant \\\"7\\\"\\]\" run=\"01R\" change=\"moved\" control=\"pin:content /etc/motd\" \
              verdict=\"fail\" severity=\"high\" since=\"2026-11-22T10:00:00Z\" who=\"ann\"] \
              moved: a title with a line (pin:content /etc/motd: fail); cause (likely): ann changed it"]
        );
        assert!(messages(&alert("größer"), 80)[0].contains("] \u{feff}moved: größer"));
        assert!(local(&alert("x"), 80)[0].starts_with("<83>groundfast: moved: x (pin:"));
    }

    #[test]
    fn a_message_is_no_longer_than_every_receiver_takes() {
        for letter in ["x", "ß", "\"", "]"] {
            let mut alert = alert(&letter.repeat(5000));
            alert.changes[0].control = ControlId::new(letter.repeat(5000));
            alert.site = letter.repeat(5000);
            let message = &messages(&alert, 80)[0];
            assert!(message.len() <= LONGEST && message.contains("] "), "{message}");
        }
    }

    #[test]
    fn strange_host_names_are_left_out() {
        assert_eq!((header("a.b-c"), header("a b"), header(""), header("ä")), ("a.b-c", "-", "-", "-"));
    }
}
