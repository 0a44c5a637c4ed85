//! What iptables-save(8) prints and iptables-restore(8) reads; ufw's rule files are written the same way.

use super::{Chain, Rule, Ruleset, port};

/// The chains of all tables. Only those of the table `filter` carry a hook.
pub(super) fn parse(text: &str) -> Ruleset {
    let mut rules = Ruleset::default();
    let mut table = String::new();
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('*') {
            name.trim().clone_into(&mut table);
            rules.tables.push(table.clone());
        } else if let Some(rest) = line.strip_prefix(':') {
            let mut words = rest.split_ascii_whitespace();
            let (name, policy) = (words.next().unwrap_or_default(), words.next());
            let chain = chain(&mut rules, &table, name);
            chain.policy = policy.filter(|policy| *policy != "-").map(str::to_ascii_lowercase);
        } else if line.starts_with("-A ") || line.starts_with("-I ") {
            let words = words(line);
            let Some(name) = words.get(1) else { continue };
            let rule = rule(words.get(2..).unwrap_or_default());
            let chain = chain(&mut rules, &table, name);
            if line.starts_with("-I ") { chain.rules.insert(0, rule) } else { chain.rules.push(rule) }
        }
    }
    rules
}

fn chain<'r>(rules: &'r mut Ruleset, table: &str, name: &str) -> &'r mut Chain {
    let known = rules.chains.iter().position(|chain| chain.table == table && chain.name == name);
    let at = known.unwrap_or_else(|| {
        let hook = match (table, name) {
            ("filter", "INPUT") => Some("input"),
            ("filter", "OUTPUT") => Some("output"),
            ("filter", "FORWARD") => Some("forward"),
            _ => None,
        };
        let (table, name) = (table.to_owned(), name.to_owned());
        rules.chains.push(Chain { table, name, hook: hook.map(str::to_owned), ..Chain::default() });
        rules.chains.len() - 1
    });
    &mut rules.chains[at]
}

/// Words between white space; double quotes keep it in.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for letter in line.chars() {
        match letter {
            '"' => quoted = !quoted,
            _ if letter.is_ascii_whitespace() && !quoted => words.push(String::new()),
            _ => words.last_mut().into_iter().for_each(|word| word.push(letter)),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// One rule; a condition that is turned round by `!` counts for nothing here.
fn rule(words: &[String]) -> Rule {
    let mut rule = Rule::default();
    let mut protocol = "any".to_owned();
    let mut ports = Vec::new();
    let mut turned = false;
    let mut at = 0;
    while let Some(option) = words.get(at) {
        let value = words.get(at + 1).map(String::as_str).unwrap_or_default();
        at += if option.starts_with('-') { 2 } else { 1 };
        match option.as_str() {
            "!" => {
                turned = true;
                continue;
            }
            _ if turned => {}
            "-i" | "--in-interface" => rule.from = Some(value.to_owned()),
            "-o" | "--out-interface" => rule.to = Some(value.to_owned()),
            "-s" | "--source" => rule.source = Some(value.to_owned()),
            "-p" | "--protocol" => value.clone_into(&mut protocol),
            "--dport" | "--destination-port" => ports.push(value),
            "--dports" | "--destination-ports" => ports.extend(value.split(',')),
            "-j" | "--jump" => rule.verdict = Some(value.to_ascii_lowercase()),
            _ => {}
        }
        turned = false;
    }
    rule.ports = ports.into_iter().filter_map(|text| port(&protocol, text)).collect();
    rule
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_policies_and_rules_are_read() {
        let text = "# saved\n*nat\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT\n:mine - [0:0]\n\
                    -A INPUT -i lo -j ACCEPT\n-A INPUT -s 127.0.0.0/8 ! -i eth0 -j DROP\n\
                    -A INPUT -p tcp -m multiport --dports 22,80:90 -m comment --comment \"a -j b\" -j ACCEPT\nCOMMIT\n";
        let rules = parse(text);
        assert_eq!(rules.tables, ["nat", "filter"]);
        let input = rules.chains.iter().find(|chain| chain.hook.as_deref() == Some("input")).unwrap();
        assert_eq!(input.policy.as_deref(), Some("drop"));
        assert_eq!(
            (input.rules[0].from.as_deref(), input.rules[0].verdict.as_deref()),
            (Some("lo"), Some("accept"))
        );
        assert_eq!(
            (input.rules[1].source.as_deref(), input.rules[1].from.as_deref()),
            (Some("127.0.0.0/8"), None)
        );
        assert_eq!(input.rules[2].ports, ["tcp/22", "tcp/80-90"]);
        assert_eq!(input.rules[2].verdict.as_deref(), Some("accept"));
        assert_eq!(rules.chains.iter().filter(|chain| chain.hook.is_some()).count(), 2);
        assert_eq!(
            parse("garbage\n:\n-A\n*"),
            Ruleset { tables: vec![String::new()], chains: vec![Chain::default()], ..Ruleset::default() }
        );
    }
}
