//! Where a passphrase comes from: a file, a variable, or the operator's terminal. Never the command line.

use std::fs::File;
use std::io::{IsTerminal, Read};
use std::path::Path;

use model::Secret;
use zeroize::Zeroizing;

use crate::failure::{Exit, Failure};

const VARIABLES: [&str; 2] = ["GROUNDFAST_PASSPHRASE", "COSIGN_PASSWORD"];
/// The longest passphrase read, in bytes.
const MAX: u64 = 4096;

/// Gets the passphrase of a key. A new one is asked for twice.
///
/// # Errors
/// When there is no file, variable or terminal to take it from, or the two entries differ.
pub fn get(file: Option<&Path>, new: bool) -> Result<Secret, Failure> {
    if let Some(path) = file {
        return from_file(path);
    }
    if let Some(secret) = VARIABLES.iter().find_map(|name| variable(name)) {
        return Ok(secret);
    }
    if !std::io::stdin().is_terminal() {
        let failure = Failure::new(Exit::Usage, "cannot ask for the passphrase: this is not a terminal");
        return Err(failure.hint("give --passphrase-file FILE or set GROUNDFAST_PASSPHRASE"));
    }
    let first = ask("Passphrase of the private key: ")?;
    if new && ask("The same again: ")?.expose() != first.expose() {
        return Err(Failure::new(Exit::Usage, "the two passphrases differ"));
    }
    Ok(first)
}

fn from_file(path: &Path) -> Result<Secret, Failure> {
    let mut text = Zeroizing::new(Vec::new());
    let read = File::open(path).and_then(|file| file.take(MAX).read_to_end(&mut text));
    let summary = format!("cannot read the passphrase file {}", path.display());
    read.map_err(|error| Failure::new(Exit::Error, summary).because(&error))?;
    // An editor ends the file with a newline; the passphrase does not.
    let end = text.strip_suffix(b"\n").map_or(text.len(), <[u8]>::len);
    Ok(Secret::new(text[..end].to_vec()))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the binary reads the environment; clap would keep a printable copy"
)]
fn variable(name: &str) -> Option<Secret> {
    std::env::var_os(name).map(|value| Secret::new(value.into_encoded_bytes()))
}

fn ask(prompt: &str) -> Result<Secret, Failure> {
    let text = rpassword::prompt_password(prompt);
    let text =
        text.map_err(|error| Failure::new(Exit::Error, "cannot read the passphrase").because(&error))?;
    Ok(Secret::new(text.into_bytes()))
}
