//! Kernel features: built in, loaded, or there to be loaded.

use std::io::Read;

use flate2::read::GzDecoder;
use model::{State, Unread};

use super::tree::{Tree, unread};

/// The most that an unpacked kernel configuration may hold, in bytes.
const CONFIG_LIMIT: u64 = 4 << 20;

/// The configuration option behind each module that a container runtime asks for, where the name does not
/// say it.
const OPTIONS: &[(&str, &str)] = &[
    ("br_netfilter", "BRIDGE_NETFILTER"),
    ("ip6_tables", "IP6_NF_IPTABLES"),
    ("ip_tables", "IP_NF_IPTABLES"),
    ("ip_vs", "IP_VS"),
    ("iptable_filter", "IP_NF_FILTER"),
    ("iptable_nat", "IP_NF_NAT"),
    ("nft_chain_nat", "NFT_NAT"),
    ("nft_compat", "NFT_COMPAT"),
    ("overlay", "OVERLAY_FS"),
    ("xt_addrtype", "NETFILTER_XT_MATCH_ADDRTYPE"),
    ("xt_conntrack", "NETFILTER_XT_MATCH_CONNTRACK"),
    ("xt_MASQUERADE", "NETFILTER_XT_TARGET_MASQUERADE"),
];

/// Fields: `loaded`, `builtin`, `available` (can be loaded from the module folder), each a flag, and `told_by`,
/// what said so. All flags are no only if something that lists the kernel's features was readable.
pub(super) fn read(tree: &Tree, name: &str) -> Result<State, Unread> {
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    find(tree, name, &release)
}

fn find(tree: &Tree, name: &str, release: &str) -> Result<State, Unread> {
    let mut sources = 0;
    let folder = format!("/lib/modules/{release}");
    let mut look = |path: &str, test: &dyn Fn(&str) -> bool| -> Result<bool, Unread> {
        let Some(text) = tree.text(path)? else { return Ok(false) };
        sources += 1;
        Ok(test(&text))
    };
    if look("/proc/modules", &|text| is_loaded(text, name))? {
        return Ok(record("loaded", "/proc/modules"));
    }
    let registered = format!("nodev\t{name}");
    if look("/proc/filesystems", &|text| text.lines().any(|line| line.trim() == name || line == registered))?
    {
        return Ok(record("builtin", "/proc/filesystems"));
    }
    let list = format!("{folder}/modules.builtin");
    if look(&list, &|text| text.lines().any(|line| is_file_of(line, name)))? {
        return Ok(record("builtin", &list));
    }
    let list = format!("{folder}/modules.dep");
    if look(&list, &|text| {
        text.lines().any(|line| line.split_once(':').is_some_and(|(file, _)| is_file_of(file, name)))
    })? {
        return Ok(record("available", &list));
    }
    let in_sys = format!("/sys/module/{name}");
    if tree.exists(&in_sys)? {
        return Ok(record("builtin", &in_sys));
    }
    // The process list of modules alone does not know what is built in.
    let listed = sources > 2;
    match config(tree, release)? {
        Some((path, text)) if is_built_in(&text, name) => Ok(record("builtin", &path)),
        Some((path, _)) => Ok(record("", &path)),
        None if listed => Ok(record("", &folder)),
        None => Err(Unread::NoAnswer(format!(
            "neither {folder} nor /proc/config.gz nor /boot/config-{release} tells about {name}"
        ))),
    }
}

fn record(how: &str, told_by: &str) -> State {
    State::record([
        ("loaded", State::Flag(how == "loaded")),
        ("builtin", State::Flag(how == "builtin")),
        ("available", State::Flag(how == "available")),
        ("told_by", State::text(told_by)),
    ])
}

fn is_loaded(modules: &str, name: &str) -> bool {
    modules.lines().any(|line| line.split(' ').next().is_some_and(|word| same(word, name)))
}

/// Whether a path of a module folder, as `kernel/fs/overlayfs/overlay.ko.xz`, is this module.
fn is_file_of(path: &str, name: &str) -> bool {
    let file = path.rsplit('/').next().unwrap_or_default();
    file.split_once(".ko").is_some_and(|(stem, _)| same(stem, name))
}

/// Module names are equal when they differ in `-` and `_` only.
fn same(one: &str, other: &str) -> bool {
    one.len() == other.len() && one.replace('-', "_") == other.replace('-', "_")
}

fn is_built_in(config: &str, name: &str) -> bool {
    let known = OPTIONS.iter().find(|(module, _)| *module == name).map(|(_, option)| (*option).to_owned());
    let wanted = format!("CONFIG_{}=y", known.unwrap_or_else(|| name.to_uppercase().replace('-', "_")));
    config.lines().any(|line| line.trim() == wanted)
}

/// The kernel's build configuration and where it was found.
fn config(tree: &Tree, release: &str) -> Result<Option<(String, String)>, Unread> {
    let packed = "/proc/config.gz";
    if let Some(bytes) = tree.bytes(packed)? {
        let mut text = String::new();
        let mut reader = GzDecoder::new(bytes.as_slice()).take(CONFIG_LIMIT);
        reader.read_to_string(&mut text).map_err(|error| unread(packed, &error))?;
        return Ok(Some((packed.to_owned(), text)));
    }
    for path in [format!("/boot/config-{release}"), format!("/lib/modules/{release}/config")] {
        if let Some(text) = tree.text(&path)? {
            return Ok(Some((path, text)));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::*;
    use crate::facts::tests::scratch;

    const RELEASE: &str = "5.10.0-28-amd64";

    fn how(files: &[(&str, &str)], name: &str) -> String {
        let (folder, tree) = scratch(files);
        let seen = find(&tree, name, RELEASE);
        drop(folder);
        let seen = match seen {
            Ok(seen) => seen,
            Err(unread) => return unread.to_string(),
        };
        let yes = ["loaded", "builtin", "available"]
            .into_iter()
            .find(|flag| seen.get(flag) == Some(&State::Flag(true)));
        yes.unwrap_or("absent").to_owned()
    }

    #[test]
    fn each_source_tells() {
        let dep = "kernel/fs/overlayfs/overlay.ko:\nkernel/net/bridge/br_netfilter.ko.xz: kernel/net/bridge/bridge.ko.xz\n";
        let files: &[(&str, &str)] = &[
            ("proc/modules", "nf_nat 53248 2 nft_chain_nat,xt_MASQUERADE, Live 0x0000000000000000\n"),
            ("proc/filesystems", "nodev\tsysfs\n\text4\nnodev\tfuse\n"),
            ("lib/modules/5.10.0-28-amd64/modules.dep", dep),
            (
                "lib/modules/5.10.0-28-amd64/modules.builtin",
                "kernel/drivers/net/veth.ko\nkernel/crypto/sha256-generic.ko\n",
            ),
            ("sys/module/bridge/refcnt", "0"),
        ];
        for (name, expected) in [
            ("nf_nat", "loaded"),
            ("nf", "absent"),
            ("xt_MASQUERADE", "absent"),
            ("fuse", "builtin"),
            ("ext4", "builtin"),
            ("veth", "builtin"),
            ("sha256_generic", "builtin"),
            ("overlay", "available"),
            ("br_netfilter", "available"),
            ("bridge", "builtin"),
            ("squashfs", "absent"),
        ] {
            assert_eq!(how(files, name), expected, "{name}");
        }
    }

    #[test]
    fn the_build_configuration_is_the_last_word() {
        let config = "# CONFIG_VETH is not set\nCONFIG_OVERLAY_FS=y\nCONFIG_BRIDGE=m\n";
        let files = [("proc/modules", ""), ("boot/config-5.10.0-28-amd64", config)];
        assert_eq!(how(&files, "overlay"), "builtin");
        assert_eq!(how(&files, "veth"), "absent");
        assert_eq!(how(&files, "bridge"), "absent", "a module without its folder cannot be loaded");
        let (folder, tree) = scratch(&[]);
        std::fs::create_dir(folder.path().join("proc")).unwrap();
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(config.as_bytes()).unwrap();
        std::fs::write(folder.path().join("proc/config.gz"), packed.finish().unwrap()).unwrap();
        assert_eq!(
            find(&tree, "overlay", RELEASE).unwrap().get("told_by"),
            Some(&State::text("/proc/config.gz"))
        );
    }

    #[test]
    fn silence_is_not_absence() {
        assert!(how(&[("proc/modules", "")], "overlay").starts_with("no answer"));
    }
}
