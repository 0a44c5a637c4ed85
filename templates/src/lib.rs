//! Templates as pure functions: a name and a context give text. The files beside this crate's manifest are inside the
//! binary, so nothing is read at run time.
//!
//! A name that the context lacks is an error, never an empty place. What goes into `.xml` and `.html` is escaped, and
//! the characters that XML 1.0 does not know become U+FFFD; in `.md` the filters `md`, `prose` and `code` do it for one place.

use std::io::{self, Write};
use std::sync::OnceLock;

use serde::Serialize;
use tera::{Context, Kwargs, State, Tera};

/// Every template by the name under which it is rendered.
const TEMPLATES: &[(&str, &str)] = &[
    ("report/arf.xml", include_str!("../report/arf.xml.tera")),
    ("report/guide.md", include_str!("../report/guide.md.tera")),
    ("report/junit.xml", include_str!("../report/junit.xml.tera")),
    ("report/matrix.md", include_str!("../report/matrix.md.tera")),
    ("report/page.html", include_str!("../report/page.html.tera")),
    ("report/parts/benchmark.xml", include_str!("../report/parts/benchmark.xml.tera")),
    ("report/parts/result.xml", include_str!("../report/parts/result.xml.tera")),
    ("report/parts/findings.html", include_str!("../report/parts/findings.html.tera")),
    ("report/parts/matrix.html", include_str!("../report/parts/matrix.html.tera")),
    ("report/parts/trend.html", include_str!("../report/parts/trend.html.tera")),
    ("report/xccdf.xml", include_str!("../report/xccdf.xml.tera")),
];

/// The style sheet of the report page.
pub const PAGE_STYLE: &str = include_str!("../report/page.css");
/// The script of the report page: filter, search, theme, printing.
pub const PAGE_SCRIPT: &str = include_str!("../report/page.js");

/// Why a template gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// There is no template of this name, or the context lacks something that it names.
    #[error("filling the template {name}")]
    Render {
        /// The template.
        name: String,
        /// What was missing.
        #[source]
        source: Box<tera::Error>,
    },
    /// A template of this build is not valid, which the tests of this crate exclude.
    #[error("reading the templates of this build: {0}")]
    Broken(String),
}

/// Renders a template with everything that `context` serialises to.
///
/// # Errors
/// When there is no such template, or the context lacks a name that it uses.
pub fn render(name: &str, context: &impl Serialize) -> Result<String, TemplateError> {
    let failed = |source| TemplateError::Render { name: name.to_owned(), source: Box::new(source) };
    let tera = engine()?;
    let context = Context::from_serialize(context).map_err(failed)?;
    tera.render(name, &context).map_err(failed)
}

fn engine() -> Result<&'static Tera, TemplateError> {
    static ENGINE: OnceLock<Result<Tera, String>> = OnceLock::new();
    ENGINE
        .get_or_init(|| load(TEMPLATES).map_err(|error| error.to_string()))
        .as_ref()
        .map_err(|error| TemplateError::Broken(error.clone()))
}

fn load(templates: &[(&'static str, &'static str)]) -> Result<Tera, tera::Error> {
    let mut tera = Tera::new();
    tera.autoescape_on([".xml", ".html"]);
    tera.set_escape_fn(escape);
    tera.register_filter("md", |text: &str, _: Kwargs, _: &State| markdown(text));
    tera.register_filter("prose", |text: &str, _: Kwargs, _: &State| prose(text));
    tera.register_filter("code", |text: &str, _: Kwargs, _: &State| code(text));
    tera.add_raw_templates(templates.iter().copied())?;
    Ok(tera)
}

/// Whether XML 1.0 knows the character (section 2.2, production 2).
fn is_xml(char: char) -> bool {
    matches!(char, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// Escapes for element content and for attributes in either kind of quotes.
fn escape(text: &str, out: &mut dyn Write) -> io::Result<()> {
    for char in text.chars() {
        match char {
            '&' => out.write_all(b"&amp;")?,
            '<' => out.write_all(b"&lt;")?,
            '>' => out.write_all(b"&gt;")?,
            '"' => out.write_all(b"&quot;")?,
            '\'' => out.write_all(b"&#39;")?,
            '\r' => out.write_all(b"&#13;")?,
            char if is_xml(char) => write!(out, "{char}")?,
            _ => out.write_all("\u{fffd}".as_bytes())?,
        }
    }
    Ok(())
}

/// Text for one line or one table cell of Markdown, with nothing in it that means something there.
fn markdown(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '\\' | '`' | '|' | '<' | '>' | '*' | '_' | '[' | ']' | '#' | '&' | '~' => {
                safe.extend(['\\', char])
            }
            char if char.is_whitespace() => safe.push(' '),
            char if char.is_control() => safe.push('\u{fffd}'),
            char => safe.push(char),
        }
    }
    safe
}

/// Text in which backticks stand around code, for one line or table cell; elsewhere nothing means anything.
fn prose(text: &str) -> String {
    let parts: Vec<_> = text.split('`').collect();
    if parts.len().is_multiple_of(2) || parts.iter().skip(1).step_by(2).any(|part| part.trim().is_empty()) {
        return markdown(text);
    }
    let part = |(at, part): (usize, &&str)| if at % 2 == 0 { markdown(part) } else { code(part) };
    parts.iter().enumerate().map(part).collect()
}

/// Text as a code span of Markdown, also within a table.
fn code(text: &str) -> String {
    let line: String = text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect();
    let longest = line.split(|char| char != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let pad = if line.starts_with('`') || line.ends_with('`') || line.trim().is_empty() { " " } else { "" };
    format!("{fence}{pad}{}{pad}{fence}", line.replace('|', "\\|"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn rendered(template: &'static str, name: &'static str, text: &str) -> Result<String, tera::Error> {
        let tera = load(&[(name, template)])?;
        tera.render(name, &Context::from_serialize(&BTreeMap::from([("text", text)]))?)
    }

    #[test]
    fn every_template_of_this_build_is_valid() {
        let tera = engine().unwrap();
        assert_eq!(tera.get_template_names().count(), TEMPLATES.len());
    }

    #[test]
    fn a_missing_name_is_an_error_and_a_present_one_is_not() {
        assert!(rendered("{{ other }}", "a.xml", "x").is_err());
        assert!(rendered("{{ text.other }}", "a.xml", "x").is_err());
        assert_eq!(rendered("{{ text }}", "a.xml", "x").unwrap(), "x");
        assert!(render("report/none", &()).is_err(), "no such template");
    }

    #[test]
    fn markup_and_what_xml_does_not_know_cannot_get_through() {
        let hostile = "<a b='\"'>&]]>\u{0}\u{1b}\u{fffe}\r";
        let escaped = "&lt;a b=&#39;&quot;&#39;&gt;&amp;]]&gt;\u{fffd}\u{fffd}\u{fffd}&#13;";
        assert_eq!(rendered("{{ text }}", "a.xml", hostile).unwrap(), escaped);
        assert_eq!(rendered("{{ text }}", "a.html", hostile).unwrap(), escaped);
        assert_eq!(rendered("{{ text }}", "a.xml", "plain ä\t\n").unwrap(), "plain ä\t\n");
    }

    #[test]
    fn markdown_is_kept_to_its_cell() {
        assert_eq!(rendered("{{ text | md }}", "a.md", "a|b\n<i>_x_").unwrap(), "a\\|b \\<i\\>\\_x\\_");
        assert_eq!(rendered("{{ text | code }}", "a.md", "a`b|c\n").unwrap(), "``a`b\\|c ``");
        assert_eq!(rendered("{{ text | code }}", "a.md", "plain").unwrap(), "`plain`");
        assert_eq!(rendered("{{ text | prose }}", "a.md", "set `a_b` *now*").unwrap(), "set `a_b` \\*now\\*");
        assert_eq!(
            rendered("{{ text | prose }}", "a.md", "one ` and `` more").unwrap(),
            "one \\` and \\`\\` more"
        );
    }
}
