//! What a product needs from a site; signed with the bundle and read by preflight, secrets and bring-up.

use std::fmt;

use model::HostPath;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An amount of bytes, written as a number or as `512MiB`, `20GiB`, `1TB`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, JsonSchema)]
pub struct Bytes(#[schemars(with = "NumberOrText")] pub u64);

/// Both ways to write an amount, for the schema.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
enum NumberOrText {
    Number(u64),
    Text(String),
}

/// Everything that a product declares about its needs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Declarations {
    /// CPU cores.
    pub cpu: u32,
    /// Memory.
    pub memory: Bytes,
    /// Disk, besides the volumes.
    pub disk: Bytes,
    /// Names that must resolve on the site.
    pub dns: Vec<String>,
    /// Persistent data.
    #[serde(rename = "volume")]
    pub volumes: Vec<Volume>,
    /// Ports that are reachable from outside.
    #[serde(rename = "port")]
    pub ports: Vec<Port>,
    /// Secrets that the site provides.
    #[serde(rename = "secret")]
    pub secrets: Vec<SecretNeed>,
    /// Certificates that the site provides.
    #[serde(rename = "certificate")]
    pub certificates: Vec<CertificateNeed>,
    /// Requests that prove that the product works.
    #[serde(rename = "smoke")]
    pub smoke: Vec<Smoke>,
    /// Whether a plan for this product is enforced only with a second person's signature, whatever a site answers.
    #[serde(skip_serializing_if = "is_false")]
    pub second_person: bool,
    /// What confines programs on the site: one of these has to run, or nothing is installed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub confinement: Vec<Confinement>,
    /// How long things may take.
    pub limits: Limits,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for this form")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

/// A persistent volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Volume {
    /// The name in the Compose file.
    pub name: String,
    /// The service that uses it.
    pub service: String,
    /// How much room it needs.
    #[serde(default)]
    pub size: Bytes,
    /// Whether a database locks files on it.
    #[serde(default)]
    pub database: bool,
    /// The directory on the host, when it is bound to one; the site's answers have to name the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The SELinux label of that directory, such as `system_u:object_r:container_file_t:s0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selinux_label: Option<String>,
}

/// A mechanism of the kernel that confines programs whatever their user is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Confinement {
    /// AppArmor.
    Apparmor,
    /// SELinux, permissive or enforcing.
    Selinux,
}

/// A port that is published on the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Port {
    /// Its number.
    pub port: u16,
    /// The service behind it.
    pub service: String,
    /// `tcp` or `udp`.
    #[serde(default)]
    pub protocol: Protocol,
}

/// A transport protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TCP.
    #[default]
    Tcp,
    /// UDP.
    Udp,
}

/// A secret that a service needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SecretNeed {
    /// Its name.
    pub name: String,
    /// The service that reads it.
    pub service: String,
    /// How it reads it.
    #[serde(default)]
    pub delivery: Delivery,
    /// The path in the container, or the name of the variable; without it `/run/secrets/NAME` or the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The owner of the mounted file.
    #[serde(default)]
    pub uid: u32,
    /// The group of the mounted file.
    #[serde(default)]
    pub gid: u32,
    /// Its permissions in octal, such as `0400`.
    #[serde(default = "private", with = "octal")]
    #[schemars(with = "String")]
    pub mode: u32,
    /// What it is for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
}

fn private() -> u32 {
    0o400
}

/// How a secret reaches a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Delivery {
    /// As a mounted file.
    #[default]
    File,
    /// As an environment variable.
    Env,
}

/// A certificate and key that the site's own authority issued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CertificateNeed {
    /// Its name.
    pub name: String,
    /// The service that presents it.
    pub service: String,
    /// The DNS names that it must cover.
    #[serde(default)]
    pub dns: Vec<String>,
}

/// An HTTP request with the answer expected once the product is up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Smoke {
    /// What it proves.
    pub name: String,
    /// The address.
    pub url: String,
    /// The method.
    #[serde(default = "get")]
    pub method: String,
    /// The body sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// The status expected.
    #[serde(default = "ok")]
    pub status: u16,
    /// Text that the answer must hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contains: Option<String>,
}

fn get() -> String {
    "GET".to_owned()
}

fn ok() -> u16 {
    200
}

/// Time limits in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Limits {
    /// From the first start until every service is healthy.
    pub healthy_seconds: u32,
    /// For each smoke test.
    pub smoke_seconds: u32,
    /// For a service to stop.
    pub stop_seconds: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { healthy_seconds: 180, smoke_seconds: 30, stop_seconds: 30 }
    }
}

impl Declarations {
    /// What types alone cannot say; a complaint comes with the text to look for in the file.
    pub(super) fn check(&self) -> Result<(), (String, String)> {
        let named = self.secrets.iter().map(|secret| &secret.name);
        for name in named.chain(self.certificates.iter().map(|certificate| &certificate.name)) {
            if !super::is_word(name) {
                return Err((name.clone(), format!("`{name}` must be lower-case letters, digits and `-._`")));
            }
        }
        if let Some(secret) = self.secrets.iter().find(|secret| secret.mode & !0o440 != 0) {
            let reason = format!(
                "the secret `{}` would have mode {:04o}; at most 0440 is allowed",
                secret.name, secret.mode
            );
            return Err((secret.name.clone(), reason));
        }
        let not_absolute = |path: &&String| path.parse::<HostPath>().is_err();
        if let Some(path) = self.volumes.iter().filter_map(|volume| volume.path.as_ref()).find(not_absolute) {
            return Err((path.clone(), format!("`{path}` is not an absolute path without `.` and `..`")));
        }
        for label in self.volumes.iter().filter_map(|volume| volume.selinux_label.as_ref()) {
            if !is_label(label) {
                return Err((
                    label.clone(),
                    format!("`{label}` is no label such as system_u:object_r:etc_t:s0"),
                ));
            }
        }
        let methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
        for smoke in &self.smoke {
            if !methods.contains(&smoke.method.as_str()) || !(100..600).contains(&smoke.status) {
                return Err((smoke.name.clone(), format!("`{}` has no HTTP method and status", smoke.name)));
            }
            if !smoke.url.starts_with("https://") && !smoke.url.starts_with("http://") {
                return Err((smoke.url.clone(), format!("`{}` is not an http or https address", smoke.url)));
            }
        }
        Ok(())
    }
}

/// `user:role:type` and, with levels, `:s0` or more behind it.
fn is_label(text: &str) -> bool {
    let plain = |sign: char| sign.is_ascii_alphanumeric() || "_-.,:".contains(sign);
    text.split(':').count() >= 3 && text.split(':').all(|part| !part.is_empty()) && text.chars().all(plain)
}

impl Bytes {
    fn parse(text: &str) -> Option<Self> {
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let factor: u64 = match unit.trim() {
            "" | "B" => 1,
            "kB" | "KB" => 1_000,
            "KiB" => 1 << 10,
            "MB" => 1_000_000,
            "MiB" => 1 << 20,
            "GB" => 1_000_000_000,
            "GiB" => 1 << 30,
            "TB" => 1_000_000_000_000,
            "TiB" => 1 << 40,
            _ => return None,
        };
        number.parse::<u64>().ok()?.checked_mul(factor).map(Self)
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Bytes;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of bytes, such as 1048576 or \"512MiB\"")
            }
            fn visit_u64<E>(self, value: u64) -> Result<Bytes, E> {
                Ok(Bytes(value))
            }
            fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Bytes, E> {
                let unexpected = serde::de::Unexpected::Signed(value);
                u64::try_from(value).map(Bytes).map_err(|_| E::invalid_value(unexpected, &self))
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Bytes, E> {
                Bytes::parse(text).ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// Permissions as octal text.
mod octal {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(mode: &u32, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("{mode:04o}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mode = u32::from_str_radix(&text, 8).ok().filter(|mode| *mode <= 0o7777);
        mode.ok_or_else(|| {
            D::Error::custom(format_args!("`{text}` is not a mode in octal, such as \"0400\""))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_in_their_units() {
        for (text, expected) in
            [("0", 0), ("512MiB", 512 << 20), ("2 GiB", 2 << 30), ("1TB", 1_000_000_000_000)]
        {
            assert_eq!(Bytes::parse(text), Some(Bytes(expected)), "{text}");
        }
        for bad in ["", "GiB", "-1", "1.5GiB", "5 Gb", "99999999TiB"] {
            assert_eq!(Bytes::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn declarations_survive_json() {
        assert!(!Declarations::default().second_person);
        assert!(toml::from_str::<Declarations>("second-person = true").unwrap().second_person);
        let text =
            "cpu = 2\nmemory = \"1GiB\"\n[[secret]]\nname = \"db\"\nservice = \"app\"\nmode = \"0440\"\n";
        let declared: Declarations = toml::from_str(text).unwrap();
        assert_eq!((declared.memory, declared.secrets[0].mode), (Bytes(1 << 30), 0o440));
        let json = serde_json::to_string(&declared).unwrap();
        assert_eq!(serde_json::from_str::<Declarations>(&json).unwrap(), declared);
    }
}
