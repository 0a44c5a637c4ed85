//! The rows, in PostgreSQL: one connection, authenticated by certificate, made again when it broke.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, Row};
use tokio_postgres_rustls::MakeRustlsConnect;
use tokio_rustls::rustls::ClientConfig;

use crate::config::Database;
use crate::{Error, say};

const PATIENCE: Duration = Duration::from_secs(5);
const TABLE: &str = "CREATE TABLE IF NOT EXISTS rows (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    role text NOT NULL,
    text text NOT NULL
); GRANT SELECT ON rows TO companyos_audit";

pub(crate) struct Store {
    config: tokio_postgres::Config,
    tls: MakeRustlsConnect,
    client: Mutex<Option<Client>>,
}

impl Store {
    pub(crate) fn new(at: &Database, tls: ClientConfig) -> Self {
        let mut config = tokio_postgres::Config::new();
        config.host(&at.host).port(at.port).dbname(&at.name).user(&at.role);
        config.ssl_mode(SslMode::Require).connect_timeout(PATIENCE).application_name("companyos-app");
        Self { config, tls: MakeRustlsConnect::new(tls), client: Mutex::new(None) }
    }

    /// The last hundred rows, newest first.
    pub(crate) async fn rows(&self) -> Result<Value, Error> {
        let rows = self.query("SELECT id, role, text FROM rows ORDER BY id DESC LIMIT 100", &[]).await?;
        let row = |row: &Row| json!({ "id": row.get::<_, i64>(0), "role": row.get::<_, String>(1), "text": row.get::<_, String>(2) });
        Ok(rows.iter().map(row).collect())
    }

    /// Stores a row and gives its number.
    pub(crate) async fn add(&self, role: &str, text: &str) -> Result<i64, Error> {
        let rows =
            self.query("INSERT INTO rows (role, text) VALUES ($1, $2) RETURNING id", &[role, text]).await?;
        rows.first().map(|row| row.get(0)).ok_or_else(|| Error::Store("it gave no number".to_owned()))
    }

    /// Whether the database answers, over TLS.
    pub(crate) async fn healthy(&self) -> Result<(), Error> {
        self.query("SELECT 1", &[]).await.map(drop)
    }

    async fn query(&self, text: &str, values: &[&str]) -> Result<Vec<Row>, Error> {
        let mut held = self.client.lock().await;
        let client = match held.take().filter(|client| !client.is_closed()) {
            Some(client) => client,
            None => self.connect().await?,
        };
        let values: Vec<_> =
            values.iter().map(|value| value as &(dyn tokio_postgres::types::ToSql + Sync)).collect();
        let asked = tokio::time::timeout(PATIENCE, client.query(text, &values)).await;
        // A connection that failed or hangs is not used again.
        let rows = asked.map_err(|_| Error::Store("no answer in time".to_owned()))?.map_err(failed)?;
        *held = Some(client);
        Ok(rows)
    }

    async fn connect(&self) -> Result<Client, Error> {
        let (client, connection) = self.config.connect(self.tls.clone()).await.map_err(failed)?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                say(&format!("companyos-app: the database connection ended: {error}"));
            }
        });
        client.batch_execute(TABLE).await.map_err(failed)?;
        Ok(client)
    }
}

fn failed(error: tokio_postgres::Error) -> Error {
    let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
    Error::Store(format!("{error}{cause}"))
}
