//! Where alerts go: the `[alerts]` section of the answers.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use hyper::Uri;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::outbox::Sink;

/// `[alerts]`: where it is told what moved. An empty section tells nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// A syslog server, or the local one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub syslog: Option<Syslog>,
    /// An HTTPS address that takes JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook: Option<Webhook>,
    /// A file for the textfile collector of Prometheus' node exporter; its name ends with `.prom`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub textfile: Option<PathBuf>,
}

/// `[alerts.syslog]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Syslog {
    /// `tls://host[:6514]`, or where the way there is trusted `tcp://host[:514]`, `udp://host[:514]`, `local`
    /// (`/dev/log`) or `unix:/path`.
    #[schemars(with = "String")]
    pub server: Address,
    /// The authorities of the server's certificate, PEM; needed for `tls`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<PathBuf>,
    /// Our own certificate, PEM, where the server asks for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
    /// Where the key of that certificate lives, as `file:/path`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The facility that the messages carry.
    #[serde(default)]
    pub facility: Facility,
}

/// `[alerts.webhook]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// The address, `https://…`. It is no place for a secret.
    pub url: String,
    /// The authorities of the server's certificate, PEM.
    pub authority: PathBuf,
    /// Where the secret that signs each message lives, as `file:/path`; unsigned when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// A facility of syslog (RFC 5424, section 6.2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Facility {
    /// Messages of users.
    User = 1,
    /// Daemons.
    Daemon = 3,
    /// Security.
    Auth = 4,
    /// Security, not for everybody.
    #[default]
    Authpriv = 10,
    /// For the site's own use.
    Local0 = 16,
    /// For the site's own use.
    Local1,
    /// For the site's own use.
    Local2,
    /// For the site's own use.
    Local3,
    /// For the site's own use.
    Local4,
    /// For the site's own use.
    Local5,
    /// For the site's own use.
    Local6,
    /// For the site's own use.
    Local7,
}

/// Where a syslog server is, and how it is spoken to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Address {
    /// RFC 5425: TLS, messages with their length before them.
    Tls(String, u16),
    /// RFC 6587: TCP, messages with their length before them.
    Tcp(String, u16),
    /// RFC 5426: one datagram a message.
    Udp(String, u16),
    /// The socket of a daemon on this machine.
    Unix(PathBuf),
}

/// Text that is no address of a syslog server.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "`{0}` is no syslog server: expected `tls://host[:port]`, `tcp://…`, `udp://…`, `local` or `unix:/path`"
)]
pub struct AddressError(String);

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || AddressError(text.to_owned());
        if text == "local" {
            return Ok(Self::Unix(PathBuf::from("/dev/log")));
        }
        if let Some(path) = text.strip_prefix("unix:") {
            return path.starts_with('/').then(|| Self::Unix(PathBuf::from(path))).ok_or_else(bad);
        }
        let uri: Uri = text.parse().map_err(|_| bad())?;
        let plain = uri.path_and_query().is_none_or(|rest| rest.as_str() == "/");
        let host = uri.host().filter(|_| plain && !text.contains('@')).ok_or_else(bad)?;
        let host = host.trim_matches(['[', ']']).to_owned();
        match uri.scheme_str() {
            Some("tls") => Ok(Self::Tls(host, uri.port_u16().unwrap_or(6514))),
            Some("tcp") => Ok(Self::Tcp(host, uri.port_u16().unwrap_or(514))),
            Some("udp") => Ok(Self::Udp(host, uri.port_u16().unwrap_or(514))),
            _ => Err(bad()),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, host, port) = match self {
            Self::Tls(host, port) => ("tls", host, port),
            Self::Tcp(host, port) => ("tcp", host, port),
            Self::Udp(host, port) => ("udp", host, port),
            Self::Unix(path) => return write!(f, "unix:{}", path.display()),
        };
        match host.contains(':') {
            true => write!(f, "{scheme}://[{host}]:{port}"),
            false => write!(f, "{scheme}://{host}:{port}"),
        }
    }
}

impl TryFrom<String> for Address {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.to_string()
    }
}

impl Config {
    /// Insists on what no single key says: which keys belong together. The error is a sentence with the key in it.
    ///
    /// # Errors
    /// What is missing, or does not belong there.
    pub fn check(&self) -> Result<(), String> {
        let is_reference = |text: &String| text.starts_with("file:");
        if let Some(syslog) = &self.syslog {
            syslog.check()?;
            if !syslog.key.iter().all(is_reference) {
                return Err("alerts.syslog.key: expected `file:/path`, never the key itself".to_owned());
            }
        }
        if let Some(webhook) = &self.webhook {
            webhook.address().map_err(|why| format!("alerts.webhook.url: {why}"))?;
            if !webhook.secret.iter().all(is_reference) {
                return Err(
                    "alerts.webhook.secret: expected `file:/path`, never the secret itself".to_owned()
                );
            }
        }
        let is_prom = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "prom");
        if !self.textfile.iter().all(is_prom) {
            return Err("alerts.textfile: node exporter reads files whose name ends with `.prom`".to_owned());
        }
        Ok(())
    }

    /// The sinks that have an outbox.
    pub fn sinks(&self) -> Vec<Sink> {
        let (syslog, webhook) =
            (self.syslog.as_ref().map(|_| Sink::Syslog), self.webhook.as_ref().map(|_| Sink::Webhook));
        syslog.into_iter().chain(webhook).collect()
    }

    /// Where a sink is, without what may be a secret in its address.
    pub fn place(&self, sink: Sink) -> String {
        match sink {
            Sink::Syslog => self.syslog.as_ref().map(|syslog| syslog.server.to_string()),
            Sink::Webhook => self.webhook.as_ref().map(Webhook::origin),
        }
        .unwrap_or_default()
    }

    /// Every path in it, and every reference to a secret.
    pub fn paths_mut(&mut self) -> (Vec<&mut PathBuf>, Vec<&mut String>) {
        let (mut paths, mut references) = (Vec::new(), Vec::new());
        if let Some(Syslog { authority, certificate, key, .. }) = &mut self.syslog {
            paths.extend(authority.iter_mut().chain(certificate));
            references.extend(key);
        }
        if let Some(Webhook { authority, secret, .. }) = &mut self.webhook {
            paths.push(authority);
            references.extend(secret);
        }
        paths.extend(&mut self.textfile);
        (paths, references)
    }
}

impl Syslog {
    fn check(&self) -> Result<(), String> {
        let is_tls = matches!(self.server, Address::Tls(..));
        match (&self.authority, &self.certificate, &self.key) {
            (None, ..) if is_tls => Err("alerts.syslog.authority is needed for `tls://`".to_owned()),
            (None, None, None) => Ok(()),
            _ if !is_tls => Err(format!("alerts.syslog: certificates are of no use for `{}`", self.server)),
            (_, Some(_), None) | (_, None, Some(_)) => {
                Err("alerts.syslog: `certificate` and `key` belong together".to_owned())
            }
            _ => Ok(()),
        }
    }
}

impl Webhook {
    /// The address in its parts: host, port, what comes behind.
    pub(crate) fn address(&self) -> Result<(Uri, String, u16), String> {
        let uri: Uri = self.url.parse().map_err(|_| "it is no address".to_owned())?;
        if uri.scheme_str() != Some("https") {
            return Err("expected `https://…`: alerts do not go out in the clear".to_owned());
        }
        let authority = uri.authority().map(|authority| authority.as_str()).unwrap_or_default();
        if authority.contains('@') {
            return Err("no user and password belong into it; sign with `secret`".to_owned());
        }
        let host = uri.host().ok_or("it names no host")?.trim_matches(['[', ']']).to_owned();
        let port = uri.port_u16().unwrap_or(443);
        Ok((uri, host, port))
    }

    /// Scheme, host and port: what comes behind may be a secret where people made it one.
    pub(crate) fn origin(&self) -> String {
        self.address().map_or_else(
            |_| "https".to_owned(),
            |(uri, ..)| format!("https://{}", uri.authority().map_or("", |authority| authority.as_str())),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_with_the_ports_of_their_standards() {
        for (text, shown) in [
            ("tls://logs.example", "tls://logs.example:6514"),
            ("tls://10.0.0.7:7000", "tls://10.0.0.7:7000"),
            ("tcp://logs.example", "tcp://logs.example:514"),
            ("udp://[2001:db8::7]", "udp://[2001:db8::7]:514"),
            ("local", "unix:/dev/log"),
            ("unix:/run/log.sock", "unix:/run/log.sock"),
        ] {
            let address: Address = text.parse().unwrap();
            assert_eq!(address.to_string(), shown);
            assert_eq!(shown.parse::<Address>().unwrap(), address);
        }
        for bad in
            ["", "logs.example", "http://logs.example", "tls://", "tls://a/b", "tls://u:p@a", "unix:log"]
        {
            assert!(bad.parse::<Address>().is_err(), "{bad}");
        }
    }

    fn syslog(server: &str) -> Syslog {
        let server = server.parse().unwrap();
        Syslog { server, authority: None, certificate: None, key: None, facility: Facility::default() }
    }

    #[test]
    fn what_belongs_together_is_insisted_on() {
        let of = |syslog: Syslog| Config { syslog: Some(syslog), ..Config::default() }.check();
        assert!(of(syslog("tls://a")).unwrap_err().contains("authority is needed"));
        let tls = || Syslog { authority: Some("ca.pem".into()), ..syslog("tls://a") };
        assert_eq!(of(tls()), Ok(()));
        let half = Syslog { certificate: Some("c.pem".into()), ..tls() };
        assert!(of(half.clone()).unwrap_err().contains("belong together"));
        let key = |key: &str| Syslog { key: Some(key.to_owned()), ..half.clone() };
        assert_eq!(of(key("file:/k.pem")), Ok(()));
        assert!(of(key("-----BEGIN")).unwrap_err().contains("never the key itself"));
        assert!(of(Syslog { authority: Some("ca.pem".into()), ..syslog("udp://a") }).is_err());
        assert_eq!(of(syslog("local")), Ok(()));
    }

    #[test]
    fn a_webhook_is_https_and_holds_no_password() {
        let of = |url: &str, secret: Option<&str>| {
            let webhook = Webhook {
                url: url.to_owned(),
                authority: "ca.pem".into(),
                secret: secret.map(str::to_owned),
            };
            Config { webhook: Some(webhook), ..Config::default() }
        };
        let good = of("https://hooks.example/drift?x=1", Some("file:/s"));
        assert_eq!(good.check(), Ok(()));
        assert_eq!(good.place(Sink::Webhook), "https://hooks.example");
        for bad in ["http://hooks.example/", "https://u:p@hooks.example/", "hooks", ""] {
            assert!(of(bad, None).check().is_err(), "{bad}");
        }
        assert!(of("https://h/", Some("hunter2")).check().is_err());
    }

    #[test]
    fn the_textfile_is_one_that_is_read() {
        let of = |path: &str| Config { textfile: Some(path.into()), ..Config::default() }.check();
        assert_eq!(of("/var/lib/x/groundfast.prom"), Ok(()));
        assert!(of("/var/lib/x/groundfast.txt").is_err());
    }
}
