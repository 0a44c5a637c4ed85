//! The paths that audit rules watch.

use std::collections::BTreeSet;

/// The paths that rules watch: `-w PATH`, and `-a always,… -F path=PATH` or `-F dir=PATH` (auditctl(8)).
/// `-D` and `-W` take watches back, `-a never,…` is none.
pub fn watched(rules: &str) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    for line in rules.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let after = |flag: &str| words.iter().position(|word| *word == flag).and_then(|at| words.get(at + 1));
        let normal = |path: &str| match path.trim_end_matches('/') {
            "" => "/".to_owned(),
            path => path.to_owned(),
        };
        if words.first() == Some(&"-D") {
            paths.clear();
        } else if let Some(path) = after("-W") {
            paths.remove(&normal(path));
        } else if let Some(path) = after("-w") {
            paths.insert(normal(path));
        } else if after("-a")
            .or(after("-A"))
            .is_some_and(|action| action.split(',').any(|part| part == "always"))
        {
            let fields = words.windows(2).filter(|pair| pair[0] == "-F").map(|pair| pair[1]);
            let path =
                fields.filter_map(|field| field.strip_prefix("path=").or(field.strip_prefix("dir="))).next();
            paths.extend(path.map(normal));
        }
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_watch_a_path() {
        let rules = "## docker\n-D\n-b 8192\n-w /usr/bin/dockerd -p rwxa -k docker\n-w /etc/docker/ -p wa\n-a always,exit -F arch=b64 -F path=/run/containerd/containerd.sock -F perm=wa -k docker\n-a exit,always -F dir=/var/lib/docker -F perm=wa\n-a never,exit -F path=/usr/bin/runc\n#-w /usr/bin/containerd\n-w /tmp/x\n-W /tmp/x\n";
        let expected =
            ["/etc/docker", "/run/containerd/containerd.sock", "/usr/bin/dockerd", "/var/lib/docker"];
        assert_eq!(watched(rules).into_iter().collect::<Vec<_>>(), expected);
        assert!(watched("No rules\n").is_empty());
        assert!(watched("-w /a\n-D\n").is_empty());
    }
}
