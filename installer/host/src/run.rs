//! Running a program for what it prints: by argument list, without a shell, bounded in size.

use std::path::Path;
use std::process::Stdio;

use model::Unread;
use tokio::io::AsyncReadExt;
use tokio::process::Command;

/// The most that a program may print, in bytes.
const LIMIT: u64 = 1 << 20;

/// What a program prints on stdout. It has no input and a bare environment, and it is killed when the caller
/// gives up.
///
/// # Errors
/// When it is missing, may not be run, prints too much or ends with anything but 0.
pub(crate) async fn output(program: &Path, arguments: &[&str]) -> Result<String, Unread> {
    let name = program.display();
    let mut child = Command::new(program)
        .args(arguments)
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| crate::tree::unread(program, &error))?;
    let (mut text, mut complaint) = (String::new(), String::new());
    let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(Unread::Failed(format!("{name} has no output")));
    };
    let failed = |error: std::io::Error| Unread::Failed(format!("running {name}: {error}"));
    let (mut stdout, mut stderr) = (stdout.take(LIMIT + 1), stderr.take(LIMIT));
    // Whoever prints too much waits for a reader; ending at once keeps us from waiting for it in turn.
    let printed = async {
        match stdout.read_to_string(&mut text).await.map_err(failed)? as u64 {
            0..=LIMIT => Ok(()),
            _ => Err(Unread::Malformed(format!("{name} prints more than {LIMIT} bytes"))),
        }
    };
    let complained = async { stderr.read_to_string(&mut complaint).await.map_err(failed) };
    tokio::try_join!(printed, complained)?;
    let status = child.wait().await.map_err(failed)?;
    if status.success() {
        return Ok(text);
    }
    let complaint = complaint.lines().next().unwrap_or("without a word").to_owned();
    Err(Unread::Failed(format!("{name} ended with {status}: {complaint}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn output_comes_back_and_failures_are_told() {
        assert_eq!(output(Path::new("/bin/echo"), &["a b", "$HOME"]).await.unwrap(), "a b $HOME\n");
        let failed = output(Path::new("/bin/ls"), &["/no/such/thing"]).await.unwrap_err();
        assert!(failed.to_string().contains("No such file"), "{failed}");
        assert!(output(Path::new("/no/such/program"), &[]).await.is_err());
        let flood = output(Path::new("/bin/head"), &["-c", "2000000", "/dev/zero"]).await;
        assert!(matches!(flood, Err(Unread::Malformed(_))), "{flood:?}");
    }
}
