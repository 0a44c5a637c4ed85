//! Alerts: what moved is told to syslog, to a webhook and in a file for Prometheus.
//!
//! A look at the machine becomes at most one [`Alert`], which names what moved, what came back and, once a day, what
//! is still open. It goes into the [`Outbox`] first and leaves it when a sink has taken it; so a sink that cannot be
//! reached loses nothing and stops nobody. The file for Prometheus holds the present state and needs no outbox.
//!
//! An alert names controls, verdicts and causes. It never holds what a file says, nor any secret.

mod alert;
mod config;
mod outbox;
mod syslog;
mod textfile;
mod tls;
mod webhook;

use std::time::Duration;

pub use alert::{Alert, Cause, Change, Kind, Look, What};
pub use config::{Address, AddressError, Config, Facility, Syslog, Webhook};
pub use outbox::{Failed, Outbox, Queue, Sink};
pub use textfile::{try_out as try_textfile, write as write_textfile};

/// How long one attempt to reach a sink may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long all that is done for one sink may take; what is left then waits for the next look.
const AT_MOST: Duration = Duration::from_secs(60);

/// Why a sink did not take an alert. It never repeats what a secret file holds.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// It could not be connected to.
    #[error("cannot connect to {to}")]
    Connect {
        /// Where.
        to: String,
        /// Why.
        source: std::io::Error,
    },
    /// The connection broke, or the other end did not end it in order.
    #[error("{to} did not take it")]
    Broken {
        /// Where.
        to: String,
        /// Why.
        source: std::io::Error,
    },
    /// The webhook answered, but not with success.
    #[error("{to} answered with status {status}")]
    Status {
        /// Where.
        to: String,
        /// The status of HTTP.
        status: u16,
    },
    /// There was no answer in time.
    #[error("{to} did not answer within {} seconds", .within.as_secs())]
    Slow {
        /// Where.
        to: String,
        /// How long was waited.
        within: Duration,
    },
    /// A file with certificates or keys is missing, unreadable or holds nothing usable.
    #[error("cannot use {path}: {why}")]
    Pem {
        /// The file.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// The secret could not be read.
    #[error("cannot use the secret of the sink")]
    Secret(#[from] secrets::SourceError),
    /// A key is not named as a reference.
    #[error("cannot use the secret of the sink")]
    Reference(#[from] secrets::ReferenceError),
    /// The alert or the address does not make a request.
    #[error("cannot make a message for {to}: {why}")]
    Message {
        /// Where.
        to: String,
        /// Why.
        why: String,
    },
}

/// The whole chain of an error in one line.
fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(&format!(": {cause}"));
        next = cause.source();
    }
    text
}

/// What became of the alerts for one sink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The sink.
    pub sink: Sink,
    /// Where it is, without what may be a secret in its address.
    pub to: String,
    /// How many alerts it took.
    pub delivered: usize,
    /// Why it did not take the next one.
    pub why: Option<String>,
}

impl Config {
    /// Sends alerts to one sink, oldest first, until one is not taken or the time is over.
    pub(crate) async fn send(&self, sink: Sink, alerts: &[Alert]) -> Delivery {
        let (mut delivered, mut why) = (0, None);
        let sending = async {
            for batch in alerts.chunks(sink.at_once()) {
                let sent = match (sink, &self.syslog, &self.webhook) {
                    (Sink::Syslog, Some(syslog), _) => syslog.send(batch).await,
                    (Sink::Webhook, _, Some(webhook)) => webhook.send(batch).await,
                    _ => return,
                };
                match sent {
                    Ok(()) => delivered += batch.len(),
                    Err(error) => {
                        why = Some(told(&error));
                        return;
                    }
                }
            }
        };
        if tokio::time::timeout(AT_MOST, sending).await.is_err() {
            why = Some(format!("no time was left after {} seconds", AT_MOST.as_secs()));
        }
        Delivery { sink, to: self.place(sink), delivered, why }
    }

    /// Sends one alert to every sink at once, past the outbox: to see whether they can be reached.
    pub async fn try_out(&self, alert: &Alert) -> Vec<Delivery> {
        let mut tried = Vec::new();
        for sink in self.sinks() {
            tried.push(self.send(sink, std::slice::from_ref(alert)).await);
        }
        tried
    }
}
