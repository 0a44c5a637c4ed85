//! What was told and what still has to be: kept between looks, so that each change is told once and none is lost.

use std::collections::{BTreeMap, VecDeque};

use model::{ControlId, Finding, Severity, Verdict};
use serde::{Deserialize, Serialize};

use crate::Delivery;
use crate::alert::{Alert, Change, Kind, Look, What};
use crate::config::Config;

/// How many alerts wait for one sink at most; the oldest go first.
const MOST: usize = 256;
/// How many bytes they may be together.
const MOST_BYTES: usize = 4 << 20;

/// A sink whose alerts wait until it takes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sink {
    /// A syslog server.
    Syslog,
    /// A webhook.
    Webhook,
}

impl Sink {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Syslog => "syslog",
            Self::Webhook => "webhook",
        }
    }

    /// How many alerts go out together: syslog says once, at the end, that it took them; a webhook answers each.
    pub(crate) fn at_once(self) -> usize {
        match self {
            Self::Syslog => MOST,
            Self::Webhook => 1,
        }
    }
}

/// What was told of this machine, and what waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outbox {
    v: u32,
    /// What is open as far as the sinks know.
    told: BTreeMap<ControlId, Told>,
    /// What waits, a queue a sink.
    pub queues: BTreeMap<Sink, Queue>,
}

/// An open control that the sinks know of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Told {
    title: String,
    severity: Severity,
    verdict: Verdict,
    since: String,
    /// The day on which it was told last, `YYYY-MM-DD`.
    day: String,
}

/// The alerts for one sink.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queue {
    /// Those that it did not take yet, oldest first.
    pub waiting: VecDeque<Alert>,
    /// How many went untold because too many waited.
    pub dropped: u64,
    /// When it took one last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered: Option<String>,
    /// Why it did not take the next one, when it was asked last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<Failed>,
}

/// An attempt that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// When, RFC 3339 in UTC.
    pub at: String,
    /// Why.
    pub why: String,
}

impl Default for Outbox {
    fn default() -> Self {
        Self { v: 1, told: BTreeMap::new(), queues: BTreeMap::new() }
    }
}

impl Outbox {
    /// Takes a look in: what is different since the last one that was told waits for every sink from now on, as one
    /// alert by the name `id`. Queues of sinks that the site no longer has go.
    pub fn note(&mut self, config: &Config, look: &Look<'_>, id: &str) {
        let sinks = config.sinks();
        self.queues.retain(|sink, _| sinks.contains(sink));
        if sinks.is_empty() {
            // Whoever is told from a later look on hears of everything that is open then.
            self.told.clear();
            return;
        }
        let changes = self.changes(look);
        if changes.is_empty() {
            return;
        }
        for change in &changes {
            self.remember(change, look);
        }
        let alert = look.alert(id, Kind::Drift, changes);
        for sink in sinks {
            self.queues.entry(sink).or_default().push(alert.clone());
        }
    }

    /// Sends what waits, oldest first. What a sink does not take stays; `at` is the present time.
    pub async fn deliver(&mut self, config: &Config, at: &str) -> Vec<Delivery> {
        let mut all = Vec::new();
        for (sink, queue) in &mut self.queues {
            if !queue.waiting.is_empty() {
                let delivery = config.send(*sink, queue.waiting.make_contiguous()).await;
                queue.settle(&delivery, at);
                all.push(delivery);
            }
        }
        all
    }

    fn changes(&self, look: &Look<'_>) -> Vec<Change> {
        let open = look.findings.iter().filter(|finding| finding.verdict.is_finding());
        let mut changes: Vec<Change> = open.filter_map(|finding| self.news(finding, look)).collect();
        for (control, told) in &self.told {
            let now = look.findings.iter().find(|finding| finding.control == *control);
            if now.is_none_or(|finding| !finding.verdict.is_finding()) {
                changes.push(Change {
                    change: What::Back,
                    control: control.clone(),
                    title: told.title.clone(),
                    severity: told.severity,
                    // What is no longer asked is not checked.
                    verdict: now.map_or(Verdict::Notchecked, |finding| finding.verdict),
                    since: told.since.clone(),
                    cause: None,
                });
            }
        }
        changes
    }

    /// What is to be told of an open control; nothing when it was told today already.
    fn news(&self, finding: &Finding, look: &Look<'_>) -> Option<Change> {
        let told = self.told.get(&finding.control);
        let change = match told {
            Some(told) if told.verdict == finding.verdict && told.day == day(look.at) => return None,
            Some(told) if told.verdict == finding.verdict => What::Open,
            _ => What::Moved,
        };
        Some(Change {
            change,
            control: finding.control.clone(),
            title: finding.title.clone(),
            severity: finding.severity,
            verdict: finding.verdict,
            since: told.map_or_else(|| look.at.to_owned(), |told| told.since.clone()),
            cause: finding.cause.as_ref().map(Into::into),
        })
    }

    fn remember(&mut self, change: &Change, look: &Look<'_>) {
        if change.change == What::Back {
            self.told.remove(&change.control);
            return;
        }
        let Change { control, title, severity, verdict, since, .. } = change.clone();
        self.told.insert(control, Told { title, severity, verdict, since, day: day(look.at).to_owned() });
    }
}

impl Queue {
    fn push(&mut self, alert: Alert) {
        self.waiting.push_back(alert);
        let size = |alert: &Alert| serde_json::to_vec(alert).map_or(0, |bytes| bytes.len());
        let mut bytes: usize = self.waiting.iter().map(size).sum();
        while self.waiting.len() > MOST || (bytes > MOST_BYTES && self.waiting.len() > 1) {
            bytes -= self.waiting.pop_front().as_ref().map_or(0, size);
            self.dropped += 1;
        }
    }

    fn settle(&mut self, delivery: &Delivery, at: &str) {
        self.waiting.drain(..delivery.delivered);
        if delivery.delivered > 0 {
            self.delivered = Some(at.to_owned());
        }
        self.failed = delivery.why.clone().map(|why| Failed { at: at.to_owned(), why });
    }
}

/// The day of an RFC 3339 time in UTC.
fn day(at: &str) -> &str {
    at.get(..10).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(control: &str, verdict: Verdict) -> Finding {
        Finding {
            control: ControlId::new(control),
            title: format!("{control} holds"),
            severity: Severity::High,
            verdict,
            expected: "what a file should say: hunter2".to_owned(),
            actual: "what a file says: hunter2".to_owned(),
            evidence: vec!["hunter2".to_owned()],
            refs: Vec::new(),
            remedy: true,
            mend: "echo hunter2".to_owned(),
            waiver: None,
            attestation: None,
            cause: Some(model::Cause {
                by: model::Mover::Person,
                who: Some("ann".to_owned()),
                at: "2026-11-22T10:00:00Z".to_owned(),
                says: "ann changed it".to_owned(),
                confidence: model::Confidence::Recorded,
                evidence: vec!["hunter2".to_owned()],
            }),
        }
    }

    fn config() -> Config {
        serde_json::from_str(
            r#"{ "syslog": { "server": "udp://a" }, "webhook": { "url": "https://b/", "authority": "ca" } }"#,
        )
        .unwrap()
    }

    /// What a look at `at` with these findings adds to the queue of the webhook.
    fn look(outbox: &mut Outbox, at: &str, findings: &[Finding]) -> Vec<(What, String)> {
        let before = outbox.queues.get(&Sink::Webhook).map_or(0, |queue| queue.waiting.len());
        let look = Look { host: "h", site: "s", at, run: "01R", outcome: "drifted", findings };
        outbox.note(&config(), &look, "01A");
        let queue = outbox.queues.get(&Sink::Webhook);
        let new = queue.into_iter().flat_map(|queue| queue.waiting.iter().skip(before));
        new.flat_map(|alert| &alert.changes).map(|c| (c.change, c.control.to_string())).collect()
    }

    #[test]
    fn a_change_is_told_once_and_what_stays_open_once_a_day() {
        let mut outbox = Outbox::default();
        let bad = [finding("a", Verdict::Fail), finding("b", Verdict::Pass)];
        let told = |what, control: &str| (what, control.to_owned());
        assert_eq!(look(&mut outbox, "2026-11-22T10:00:00Z", &bad[1..]), []);
        assert_eq!(look(&mut outbox, "2026-11-22T11:00:00Z", &bad), [told(What::Moved, "a")]);
        assert_eq!(look(&mut outbox, "2026-11-22T23:00:00Z", &bad), []);
        assert_eq!(look(&mut outbox, "2026-11-23T00:10:00Z", &bad), [told(What::Open, "a")]);
        assert_eq!(look(&mut outbox, "2026-11-23T05:00:00Z", &bad), []);
        // That it can no longer be checked is news.
        let unseen = [finding("a", Verdict::Unknown)];
        assert_eq!(look(&mut outbox, "2026-11-23T06:00:00Z", &unseen), [told(What::Moved, "a")]);
        let good = [finding("a", Verdict::Pass)];
        assert_eq!(look(&mut outbox, "2026-11-23T07:00:00Z", &good), [told(What::Back, "a")]);
        assert_eq!(look(&mut outbox, "2026-11-24T07:00:00Z", &good), []);
        let since: Vec<_> =
            outbox.queues[&Sink::Syslog].waiting.iter().map(|alert| &alert.changes[0].since[..13]).collect();
        assert_eq!(since, ["2026-11-22T11"; 4]);
    }

    #[test]
    fn an_alert_says_nothing_of_what_is_in_files() {
        let mut outbox = Outbox::default();
        let _ = look(&mut outbox, "2026-11-22T11:00:00Z", &[finding("a", Verdict::Fail)]);
        let kept = serde_json::to_string(&outbox).unwrap();
        assert!(kept.contains("ann changed it") && !kept.contains("hunter2"), "{kept}");
        assert_eq!(serde_json::from_str::<Outbox>(&kept).unwrap(), outbox);
    }

    #[test]
    fn too_many_waiting_alerts_push_the_oldest_out_and_are_counted() {
        let mut outbox = Outbox::default();
        let _ = look(&mut outbox, "2026-11-22T10:00:00Z", &[finding("a", Verdict::Fail)]);
        let queue = outbox.queues.entry(Sink::Webhook).or_default();
        let first = queue.waiting[0].clone();
        queue.waiting.extend(std::iter::repeat_n(first.clone(), MOST - 1));
        (0..3).for_each(|n| queue.push(Alert { id: n.to_string(), ..first.clone() }));
        assert_eq!((queue.waiting.len(), queue.dropped), (MOST, 3));
        assert_eq!(queue.waiting.back().map(|alert| alert.id.as_str()), Some("2"));
        let huge = Finding { title: "x".repeat(MOST_BYTES), ..finding("b", Verdict::Fail) };
        let _ = look(&mut outbox, "2026-11-22T11:00:00Z", &[huge]);
        assert_eq!(outbox.queues[&Sink::Webhook].waiting.len(), 1, "the newest stays whatever its size");
    }

    #[test]
    fn a_sink_that_is_gone_takes_its_queue_along() {
        let mut outbox = Outbox::default();
        let _ = look(&mut outbox, "2026-11-22T11:00:00Z", &[finding("a", Verdict::Fail)]);
        assert_eq!(outbox.queues.len(), 2);
        let findings = [finding("a", Verdict::Fail)];
        let look = Look {
            host: "h",
            site: "",
            at: "2026-11-22T12:00:00Z",
            run: "01R",
            outcome: "drifted",
            findings: &findings,
        };
        outbox.note(&Config::default(), &look, "01B");
        assert_eq!(outbox, Outbox::default());
    }

    #[test]
    fn what_was_delivered_leaves_and_the_reason_stays_with_the_rest() {
        let mut queue = Queue::default();
        let mut outbox = Outbox::default();
        let _ = look(&mut outbox, "2026-11-22T11:00:00Z", &[finding("a", Verdict::Fail)]);
        let alert = outbox.queues[&Sink::Syslog].waiting[0].clone();
        (0..3).for_each(|_| queue.push(alert.clone()));
        let some = Delivery { sink: Sink::Webhook, to: String::new(), delivered: 2, why: Some("no".into()) };
        queue.settle(&some, "2026-11-22T12:00:00Z");
        assert_eq!((queue.waiting.len(), queue.failed.as_ref().unwrap().why.as_str()), (1, "no"));
        queue.settle(&Delivery { delivered: 1, why: None, ..some }, "2026-11-22T13:00:00Z");
        assert_eq!((queue.waiting.len(), queue.failed), (0, None));
    }
}
