//! Running a program for what it prints: by argument list, without a shell, bounded in size.

use std::path::Path;
use std::process::Stdio;

use model::Unread;
use tokio::io::AsyncReadExt;
use tokio::process::Command;

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

/// As [`output`], for a program that works in its current directory.
pub(crate) async fn output_at(program: &Path, arguments: &[&str], folder: &Path) -> Result<String, Unread> {
    let mut command = bare(program, arguments, &[]);
    command.current_dir(folder);
    printed_by(command, program).await
}

/// As [`output`], with more in its environment.
pub(crate) async fn output_in(
    program: &Path,
    arguments: &[&str],
    environment: &[(&str, &str)],
) -> Result<String, Unread> {
    printed_by(bare(program, arguments, environment), program).await
}

async fn printed_by(mut command: Command, program: &Path) -> Result<String, Unread> {
    let name = program.display();
    let mut child = command
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

/// Runs a program to its end for what it does, in a process group of its own: no Ctrl-C stops it half-way, and
/// neither does our own end.
///
/// # Errors
/// When it is missing, may not be run or ends with anything but 0: then with the last of its complaints.
pub(crate) async fn carry_out(
    program: &Path,
    arguments: &[&str],
    environment: &[(&str, &str)],
) -> Result<(), Unread> {
    let name = program.display();
    let failed = |error: std::io::Error| Unread::Failed(format!("running {name}: {error}"));
    let mut child = bare(program, arguments, environment)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(|error| crate::tree::unread(program, &error))?;
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
    if status.success() {
        return Ok(());
    }
    let tail = String::from_utf8_lossy(&tail).into_owned();
    let lines: Vec<&str> = tail.lines().filter(|line| !line.trim().is_empty()).collect();
    let complaint = lines[lines.len().saturating_sub(3)..].join(" | ");
    Err(Unread::Failed(format!("{name} ended with {status}: {complaint}")))
}

fn bare(program: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("LC_ALL", "C")
        .envs(environment.iter().copied())
        .stdin(Stdio::null());
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
        let flood = output(Path::new("/bin/head"), &["-c", "2000000", "/dev/zero"]).await;
        assert!(matches!(flood, Err(Unread::Malformed(_))), "{flood:?}");
    }
}
