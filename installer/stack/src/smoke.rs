//! Smoke tests: requests that the running product must answer, over TLS 1.3 with pinned authorities.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto, version};

/// The largest answer that is looked at, in bytes.
const MAX_ANSWER: usize = 1 << 20;

/// The authorities that smoke tests trust, and no others.
#[derive(Clone, Debug, Default)]
pub struct Authorities(Vec<CertificateDer<'static>>);

impl Authorities {
    /// Reads a PEM file of authorities.
    ///
    /// # Errors
    /// When it cannot be read or holds none.
    pub fn read(path: &Path) -> io::Result<Self> {
        let read: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
        match read {
            Ok(list) if list.is_empty() => {
                Err(io::Error::other(format!("{} holds no certificate", path.display())))
            }
            Ok(list) => Ok(Self(list)),
            Err(error) => Err(io::Error::other(format!("cannot read {}: {error}", path.display()))),
        }
    }
}

/// One request and the answer that proves something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Smoke {
    /// What it proves.
    pub name: String,
    /// The address; its host is what the certificate must be for.
    pub url: String,
    /// Where to connect to, when the host's name is not to be looked up.
    pub connect: Option<SocketAddr>,
    /// The method.
    pub method: String,
    /// The body sent, as JSON.
    pub body: Option<String>,
    /// The status expected.
    pub status: u16,
    /// Text that the answer must hold.
    pub contains: Option<String>,
    /// How long it may take.
    pub within: Duration,
}

/// Why a smoke test did not pass.
#[derive(Debug, thiserror::Error)]
pub enum SmokeError {
    /// Its address cannot be used.
    #[error("smoke test `{name}`: `{url}` is not an http or https address")]
    Address {
        /// The test.
        name: String,
        /// The address.
        url: String,
    },
    /// There was no answer.
    #[error("smoke test `{name}`: no answer from {url}")]
    NoAnswer {
        /// The test.
        name: String,
        /// The address.
        url: String,
        /// Why.
        source: io::Error,
    },
    /// The answer was another one.
    #[error("smoke test `{name}`: expected {expected} from {url}, got {actual}")]
    Other {
        /// The test.
        name: String,
        /// The address.
        url: String,
        /// What was expected.
        expected: String,
        /// What came.
        actual: String,
    },
}

impl Smoke {
    /// Sends the request and judges the answer.
    ///
    /// # Errors
    /// When there is no answer in time, or another one.
    pub async fn run(&self, trusted: &Authorities) -> Result<(), SmokeError> {
        let no_answer =
            |source| SmokeError::NoAnswer { name: self.name.clone(), url: self.url.clone(), source };
        let (uri, host, port, tls) = self.address()?;
        let ask = async {
            let stream = match self.connect {
                Some(address) => TcpStream::connect(address).await?,
                None => TcpStream::connect((host.as_str(), port)).await?,
            };
            if !tls {
                return self.exchange(stream, &uri).await;
            }
            let name = ServerName::try_from(host.clone()).map_err(io::Error::other)?;
            self.exchange(connector(trusted)?.connect(name, stream).await?, &uri).await
        };
        let slow =
            || Err(io::Error::new(io::ErrorKind::TimedOut, format!("it took longer than {:?}", self.within)));
        let answer = tokio::time::timeout(self.within, ask).await.unwrap_or_else(|_| slow());
        let (status, body) = answer.map_err(no_answer)?;
        self.judge(status, &body)
    }

    fn judge(&self, status: u16, body: &str) -> Result<(), SmokeError> {
        let other = |expected: String, actual: String| {
            Err(SmokeError::Other { name: self.name.clone(), url: self.url.clone(), expected, actual })
        };
        if status != self.status {
            return other(format!("status {}", self.status), format!("status {status}"));
        }
        match &self.contains {
            Some(text) if !body.contains(text.as_str()) => {
                let seen: String = body.chars().take(200).collect();
                other(format!("an answer with `{text}`"), format!("`{seen}`"))
            }
            _ => Ok(()),
        }
    }

    fn address(&self) -> Result<(Uri, String, u16, bool), SmokeError> {
        let bad = || SmokeError::Address { name: self.name.clone(), url: self.url.clone() };
        let uri: Uri = self.url.parse().map_err(|_| bad())?;
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(bad()),
        };
        let host = uri.host().ok_or_else(bad)?.trim_matches(['[', ']']).to_owned();
        let port = uri.port_u16().unwrap_or(if tls { 443 } else { 80 });
        Ok((uri, host, port, tls))
    }

    async fn exchange<S>(&self, stream: S, uri: &Uri) -> io::Result<(u16, String)>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        let driver = tokio::spawn(connection);
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let mut request = Request::builder().method(self.method.as_str()).uri(path).header("Host", authority);
        if self.body.is_some() {
            request = request.header("Content-Type", "application/json");
        }
        let body = Bytes::from(self.body.clone().unwrap_or_default());
        let request = request.body(Full::new(body)).map_err(io::Error::other)?;
        let response = sender.send_request(request).await.map_err(io::Error::other)?;
        let status = response.status().as_u16();
        let body =
            Limited::new(response.into_body(), MAX_ANSWER).collect().await.map_err(io::Error::other)?;
        driver.abort();
        Ok((status, String::from_utf8_lossy(&body.to_bytes()).into_owned()))
    }
}

fn connector(trusted: &Authorities) -> io::Result<TlsConnector> {
    let mut roots = RootCertStore::empty();
    for authority in &trusted.0 {
        roots.add(authority.clone()).map_err(io::Error::other)?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_protocol_versions(&[&version::TLS13])
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    fn smoke(url: String, status: u16, contains: Option<&str>) -> Smoke {
        Smoke {
            name: "front page".to_owned(),
            url,
            connect: None,
            method: "GET".to_owned(),
            body: None,
            status,
            contains: contains.map(str::to_owned),
            within: Duration::from_secs(5),
        }
    }

    async fn answering(answer: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await.unwrap();
            stream.write_all(answer.as_bytes()).await.unwrap();
        });
        format!("http://{address}/")
    }

    #[tokio::test]
    async fn status_and_text_are_both_judged() {
        const ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";
        let trusted = Authorities::default();
        assert!(smoke(answering(ANSWER).await, 200, Some("ell")).run(&trusted).await.is_ok());
        let wrong = smoke(answering(ANSWER).await, 403, None).run(&trusted).await.unwrap_err();
        assert!(wrong.to_string().ends_with("got status 200"), "{wrong}");
        let wrong = smoke(answering(ANSWER).await, 200, Some("bye")).run(&trusted).await.unwrap_err();
        assert!(wrong.to_string().contains("an answer with `bye`"), "{wrong}");
    }

    #[tokio::test]
    async fn silence_nonsense_and_plain_text_behind_https_do_not_pass() {
        let trusted = Authorities::default();
        let plain =
            answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.replace("http:", "https:");
        assert!(matches!(smoke(plain, 200, None).run(&trusted).await, Err(SmokeError::NoAnswer { .. })));
        let gone = { TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap() };
        let gone = smoke(format!("http://{gone}/"), 200, None);
        assert!(matches!(gone.run(&trusted).await, Err(SmokeError::NoAnswer { .. })));
        let ftp = smoke("ftp://example/".to_owned(), 200, None);
        assert!(matches!(ftp.run(&trusted).await, Err(SmokeError::Address { .. })));
    }
}
