//! A webhook: one JSON document in an HTTPS POST, signed where the site shares a secret with the receiver.

use std::io;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use sha2::Sha256;

use crate::SinkError;
use crate::alert::Alert;
use crate::config::Webhook;
use crate::tls::{Trust, in_time};

/// The header of the signature, as GitHub made it known: `sha256=` and the HMAC-SHA-256 of the body in hexadecimal.
const SIGNATURE: &str = "X-Hub-Signature-256";
/// How long is waited before an alert is sent once more.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(3)];

impl Webhook {
    /// Posts alerts one after the other. What may pass soon is tried again twice.
    pub(crate) async fn send(&self, alerts: &[Alert]) -> Result<(), SinkError> {
        for alert in alerts {
            let mut pauses = PAUSES.iter();
            while let Err(error) = self.post(alert).await {
                match pauses.next().filter(|_| may_pass(&error)) {
                    Some(pause) => tokio::time::sleep(*pause).await,
                    None => return Err(error),
                }
            }
        }
        Ok(())
    }

    async fn post(&self, alert: &Alert) -> Result<(), SinkError> {
        let to = self.origin();
        let status = in_time(&to, self.exchange(&to, alert)).await?;
        if (200..300).contains(&status) { Ok(()) } else { Err(SinkError::Status { to, status }) }
    }

    async fn exchange(&self, to: &str, alert: &Alert) -> Result<u16, SinkError> {
        let message = |why: String| SinkError::Message { to: to.to_owned(), why };
        let broken =
            |error: hyper::Error| SinkError::Broken { to: to.to_owned(), source: io::Error::other(error) };
        let (uri, host, port) = self.address().map_err(message)?;
        let body = serde_json::to_vec(alert).map_err(|error| message(error.to_string()))?;
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let mut request = Request::post(path)
            .header("Host", authority)
            .header("Content-Type", "application/json")
            .header("User-Agent", concat!("groundfast/", env!("CARGO_PKG_VERSION")));
        if let Some(secret) = &self.secret {
            request = request.header(SIGNATURE, signature(secret, &body)?);
        }
        let request =
            request.body(Full::new(Bytes::from(body))).map_err(|error| message(error.to_string()))?;
        let stream = Trust { authority: &self.authority, own: None }.connect(to, &host, port).await?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
        let driver = tokio::spawn(connection);
        let status =
            sender.send_request(request).await.map_err(broken).map(|answer| answer.status().as_u16());
        driver.abort();
        status
    }
}

/// The signature of a body. A line break at the end of the secret's file does not count.
fn signature(reference: &str, body: &[u8]) -> Result<String, SinkError> {
    let secret = reference.parse::<secrets::Reference>()?.resolve()?;
    let key = secret.expose();
    let key = key.strip_suffix(b"\n").unwrap_or(key);
    // HMAC takes a key of any length.
    let mut mac = Hmac::<Sha256>::new_from_slice(key)
        .map_err(|error| SinkError::Message { to: reference.to_owned(), why: error.to_string() })?;
    mac.update(body);
    Ok(format!("sha256={}", hex::encode(mac.finalize().into_bytes())))
}

/// Whether it is worth trying again soon: the network, or a server that is overwhelmed.
fn may_pass(error: &SinkError) -> bool {
    match error {
        SinkError::Connect { .. } | SinkError::Broken { .. } => true,
        SinkError::Status { status, .. } => *status == 429 || *status >= 500,
        _ => false,
    }
}
