//! Alerts to a real rsyslogd: over TLS with and without a client certificate, TCP, UDP, and a local socket.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test that cannot be set up must stop, and tests make their own places"
)]

mod support;

use std::fs;
use std::net::UdpSocket;
use std::path::Path;
use std::process::Command;

use alerts::{Config, Delivery, Facility, Sink, Syslog};
use serde_json::Value;
use support::{Daemon, Site, alert, eventually, received};

const RSYSLOGD: &str = "/usr/sbin/rsyslogd";
/// What it writes of each message: the parts of RFC 5424, as JSON.
const TEMPLATE: &str = r#"
template(name="parts" type="list" option.jsonf="on") {
  property(name="pri" outname="pri" format="jsonf")
  property(name="timestamp" outname="at" format="jsonf" dateFormat="rfc3339")
  property(name="hostname" outname="host" format="jsonf")
  property(name="app-name" outname="app" format="jsonf")
  property(name="msgid" outname="id" format="jsonf")
  property(name="structured-data" outname="data" format="jsonf")
  property(name="msg" outname="text" format="jsonf")
}
"#;

/// rsyslogd with all the ways in; `None`, said aloud, where it or its TLS driver is not there.
struct Rsyslog {
    site: Site,
    udp: u16,
    _daemon: Daemon,
}

impl Rsyslog {
    fn start() -> Option<Self> {
        let driver =
            ["x86_64", "aarch64"].map(|cpu| format!("/usr/lib/{cpu}-linux-gnu/rsyslog/lmnsd_gtls.so"));
        if !Path::new(RSYSLOGD).exists() || !driver.iter().any(|path| Path::new(path).exists()) {
            eprintln!("left out: rsyslogd with rsyslog-gnutls is not there; `make test` installs them");
            return None;
        }
        let site = Site::new();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let path = |name: &str| site.path(name).display().to_string();
        let input = |kind: &str, name: &str| {
            format!(
                "module(load=\"imtcp\")\ninput(type=\"imtcp\" address=\"127.0.0.1\" port=\"0\" listenPortFileName=\"{}\" {kind})\n",
                path(name)
            )
        };
        let tls = |mode: &str| {
            format!("StreamDriver.Name=\"gtls\" StreamDriver.Mode=\"1\" StreamDriver.AuthMode=\"{mode}\"")
        };
        let strict = format!("{} PermittedPeer=[\"site-7.test\"]", tls("x509/name"));
        let config = [
            format!(
                "global(workDirectory=\"{}\" defaultNetstreamDriverCAFile=\"{}\" defaultNetstreamDriverCertFile=\"{}\" defaultNetstreamDriverKeyFile=\"{}\")\n",
                path(".").trim_end_matches("/.").to_owned(),
                path("ca.pem"),
                path("server.pem"),
                path("server.key")
            ),
            input(&strict, "strict.port"),
            input(&tls("x509/certvalid"), "valid.port").replace("module(load=\"imtcp\")\n", ""),
            input("", "tcp.port").replace("module(load=\"imtcp\")\n", ""),
            format!("module(load=\"imudp\")\ninput(type=\"imudp\" address=\"127.0.0.1\" port=\"{udp}\")\n"),
            format!(
                "module(load=\"imuxsock\" SysSock.Use=\"off\")\ninput(type=\"imuxsock\" Socket=\"{}\")\n",
                path("log")
            ),
            TEMPLATE.to_owned(),
            format!("action(type=\"omfile\" file=\"{}\" template=\"parts\")\n", path("received")),
        ];
        let file = site.write("rsyslog.conf", &config.concat());
        let mut command = Command::new(RSYSLOGD);
        command.arg("-n").arg("-f").arg(file).arg("-i").arg(site.path("pid"));
        let daemon = Daemon::start(&mut command);
        let rsyslog = Self { site, udp, _daemon: daemon };
        eventually("rsyslogd to listen", || {
            let up = ["strict.port", "valid.port", "tcp.port", "log"];
            up.iter().all(|name| rsyslog.site.path(name).exists()).then_some(())
        });
        Some(rsyslog)
    }

    fn address(&self, scheme: &str, port: &str) -> String {
        let port = eventually("the port", || {
            fs::read_to_string(self.site.path(port)).ok()?.trim().parse::<u16>().ok()
        });
        format!("{scheme}://127.0.0.1:{port}")
    }

    fn plain(&self, server: &str) -> Syslog {
        let server = server.parse().unwrap();
        Syslog { server, authority: None, certificate: None, key: None, facility: Facility::Local3 }
    }

    fn tls(&self, port: &str, authority: &str) -> Syslog {
        Syslog { authority: Some(self.site.path(authority)), ..self.plain(&self.address("tls", port)) }
    }

    fn with_client(&self, syslog: Syslog, name: &str) -> Syslog {
        let certificate = Some(self.site.path(&format!("{name}.pem")));
        Syslog { certificate, key: Some(self.site.secret(&format!("{name}.key"))), ..syslog }
    }

    /// What was received of an alert, once it is all there.
    fn of(&self, id: &str, messages: usize) -> Vec<Value> {
        let path = self.site.path("received");
        eventually("the messages", || {
            let all = received(&path);
            let own: Vec<_> = all.into_iter().filter(|one| one.to_string().contains(id)).collect();
            (own.len() >= messages).then_some(own)
        })
    }
}

fn send(syslog: Syslog, id: &str) -> Delivery {
    let config = Config { syslog: Some(syslog), ..Config::default() };
    assert_eq!(config.check(), Ok(()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut all = runtime.block_on(config.try_out(&alert(id)));
    assert_eq!((all.len(), all[0].sink), (1, Sink::Syslog));
    all.remove(0)
}

#[track_caller]
fn is_delivered(delivery: &Delivery) {
    assert_eq!((delivery.delivered, delivery.why.as_deref()), (1, None), "{delivery:?}");
}

#[track_caller]
fn is_refused(delivery: &Delivery, why: &str) {
    assert_eq!(delivery.delivered, 0, "{delivery:?}");
    assert!(delivery.why.as_ref().unwrap().contains(why), "{delivery:?}");
}

#[test]
fn messages_arrive_whole_over_tls_with_a_client_certificate() {
    let Some(rsyslog) = Rsyslog::start() else { return };
    let strict = || rsyslog.tls("strict.port", "ca.pem");
    is_delivered(&send(rsyslog.with_client(strict(), "client"), "01GOOD"));
    let seen = rsyslog.of("01GOOD", 2);
    let moved = &seen[0];
    let local3_error = (19 * 8 + 3).to_string();
    for (part, value) in [
        ("pri", local3_error.as_str()),
        ("at", "2026-11-22T10:00:00.123456Z"),
        ("host", "site-7"),
        ("app", "groundfast"),
        ("id", "moved"),
    ] {
        assert_eq!(moved[part], value, "{moved}");
    }
    let data = moved["data"].as_str().unwrap();
    assert!(data.starts_with("[groundfast@32473 alert=\"01GOOD\" site=\"plant 7\" run=\"01R\""), "{data}");
    assert!(data.contains("control=\"pin:content /etc/motd\" verdict=\"fail\" severity=\"high\""), "{data}");
    let text = moved["text"].as_str().unwrap();
    assert!(
        text.contains("moved: the \"motd\" is [as] it größer was (pin:content /etc/motd: fail)"),
        "{text}"
    );
    assert_eq!((&seen[1]["id"], &seen[1]["pri"]), (&"back".into(), &(19 * 8 + 5).to_string().into()));

    // Without a certificate, or with a stranger's, the server turns us away, and that is seen.
    is_refused(&send(strict(), "01NONE"), "did not take it");
    is_refused(&send(rsyslog.with_client(strict(), "strange"), "01STRANGE"), "did not take it");
    is_delivered(&send(rsyslog.with_client(strict(), "client"), "01AGAIN"));
    let _ = rsyslog.of("01AGAIN", 2);
    let all = fs::read_to_string(rsyslog.site.path("received")).unwrap();
    assert!(!all.contains("01NONE") && !all.contains("01STRANGE"), "{all}");
}

#[test]
fn a_server_of_another_authority_hears_nothing() {
    let Some(rsyslog) = Rsyslog::start() else { return };
    let trusting = |authority: &str| rsyslog.with_client(rsyslog.tls("valid.port", authority), "client");
    is_delivered(&send(trusting("ca.pem"), "01RIGHT"));
    assert_eq!(rsyslog.of("01RIGHT", 2).len(), 2);
    is_refused(&send(trusting("strange-ca.pem"), "01WRONG"), "cannot connect");
    // TLS to where none is spoken ends in time, too.
    is_refused(&send(rsyslog.tls("tcp.port", "ca.pem"), "01PLAIN"), "tls://127.0.0.1");
    let key = rsyslog.site.write("open.key", "not a key");
    let broken = Syslog {
        key: Some(format!("file:{}", key.display())),
        ..rsyslog.with_client(rsyslog.tls("valid.port", "ca.pem"), "client")
    };
    let refused = send(broken, "01KEY");
    is_refused(&refused, "no private key");
    assert!(!format!("{refused:?}").contains("not a key"));
    // What is no syslog is in there too, so not all of it is text.
    let all = String::from_utf8_lossy(&fs::read(rsyslog.site.path("received")).unwrap()).into_owned();
    assert!(["01WRONG", "01PLAIN", "01KEY"].iter().all(|id| !all.contains(id)), "{all}");
}

#[test]
fn the_explicit_ways_in_the_clear_arrive_too() {
    let Some(rsyslog) = Rsyslog::start() else { return };
    is_delivered(&send(rsyslog.plain(&rsyslog.address("tcp", "tcp.port")), "01TCP"));
    assert_eq!(rsyslog.of("01TCP", 2)[0]["id"], "moved");
    is_delivered(&send(rsyslog.plain(&format!("udp://127.0.0.1:{}", rsyslog.udp)), "01UDP"));
    assert_eq!(rsyslog.of("01UDP", 2).len(), 2);
    is_delivered(&send(rsyslog.plain(&format!("unix:{}", rsyslog.site.path("log").display())), "01LOCAL"));
    let local = &rsyslog.of("01LOCAL", 2)[0];
    assert_eq!((&local["app"], &local["pri"]), (&"groundfast".into(), &(19 * 8 + 3).to_string().into()));
    assert!(local["text"].as_str().unwrap().contains("control=\"pin:content /etc/motd\""), "{local}");

    let gone = rsyslog.address("tcp", "tcp.port");
    drop(rsyslog);
    let syslog = Syslog {
        server: gone.parse().unwrap(),
        authority: None,
        certificate: None,
        key: None,
        facility: Facility::default(),
    };
    is_refused(&send(syslog, "01GONE"), "cannot connect");
}
