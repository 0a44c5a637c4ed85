//! The decision point over real connections: what OPA's callers send, and what they must never be told.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use policy::{Limits, Policy, Server};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const RULES: &str = r#"package shop
import rego.v1
default allow := false
allow if input.role == "admin"
only_admin := 1 if input.role == "admin"
slow := count([1 | some i in numbers.range(1, 3000); some j in numbers.range(1, 3000); i == j + 1])
"#;

async fn served(limits: Limits) -> SocketAddr {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.rego");
    place(&path, RULES);
    let policy = Policy::load(&path, None, None, &limits).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(Server::new(policy, limits).serve(listener, None, std::future::pending()));
    address
}

#[expect(clippy::disallowed_methods, reason = "test set-up")]
fn place(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
}

/// Sends bytes as they are, so that the tests can be as rude as the world; `(status, body)`.
async fn raw(address: SocketAddr, request: &str) -> (u16, Value) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    let body = answer.split("\r\n\r\n").nth(1).unwrap_or_default();
    (status, serde_json::from_str(body).unwrap_or_default())
}

async fn post(address: SocketAddr, path: &str, body: &str) -> (u16, Value) {
    let length = body.len();
    raw(
        address,
        &format!(
            "POST {path} HTTP/1.1\r\nHost: p\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        ),
    )
    .await
}

#[tokio::test]
async fn questions_are_answered_as_opa_does() {
    let at = served(Limits::default()).await;
    let admin = r#"{"input":{"role":"admin"}}"#;
    assert_eq!(post(at, "/v1/data/shop/allow", admin).await, (200, json!({ "result": true })));
    assert_eq!(post(at, "/v1/data/shop/allow", r#"{"input":{}}"#).await, (200, json!({ "result": false })));
    assert_eq!(post(at, "/v1/data/shop/allow", "").await, (200, json!({ "result": false })));
    assert_eq!(post(at, "/v1/data/shop/only_admin", admin).await, (200, json!({ "result": 1 })));
    assert_eq!(post(at, "/v1/data/shop/only_admin", "{}").await, (200, json!({})), "undefined has no result");
    assert_eq!(post(at, "/v1/data/nobody/allow", admin).await, (200, json!({})));
}

#[tokio::test]
async fn health_names_the_policy() {
    let at = served(Limits::default()).await;
    let health: Value =
        serde_json::from_str(&policy::ping(at, Duration::from_secs(5)).await.unwrap()).unwrap();
    assert!(health["policy"].as_str().unwrap().starts_with("sha256:"));
    let gone = { TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap() };
    assert!(policy::ping(gone, Duration::from_secs(5)).await.is_err());
}

#[tokio::test]
async fn whatever_goes_wrong_is_a_refusal() {
    let limits = Limits { body: 1000, ..Limits::default() };
    let at = served(limits).await;
    let long = format!("{{\"input\":\"{}\"}}", "x".repeat(1000));
    let cases = [
        ("/v1/data/shop/slow", "{}", 500),
        ("/v1/data/shop/allow", "{\"input\":", 400),
        ("/v1/data/shop/allow", "[true]", 400),
        ("/v1/data/shop/allow", &long, 413),
        ("/v1/data/shop/a%20llow", "{}", 400),
        ("/v1/data/shop.allow", "{}", 400),
        ("/v1/data/", "{}", 400),
        ("/v1/policies/shop", "{}", 404),
    ];
    for (path, body, status) in cases {
        let (seen, answer) = post(at, path, body).await;
        assert_eq!(seen, status, "{path} {answer}");
        assert_eq!(answer["result"], json!(false), "{path} {answer}");
        assert!(answer["code"].is_string() && answer["message"].is_string(), "{path} {answer}");
    }
    let get = "GET /v1/data/shop/allow HTTP/1.1\r\nHost: p\r\nConnection: close\r\n\r\n";
    assert_eq!(raw(at, get).await.0, 405);
    assert_eq!(raw(at, "nonsense\r\n\r\n").await.1, Value::Null);
}

#[tokio::test]
async fn more_than_it_can_bear_is_refused_not_queued() {
    let at = served(Limits { at_once: 0, ..Limits::default() }).await;
    let (status, answer) = post(at, "/v1/data/shop/allow", r#"{"input":{"role":"admin"}}"#).await;
    assert_eq!((status, &answer["result"]), (503, &json!(false)));
}
