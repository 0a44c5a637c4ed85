//! Identifiers derived from what they name, so that the same report always has the same ones.

use sha2::{Digest, Sha256};

/// A name-based UUID over some parts. It is laid out as version 5 of RFC 9562, because OSCAL's schema admits versions
/// 4 and 5 alone, but hashed with SHA-256.
pub(crate) fn uuid(parts: &[&str]) -> String {
    let digest = digest(parts);
    let mut bytes = [0_u8; 16];
    bytes.copy_from_slice(&digest[..16]);
    bytes[6] = (bytes[6] & 0x0f) | 0x50;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex = hex(&bytes);
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// A text as part of an XML NCName: unchanged where it can be, else cleaned and told apart by a digest.
pub(crate) fn name(text: &str) -> String {
    let plain = |char: char| char.is_ascii_alphanumeric() || matches!(char, '.' | '_' | '-');
    let short = text.len() <= 120;
    if short && !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    let cleaned: String = text.chars().map(|char| if plain(char) { char } else { '-' }).take(80).collect();
    format!("{}-{}", cleaned.trim_matches('-'), &hex(&digest(&[text]))[..12])
}

/// SHA-256 over parts, each with its length before it, so that no two lists of parts give the same bytes.
fn digest(parts: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_parts_give_the_same_uuid_and_others_another() {
        let one = uuid(&["host", "run"]);
        assert_eq!(one, uuid(&["host", "run"]));
        assert_ne!(one, uuid(&["hostr", "un"]), "parts do not run together");
        assert_eq!((one.len(), &one[14..15]), (36, "5"));
        assert!(matches!(&one[19..20], "8" | "9" | "a" | "b"), "{one}");
    }

    #[test]
    fn names_are_kept_where_they_can_be_and_told_apart_where_not() {
        assert_eq!(name("sysctl_net_ipv4_ip_forward"), "sysctl_net_ipv4_ip_forward");
        let (one, other) = (name("pin:file /etc/a"), name("pin:file /etc:a"));
        assert!(one.starts_with("pin-file--etc-a-") && other.starts_with("pin-file--etc-a-"));
        assert_ne!(one, other);
        assert!(name(&"x".repeat(5000)).len() < 120);
        assert!(!name("").is_empty());
    }
}
