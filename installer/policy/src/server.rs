//! OPA's data API over HTTP/1.1: `POST /v1/data/<path>` with `{"input": …}`, and `GET /health`.
//!
//! Undefined answers carry no `result`; errors carry `"result": false` beside OPA's `code` and `message`, so
//! that a caller who reads nothing but `result` refuses as well.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Empty, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

use crate::decide::{Limits, Policy};

/// How long a client may take for its TLS handshake, for its headers and for its body, each.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many connections may be open at once; more wait in the kernel's queue.
const CONNECTIONS: usize = 256;

type Answer = Response<Full<Bytes>>;

/// The decision point as a service.
#[derive(Clone)]
pub struct Server {
    policy: Arc<Policy>,
    limits: Limits,
    deciding: Arc<Semaphore>,
    connections: Arc<Semaphore>,
}

impl Server {
    /// Serves this policy within these limits.
    pub fn new(policy: Policy, limits: Limits) -> Self {
        let deciding = Arc::new(Semaphore::new(limits.at_once));
        Self {
            policy: Arc::new(policy),
            limits,
            deciding,
            connections: Arc::new(Semaphore::new(CONNECTIONS)),
        }
    }

    /// Answers until `stop` is ready. With `tls`, only clients with a certificate are heard.
    ///
    /// # Errors
    /// When the listener itself fails; a failing connection only ends itself.
    pub async fn serve(
        self,
        listener: TcpListener,
        tls: Option<TlsAcceptor>,
        stop: impl Future<Output = ()>,
    ) -> io::Result<()> {
        tokio::pin!(stop);
        loop {
            let Ok(permit) = Arc::clone(&self.connections).acquire_owned().await else {
                return Ok(());
            };
            let stream = tokio::select! {
                () = &mut stop => return Ok(()),
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => stream,
                    Err(error) if passing(&error) => continue,
                    Err(error) => return Err(error),
                },
            };
            let (server, tls) = (self.clone(), tls.clone());
            tokio::spawn(async move {
                server.connection(stream, tls).await;
                drop(permit);
            });
        }
    }

    async fn connection(self, stream: TcpStream, tls: Option<TlsAcceptor>) {
        let service = service_fn(move |request| {
            let server = self.clone();
            async move { Ok::<_, Infallible>(server.answer(request).await) }
        });
        let mut http = hyper::server::conn::http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
        // A connection that breaks, or a client that speaks nonsense, concerns nobody else.
        let _ = match tls {
            None => http.serve_connection(TokioIo::new(stream), service).await,
            Some(tls) => match tokio::time::timeout(PATIENCE, tls.accept(stream)).await {
                Ok(Ok(stream)) => http.serve_connection(TokioIo::new(stream), service).await,
                _ => return,
            },
        };
    }

    async fn answer(&self, request: Request<Incoming>) -> Answer {
        let path = request.uri().path().to_owned();
        if path == "/health" {
            return match *request.method() {
                Method::GET | Method::HEAD => self.health(),
                _ => refuse(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "use GET"),
            };
        }
        let Some(rule) = path.strip_prefix("/v1/data/") else {
            return refuse(
                StatusCode::NOT_FOUND,
                "resource_not_found",
                "only /v1/data/<path> and /health are here",
            );
        };
        if request.method() != Method::POST {
            return refuse(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "use POST");
        }
        let input = match self.input(request).await {
            Ok(input) => input,
            Err(answer) => return answer,
        };
        self.decision(rule.to_owned(), input).await
    }

    fn health(&self) -> Answer {
        let local = self.policy.local_digest().map(|digest| digest.to_string());
        reply(StatusCode::OK, &json!({ "policy": self.policy.digest().to_string(), "local_policy": local }))
    }

    async fn input(&self, request: Request<Incoming>) -> Result<Value, Answer> {
        let invalid = |why: &str| refuse(StatusCode::BAD_REQUEST, "invalid_parameter", why);
        let body = Limited::new(request.into_body(), self.limits.body);
        let bytes = match tokio::time::timeout(PATIENCE, body.collect()).await {
            Err(_) => return Err(refuse(StatusCode::REQUEST_TIMEOUT, "timeout", "the body came too slowly")),
            Ok(Err(error)) if error.is::<LengthLimitError>() => {
                return Err(refuse(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    "invalid_parameter",
                    "the body is too large",
                ));
            }
            Ok(Err(_)) => return Err(invalid("the body broke off")),
            Ok(Ok(body)) => body.to_bytes(),
        };
        if bytes.is_empty() {
            return Ok(Value::Null);
        }
        let document: Value = serde_json::from_slice(&bytes)
            .map_err(|error| invalid(&format!("the body is not JSON: {error}")))?;
        match document {
            Value::Object(mut members) => Ok(members.remove("input").unwrap_or(Value::Null)),
            _ => Err(invalid("the body is not an object with the member `input`")),
        }
    }

    async fn decision(&self, rule: String, input: Value) -> Answer {
        let Ok(permit) = Arc::clone(&self.deciding).try_acquire_owned() else {
            return refuse(StatusCode::SERVICE_UNAVAILABLE, "busy", "too many decisions at once");
        };
        let policy = Arc::clone(&self.policy);
        let decided = tokio::task::spawn_blocking(move || {
            let decided = policy.decide(&rule, input);
            drop(permit);
            decided
        });
        match decided.await {
            Ok(Ok(Some(result))) => reply(StatusCode::OK, &json!({ "result": result })),
            Ok(Ok(None)) => reply(StatusCode::OK, &json!({})),
            Ok(Err(error @ crate::DecideError::Path(_))) => {
                refuse(StatusCode::BAD_REQUEST, "invalid_parameter", &error.to_string())
            }
            Ok(Err(error)) => refuse(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", &error.to_string()),
            Err(_) => {
                refuse(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", "the evaluation broke down")
            }
        }
    }
}

/// Errors of `accept` that belong to one connection, not to the listener (accept(2)).
fn passing(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted, NetworkDown, NetworkUnreachable};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionReset | Interrupted | NetworkDown | NetworkUnreachable
    )
}

fn reply(status: StatusCode, document: &Value) -> Answer {
    let mut response = Response::new(Full::new(Bytes::from(document.to_string())));
    *response.status_mut() = status;
    let json = hyper::header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(hyper::header::CONTENT_TYPE, json);
    response
}

fn refuse(status: StatusCode, code: &str, message: &str) -> Answer {
    reply(status, &json!({ "code": code, "message": message, "result": false }))
}

/// Asks the health of a decision point that listens without TLS: the body of its answer.
///
/// # Errors
/// When it does not answer with 200 within `patience`.
pub async fn ping(address: SocketAddr, patience: Duration) -> io::Result<String> {
    let ask = async {
        let stream = TcpStream::connect(address).await?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        let driver = tokio::spawn(connection);
        let request = Request::get("/health")
            .header(hyper::header::HOST, address.to_string())
            .body(Empty::<Bytes>::new())
            .map_err(io::Error::other)?;
        let response = sender.send_request(request).await.map_err(io::Error::other)?;
        let status = response.status();
        let body = Limited::new(response.into_body(), 1 << 16).collect().await.map_err(io::Error::other)?;
        driver.abort();
        if status != StatusCode::OK {
            return Err(io::Error::other(format!("the decision point answered {status}")));
        }
        Ok(String::from_utf8_lossy(&body.to_bytes()).into_owned())
    };
    tokio::time::timeout(patience, ask).await.unwrap_or_else(|_| {
        Err(io::Error::new(io::ErrorKind::TimedOut, "the decision point did not answer in time"))
    })
}
