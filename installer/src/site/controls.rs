//! From answers to controls: which profiles, tailored how, with what is known of the site.

use std::collections::BTreeMap;

use bundle::Contents;
use engine::Context;
use model::{About, Blobs, Control, ControlId, Demand, Evidence, Judgement, Resource};
use profiles::{Catalogue, ResolveError, Tailoring};

use crate::answers::{Certificate, Skip, Value};
use crate::commands::bundle::failed;
use crate::failure::{Exit, Failure};
use crate::run::session::Request;

/// The control of certificates; it is asked once for each certificate that the answers name.
const CERTIFICATES: &str = "env.certificates";
/// What an install leaves out of any hardening, by name: the rules that would stop its containers.
const CONTAINER_HOST: &str = "container-host";

/// The profiles that came with this binary, and those of a bundle, which win.
///
/// # Errors
/// When one of them is not valid.
pub fn catalogue(bundled: &[(String, String)]) -> Result<Catalogue, Failure> {
    let reading =
        |error: &dyn std::error::Error| Failure::new(Exit::Error, "reading the profiles").because(error);
    let builtin = Catalogue::builtin().map_err(|error| reading(&error))?;
    let with = |catalogue: Catalogue, (name, text): &(String, String)| catalogue.with(name, text);
    bundled.iter().try_fold(builtin, with).map_err(|error| reading(&error))
}

/// What the profile of `[harden]` needs of the profiles; nothing when it names none.
///
/// # Errors
/// As [`catalogue`].
pub fn chosen(request: &Request) -> Result<Catalogue, Failure> {
    match &request.answers.harden.profile {
        None => Ok(Catalogue::empty()),
        // What comes with a bundle or a site may build on any profile.
        Some(profile) if request.profiles.is_empty() => Catalogue::builtin_for(profile)
            .map_err(|error| Failure::new(Exit::Error, "reading the profiles").because(&error)),
        Some(_) => catalogue(&request.profiles),
    }
}

/// The texts of a bundle's profiles, by name.
///
/// # Errors
/// When one cannot be read or is not text.
pub fn texts(contents: &Contents, blobs: &dyn Blobs) -> Result<Vec<(String, String)>, Failure> {
    let text = |file: &bundle::FileEntry| {
        let reading = format!("cannot read the profile {} of the bundle", file.title);
        let bytes = contents.bytes(file, blobs).map_err(|error| failed(&reading, &error))?;
        let text =
            String::from_utf8(bytes).map_err(|error| Failure::new(Exit::Error, &reading).because(&error))?;
        Ok((file.title.clone(), text))
    };
    contents.profiles().map(text).collect()
}

/// The controls of `[harden]`; none when it names no profile.
///
/// # Errors
/// Exit 2 when a profile, control or variable is unknown or a value is not allowed.
pub fn harden(request: &Request) -> Result<Vec<Box<dyn Control>>, Failure> {
    harden_from(&chosen(request)?, request)
}

/// As [`harden`], of profiles that were read before.
///
/// # Errors
/// As [`harden`].
pub fn harden_from(catalogue: &Catalogue, request: &Request) -> Result<Vec<Box<dyn Control>>, Failure> {
    let harden = &request.answers.harden;
    let Some(profile) = &harden.profile else { return Ok(Vec::new()) };
    let mut tailoring = tailoring(&harden.only, &harden.skip, &harden.set);
    tailoring.apply = applied(request);
    catalogue.resolve(profile, &tailoring).map_err(|error| unresolved(profile, &error))
}

/// The names of the tailorings that a request applies besides those of its profile.
pub fn applied(request: &Request) -> Vec<String> {
    let of_install = || request.bundle.iter().map(|_| CONTAINER_HOST.to_owned()).collect();
    request.answers.harden.tailoring.clone().unwrap_or_else(of_install)
}

/// The controls of `[preflight]` with what is known of the site as their variables; all, or `only` these, by id or
/// reference.
///
/// # Errors
/// As [`harden`].
pub fn preflight(
    request: &Request,
    declared: &BTreeMap<String, String>,
    only: &[String],
) -> Result<Vec<Box<dyn Control>>, Failure> {
    let preflight = &request.answers.preflight;
    let certificates = &request.answers.stack.certificates;
    let named = |id: &String| own_certificate(id).is_some_and(|name| certificates.contains_key(name));
    let (named, plain): (Vec<_>, Vec<_>) = only.iter().cloned().partition(named);
    let catalogue = catalogue(&request.profiles)?;
    let mut tailoring = tailoring(&plain, &preflight.skip, &preflight.set);
    for (name, value) in declared {
        tailoring.set.entry(name.clone()).or_insert_with(|| value.clone());
    }
    let resolve = |tailoring: &Tailoring| {
        let profile = &preflight.profile;
        catalogue.resolve(profile, tailoring).map_err(|error| unresolved(profile, &error))
    };
    let mut controls = if plain.is_empty() && !named.is_empty() { Vec::new() } else { resolve(&tailoring)? };
    if certificates.is_empty() {
        return Ok(controls);
    }
    let all = controls.len();
    controls.retain(|control| control.id().as_str() != CERTIFICATES);
    let each = controls.len() < all;
    let is_named = |name: &str| named.iter().any(|id| own_certificate(id) == Some(name));
    for (name, certificate) in certificates.iter().filter(|(name, _)| each || is_named(name)) {
        let mut own = Tailoring { only: vec![CERTIFICATES.to_owned()], ..tailoring.clone() };
        own.set.extend(of_certificate(certificate));
        if let Some(names) = request.certificate_names.get(name) {
            own.set.entry("certificate_names".to_owned()).or_insert_with(|| names.join(","));
        }
        controls.extend(resolve(&own)?.into_iter().map(|control| Named::boxed(control, name)));
    }
    Ok(controls)
}

/// The name of the certificate that a control is asked about, as in `env.certificates.nginx`.
fn own_certificate(id: &str) -> Option<&str> {
    id.strip_prefix(CERTIFICATES)?.strip_prefix('.')
}

/// The controls of the certificates that the answers name, for drift.
///
/// # Errors
/// As [`harden`].
pub fn certificates(request: &Request) -> Result<Vec<Box<dyn Control>>, Failure> {
    if request.answers.stack.certificates.is_empty() {
        return Ok(Vec::new());
    }
    preflight(request, &BTreeMap::new(), &[CERTIFICATES.to_owned()])
}

/// Makes sure that what people decided about, and still holds, exists: a decision about a rule that was renamed
/// must not lapse in silence.
///
/// # Errors
/// Exit 2, with the successor of what was renamed.
pub fn all_known(request: &Request, context: &Context) -> Result<(), Failure> {
    let waived = context.waivers.iter().map(|one| ("waiver", &one.control, &one.expires));
    let attested = context.attestations.iter().map(|one| ("attestation", &one.control, &one.expires));
    let mut decided = waived.chain(attested).filter(|(_, _, expires)| context.today <= **expires).peekable();
    if decided.peek().is_none() {
        return Ok(());
    }
    let catalogue = catalogue(&request.profiles)?;
    for (what, control, _) in decided.filter(|(_, control, _)| !is_made_here(control.as_str())) {
        catalogue.known(control.as_str()).map_err(|error| {
            Failure::new(Exit::Usage, format!("reading the {what} of {control}"))
                .because(&error)
                .hint("write it anew for a control that exists; `groundfast explain CONTROL` knows them")
        })?;
    }
    Ok(())
}

/// Whether a control comes from a product or a run rather than from a profile.
fn is_made_here(id: &str) -> bool {
    let made =
        ["apparmor.", "boot.", "image.", "pin:", "policy.", "secret.", "selinux.", "service.", "stack."];
    id.starts_with(&format!("{CERTIFICATES}.")) || made.iter().any(|prefix| id.starts_with(prefix))
}

fn of_certificate(certificate: &Certificate) -> [(String, String); 3] {
    let key = certificate.key.strip_prefix("file:").unwrap_or(&certificate.key).to_owned();
    [
        ("certificate_chain".to_owned(), certificate.chain.display().to_string()),
        ("certificate_key".to_owned(), key),
        ("certificate_authority".to_owned(), certificate.authority.display().to_string()),
    ]
}

fn tailoring(only: &[String], skip: &[Skip], set: &BTreeMap<String, Value>) -> Tailoring {
    Tailoring {
        apply: Vec::new(),
        only: only.to_vec(),
        skip: skip.iter().map(|skip| (skip.control.clone(), skip.reason.clone())).collect(),
        set: set.iter().map(|(name, value)| (name.clone(), text(value))).collect(),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Flag(flag) => flag.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Text(text) => text.clone(),
        Value::Texts(texts) => texts.join(","),
    }
}

fn unresolved(profile: &str, error: &ResolveError) -> Failure {
    Failure::new(Exit::Usage, format!("selecting the controls of profile {profile}")).because(error).hint(
        "`groundfast profile list` shows the profiles, `groundfast explain CONTROL` a control; what a bundle \
             brings is known with the bundle only (`groundfast answers check --bundle FILE`)",
    )
}

/// A control that is asked about one of several things of a kind.
struct Named {
    about: About,
    control: Box<dyn Control>,
}

impl Named {
    fn boxed(control: Box<dyn Control>, name: &str) -> Box<dyn Control> {
        let mut about = control.about().clone();
        about.id = ControlId::new(format!("{}.{name}", about.id));
        about.title = format!("{}: {name}", about.title);
        Box::new(Self { about, control })
    }
}

impl Control for Named {
    fn about(&self) -> &About {
        &self.about
    }

    fn needs(&self, seen: &Evidence) -> Vec<Resource> {
        self.control.needs(seen)
    }

    fn judge(&self, seen: &Evidence) -> Judgement {
        self.control.judge(seen)
    }

    fn is_left_out(&self) -> bool {
        self.control.is_left_out()
    }

    fn by_hand(&self) -> Option<&str> {
        self.control.by_hand()
    }

    fn remedy(&self, seen: &Evidence) -> Vec<Demand> {
        self.control.remedy(seen)
    }
}
