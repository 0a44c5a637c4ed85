//! Values and their order: each control says what "stricter" means, so stricter is never judged as different.

use std::fmt;

use serde::{Deserialize, Deserializer, de};

/// A text or a whole number, as profiles write values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scalar(pub(crate) String);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Scalar;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a whole number")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Scalar, E> {
                Ok(Scalar(text.to_owned()))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Scalar, E> {
                Ok(Scalar(number.to_string()))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Scalar, E> {
                Ok(Scalar(number.to_string()))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// How a value that was seen must stand to the value that is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Order {
    #[default]
    Equals,
    AtMost,
    AtLeast,
    /// One of several, as `halt|single`, the first preferred.
    OneOf,
    /// A list with commas, none in it that the wanted list has not.
    Subset,
    /// Octal or symbolic, with at least these bits: the order of umask(2).
    Masks,
}

/// A wanted value with everything that would do as well.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Want<'a> {
    pub(crate) value: &'a str,
    pub(crate) order: Order,
    /// The lowest number allowed where `order` is `at-most`: often 1, because 0 switches the limit off.
    pub(crate) least: Option<i64>,
    /// Further words that are accepted.
    pub(crate) also: &'a [String],
}

impl Want<'_> {
    /// The value to write where none does.
    pub(crate) fn preferred(&self) -> &str {
        match self.order {
            Order::OneOf => self.value.split('|').next().unwrap_or_default().trim(),
            _ => self.value,
        }
    }

    /// What is wrong with it: an order over something that is not a number.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.order == Order::Masks {
            return mask(self.value)
                .map(drop)
                .ok_or_else(|| format!("`{}` is not a mask such as 027", self.value));
        }
        if matches!(self.order, Order::AtMost | Order::AtLeast) && numbers(self.value).is_none() {
            return Err(format!("`{}` is not a number, so nothing can be more or less than it", self.value));
        }
        if self.least.is_some() && self.order != Order::AtMost {
            return Err("`least` goes with `order = \"at-most\"`".to_owned());
        }
        Ok(())
    }

    /// Whether a value satisfies it. Words are compared without regard to case.
    pub(crate) fn admits(&self, seen: &str) -> bool {
        let seen = seen.trim();
        if self.also.iter().any(|word| word.eq_ignore_ascii_case(seen)) {
            return true;
        }
        if self.order == Order::OneOf {
            return self.value.split('|').any(|word| word.trim().eq_ignore_ascii_case(seen));
        }
        if self.order == Order::Subset {
            let wanted: Vec<_> = self.value.split(',').map(str::trim).collect();
            return seen
                .split(',')
                .all(|item| wanted.iter().any(|one| one.eq_ignore_ascii_case(item.trim())));
        }
        if self.order == Order::Masks {
            return mask(self.value).zip(mask(seen)).is_some_and(|(wanted, seen)| seen & wanted == wanted);
        }
        let pair = numbers(self.value).zip(numbers(seen));
        match (self.order, pair) {
            (Order::Equals, Some((wanted, seen))) => wanted == seen,
            (Order::Equals, None) => seen.eq_ignore_ascii_case(self.value),
            (Order::AtLeast, Some((wanted, seen))) => seen >= wanted,
            (Order::AtMost, Some((wanted, seen))) => {
                seen <= wanted && self.least.is_none_or(|least| seen >= least)
            }
            (Order::OneOf | Order::Subset | Order::Masks, _) | (_, None) => false,
        }
    }
}

impl fmt::Display for Want<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.order, self.least) {
            (Order::Equals, _) => f.write_str(self.value)?,
            (Order::OneOf, _) => f.write_str(&self.value.replace('|', " or "))?,
            (Order::Subset, _) => write!(f, "nothing beyond {}", self.value)?,
            (Order::AtLeast, _) => write!(f, "at least {}", self.value)?,
            (Order::Masks, _) => write!(f, "{} or stricter", self.value)?,
            (Order::AtMost, None) => write!(f, "at most {}", self.value)?,
            (Order::AtMost, Some(least)) => write!(f, "from {least} to {}", self.value)?,
        }
        self.also.iter().try_for_each(|word| write!(f, " or {word}"))
    }
}

/// The bits that a mask takes away: `027`, or what it leaves, as `u=rwx,g=rx,o=` (umask(1p)).
fn mask(text: &str) -> Option<u32> {
    if text.starts_with(|first: char| first.is_ascii_digit()) {
        return u32::from_str_radix(text, 8).ok().filter(|mask| *mask <= 0o777);
    }
    let mut left = 0;
    for clause in text.split(',') {
        let (who, what) = clause.split_once('=')?;
        let bits = what.chars().try_fold(0, |bits, letter| Some(bits | bit(letter)?))?;
        for class in who.chars() {
            left |= match class {
                'u' => bits << 6,
                'g' => bits << 3,
                'o' => bits,
                'a' => bits << 6 | bits << 3 | bits,
                _ => return None,
            };
        }
    }
    Some(0o777 & !left)
}

fn bit(letter: char) -> Option<u32> {
    match letter {
        'r' => Some(4),
        'w' => Some(2),
        'x' => Some(1),
        _ => None,
    }
}

fn numbers(text: &str) -> Option<i64> {
    text.trim().parse().ok()
}

/// A few things in one line, the rest counted.
pub(crate) fn few(things: &[String]) -> String {
    const SHOWN: usize = 5;
    let shown = things.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("; ");
    if things.len() > SHOWN { format!("{shown}; and {} more", things.len() - SHOWN) } else { shown }
}
