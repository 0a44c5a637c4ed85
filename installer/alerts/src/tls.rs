//! TLS 1.3 to a sink, with the authorities that the site names and no others.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto, version};

use crate::{PATIENCE, SinkError};

/// Whom we believe, and who we are.
pub(crate) struct Trust<'t> {
    /// PEM authorities of the server.
    pub(crate) authority: &'t Path,
    /// Our own PEM chain, with a reference to its key.
    pub(crate) own: Option<(&'t Path, &'t str)>,
}

impl Trust<'_> {
    /// Connects to a server that has a certificate for `host`.
    pub(crate) async fn connect(
        &self,
        to: &str,
        host: &str,
        port: u16,
    ) -> Result<TlsStream<TcpStream>, SinkError> {
        let connector = self.connector()?;
        let refused = |source| SinkError::Connect { to: to.to_owned(), source };
        let name = ServerName::try_from(host.to_owned()).map_err(|error| refused(io::Error::other(error)))?;
        let stream = TcpStream::connect((host, port)).await.map_err(refused)?;
        connector.connect(name, stream).await.map_err(refused)
    }

    fn connector(&self) -> Result<TlsConnector, SinkError> {
        let mut roots = RootCertStore::empty();
        for authority in certificates(self.authority)? {
            roots.add(authority).map_err(|error| bad(self.authority, &error))?;
        }
        let config = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
            .with_protocol_versions(&[&version::TLS13])
            .map_err(|error| bad(self.authority, &error))?
            .with_root_certificates(roots);
        let config = match self.own {
            None => config.with_no_client_auth(),
            Some((chain, key)) => {
                let secret = key.parse::<secrets::Reference>()?.resolve()?;
                // What is wrong with a key is said without a word of it.
                let key = PrivateKeyDer::from_pem_slice(secret.expose())
                    .map_err(|_| bad(Path::new(key), &"it holds no private key in PEM"))?;
                config.with_client_auth_cert(certificates(chain)?, key).map_err(|error| bad(chain, &error))?
            }
        };
        Ok(TlsConnector::from(Arc::new(config)))
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, SinkError> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    match read {
        Ok(list) if list.is_empty() => Err(bad(path, &"it holds no certificate")),
        Ok(list) => Ok(list),
        Err(error) => Err(bad(path, &error)),
    }
}

fn bad(path: &Path, why: &dyn std::fmt::Display) -> SinkError {
    SinkError::Pem { path: path.display().to_string(), why: why.to_string() }
}

/// Gives up on a sink that takes too long.
pub(crate) async fn in_time<T>(
    to: &str,
    work: impl Future<Output = Result<T, SinkError>>,
) -> Result<T, SinkError> {
    let slow = || Err(SinkError::Slow { to: to.to_owned(), within: Duration::from_secs(PATIENCE.as_secs()) });
    tokio::time::timeout(PATIENCE, work).await.unwrap_or_else(|_| slow())
}
