//! The page in a real browser, headless: what it shows, what its filter does, what hostile text does not do.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::print_stdout, reason = "test set-up")]

mod support;

use std::fs;
use std::path::Path;

use report::{Format, Report};
use support::{HOSTILE, empty, hostile, sample, tool};

/// Opens the page of a report in Chromium, with a part of the address behind its `#`, and returns the document that the
/// script has made of it. Nothing when there is no Chromium.
fn opened(report: &Report, hash: &str) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.html");
    fs::write(&page, report.write(Format::Html).unwrap()).unwrap();
    browse(folder.path(), &["--dump-dom", &format!("file://{}#{hash}", page.display())])
}

fn browse(folder: &Path, more: &[&str]) -> Option<String> {
    let profile = format!("--user-data-dir={}", folder.join("profile").display());
    let mut arguments = vec![
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-dev-shm-usage",
        "--virtual-time-budget=2000",
        &profile,
    ];
    arguments.extend(more);
    let (good, told) = tool("chromium", &arguments)?;
    assert!(good, "{told}");
    Some(told)
}

/// The controls that are shown, by the identifiers of their elements.
fn shown(page: &str) -> Vec<&str> {
    let cards = page.split("<details class=\"finding\"").skip(1);
    let visible = cards.filter(|card| !card.split('>').next().unwrap().contains("hidden"));
    visible.map(|card| card.split("id=\"control-").nth(1).unwrap().split('"').next().unwrap()).collect()
}

#[test]
fn without_a_filter_everything_is_shown() {
    let Some(page) = opened(&sample(), "") else { return };
    assert_eq!(shown(&page).len(), 9);
    assert!(page.contains(">9 of 9 controls shown</output>"), "{page}");
    let Some(page) = opened(&empty(), "") else { return };
    assert!(page.contains(">0 of 0 controls shown</output>"), "{page}");
}

#[test]
fn the_filter_keeps_what_it_names_and_hides_the_rest() {
    let Some(page) = opened(&sample(), "verdict=fail,unknown") else { return };
    assert_eq!(shown(&page), ["sshd_disable_root_login", "env.clock_offset"]);
    assert!(page.contains(">2 of 9 controls shown</output>"), "{page}");
    let Some(page) = opened(&sample(), "q=SYSCTL+forward") else { return };
    assert_eq!(shown(&page), ["sysctl_net_ipv4_ip_forward", "sysctl_net_ipv6_conf_all_forwarding"]);
    let Some(page) = opened(&sample(), "severity=blocker&q=env.dns") else { return };
    assert_eq!(shown(&page), ["env.dns"]);
    let Some(page) = opened(&sample(), "q=no+such+thing") else { return };
    assert!(shown(&page).is_empty() && page.contains(">0 of 9 controls shown</output>"), "{page}");
}

#[test]
fn a_link_to_one_control_hides_nothing() {
    let Some(page) = opened(&sample(), "control-env.dns") else { return };
    assert_eq!(shown(&page).len(), 9);
}

#[test]
fn hostile_text_is_shown_and_nothing_of_it_runs() {
    for text in HOSTILE.iter().filter(|text| text.contains("owned")) {
        let Some(page) = opened(&hostile(text), "q=owned") else { return };
        let title = page.split("<title>").nth(1).unwrap().split("</title>").next().unwrap();
        assert!(title.starts_with("groundfast"), "{title}");
        assert!(page.contains(">9 of 9 controls shown</output>"), "the script of the page itself did run");
    }
    // The bad twin: a page whose script is not the one that its policy names stays as it was.
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.html");
    let text = String::from_utf8(sample().write(Format::Html).unwrap()).unwrap();
    fs::write(&page, text.replace("\"use strict\";", "\"use strict\"; document.title = 'owned';")).unwrap();
    let address = format!("file://{}#q=env.dns", page.display());
    let Some(page) = browse(folder.path(), &["--dump-dom", &address]) else { return };
    assert!(page.contains(">9 of 9 controls shown</output>"), "a changed script does not run");
}
