//! The offset of this machine's clock against an NTP server, measured as a client of RFC 5905 would.
//!
//! Four exchanges; the one with the least delay counts, since its error is bounded the tightest. The stamp
//! that we send is random (as in draft-ietf-ntp-data-minimization): it comes back as the originate stamp, and
//! who cannot see our packets cannot guess it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use model::{State, Unread};
use rustix::rand::{GetRandomFlags, getrandom};
use tokio::net::UdpSocket;

/// How many exchanges are made.
const SAMPLES: usize = 4;
/// How long one answer is waited for.
const PATIENCE: Duration = Duration::from_secs(1);
/// Seconds between 1900 (the epoch of NTP) and 1970.
const EPOCH: i128 = 2_208_988_800;
/// The length of the header, in bytes; what follows (extensions, a MAC) is not ours to judge.
const HEADER: usize = 48;
/// A server whose root is farther than this is as good as none (RFC 5905, MAXDISP), in microseconds.
const MAXDISP: i64 = 16_000_000;

/// One exchange, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sample {
    offset: i64,
    delay: i64,
    /// Root delay / 2 + root dispersion: how far the server may itself be off.
    root: i64,
    stratum: u8,
}

/// Why an answer is no measurement.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Reject {
    /// Not the answer to our question: somebody else's, or forged. Waiting goes on.
    Stray,
    /// The server says that it has no time to give, or asks to be left alone.
    Refused(String),
}

/// Fields: `offset_us` (positive: this machine is behind), `uncertainty_us` (delay / 2, root delay / 2 and root
/// dispersion), `delay_us` in microseconds, `stratum`, `samples` (exchanges that succeeded), `address`.
///
/// # Errors
/// [`Unread::NoAnswer`] when no exchange succeeds, with what the server said.
pub(super) async fn measure(server: &str, clock: fn() -> SystemTime) -> Result<State, Unread> {
    let address = resolve(server).await?;
    let any: IpAddr =
        if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let failed = |error: std::io::Error| Unread::NoAnswer(format!("{server}: {error}"));
    let socket = UdpSocket::bind((any, 0)).await.map_err(failed)?;
    socket.connect(address).await.map_err(failed)?;
    let (mut samples, mut complaint) = (Vec::new(), "no answer".to_owned());
    for _ in 0..SAMPLES {
        match tokio::time::timeout(PATIENCE, exchange(&socket, clock)).await {
            Ok(Ok(Ok(sample))) => samples.push(sample),
            Ok(Ok(Err(refusal))) => {
                complaint = refusal;
                break;
            }
            Ok(Err(error)) => complaint = error.to_string(),
            Err(_) => complaint = format!("no answer within {} s", PATIENCE.as_secs()),
        }
    }
    let best =
        best(&samples).ok_or_else(|| Unread::NoAnswer(format!("{server} ({address}): {complaint}")))?;
    Ok(State::record([
        ("offset_us", State::Int(best.offset)),
        ("uncertainty_us", State::Int(best.delay / 2 + best.root)),
        ("delay_us", State::Int(best.delay)),
        ("stratum", State::Int(best.stratum.into())),
        ("samples", State::Int(i64::try_from(samples.len()).unwrap_or(i64::MAX))),
        ("address", State::text(address.to_string())),
    ]))
}

fn best(samples: &[Sample]) -> Option<Sample> {
    samples.iter().min_by_key(|sample| sample.delay).copied()
}

/// The first address of `host`, `host:port`, `[v6]` or `[v6]:port`; the port is 123 unless given.
async fn resolve(server: &str) -> Result<SocketAddr, Unread> {
    let (host, port) =
        split(server).ok_or_else(|| Unread::Malformed(format!("`{server}` is no host[:port]")))?;
    let unknown = |error: std::io::Error| Unread::NoAnswer(format!("resolving {host}: {error}"));
    let mut found = tokio::net::lookup_host((host, port)).await.map_err(unknown)?;
    found.next().ok_or_else(|| Unread::NoAnswer(format!("{host} has no address")))
}

fn split(server: &str) -> Option<(&str, u16)> {
    if let Some(rest) = server.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        let port = if rest.is_empty() { 123 } else { rest.strip_prefix(':')?.parse().ok()? };
        return Some((host, port));
    }
    match server.rsplit_once(':') {
        None => Some((server, 123)).filter(|(host, _)| !host.is_empty()),
        // More than one colon: a bare IPv6 address.
        Some((host, _)) if host.contains(':') => Some((server, 123)),
        Some((host, port)) => Some((host, port.parse().ok()?)).filter(|(host, _)| !host.is_empty()),
    }
}

/// One question and its answer; the outer error is the network's, the inner one the server's.
async fn exchange(socket: &UdpSocket, clock: fn() -> SystemTime) -> std::io::Result<Result<Sample, String>> {
    let mut cookie = [0_u8; 8];
    getrandom(&mut cookie, GetRandomFlags::empty())?;
    let mut request = [0_u8; HEADER];
    request[0] = (4 << 3) | 3; // no warning, version 4, client
    request[40..48].copy_from_slice(&cookie);
    let (sent, start) = (micros(clock()), Instant::now());
    socket.send(&request).await?;
    let mut answer = [0_u8; 512];
    loop {
        let length = socket.recv(&mut answer).await?;
        // The monotonic clock tells how long it took, so a clock stepped meanwhile falsifies nothing.
        let received = sent + i128::try_from(start.elapsed().as_micros()).unwrap_or(i128::MAX);
        match judge(&answer[..length], &cookie, sent, received) {
            Ok(sample) => return Ok(Ok(sample)),
            Err(Reject::Refused(why)) => return Ok(Err(why)),
            Err(Reject::Stray) => {}
        }
    }
}

/// Makes a sample of an answer, or says why it is none (RFC 5905 section 8 and 14, RFC 4330 section 5).
fn judge(answer: &[u8], cookie: &[u8; 8], sent: i128, received: i128) -> Result<Sample, Reject> {
    let header = answer.first_chunk::<HEADER>().ok_or(Reject::Stray)?;
    let word = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let (leap, version, mode, stratum) = (header[0] >> 6, header[0] >> 3 & 7, header[0] & 7, header[1]);
    if mode != 4 || !(3..=4).contains(&version) || header[24..32] != cookie[..] {
        return Err(Reject::Stray);
    }
    let refused = |why: String| Err(Reject::Refused(why));
    if stratum == 0 {
        let code: String = header[12..16]
            .iter()
            .filter(|byte| byte.is_ascii_graphic())
            .map(|byte| char::from(*byte))
            .collect();
        return refused(format!("the server asks to be left alone (kiss-o'-death {code})"));
    }
    if leap == 3 || stratum > 15 {
        return refused(format!("the server is itself not synchronised (stratum {stratum})"));
    }
    let (arrived, left) = (stamp(word(32), word(36), sent), stamp(word(40), word(44), sent));
    if word(40) == 0 && word(44) == 0 || left < arrived {
        return refused("the server sends impossible stamps".to_owned());
    }
    let root = short(word(4)) / 2 + short(word(8));
    if root >= MAXDISP {
        return refused("the server is too far from its own source".to_owned());
    }
    let number =
        |value: i128| i64::try_from(value).map_err(|_| Reject::Refused("impossible stamps".to_owned()));
    Ok(Sample {
        offset: number(((arrived - sent) + (left - received)) / 2)?,
        delay: number(((received - sent) - (left - arrived)).max(0))?,
        root,
        stratum,
    })
}

/// Microseconds since 1970 of a clock reading.
fn micros(time: SystemTime) -> i128 {
    let signed = |duration: Duration| i128::try_from(duration.as_micros()).unwrap_or(i128::MAX);
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => signed(since),
        Err(before) => -signed(before.duration()),
    }
}

/// Microseconds since 1970 of an NTP stamp, in the era (of 136 years) that lies nearest to `near`.
fn stamp(seconds: u32, fraction: u32, near: i128) -> i128 {
    const ERA: i128 = 1_000_000 << 32;
    let within = (i128::from(seconds) - EPOCH) * 1_000_000 + ((i128::from(fraction) * 1_000_000) >> 32);
    let eras = (near - within + ERA / 2).div_euclid(ERA);
    within + eras * ERA
}

/// Microseconds of NTP's short format, 16 bits of seconds and 16 of fraction.
fn short(word: u32) -> i64 {
    (i64::from(word) * 1_000_000) >> 16
}

#[cfg(test)]
#[path = "sntp_tests.rs"]
mod tests;
