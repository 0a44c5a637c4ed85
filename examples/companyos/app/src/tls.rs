//! TLS 1.3 on every side: the same certificate serves callers, the database and the decision point.

use std::path::Path;
use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig, version};

use crate::Error;
use crate::config::{Config, file};

/// Accepts only callers with a certificate of the site, that is nginx.
pub(crate) fn acceptor(config: &Config) -> Result<TlsAcceptor, Error> {
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots(&config.authority)?), provider())
            .build()
            .map_err(tls)?;
    let server = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&version::TLS13])
        .map_err(tls)?
        .with_client_cert_verifier(verifier)
        .with_single_cert(certificates(&config.certificate)?, key(&config.key)?)
        .map_err(tls)?;
    Ok(TlsAcceptor::from(Arc::new(server)))
}

/// Trusts the site's authority alone and shows the service's own certificate.
pub(crate) fn client(config: &Config) -> Result<ClientConfig, Error> {
    ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&version::TLS13])
        .map_err(tls)?
        .with_root_certificates(roots(&config.authority)?)
        .with_client_auth_cert(certificates(&config.certificate)?, key(&config.key)?)
        .map_err(tls)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn roots(path: &Path) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    for authority in certificates(path)? {
        roots.add(authority).map_err(tls)?;
    }
    Ok(roots)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    CertificateDer::pem_file_iter(path).and_then(Iterator::collect).map_err(|error| file(path, &error))
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, Error> {
    PrivateKeyDer::from_pem_file(path).map_err(|error| file(path, &error))
}

fn tls(error: impl std::fmt::Display) -> Error {
    Error::Tls(error.to_string())
}
