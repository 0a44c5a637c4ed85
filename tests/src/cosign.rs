//! The real cosign, without any service. `GROUNDFAST_COSIGN` names the program (Debian trixie carries it).

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// The passphrase of the keys that it makes.
pub const PASSPHRASE: &str = "hunter2";

/// Runs it in a folder. `None`, said aloud, when there is none.
pub fn cosign(dir: &Path, arguments: &[&str]) -> Option<Output> {
    let program = std::env::var("GROUNDFAST_COSIGN").unwrap_or_else(|_| "cosign".to_owned());
    let run =
        Command::new(program).args(arguments).current_dir(dir).env("COSIGN_PASSWORD", PASSPHRASE).output();
    match run {
        Ok(output) => Some(output),
        Err(error) => {
            eprintln!("left out: no cosign ({error})");
            None
        }
    }
}

/// The verification that the documentation shows: whether this key signed the attestation of a type over a subject.
pub fn attested(dir: &Path, key: &str, bundle: &str, kind: &str, subject: &str) -> Option<Output> {
    let empty = r#"{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}"#;
    fs::write(dir.join("empty.json"), empty).unwrap();
    let mut arguments = vec!["verify-blob-attestation", "--new-bundle-format", "--insecure-ignore-tlog=true"];
    arguments.extend([
        "--trusted-root",
        "empty.json",
        "--key",
        key,
        "--bundle",
        bundle,
        "--type",
        kind,
        subject,
    ]);
    cosign(dir, &arguments)
}
