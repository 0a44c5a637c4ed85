//! Reports: one value, read from the JSON document that a run leaves, and a writer for each format.
//!
//! Nothing here reads a file, a clock or the environment: the same document gives the same bytes. Identifiers that a
//! format wants are derived from what they name.

mod guide;
mod html;
mod ids;
mod junit;
mod matrix;
mod oscal;
mod prometheus;
mod report;
mod rows;
mod sarif;
pub mod text;
mod xccdf;

pub use guide::{Guide, Rule};
pub use report::{Past, Report, ReportError};

/// A form in which a report can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// Text for people.
    Text,
    /// The document itself.
    Json,
    /// One self-contained page: filter, search, trend, dark and light, printable.
    Html,
    /// SARIF 2.1.0 (OASIS).
    Sarif,
    /// JUnit's XML, as Jenkins reads it.
    Junit,
    /// An XCCDF 1.2 benchmark with its test result (NIST IR 7275r4).
    Xccdf,
    /// The Asset Reporting Format 1.1 (NIST IR 7694), holding the XCCDF result.
    Arf,
    /// OSCAL assessment results (NIST), in JSON.
    Oscal,
    /// Prometheus' text format, for the textfile collector of its node exporter.
    Prometheus,
    /// Requirement, control, evidence: a table in Markdown.
    Matrix,
}

impl Report {
    /// The report in a format.
    ///
    /// # Errors
    /// When a template or a number of this build does not fit the report.
    pub fn write(&self, format: Format) -> Result<Vec<u8>, ReportError> {
        let text = match format {
            Format::Text => text::whole(self, false),
            Format::Json => pretty(self.document())?,
            Format::Html => html::write(self)?,
            Format::Sarif => pretty(&sarif::write(self))?,
            Format::Junit => junit::write(self)?,
            Format::Xccdf => xccdf::write(self)?,
            Format::Arf => xccdf::write_arf(self)?,
            Format::Oscal => pretty(&oscal::write(self))?,
            Format::Prometheus => prometheus::write(self),
            Format::Matrix => matrix::write(self)?,
        };
        Ok(text.into_bytes())
    }
}

fn pretty(value: &serde_json::Value) -> Result<String, ReportError> {
    serde_json::to_string_pretty(value).map(|text| text + "\n").map_err(ReportError::Unwritable)
}
