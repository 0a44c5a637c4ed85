//! XSalsa20-Poly1305 as in NaCl's `crypto_secretbox`: the cipher around cosign's private keys.

use poly1305::Poly1305;
use poly1305::universal_hash::KeyInit;
use salsa20::XSalsa20;
use salsa20::cipher::{KeyIvInit, StreamCipher};
use zeroize::Zeroizing;

/// Bytes of the authenticator in front of the ciphertext.
const TAG: usize = 16;

/// Encrypts and authenticates; the tag comes first.
pub(crate) fn seal(key: &[u8; 32], nonce: &[u8; 24], plain: &[u8]) -> Vec<u8> {
    let (mut stream, mac) = start(key, nonce);
    let mut sealed = vec![0; TAG];
    sealed.extend_from_slice(plain);
    stream.apply_keystream(&mut sealed[TAG..]);
    let tag = mac.compute_unpadded(&sealed[TAG..]);
    sealed[..TAG].copy_from_slice(&tag);
    sealed
}

/// Decrypts; `None` when the key is wrong or anything was altered.
pub(crate) fn open(key: &[u8; 32], nonce: &[u8; 24], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (tag, body) = sealed.split_at_checked(TAG)?;
    let (mut stream, mac) = start(key, nonce);
    let expected = mac.compute_unpadded(body);
    // The comparison takes the same time wherever the first difference is.
    if expected.iter().zip(tag).fold(0, |found, (a, b)| found | (a ^ b)) != 0 {
        return None;
    }
    let mut plain = Zeroizing::new(body.to_vec());
    stream.apply_keystream(&mut plain);
    Some(plain)
}

/// The first 32 bytes of the key stream key the authenticator, the rest encrypts.
fn start(key: &[u8; 32], nonce: &[u8; 24]) -> (XSalsa20, Poly1305) {
    let mut stream = XSalsa20::new(key.into(), nonce.into());
    let mut mac_key = Zeroizing::new([0_u8; 32]);
    stream.apply_keystream(mac_key.as_mut_slice());
    let mac = Poly1305::new((&*mac_key).into());
    (stream, mac)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_opens_and_what_was_altered_does_not() {
        let (key, nonce) = ([7; 32], [9; 24]);
        let mut sealed = seal(&key, &nonce, b"a private key");
        assert_eq!(open(&key, &nonce, &sealed).unwrap().as_slice(), b"a private key");
        assert!(open(&[8; 32], &nonce, &sealed).is_none());
        for at in 0..sealed.len() {
            sealed[at] ^= 1;
            assert!(open(&key, &nonce, &sealed).is_none(), "byte {at}");
            sealed[at] ^= 1;
        }
        assert!(open(&key, &nonce, &sealed[..TAG - 1]).is_none());
    }
}
