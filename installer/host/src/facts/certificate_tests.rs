use std::time::{Duration, UNIX_EPOCH};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};

use super::*;
use crate::facts::tests::scratch;

type Issuer = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str) -> Issuer {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A server certificate valid in 2026, and its key.
fn server(issuer: &Issuer) -> (String, String) {
    let mut params = CertificateParams::new(vec!["app.site.test".to_owned(), "10.0.0.7".to_owned()]).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, "app");
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2026, 12, 31);
    let key = KeyPair::generate().unwrap();
    (params.signed_by(&key, issuer).unwrap().pem(), key.serialize_pem())
}

/// 2026-06-01, in the middle of the year of validity.
fn noon() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_780_272_000)
}

fn measured(chain: &str, key: &str, ca: &str, now: SystemTime) -> Result<State, Unread> {
    let (_folder, tree) = scratch(&[("c.pem", chain), ("k.pem", key), ("ca.pem", ca)]);
    let path = |path: &str| path.parse().unwrap();
    read(&tree, &path("/c.pem"), &path("/k.pem"), &path("/ca.pem"), now)
}

fn flags(seen: &State) -> [bool; 5] {
    ["trusted", "key_matches", "self_signed", "started", "tls13"]
        .map(|field| seen.get(field).and_then(State::as_flag).unwrap())
}

#[test]
fn a_certificate_of_the_customers_ca_passes() {
    let ca = authority("Customer CA");
    let (chain, key) = server(&ca);
    let seen = measured(&chain, &key, &ca.pem(), noon()).unwrap();
    assert_eq!(flags(&seen), [true, true, false, true, true], "{seen}");
    assert_eq!(seen.get("names").unwrap().to_string(), "app.site.test, 10.0.0.7");
    assert_eq!(seen.get("days_left"), Some(&State::Int(213)));
    assert_eq!(seen.get("subject").and_then(State::as_text), Some("CN=app"));
    assert_eq!(seen.get("why"), None);
}

#[test]
fn each_fault_shows_and_only_that_one() {
    let (ca, stranger) = (authority("Customer CA"), authority("Stranger CA"));
    let (chain, key) = server(&ca);
    let (_, other_key) = server(&ca);
    let foreign = measured(&chain, &key, &stranger.pem(), noon()).unwrap();
    assert_eq!(flags(&foreign), [false, true, false, true, true]);
    assert!(foreign.get("why").is_some());
    let wrong_key = measured(&chain, &other_key, &ca.pem(), noon()).unwrap();
    assert_eq!(flags(&wrong_key), [true, false, false, true, true]);
    let year = Duration::from_secs(365 * 86_400);
    let expired = measured(&chain, &key, &ca.pem(), noon() + year).unwrap();
    assert_eq!(flags(&expired), [false, true, false, true, true]);
    assert!(expired.get("days_left").and_then(State::as_int) < Some(0), "{expired}");
    let early = measured(&chain, &key, &ca.pem(), noon() - year).unwrap();
    assert_eq!(flags(&early), [false, true, false, false, true]);
}

#[test]
fn self_signed_is_told() {
    let mut params = CertificateParams::new(vec!["app.site.test".to_owned()]).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, "app");
    let key = KeyPair::generate().unwrap();
    let own = params.self_signed(&key).unwrap().pem();
    let seen = measured(&own, &key.serialize_pem(), &authority("Customer CA").pem(), noon()).unwrap();
    assert_eq!(flags(&seen), [false, true, true, true, true]);
}

#[test]
fn missing_files_are_named_and_nonsense_is_not_judged() {
    let ca = authority("Customer CA");
    let (chain, key) = server(&ca);
    let (_folder, tree) = scratch(&[("c.pem", &chain)]);
    let path = |path: &str| path.parse().unwrap();
    let seen = read(&tree, &path("/c.pem"), &path("/k.pem"), &path("/ca.pem"), noon()).unwrap();
    assert_eq!(seen.to_string(), "missing /ca.pem /k.pem");
    assert!(matches!(measured("no pem", &key, &ca.pem(), noon()), Err(Unread::Malformed(_))));
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert!(matches!(measured(broken, &key, &ca.pem(), noon()), Err(Unread::Malformed(_))));
    assert!(matches!(measured(&chain, &key, "", noon()), Err(Unread::Malformed(_))));
    let no_key = measured(&chain, "rubbish", &ca.pem(), noon()).unwrap();
    assert_eq!(flags(&no_key), [true, false, false, true, false]);
    assert!(!format!("{:?}", measured(&chain, &key, &ca.pem(), noon())).contains("PRIVATE"));
}
