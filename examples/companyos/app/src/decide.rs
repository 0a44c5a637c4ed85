//! Asking the decision point. Only a clear `true` in time permits anything.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::Error;
use crate::config::DecisionPoint;

const PATIENCE: Duration = Duration::from_secs(2);

pub(crate) struct Decider {
    at: DecisionPoint,
    tls: TlsConnector,
}

impl Decider {
    pub(crate) fn new(at: DecisionPoint, tls: ClientConfig) -> Self {
        Self { at, tls: TlsConnector::from(Arc::new(tls)) }
    }

    /// Whether the policy allows this.
    pub(crate) async fn allows(&self, input: &Value) -> Result<bool, Error> {
        let slow = || Err(Error::Decide("no answer in time".to_owned()));
        tokio::time::timeout(PATIENCE, self.ask(input)).await.unwrap_or_else(|_| slow())
    }

    async fn ask(&self, input: &Value) -> Result<bool, Error> {
        let stream = TcpStream::connect((self.at.host.as_str(), self.at.port)).await.map_err(failed)?;
        let name = ServerName::try_from(self.at.host.clone()).map_err(failed)?;
        let stream = self.tls.connect(name, stream).await.map_err(failed)?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
        let driver = tokio::spawn(connection);
        let request = Request::post(format!("/v1/data/{}", self.at.rule))
            .header("Host", &self.at.host)
            .header("Content-Type", "application/json")
            .body(Full::new(Bytes::from(json!({ "input": input }).to_string())))
            .map_err(failed)?;
        let response = sender.send_request(request).await.map_err(failed)?;
        let status = response.status();
        let body = Limited::new(response.into_body(), 64 << 10).collect().await.map_err(failed)?.to_bytes();
        driver.abort();
        if !status.is_success() {
            return Err(Error::Decide(format!("status {status}")));
        }
        let answer: Value = serde_json::from_slice(&body).map_err(failed)?;
        Ok(answer["result"] == Value::Bool(true))
    }
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::Decide(error.to_string())
}
