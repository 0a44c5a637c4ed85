//! nft(8): tables, chains and rules as files write them and `nft list ruleset` prints them.

use std::iter::Peekable;
use std::vec::IntoIter;

use model::{HostPath, Unread};

use super::{Chain, Rule, Ruleset, port};
use crate::source::{self, Source};
use crate::sshd::glob;

/// Files that include each other in a circle end somewhere (nft gives up at 16 as well).
const DEEPEST: usize = 16;

/// The main file with everything that it includes; `None` when it is not there.
pub(super) fn read(source: &dyn Source, main: &HostPath) -> Result<Option<Ruleset>, Unread> {
    let Some(text) = source.text(main)? else { return Ok(None) };
    let mut rules = Ruleset::default();
    take(source, &text, main, &mut rules, 0)?;
    Ok(Some(rules))
}

fn take(
    source: &dyn Source,
    text: &str,
    path: &HostPath,
    rules: &mut Ruleset,
    depth: usize,
) -> Result<(), Unread> {
    if depth > DEEPEST {
        return Err(Unread::Malformed(format!("{path} is included more than {DEEPEST} files deep")));
    }
    let mut found = parse(text);
    rules.tables.append(&mut found.tables);
    rules.chains.append(&mut found.chains);
    for pattern in found.includes {
        for file in files(source, &pattern)? {
            if depth == 0 {
                rules.includes.push(file.to_string());
            }
            if let Some(text) = source.text(&file)? {
                take(source, &text, &file, rules, depth + 1)?;
            }
        }
    }
    Ok(())
}

/// The files that an include names, in order; one without a pattern is named whether it is there or not.
fn files(source: &dyn Source, pattern: &str) -> Result<Vec<HostPath>, Unread> {
    let pattern = if pattern.starts_with('/') { pattern.to_owned() } else { format!("/etc/{pattern}") };
    if !pattern.contains(['*', '?']) {
        return Ok(pattern.parse().into_iter().collect());
    }
    let Some((folder, name)) = pattern.rsplit_once('/') else { return Ok(Vec::new()) };
    let Ok(folder) = folder.parse::<HostPath>() else {
        return Err(Unread::Unsupported(format!("include {pattern}: not a plain path")));
    };
    source::files(source, &folder, |candidate| glob(name.as_bytes(), candidate.as_bytes()))
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Open,
    Close,
    /// The end of a statement: a line's end or a semicolon.
    End,
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '#' => while letters.next_if(|letter| *letter != '\n').is_some() {},
            '\n' | ';' => tokens.push(Token::End),
            '{' => tokens.push(Token::Open),
            '}' => tokens.push(Token::Close),
            '\\' => drop(letters.next_if_eq(&'\n')),
            '"' => {
                let mut word = String::new();
                while let Some(letter) = letters.next_if(|letter| *letter != '"') {
                    word.push(letter);
                }
                letters.next();
                tokens.push(Token::Word(word));
            }
            _ if letter.is_whitespace() || letter == ',' => {}
            _ => {
                let mut word = String::from(letter);
                let ends = |letter: &char| letter.is_whitespace() || ",;{}\"#".contains(*letter);
                while let Some(letter) = letters.next_if(|letter| !ends(letter)) {
                    word.push(letter);
                }
                tokens.push(Token::Word(word));
            }
        }
    }
    tokens
}

/// The rule set of one text, included files not looked at but named.
pub(super) fn parse(text: &str) -> Ruleset {
    let mut rules = Ruleset::default();
    let mut tokens = tokens(text).into_iter().peekable();
    while tokens.peek().is_some() {
        let words = words(&mut tokens);
        let plain: Vec<&str> = words.iter().map(String::as_str).collect();
        match plain.as_slice() {
            ["include", file, ..] => rules.includes.push((*file).to_owned()),
            ["flush", "ruleset"] => rules = Ruleset { includes: rules.includes, ..Ruleset::default() },
            ["add" | "create", rest @ ..] => command(&mut rules, &mut tokens, rest),
            rest => command(&mut rules, &mut tokens, rest),
        }
    }
    rules
}

/// The words up to a brace or the end of the statement, which is taken too unless it is an opening brace.
fn words(tokens: &mut Peekable<IntoIter<Token>>) -> Vec<String> {
    let mut words = Vec::new();
    while let Some(token) = tokens.next_if(|token| *token != Token::Open) {
        match token {
            Token::Word(word) => words.push(word),
            _ => break,
        }
    }
    words
}

fn command(rules: &mut Ruleset, tokens: &mut Peekable<IntoIter<Token>>, words: &[&str]) {
    let opened = tokens.next_if_eq(&Token::Open).is_some();
    match words {
        ["table", name @ ..] => {
            let table = table(name);
            if !rules.tables.contains(&table) {
                rules.tables.push(table.clone());
            }
            if opened {
                block(rules, tokens, &table);
            }
        }
        ["chain", name @ .., chain] => {
            let at = chain_at(rules, &table(name), chain);
            if opened {
                body(&mut rules.chains[at], tokens);
            }
        }
        ["rule", rest @ ..] => rule_command(rules, tokens, rest, opened),
        _ if opened => skip(tokens),
        _ => {}
    }
}

/// `add rule [family] table chain …`; a set that the rule holds in braces was cut off before.
fn rule_command(rules: &mut Ruleset, tokens: &mut Peekable<IntoIter<Token>>, words: &[&str], opened: bool) {
    let families = ["ip", "ip6", "inet", "arp", "bridge", "netdev"];
    let named = usize::from(words.first().is_some_and(|word| families.contains(word)));
    let (Some(table_words), Some(chain)) = (words.get(..=named), words.get(named + 1)) else { return };
    let mut rest: Vec<Vec<String>> =
        vec![words.get(named + 2..).unwrap_or_default().iter().map(|word| (*word).to_owned()).collect()];
    if opened {
        rest.push(statement_rest(tokens));
    }
    let at = chain_at(rules, &table(table_words), chain);
    rules.chains[at].rules.push(rule(&rest.concat()));
}

fn table(words: &[&str]) -> String {
    match words {
        [name] => format!("ip {name}"),
        _ => words.join(" "),
    }
}

fn chain_at(rules: &mut Ruleset, table: &str, name: &str) -> usize {
    let known = rules.chains.iter().position(|chain| chain.table == table && chain.name == name);
    known.unwrap_or_else(|| {
        let (table, name) = (table.to_owned(), name.to_owned());
        rules.chains.push(Chain { table, name, ..Chain::default() });
        rules.chains.len() - 1
    })
}

/// Everything up to the closing brace of a block that was just opened.
fn skip(tokens: &mut Peekable<IntoIter<Token>>) {
    let mut depth = 1;
    while depth > 0 {
        match tokens.next() {
            Some(Token::Open) => depth += 1,
            Some(Token::Close) => depth -= 1,
            Some(_) => {}
            None => return,
        }
    }
}

/// The chains inside a table's braces.
fn block(rules: &mut Ruleset, tokens: &mut Peekable<IntoIter<Token>>, table: &str) {
    loop {
        let mut line = Vec::new();
        while let Some(Token::Word(word)) = tokens.next_if(|token| matches!(token, Token::Word(_))) {
            line.push(word);
        }
        match (tokens.next(), line.as_slice()) {
            (Some(Token::Open), [kind, name]) if kind == "chain" => {
                let at = chain_at(rules, table, name);
                body(&mut rules.chains[at], tokens);
            }
            (Some(Token::Open), _) => skip(tokens),
            (Some(Token::Close) | None, _) => return,
            _ => {}
        }
    }
}

/// The statements inside a chain's braces.
fn body(chain: &mut Chain, tokens: &mut Peekable<IntoIter<Token>>) {
    loop {
        let words = statement_rest(tokens);
        let plain: Vec<&str> = words.iter().map(String::as_str).collect();
        match plain.as_slice() {
            [] => {}
            ["type", kind, "hook", hook, ..] => {
                chain.hook = Some((*hook).to_owned()).filter(|_| *kind == "filter");
                // A base chain accepts unless it says otherwise.
                chain.policy.get_or_insert_with(|| "accept".to_owned());
            }
            ["policy", policy, ..] => chain.policy = Some((*policy).to_owned()),
            _ => chain.rules.push(rule(&words)),
        }
        match tokens.next() {
            Some(Token::Close) | None => return,
            _ => {}
        }
    }
}

/// The words of a statement with those in its braces, up to its end, which stays.
fn statement_rest(tokens: &mut Peekable<IntoIter<Token>>) -> Vec<String> {
    let mut words = Vec::new();
    let mut depth = 0;
    loop {
        let ends = |token: &Token| depth == 0 && matches!(token, Token::End | Token::Close);
        match tokens.next_if(|token| !ends(token)) {
            Some(Token::Word(word)) => words.push(word),
            Some(Token::Open) => depth += 1,
            Some(Token::Close) => depth -= 1,
            Some(Token::End) => {}
            None => return words,
        }
    }
}

/// One rule; a condition that is turned round by `!=` counts for nothing here.
fn rule(words: &[String]) -> Rule {
    let mut rule = Rule::default();
    let word = |at: usize| words.get(at).map(String::as_str).unwrap_or_default();
    for at in 0..words.len() {
        if word(at + 1) == "!=" {
            continue;
        }
        let value = if word(at + 1) == "==" { word(at + 2) } else { word(at + 1) };
        match word(at) {
            "iif" | "iifname" => rule.from = Some(value.to_owned()),
            "oif" | "oifname" => rule.to = Some(value.to_owned()),
            "saddr" => rule.source = Some(value.to_owned()),
            "dport" => {
                let protocol = if at > 0 && word(at - 1) != "th" { word(at - 1) } else { "any" };
                let list = words[at + 1..].iter().map_while(|text| port(protocol, text));
                rule.ports.extend(list);
            }
            verdict @ ("accept" | "drop" | "reject" | "jump" | "goto" | "return" | "queue") => {
                rule.verdict.get_or_insert_with(|| verdict.to_owned());
            }
            _ => {}
        }
    }
    rule
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = r#"#!/usr/sbin/nft -f
flush ruleset
include "/etc/nftables.d/*.nft"
define LAN = 10.0.0.0/8
table inet filter {
	set blocked { type ipv4_addr; elements = { 10.0.0.1, 10.0.0.2 } }
	chain input { # comment
		type filter hook input priority filter; policy drop;
		iif "lo" accept
		ip saddr 127.0.0.0/8 counter drop
		tcp dport { 22, 80-90, https } ct state new \
			accept
		udp dport 53 accept; iifname != "eth0" drop
	}
	chain output { type filter hook output priority 0; }
	chain other { }
}
add table ip nat
add chain ip nat post { type nat hook postrouting priority 100 ; }
add rule inet filter other tcp dport { 25 } drop
"#;

    #[test]
    fn tables_chains_and_rules_are_read() {
        let rules = parse(RULES);
        assert_eq!(rules.tables, ["inet filter", "ip nat"]);
        assert_eq!(rules.includes, ["/etc/nftables.d/*.nft"]);
        let names: Vec<_> =
            rules.chains.iter().map(|chain| (chain.name.as_str(), chain.hook.as_deref())).collect();
        assert_eq!(
            names,
            [("input", Some("input")), ("output", Some("output")), ("other", None), ("post", None)]
        );
        let input = &rules.chains[0];
        assert_eq!(input.policy.as_deref(), Some("drop"));
        assert_eq!(rules.chains[1].policy.as_deref(), Some("accept"));
        assert_eq!(
            (input.rules[0].from.as_deref(), input.rules[0].verdict.as_deref()),
            (Some("lo"), Some("accept"))
        );
        assert_eq!(input.rules[1].source.as_deref(), Some("127.0.0.0/8"));
        assert_eq!(input.rules[2].ports, ["tcp/22", "tcp/80-90", "tcp/443"]);
        assert_eq!(input.rules[2].verdict.as_deref(), Some("accept"));
        assert_eq!(input.rules[3].ports, ["udp/53"]);
        assert_eq!(input.rules[4].from, None);
        assert_eq!(input.rules.len(), 5);
        assert_eq!(rules.chains[2].rules[0].ports, ["tcp/25"]);
    }

    #[test]
    fn a_text_that_breaks_off_is_read_as_far_as_it_goes() {
        for end in 0..RULES.len() {
            parse(&RULES[..end]);
        }
        assert_eq!(parse("}}}{{{;").chains, []);
    }
}
