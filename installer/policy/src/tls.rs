//! TLS 1.3 for the decision point: only who holds a certificate of the site may ask.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, crypto, version};

/// Where the decision point's own certificate lies and whose clients it serves.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// PEM chain, own certificate first.
    pub chain: PathBuf,
    /// PEM private key.
    pub key: PathBuf,
    /// PEM authorities; a client without a certificate from one of them is turned away.
    pub clients: PathBuf,
}

/// Why TLS cannot be offered.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A PEM file is missing, unreadable or holds nothing usable. The reason never repeats its content.
    #[error("cannot use {path} for TLS: {reason}")]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The parts do not fit together.
    #[error("cannot set up TLS: {0}")]
    Setup(String),
}

impl TlsFiles {
    /// Reads the files and makes an acceptor for TLS 1.3 with client certificates.
    ///
    /// # Errors
    /// When a file cannot be used or key and certificate do not belong together.
    pub fn acceptor(&self) -> Result<TlsAcceptor, TlsError> {
        let provider = Arc::new(crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        for authority in certificates(&self.clients)? {
            roots.add(authority).map_err(|error| bad(&self.clients, &error))?;
        }
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .build()
            .map_err(|error| TlsError::Setup(error.to_string()))?;
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|error| bad(&self.key, &error))?;
        let chain = certificates(&self.chain)?;
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&version::TLS13])
            .and_then(|builder| builder.with_client_cert_verifier(verifier).with_single_cert(chain, key))
            .map_err(|error| TlsError::Setup(error.to_string()))?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    match read {
        Ok(chain) if chain.is_empty() => Err(bad(path, &"it holds no certificate")),
        Ok(chain) => Ok(chain),
        Err(error) => Err(bad(path, &error)),
    }
}

fn bad(path: &Path, reason: &dyn std::fmt::Display) -> TlsError {
    TlsError::File { path: path.into(), reason: reason.to_string() }
}
