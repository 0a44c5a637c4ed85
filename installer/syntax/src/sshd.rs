//! sshd_config(5).

/// x
pub fn seconds(_text: &str) -> Option<u64> {
    None
}
/// x
pub fn is_keyword(_text: &str) -> bool {
    true
}
