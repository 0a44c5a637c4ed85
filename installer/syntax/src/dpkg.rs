//! dpkg's database.

/// x
pub fn compare_versions(_a: &str, _b: &str) -> std::cmp::Ordering {
    std::cmp::Ordering::Equal
}
