//! A server certificate as its clients will see it: chain, key, names, expiry.

use std::time::SystemTime;

use model::{HostPath, Secret, State, Unread};
use rustls::SignatureScheme;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::tree::Tree;

/// The most certificates that a chain or a CA file may hold.
const MOST: usize = 64;

/// Signature schemes that TLS 1.3 allows in a handshake (RFC 8446 section 4.2.3).
const TLS13: [SignatureScheme; 7] = [
    SignatureScheme::ECDSA_NISTP256_SHA256,
    SignatureScheme::ECDSA_NISTP384_SHA384,
    SignatureScheme::ECDSA_NISTP521_SHA512,
    SignatureScheme::ED25519,
    SignatureScheme::RSA_PSS_SHA256,
    SignatureScheme::RSA_PSS_SHA384,
    SignatureScheme::RSA_PSS_SHA512,
];

/// Fields: `subject`, `issuer`, `names` (a list: DNS names and addresses it is valid for), `days_left` (until the
/// first certificate of the chain expires; negative afterwards), `started` (a flag: already valid),
/// `self_signed`, `key_matches`, `trusted` (it leads to one of the CAs, as of now, for servers), `why` (what
/// breaks the chain; absent when trusted), `tls13` (the key can sign a TLS 1.3 handshake), `key_mode`.
/// A chain, key or CA file that is not there is named in `missing` (words), and then only that is known.
pub(super) fn read(
    tree: &Tree,
    chain: &HostPath,
    key: &HostPath,
    authority: &HostPath,
    now: SystemTime,
) -> Result<State, Unread> {
    let files = [chain, key, authority].map(|path| tree.bytes(path.as_str()));
    let [chain_bytes, key_bytes, authority_bytes] = files;
    let (chain_bytes, key_bytes, authority_bytes) =
        (chain_bytes?, key_bytes?.map(Secret::new), authority_bytes?);
    let (Some(chain_pem), Some(key_pem), Some(authority_pem)) = (&chain_bytes, &key_bytes, &authority_bytes)
    else {
        let there = [chain_bytes.is_some(), key_bytes.is_some(), authority_bytes.is_some()];
        let missing = [chain, key, authority].into_iter().zip(there).filter(|(_, there)| !there);
        let missing = missing.map(|(path, _)| path.to_string()).collect();
        return Ok(State::record([("missing", State::Words(missing))]));
    };
    let presented = certificates(chain_pem, chain)?;
    let authorities = certificates(authority_pem, authority)?;
    let key_mode = tree.stat(key.as_str())?.map(|stat| State::Mode(stat.st_mode & 0o7777));
    let State::Record(mut fields) = record(&presented, key_pem, &authorities, now)
        .map_err(|why| Unread::Malformed(format!("{chain}: {why}")))?
    else {
        return Err(Unread::Failed("a certificate is a record".to_owned()));
    };
    fields.insert("key_mode".to_owned(), key_mode.unwrap_or(State::Absent));
    Ok(State::Record(fields))
}

fn certificates(pem: &[u8], path: &HostPath) -> Result<Vec<CertificateDer<'static>>, Unread> {
    let strange = |why: String| Unread::Malformed(format!("{path}: {why}"));
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).take(MOST + 1).collect();
    let all = all.map_err(|error| strange(error.to_string()))?;
    match all.len() {
        0 => Err(strange("holds no certificate".to_owned())),
        count if count > MOST => Err(strange(format!("holds more than {MOST} certificates"))),
        _ => Ok(all),
    }
}

fn record(
    chain: &[CertificateDer<'_>],
    key: &Secret,
    authorities: &[CertificateDer<'_>],
    now: SystemTime,
) -> Result<State, String> {
    let since =
        now.duration_since(SystemTime::UNIX_EPOCH).map_err(|_| "the clock is before 1970".to_owned())?;
    let seconds = i64::try_from(since.as_secs()).map_err(|error| error.to_string())?;
    let parsed: Result<Vec<_>, _> = chain.iter().map(|one| X509Certificate::from_der(one)).collect();
    let parsed = parsed.map_err(|error| error.to_string())?;
    let leaf = parsed.first().map(|(_, leaf)| leaf).ok_or("holds no certificate")?;
    let ends = parsed.iter().map(|(_, one)| one.validity().not_after.timestamp()).min().unwrap_or(seconds);
    let starts = parsed.iter().map(|(_, one)| one.validity().not_before.timestamp()).max().unwrap_or(seconds);
    let (key_matches, tls13) = judge_key(&chain[0], key);
    let why = trust(chain, authorities, UnixTime::since_unix_epoch(since)).err();
    Ok(State::record([
        ("subject", State::text(leaf.subject().to_string())),
        ("issuer", State::text(leaf.issuer().to_string())),
        ("names", State::texts(names(leaf))),
        ("days_left", State::Int((ends - seconds).div_euclid(86_400))),
        ("started", State::Flag(starts <= seconds)),
        ("self_signed", State::Flag(leaf.subject().as_raw() == leaf.issuer().as_raw())),
        ("key_matches", State::Flag(key_matches)),
        ("tls13", State::Flag(tls13)),
        ("trusted", State::Flag(why.is_none())),
        ("why", State::from(why)),
    ]))
}

fn names(leaf: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = leaf.subject_alternative_name() else { return Vec::new() };
    let name = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(*bytes).ok().map(|four| std::net::Ipv4Addr::from(four).to_string()),
            16 => <[u8; 16]>::try_from(*bytes).ok().map(|six| std::net::Ipv6Addr::from(six).to_string()),
            _ => None,
        },
        _ => None,
    };
    extension.value.general_names.iter().filter_map(name).collect()
}

/// Whether the key belongs to the certificate, and whether it can sign a TLS 1.3 handshake.
fn judge_key(leaf: &CertificateDer<'_>, pem: &Secret) -> (bool, bool) {
    let Ok(key) = PrivateKeyDer::from_pem_slice(pem.expose()) else { return (false, false) };
    let Ok(key) = rustls::crypto::ring::sign::any_supported_type(&key) else { return (false, false) };
    let ours = EndEntityCert::try_from(leaf).map(|leaf| leaf.subject_public_key_info());
    let matches = ours.is_ok_and(|ours| key.public_key().is_some_and(|theirs| ours == theirs));
    (matches, key.choose_scheme(&TLS13).is_some())
}

/// Whether the chain leads to one of the CAs, at this time, for a server; else why not.
fn trust(
    chain: &[CertificateDer<'_>],
    authorities: &[CertificateDer<'_>],
    now: UnixTime,
) -> Result<(), String> {
    let anchors: Vec<_> = authorities.iter().filter_map(|one| anchor_from_trusted_cert(one).ok()).collect();
    let (first, others) = chain.split_first().ok_or("no certificate")?;
    let leaf = EndEntityCert::try_from(first).map_err(|error| error.to_string())?;
    leaf.verify_for_usage(
        webpki::ALL_VERIFICATION_ALGS,
        &anchors,
        others,
        now,
        KeyUsage::server_auth(),
        None,
        None,
    )
    .map(drop)
    .map_err(|error| error.to_string())
}

#[cfg(test)]
#[path = "certificate_tests.rs"]
mod tests;
