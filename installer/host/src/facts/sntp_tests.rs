use super::*;

const COOKIE: [u8; 8] = *b"randomly";
/// 2026-11-22, in microseconds since 1970.
const NOW: i128 = 1_795_305_600_000_000;

fn ntp(micros: i128) -> [u8; 8] {
    let seconds = (micros.div_euclid(1_000_000) + EPOCH) as u32;
    let fraction = ((micros.rem_euclid(1_000_000) << 32) / 1_000_000) as u32;
    let mut stamp = [0; 8];
    stamp[..4].copy_from_slice(&seconds.to_be_bytes());
    stamp[4..].copy_from_slice(&fraction.to_be_bytes());
    stamp
}

/// A good answer of a server `ahead` microseconds ahead of us, that took 1 ms to reach and 1 ms to return.
fn answer(ahead: i128) -> [u8; HEADER] {
    let mut packet = [0; HEADER];
    packet[0] = 4 << 3 | 4;
    packet[1] = 2;
    packet[4..8].copy_from_slice(&0x0000_1000_u32.to_be_bytes()); // root delay 62.5 ms
    packet[8..12].copy_from_slice(&0x0000_0800_u32.to_be_bytes()); // root dispersion 31.25 ms
    packet[24..32].copy_from_slice(&COOKIE);
    packet[32..40].copy_from_slice(&ntp(NOW + 1_000 + ahead));
    packet[40..48].copy_from_slice(&ntp(NOW + 1_500 + ahead));
    packet
}

fn judged(packet: &[u8]) -> Result<Sample, Reject> {
    judge(packet, &COOKIE, NOW, NOW + 2_500)
}

#[test]
fn offset_and_delay_follow_rfc_5905() {
    for ahead in [0, 700_000, -700_000, 3_600_000_000] {
        let sample = judged(&answer(ahead)).unwrap();
        assert!((sample.offset - i64::try_from(ahead).unwrap()).abs() <= 1, "{sample:?}");
        assert!((sample.delay - 2_000).abs() <= 1, "{sample:?}");
        assert_eq!((sample.root, sample.stratum), (62_500, 2));
    }
}

#[test]
fn what_is_not_our_answer_is_passed_over() {
    let edited = |edit: &dyn Fn(&mut [u8; HEADER])| {
        let mut packet = answer(0);
        edit(&mut packet);
        judged(&packet)
    };
    assert_eq!(judged(&[]), Err(Reject::Stray));
    assert_eq!(judged(&answer(0)[..47]), Err(Reject::Stray));
    assert_eq!(edited(&|packet| packet[31] ^= 1), Err(Reject::Stray), "a forged originate stamp");
    assert_eq!(edited(&|packet| packet[0] = 4 << 3 | 3), Err(Reject::Stray), "a client's packet");
    assert_eq!(edited(&|packet| packet[0] = 7 << 3 | 4), Err(Reject::Stray), "an unknown version");
    for (why, edit) in [
        (
            "kiss-o'-death RATE",
            &(|packet: &mut [u8; HEADER]| {
                packet[1] = 0;
                packet[12..16].copy_from_slice(b"RATE");
            }) as &dyn Fn(&mut [u8; HEADER]),
        ),
        ("not synchronised", &|packet| packet[0] |= 3 << 6),
        ("not synchronised", &|packet| packet[1] = 16),
        ("impossible stamps", &|packet| packet[40..48].fill(0)),
        ("impossible stamps", &|packet| packet[40..48].copy_from_slice(&ntp(NOW))),
        ("too far", &|packet| packet[8..12].copy_from_slice(&(16_u32 << 16).to_be_bytes())),
    ] {
        assert!(matches!(edited(edit), Err(Reject::Refused(text)) if text.contains(why)), "{why}");
    }
}

#[test]
fn stamps_survive_the_turn_of_the_era_in_2036() {
    let turn = ((1_i128 << 32) - EPOCH) * 1_000_000;
    assert_eq!(stamp(5, 0, turn), turn + 5_000_000);
    assert_eq!(stamp(u32::MAX, 0, turn), turn - 1_000_000);
    assert_eq!(stamp(0xEE00_0000, 1 << 31, NOW) % 1_000_000, 500_000);
}

#[test]
fn the_sample_of_least_delay_counts() {
    let sample = |offset, delay| Sample { offset, delay, root: 0, stratum: 1 };
    assert_eq!(best(&[sample(9, 900), sample(1, 100), sample(5, 500)]), Some(sample(1, 100)));
    assert_eq!(best(&[]), None);
}

#[test]
fn servers_are_named_with_or_without_port() {
    for (text, expected) in [
        ("ntp.site", Some(("ntp.site", 123))),
        ("ntp.site:11123", Some(("ntp.site", 11123))),
        ("10.0.0.1:1", Some(("10.0.0.1", 1))),
        ("fd00::1", Some(("fd00::1", 123))),
        ("[fd00::1]:11123", Some(("fd00::1", 11123))),
        ("[fd00::1]", Some(("fd00::1", 123))),
        ("ntp.site:", None),
        ("ntp.site:99999", None),
        ("", None),
        (":123", None),
        ("[fd00::1]x", None),
    ] {
        assert_eq!(split(text), expected, "{text}");
    }
}

/// Answers every question by `reply`, a server's part on loopback; returns where it listens.
fn server(reply: impl Fn(&[u8], usize) -> Vec<Vec<u8>> + Send + 'static) -> String {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let mut question = [0; 128];
        for turn in 0..SAMPLES {
            let Ok((length, from)) = socket.recv_from(&mut question) else { return };
            for packet in reply(&question[..length], turn) {
                let _ = socket.send_to(&packet, from);
            }
        }
    });
    address
}

fn reply_to(question: &[u8], edit: impl Fn(&mut [u8; HEADER])) -> Vec<u8> {
    let mut packet = answer(0);
    packet[24..32].copy_from_slice(&question[40..48]);
    let now = ntp(micros(SystemTime::now()));
    packet[32..40].copy_from_slice(&now);
    packet[40..48].copy_from_slice(&now);
    edit(&mut packet);
    packet.to_vec()
}

#[tokio::test]
async fn a_forged_answer_first_does_not_hide_the_true_one() {
    let address = server(|question, _| {
        vec![reply_to(question, |packet| packet[24] ^= 1), b"x".to_vec(), reply_to(question, |_| {})]
    });
    let seen = measure(&address, SystemTime::now).await.unwrap();
    assert!(seen.get("offset_us").and_then(State::as_int).unwrap().abs() < 100_000, "{seen}");
    assert_eq!(seen.get("samples"), Some(&State::Int(4)));
}

#[tokio::test]
async fn a_kiss_of_death_ends_the_questions_but_keeps_what_was_measured() {
    let kiss = |packet: &mut [u8; HEADER]| packet[1] = 0;
    let first = server(move |question, _| vec![reply_to(question, kiss)]);
    let seen = measure(&first, SystemTime::now).await;
    assert!(matches!(&seen, Err(Unread::NoAnswer(why)) if why.contains("kiss")), "{seen:?}");
    let later = server(move |question, turn| {
        vec![reply_to(question, |packet| {
            if turn > 0 {
                kiss(packet)
            }
        })]
    });
    let seen = measure(&later, SystemTime::now).await.unwrap();
    assert_eq!(seen.get("samples"), Some(&State::Int(1)));
}

#[tokio::test]
async fn nobody_there_is_no_answer() {
    let free = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let seen = measure(&free.to_string(), SystemTime::now).await;
    assert!(matches!(seen, Err(Unread::NoAnswer(_))), "{seen:?}");
    assert!(matches!(
        measure("no:port:", SystemTime::now).await,
        Err(Unread::NoAnswer(_) | Unread::Malformed(_))
    ));
}
