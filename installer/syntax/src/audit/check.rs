//! Whether a file of audit rules holds rules only, so that loading it does not stop half-way.

/// What auditctl(8) would not take, by line; empty when it takes all.
pub fn faults(text: &str) -> Vec<String> {
    let numbered = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    let rules = numbered.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    rules.filter_map(|(number, line)| fault(line).map(|why| format!("line {number}: {why}"))).collect()
}

fn fault(line: &str) -> Option<String> {
    let mut words = line.split_whitespace().peekable();
    while let Some(word) = words.next() {
        let wants = match word {
            "-D" | "-c" | "-i" | "--loginuid-immutable" | "--reset-lost" => continue,
            "-a"
            | "-A"
            | "-d"
            | "-b"
            | "-e"
            | "-f"
            | "-r"
            | "-C"
            | "-F"
            | "-S"
            | "-k"
            | "-p"
            | "-w"
            | "-W"
            | "-q"
            | "--backlog_wait_time" => word,
            _ => return Some(format!("`{word}` is no option of auditctl")),
        };
        let Some(value) = words.next_if(|next| !next.starts_with('-') || wants == "-F") else {
            return Some(format!("`{wants}` stands without its value"));
        };
        if let Some(why) = refused(wants, value) {
            return Some(why);
        }
    }
    None
}

fn refused(option: &str, value: &str) -> Option<String> {
    let held = match option {
        "-a" | "-A" | "-d" => {
            let parts: Vec<&str> = value.split(',').collect();
            let known = |part: &&str| LISTS.contains(part) || ACTIONS.contains(part);
            parts.len() == 2 && parts.iter().all(known)
        }
        "-w" | "-W" => value.starts_with('/'),
        "-p" => value.bytes().all(|byte| b"rwxa".contains(&byte)),
        "-b" | "-r" | "--backlog_wait_time" => value.bytes().all(|byte| byte.is_ascii_digit()),
        "-e" | "-f" => matches!(value, "0" | "1" | "2"),
        "-F" | "-C" => value.contains(['=', '<', '>', '&']),
        _ => true,
    };
    (!held).then(|| format!("`{option} {value}` is no rule"))
}

const LISTS: [&str; 6] = ["task", "exit", "user", "exclude", "filesystem", "io_uring"];
const ACTIONS: [&str; 2] = ["always", "never"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_taken_and_others_named_with_their_line() {
        let good = "# ours\n-D\n-b 8192\n-f 1\n--backlog_wait_time 60000\n\
            -w /etc/sudoers -p wa -k scope\n\
            -a always,exit -F arch=b64 -S adjtimex,settimeofday -F auid>=1000 -F auid!=-1 -k time\n\
            -a exit,never -F dir=/tmp\n-e 2\n";
        assert_eq!(faults(good), [""; 0]);
        for (bad, why) in [
            ("-a always -F arch=b64", "`-a always` is no rule"),
            ("-w etc/passwd -p wa", "`-w etc/passwd` is no rule"),
            ("-w /etc/passwd -p wz", "`-p wz` is no rule"),
            ("-w /etc/passwd -k", "`-k` stands without its value"),
            ("-e 3", "`-e 3` is no rule"),
            ("audit everything", "`audit` is no option of auditctl"),
        ] {
            assert_eq!(faults(&format!("-D\n{bad}\n")), [format!("line 2: {why}")]);
        }
    }
}
