//! A release described, as text for people and as a JSON value.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::contents::Contents;
use crate::statement::Statement;

/// A number of bytes in the unit in which people read it.
fn human(bytes: u64) -> String {
    let units = [(1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match units.iter().find(|(unit, _)| bytes >= *unit) {
        Some((unit, name)) => format!("{:.1} {name}", bytes as f64 / *unit as f64),
        None => format!("{bytes} B"),
    }
}

impl Statement {
    /// The release as a JSON value.
    pub fn document(&self) -> Value {
        let release = &self.predicate;
        json!({
            "root": self.root,
            "product": release.product,
            "channel": release.channel,
            "version": release.version,
            "release": release.release,
            "platforms": release.platforms,
            "minInstaller": release.min_installer,
            "created": release.created,
            "expires": release.expires,
            "previous": release.previous,
            "blobs": release.count,
            "size": release.total_size,
        })
    }

    /// The release in a few lines.
    pub fn text(&self) -> String {
        let release = &self.predicate;
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{} {} ({}, release {})",
            release.product, release.version, release.channel, release.release
        );
        let _ = writeln!(text, "root       {}", self.root);
        let _ = writeln!(text, "platforms  {}", release.platforms.join(", "));
        let _ = writeln!(text, "created    {}", release.created);
        let _ = writeln!(text, "expires    {}", release.expires);
        let _ = writeln!(text, "content    {} blobs, {}", release.count, human(release.total_size));
        text
    }
}

impl Contents {
    /// The content as a JSON value.
    pub fn document(&self) -> Value {
        json!({ "images": self.images, "files": self.files, "declarations": self.declarations })
    }

    /// The content as a table.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for image in &self.images {
            let size = image.layers.iter().map(|layer| layer.size).sum();
            let user = if image.user.is_empty() { "root" } else { &image.user };
            let _ = writeln!(
                text,
                "image      {} {} {} layers {} user {user}\n           {}",
                image.name,
                image.platform,
                image.layers.len(),
                human(size),
                image.manifest
            );
        }
        for file in &self.files {
            let _ =
                writeln!(text, "{:<10} {} {} {}", file.role, file.title, human(file.size), file.media_type);
        }
        let needs = &self.declarations;
        let _ = writeln!(
            text,
            "needs      {} cores, {} memory, {} disk, {} secrets, {} certificates, {} smoke tests",
            needs.cpu,
            human(needs.memory.0),
            human(needs.disk.0),
            needs.secrets.len(),
            needs.certificates.len(),
            needs.smoke.len()
        );
        text
    }
}
