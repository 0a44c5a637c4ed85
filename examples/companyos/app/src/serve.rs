//! Answering: first the role, then the decision, then the rows.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Empty, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::config::{Config, Tokens};
use crate::decide::Decider;
use crate::store::Store;
use crate::{Error, say, tls};

const PATIENCE: Duration = Duration::from_secs(5);
const MAX_BODY: usize = 16 << 10;

type Answer = Response<Full<Bytes>>;

pub(crate) struct App {
    tokens: Tokens,
    decider: Decider,
    store: Store,
}

impl App {
    pub(crate) fn new(config: &Config) -> Result<Self, Error> {
        let decider = Decider::new(config.policy.clone(), tls::client(config)?);
        let store = Store::new(&config.database, tls::client(config)?);
        Ok(Self { tokens: Tokens::read(&config.tokens)?, decider, store })
    }

    pub(crate) async fn serve(self: Arc<Self>, listener: TcpListener, tls: TlsAcceptor) -> Result<(), Error> {
        loop {
            let (stream, _) =
                listener.accept().await.map_err(|error| Error::Listen("its port".to_owned(), error))?;
            let (app, tls) = (Arc::clone(&self), tls.clone());
            tokio::spawn(async move {
                let service = service_fn(move |request| {
                    let app = Arc::clone(&app);
                    async move { Ok::<_, Infallible>(app.answer(request).await) }
                });
                if let Ok(Ok(stream)) = tokio::time::timeout(PATIENCE, tls.accept(stream)).await {
                    let mut http = hyper::server::conn::http1::Builder::new();
                    http.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
                    let _ = http.serve_connection(TokioIo::new(stream), service).await;
                }
            });
        }
    }

    /// Answers on loopback whether database and decision point can be reached.
    pub(crate) async fn serve_health(self: Arc<Self>, listener: TcpListener) {
        while let Ok((stream, _)) = listener.accept().await {
            let app = Arc::clone(&self);
            let service = service_fn(move |_| {
                let app = Arc::clone(&app);
                async move { Ok::<_, Infallible>(app.health().await) }
            });
            let mut http = hyper::server::conn::http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
            let _ = http.serve_connection(TokioIo::new(stream), service).await;
        }
    }

    async fn health(&self) -> Answer {
        let decided = self.decider.allows(&json!({})).await.map(drop);
        match self.store.healthy().await.and(decided) {
            Ok(()) => reply(StatusCode::OK, &json!({ "healthy": true })),
            Err(error) => {
                reply(StatusCode::SERVICE_UNAVAILABLE, &json!({ "healthy": false, "why": error.to_string() }))
            }
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> Answer {
        let given = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let role =
            self.tokens.role(given.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default());
        let from = request
            .headers()
            .get("x-forwarded-for")
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let question = json!({ "method": method.as_str(), "path": path, "role": role, "address": from });
        match self.decider.allows(&question).await {
            Ok(true) => {}
            Ok(false) => return denied("the policy does not allow this"),
            Err(error) => {
                say(&format!("companyos-app: {error}"));
                return denied("the decision point does not answer");
            }
        }
        let done = match (&method, path.as_str()) {
            (&Method::GET, "/") => {
                self.store.healthy().await.map(|()| json!({ "product": "companyos", "working": true }))
            }
            (&Method::GET, "/rows") => self.store.rows().await.map(|rows| json!({ "rows": rows })),
            (&Method::POST, "/rows") => match text_of(request).await {
                Some(text) => self.store.add(role, &text).await.map(|id| json!({ "id": id })),
                None => return reply(StatusCode::BAD_REQUEST, &json!({ "error": "expected {\"text\": …}" })),
            },
            _ => return reply(StatusCode::NOT_FOUND, &json!({ "error": "no such page" })),
        };
        done.map(|document| reply(StatusCode::OK, &document)).unwrap_or_else(|error| {
            say(&format!("companyos-app: {error}"));
            reply(StatusCode::SERVICE_UNAVAILABLE, &json!({ "error": "the database does not answer" }))
        })
    }
}

async fn text_of(request: Request<Incoming>) -> Option<String> {
    let body = Limited::new(request.into_body(), MAX_BODY).collect();
    let body = tokio::time::timeout(PATIENCE, body).await.ok()?.ok()?.to_bytes();
    let document: Value = serde_json::from_slice(&body).ok()?;
    document["text"].as_str().filter(|text| !text.is_empty() && !text.contains('\0')).map(str::to_owned)
}

fn denied(why: &str) -> Answer {
    reply(StatusCode::FORBIDDEN, &json!({ "error": "denied", "why": why }))
}

fn reply(status: StatusCode, document: &Value) -> Answer {
    let mut response = Response::new(Full::new(Bytes::from(document.to_string())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Asks a running service over loopback; for the container's health check.
pub(crate) async fn ask_health(address: &str) -> Result<(), Error> {
    let ask = async {
        let unhealthy = |error: &dyn std::fmt::Display| Error::Unhealthy(error.to_string());
        let stream = TcpStream::connect(address).await.map_err(|error| unhealthy(&error))?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| unhealthy(&error))?;
        tokio::spawn(connection);
        let request = Request::get("/").header("Host", address).body(Empty::<Bytes>::new());
        let request = request.map_err(|error| unhealthy(&error))?;
        let response = sender.send_request(request).await.map_err(|error| unhealthy(&error))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MAX_BODY)
            .collect()
            .await
            .map_err(|error| unhealthy(&error))?;
        if status.is_success() { Ok(()) } else { Err(unhealthy(&String::from_utf8_lossy(&body.to_bytes()))) }
    };
    tokio::time::timeout(PATIENCE, ask)
        .await
        .unwrap_or_else(|_| Err(Error::Unhealthy("no answer in time".to_owned())))
}
