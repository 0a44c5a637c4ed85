//! What a secret must look like, and how it is written at its target.

use std::fmt;
use std::str::FromStr;

use model::Secret;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// What a secret must look like. Checked before anything is changed, so that a wrong file is found early.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// Any bytes.
    #[default]
    Any,
    /// One line of printable text of at least this many characters.
    Password {
        /// The fewest characters.
        at_least: usize,
    },
    /// A PEM block whose label ends in `PRIVATE KEY`, not encrypted.
    PrivateKey,
    /// One or more PEM blocks labelled `CERTIFICATE`.
    Certificates,
    /// Exactly this many bytes.
    Bytes {
        /// How many.
        exactly: usize,
    },
}

/// How a secret is written at its target.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// The bytes as they are.
    #[default]
    File,
    /// An env file with this one variable, for services that read no files.
    Env {
        /// The variable's name.
        variable: String,
    },
}

/// What is wrong with a secret; never repeats it.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ShapeError {
    /// It is not what was declared.
    #[error("expected {0}")]
    Expected(String),
    /// It cannot be given as a variable.
    #[error("it cannot be an environment variable: {0}")]
    Env(&'static str),
}

impl Shape {
    /// Whether a value has this shape.
    ///
    /// # Errors
    /// What was expected, without the value.
    pub fn check(&self, secret: &Secret) -> Result<(), ShapeError> {
        let bytes = secret.expose();
        let (fits, wanted) = match self {
            Self::Any => (true, String::new()),
            Self::Password { at_least } => {
                let text = std::str::from_utf8(bytes).unwrap_or_default();
                let line = text.strip_suffix('\n').unwrap_or(text);
                let fits =
                    line.chars().count() >= *at_least && !line.is_empty() && !line.contains(char::is_control);
                (fits, format!("one line of at least {at_least} printable characters"))
            }
            Self::PrivateKey => {
                let labels = labels(bytes);
                let fits = labels.iter().filter(|label| label.ends_with("PRIVATE KEY")).count() == 1
                    && !labels.iter().any(|label| label.starts_with("ENCRYPTED"));
                (fits, "one PEM private key without a passphrase".to_owned())
            }
            Self::Certificates => {
                let labels = labels(bytes);
                let fits = !labels.is_empty() && labels.iter().all(|label| *label == "CERTIFICATE");
                (fits, "PEM certificates".to_owned())
            }
            Self::Bytes { exactly } => (bytes.len() == *exactly, format!("exactly {exactly} bytes")),
        };
        if fits { Ok(()) } else { Err(ShapeError::Expected(wanted)) }
    }
}

/// The labels of the complete PEM blocks in some bytes (RFC 7468).
fn labels(bytes: &[u8]) -> Vec<&str> {
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    let label = |line: &'_ str, mark: &str| -> Option<std::ops::Range<usize>> {
        let start = mark.len();
        (line.starts_with(mark) && line.ends_with("-----") && line.len() >= start + 5)
            .then(|| start..line.len() - 5)
    };
    let mut found = Vec::new();
    let mut open: Option<&str> = None;
    for line in text.lines().map(str::trim_end) {
        if let Some(range) = label(line, "-----BEGIN ") {
            open = Some(&line[range]);
        } else if let Some(range) = label(line, "-----END ") {
            found.extend(open.take().filter(|begun| *begun == &line[range.clone()]));
        }
    }
    found
}

impl Form {
    /// The bytes to lie at the target.
    ///
    /// # Errors
    /// When the value cannot be written as an env file that every reader takes literally.
    pub fn render(&self, secret: &Secret) -> Result<Secret, ShapeError> {
        let Self::Env { variable } = self else {
            return Ok(secret.clone());
        };
        let name_fits = variable.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && variable.chars().all(|other| other.is_ascii_alphanumeric() || other == '_');
        if !name_fits {
            return Err(ShapeError::Env("the variable's name may only hold letters, digits and `_`"));
        }
        let value = secret.expose();
        let value = value.strip_suffix(b"\n").unwrap_or(value);
        if value.iter().any(|byte| matches!(byte, 0 | b'\n' | b'\r' | b'\'')) {
            return Err(ShapeError::Env(
                "it holds a line break, a zero byte or a single quote; mount it as a file",
            ));
        }
        // Single quotes: the one form in which Compose's env files expand nothing.
        let mut line = Zeroizing::new(Vec::with_capacity(variable.len() + value.len() + 4));
        line.extend_from_slice(variable.as_bytes());
        line.extend_from_slice(b"='");
        line.extend_from_slice(value);
        line.extend_from_slice(b"'\n");
        Ok(Secret::new(std::mem::take(&mut *line)))
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File => f.write_str("file"),
            Self::Env { variable } => write!(f, "env {variable}"),
        }
    }
}

impl FromStr for Form {
    type Err = ShapeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(' ') {
            None if text == "file" => Ok(Self::File),
            Some(("env", variable)) => Ok(Self::Env { variable: variable.to_owned() }),
            _ => Err(ShapeError::Expected("`file` or `env NAME`".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(text.as_bytes().to_vec())
    }

    #[test]
    fn shapes_accept_their_own_and_refuse_others() {
        let key = "-----BEGIN PRIVATE KEY-----\nMC4=\n-----END PRIVATE KEY-----\n";
        let locked = key.replace("PRIVATE", "ENCRYPTED PRIVATE");
        let certificate = key.replace("PRIVATE KEY", "CERTIFICATE");
        let cases = [
            (Shape::Any, "\0", true),
            (Shape::Password { at_least: 4 }, "four\n", true),
            (Shape::Password { at_least: 5 }, "four\n", false),
            (Shape::Password { at_least: 1 }, "two\nlines", false),
            (Shape::Password { at_least: 0 }, "\n", false),
            (Shape::PrivateKey, key, true),
            (Shape::PrivateKey, &locked, false),
            (Shape::PrivateKey, &certificate, false),
            (Shape::PrivateKey, &key[..40], false),
            (Shape::PrivateKey, &key.repeat(2), false),
            (Shape::Certificates, &certificate.repeat(2), true),
            (Shape::Certificates, key, false),
            (Shape::Bytes { exactly: 3 }, "abc", true),
            (Shape::Bytes { exactly: 3 }, "abcd", false),
        ];
        for (shape, text, fits) in cases {
            assert_eq!(shape.check(&secret(text)).is_ok(), fits, "{shape:?} {text:?}");
        }
    }

    #[test]
    fn env_files_hold_the_value_literally_or_not_at_all() {
        let form = Form::Env { variable: "TOKEN".to_owned() };
        assert_eq!(form.render(&secret("a $b \"c\" #d\n")).unwrap().expose(), b"TOKEN='a $b \"c\" #d'\n");
        for bad in ["it's", "two\nlines", "nul\0", "cr\r"] {
            assert!(form.render(&secret(bad)).is_err(), "{bad:?}");
        }
        assert!(Form::Env { variable: "A B".to_owned() }.render(&secret("x")).is_err());
        assert_eq!(form.to_string().parse(), Ok(form));
        assert_eq!("file".parse(), Ok(Form::File));
    }
}
