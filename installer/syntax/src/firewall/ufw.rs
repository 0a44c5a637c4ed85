//! ufw(8): its switch, its default policies, and the rule files that it loads.

use model::{HostPath, Syntax, Unread};

use super::{Chain, Ruleset, iptables};
use crate::get;
use crate::source::Source;

const DEFAULTS: &str = "/etc/default/ufw";
/// The order in which ufw loads them.
const FILES: [&str; 6] = ["before", "user", "after", "before6", "user6", "after6"];

/// All that ufw would load; `None` when its main file is not there.
pub(super) fn read(source: &dyn Source, main: &HostPath) -> Result<Option<Ruleset>, Unread> {
    let Some(switch) = source.text(main)? else { return Ok(None) };
    let defaults = source.text(&HostPath::literal(DEFAULTS))?.unwrap_or_default();
    let setting = |text: &str, key: &str| get(text, Syntax::Assignments, key);
    let yes = |value: Option<String>| value.is_some_and(|value| value.eq_ignore_ascii_case("yes"));
    let mut rules = Ruleset {
        enabled: Some(yes(setting(&switch, "ENABLED"))),
        ipv6: Some(yes(setting(&defaults, "IPV6"))),
        ..Ruleset::default()
    };
    for hook in ["input", "output", "forward"] {
        let policy = setting(&defaults, &format!("DEFAULT_{}_POLICY", hook.to_ascii_uppercase()));
        let policy = policy.map(|policy| policy.to_ascii_lowercase());
        let hook = hook.to_owned();
        rules.chains.push(Chain {
            table: "ufw".to_owned(),
            name: hook.clone(),
            hook: Some(hook),
            policy,
            ..Chain::default()
        });
    }
    for stem in FILES {
        let folder = main.parent().unwrap_or_else(|| HostPath::literal("/etc/ufw"));
        let Ok(path) = folder.join(&format!("{stem}.rules")) else { continue };
        let text = source.text(&path)?.unwrap_or_default();
        for chain in iptables::parse(&text).chains {
            // ufw-before-input, ufw6-user-output and so on hang below the chain of their hook.
            let hook = chain.name.rsplit('-').next().unwrap_or_default();
            let under =
                rules.chains.iter_mut().find(|under| chain.name.starts_with("ufw") && under.name == hook);
            under.into_iter().for_each(|under| under.rules.extend(chain.rules.iter().cloned()));
        }
    }
    Ok(Some(rules))
}
