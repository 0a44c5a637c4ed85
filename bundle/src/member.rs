//! The members of a bundle by name, and their order.

/// First member: marks the layout.
pub const LAYOUT: &str = "oci-layout";
/// Second member: the root of trust.
pub const ROOT_FILE: &str = "groundfast/root.json";
/// Third member: the signature over everything else.
pub const SIGNATURE: &str = "groundfast/bundle.sigstore.json";
/// Fourth member: what other tools start from.
pub const INDEX: &str = "index.json";
/// The first members, in order; blobs follow in the order of their digests.
pub const LEADING: [&str; 4] = [LAYOUT, ROOT_FILE, SIGNATURE, INDEX];
/// Where blobs are.
pub const BLOBS: &str = "blobs/sha256/";
/// The largest leading member accepted, in bytes.
pub const MAX_LEADING: u64 = 16 << 20;
/// The largest manifest accepted, in bytes.
pub const MAX_MANIFEST: u64 = 4 << 20;
