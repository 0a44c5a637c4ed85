//! The keywords of OpenSSH 9.2 and the values that are compiled in, as `sshd -T` prints them on Debian 12.

/// The compiled default of a keyword, in any case; `None` where there is none or it depends on the machine.
pub fn default_value(keyword: &str) -> Option<&'static str> {
    let keyword = keyword.to_ascii_lowercase();
    DEFAULTS.binary_search_by_key(&keyword.as_str(), |(name, _)| name).ok().map(|at| DEFAULTS[at].1)
}

/// Whether this is a keyword of sshd_config(5), in any case.
pub fn is_keyword(keyword: &str) -> bool {
    let keyword = keyword.to_ascii_lowercase();
    default_value(&keyword).is_some() || WITHOUT_DEFAULT.contains(&keyword.as_str())
}

/// Sorted by name.
const DEFAULTS: &[(&str, &str)] = &[
    ("addressfamily", "any"),
    ("allowagentforwarding", "yes"),
    ("allowstreamlocalforwarding", "yes"),
    ("allowtcpforwarding", "yes"),
    ("authenticationmethods", "any"),
    ("authorizedkeyscommand", "none"),
    ("authorizedkeyscommanduser", "none"),
    ("authorizedkeysfile", ".ssh/authorized_keys .ssh/authorized_keys2"),
    ("authorizedprincipalscommand", "none"),
    ("authorizedprincipalscommanduser", "none"),
    ("authorizedprincipalsfile", "none"),
    ("banner", "none"),
    ("chrootdirectory", "none"),
    ("clientalivecountmax", "3"),
    ("clientaliveinterval", "0"),
    ("compression", "yes"),
    ("debianbanner", "yes"),
    ("disableforwarding", "no"),
    ("exposeauthinfo", "no"),
    ("fingerprinthash", "SHA256"),
    ("forcecommand", "none"),
    ("gatewayports", "no"),
    ("gssapiauthentication", "no"),
    ("gssapicleanupcredentials", "yes"),
    ("gssapikeyexchange", "no"),
    ("gssapistorecredentialsonrekey", "no"),
    ("gssapistrictacceptorcheck", "yes"),
    ("hostbasedauthentication", "no"),
    ("hostbasedusesnamefrompacketonly", "no"),
    ("hostkeyagent", "none"),
    ("ignorerhosts", "yes"),
    ("ignoreuserknownhosts", "no"),
    ("ipqos", "lowdelay throughput"),
    ("kbdinteractiveauthentication", "yes"),
    ("kerberosauthentication", "no"),
    ("kerberosorlocalpasswd", "yes"),
    ("kerberosticketcleanup", "yes"),
    ("logingracetime", "120"),
    ("loglevel", "INFO"),
    ("maxauthtries", "6"),
    ("maxsessions", "10"),
    ("maxstartups", "10:30:100"),
    ("passwordauthentication", "yes"),
    ("permitemptypasswords", "no"),
    ("permitlisten", "any"),
    ("permitopen", "any"),
    ("permitrootlogin", "prohibit-password"),
    ("permittty", "yes"),
    ("permittunnel", "no"),
    ("permituserenvironment", "no"),
    ("permituserrc", "yes"),
    ("persourcemaxstartups", "none"),
    ("persourcenetblocksize", "32:128"),
    ("pidfile", "/run/sshd.pid"),
    ("port", "22"),
    ("printlastlog", "yes"),
    ("printmotd", "yes"),
    ("pubkeyauthentication", "yes"),
    ("pubkeyauthoptions", "none"),
    ("rekeylimit", "0 0"),
    ("requiredrsasize", "1024"),
    ("revokedkeys", "none"),
    ("securitykeyprovider", "internal"),
    ("streamlocalbindmask", "0177"),
    ("streamlocalbindunlink", "no"),
    ("strictmodes", "yes"),
    ("syslogfacility", "AUTH"),
    ("tcpkeepalive", "yes"),
    ("trustedusercakeys", "none"),
    ("unusedconnectiontimeout", "none"),
    ("usedns", "no"),
    ("usepam", "no"),
    ("versionaddendum", "none"),
    ("x11displayoffset", "10"),
    ("x11forwarding", "no"),
    ("x11uselocalhost", "yes"),
];

const WITHOUT_DEFAULT: &[&str] = &[
    "acceptenv",
    "allowgroups",
    "allowusers",
    "casignaturealgorithms",
    "challengeresponseauthentication",
    "channeltimeout",
    "ciphers",
    "denygroups",
    "denyusers",
    "gssapikexalgorithms",
    "hostbasedacceptedalgorithms",
    "hostcertificate",
    "hostkey",
    "hostkeyalgorithms",
    "include",
    "kexalgorithms",
    "listenaddress",
    "logverbose",
    "macs",
    "match",
    "modulifile",
    "pubkeyacceptedalgorithms",
    "rdomain",
    "setenv",
    "subsystem",
    "xauthlocation",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_can_be_searched() {
        assert!(DEFAULTS.is_sorted_by_key(|(name, _)| name));
        assert_eq!(default_value("PermitRootLogin"), Some("prohibit-password"));
        assert!(is_keyword("Ciphers") && default_value("Ciphers").is_none());
        assert!(!is_keyword("PermitRootLogon"));
    }
}
