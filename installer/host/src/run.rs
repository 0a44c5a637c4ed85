//! Running a program for what it prints: by argument list, without a shell, bounded in size.

use std::path::Path;
use std::process::Stdio;

use model::Unread;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

/// The most that a program may print, in bytes.
const LIMIT: u64 = 1 << 20;

/// How much of the end of a program's complaints is kept, in bytes.
const TAIL: usize = 4096;

/// What a program prints on stdout. It has no input and a bare environment, and it is killed when the caller
/// gives up.
///
/// # Errors
/// When it is missing, may not be run, prints too much or ends with anything but 0.
pub(crate) async fn output(program: &Path, arguments: &[&str]) -> Result<String, Unread> {
    output_in(program, arguments, &[]).await
}

/// As [`output`], with more in its environment.
pub(crate) async fn output_in(
    program: &Path,
    arguments: &[&str],
    environment: &[(&str, &str)],
) -> Result<String, Unread> {
    Ok(said(program, arguments, environment, None).await?.0)
}

/// What a program that is given some input prints on stdout and on stderr.
///
/// # Errors
/// As [`output`].
pub(crate) async fn said(
    program: &Path,
    arguments: &[&str],
    environment: &[(&str, &str)],
    input: Option<&str>,
) -> Result<(String, String), Unread> {
    let name = program.display();
    let mut child = bare(program, arguments, environment, input)
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
    tell(&mut child, input).await.map_err(failed)?;
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
        return Ok((text, complaint));
    }
    let complaint = complaint.lines().next().unwrap_or("without a word").to_owned();
    Err(Unread::Failed(format!("{name} ended with {status}: {complaint}")))
}

/// Gives a program its input, which is small enough for a pipe to hold, and ends it.
async fn tell(child: &mut Child, input: Option<&str>) -> std::io::Result<()> {
    match (child.stdin.take(), input) {
        (Some(mut stdin), Some(input)) => stdin.write_all(input.as_bytes()).await,
        _ => Ok(()),
    }
}

/// Runs a program to its end for what it does, in a process group of its own: no Ctrl-C stops it half-way, and
/// neither does our own end. Answers the last of its complaints.
///
/// # Errors
/// When it is missing, may not be run or ends with anything but 0: then with the last of its complaints.
pub(crate) async fn carry_out(
    program: &Path,
    arguments: &[&str],
    environment: &[(&str, &str)],
    input: Option<&str>,
) -> Result<String, Unread> {
    let name = program.display();
    let failed = |error: std::io::Error| Unread::Failed(format!("running {name}: {error}"));
    let mut child = bare(program, arguments, environment, input)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(|error| crate::tree::unread(program, &error))?;
    tell(&mut child, input).await.map_err(failed)?;
    let mut tail = Vec::new();
    if let Some(mut stderr) = child.stderr.take() {
        let mut part = [0; 4096];
        loop {
            match stderr.read(&mut part).await.map_err(failed)? {
                0 => break,
                count => tail.extend_from_slice(&part[..count]),
            }
            tail.drain(..tail.len().saturating_sub(TAIL));
        }
    }
    let status = child.wait().await.map_err(failed)?;
    let tail = String::from_utf8_lossy(&tail).into_owned();
    if status.success() {
        return Ok(tail);
    }
    let lines: Vec<&str> = tail.lines().filter(|line| !line.trim().is_empty()).collect();
    let complaint = lines[lines.len().saturating_sub(3)..].join(" | ");
    Err(Unread::Failed(format!("{name} ended with {status}: {complaint}")))
}

fn bare(program: &Path, arguments: &[&str], environment: &[(&str, &str)], input: Option<&str>) -> Command {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("LC_ALL", "C")
        .envs(environment.iter().copied())
        .stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
    command
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
        let (heard, _) = said(Path::new("/bin/cat"), &[], &[], Some("a\nb\n")).await.unwrap();
        assert_eq!(heard, "a\nb\n");
        let flood = output(Path::new("/bin/head"), &["-c", "2000000", "/dev/zero"]).await;
        assert!(matches!(flood, Err(Unread::Malformed(_))), "{flood:?}");
    }
}
