//! How a long step tells what it does, and learns that nobody wants it any more.

/// Receives the progress of a long step. Calls are frequent and must be cheap.
pub trait Progress: Send + Sync {
    /// A step begins; `total` is in bytes, 0 when unknown.
    fn start(&self, _what: &str, _total: u64) {}

    /// Some bytes more are done.
    fn advance(&self, _bytes: u64) {}

    /// Whether the operator cancelled.
    fn cancelled(&self) -> bool {
        false
    }
}

/// Tells nobody.
impl Progress for () {}
