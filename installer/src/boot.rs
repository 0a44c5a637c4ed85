//! After a start of the machine.

use crate::failure::{Exit, Failure};
use crate::session::Session;

/// TODO-marker replaced below.
pub async fn recover(_session: &Session<'_>) -> Result<Exit, Failure> {
    Err(Failure::new(Exit::Error, "not wired yet"))
}
