//! Strict reading of JSON from strangers: bounded depth, no duplicate keys, nothing after the end.

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use crate::refusal::Refusal;

/// The deepest nesting accepted.
const MAX_DEPTH: usize = 32;

/// Reads a document into a type after making sure that it has one meaning only.
///
/// # Errors
/// [`Refusal::Document`] when it is malformed, nested too deep, names a key twice, or is of another form.
pub(crate) fn parse<T: DeserializeOwned>(what: &str, bytes: &[u8]) -> Result<T, Refusal> {
    let refuse = |error: serde_json::Error| Refusal::document(what, error.to_string());
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    Unambiguous { depth: 0 }.deserialize(&mut reader).map_err(refuse)?;
    reader.end().map_err(refuse)?;
    serde_json::from_slice(bytes).map_err(refuse)
}

/// Walks a value and keeps nothing of it.
struct Unambiguous {
    depth: usize,
}

impl Unambiguous {
    fn deeper<E: serde::de::Error>(&self) -> Result<Self, E> {
        if self.depth == MAX_DEPTH {
            return Err(E::custom(format_args!("nested deeper than {MAX_DEPTH}")));
        }
        Ok(Self { depth: self.depth + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for Unambiguous {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Unambiguous {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(self.deeper()?)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let mut seen = HashSet::new();
        while let Some(key) = entries.next_key::<String>()? {
            if seen.contains(&key) {
                return Err(A::Error::custom(format_args!("the key `{key}` appears twice")));
            }
            seen.insert(key);
            entries.next_value_seed(self.deeper()?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn read(text: &str) -> Result<Value, Refusal> {
        parse("test", text.as_bytes())
    }

    #[test]
    fn one_meaning_is_accepted() {
        assert_eq!(read(r#"{"a":{"b":[1,2.5,null,true,"x"]},"b":{}}"#).unwrap()["a"]["b"][0], 1);
    }

    #[test]
    fn ambiguity_is_refused() {
        for bad in [r#"{"a":1,"a":2}"#, r#"{"x":[{"a":1,"\u0061":2}]}"#, "{} {}", "{", "[1,]", ""] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn depth_is_bounded_at_the_limit() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(read(&nested(MAX_DEPTH)).is_ok());
        assert!(read(&nested(MAX_DEPTH + 2)).is_err());
        assert!(read(&nested(100_000)).is_err());
    }
}
