//! JSON without its loopholes: no repeated keys, no numbers beyond 64 bits; and its canonical form.

use std::collections::HashSet;
use std::fmt::{self, Write};

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// A value as the file has it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Whole(i64),
    Number(f64),
    Text(String),
    List(Vec<Value>),
    Object(Vec<(String, Value)>),
}

/// Reads a text.
///
/// # Errors
/// [`Error::File`] where it is no JSON in UTF-8, has a key twice in an object or a number that does not fit 64 bits.
pub(super) fn parse(text: &[u8]) -> Result<Value> {
    serde_json::from_slice(text).map_err(|error| Error::File(format!("is not JSON, or not all of it: {error}")))
}

impl Value {
    /// A member of an object.
    pub fn get(&self, name: &str) -> Option<&Value> {
        match self {
            Self::Object(members) => members.iter().find(|(key, _)| key == name).map(|(_, value)| value),
            _ => None,
        }
    }

    /// `"sha256:"` and the SHA-256 of the canonical form: keys sorted, no white space, floats as Python's `repr` has them.
    pub fn checksum(&self) -> String {
        let mut text = String::new();
        self.write(&mut text);
        let mut digest = String::from("sha256:");
        for byte in Sha256::digest(text.as_bytes()) {
            // Writing to a string never fails.
            let _ = write!(digest, "{byte:02x}");
        }
        digest
    }

    /// Writes the canonical form.
    pub fn write(&self, to: &mut String) {
        match self {
            Self::Null => to.push_str("null"),
            Self::Bool(true) => to.push_str("true"),
            Self::Bool(false) => to.push_str("false"),
            Self::Whole(x) => to.push_str(&x.to_string()),
            Self::Number(x) => write_float(*x, to),
            Self::Text(text) => write_text(text, to),
            Self::List(values) => {
                to.push('[');
                for (i, value) in values.iter().enumerate() {
                    to.push_str(if i > 0 { "," } else { "" });
                    value.write(to);
                }
                to.push(']');
            }
            Self::Object(members) => {
                // The order of bytes in UTF-8 is that of code points.
                let mut sorted: Vec<_> = members.iter().collect();
                sorted.sort_by(|a, b| a.0.cmp(&b.0));
                to.push('{');
                for (i, (key, value)) in sorted.into_iter().enumerate() {
                    to.push_str(if i > 0 { "," } else { "" });
                    write_text(key, to);
                    to.push(':');
                    value.write(to);
                }
                to.push('}');
            }
        }
    }
}

/// The shortest digits that read back the same: positional for exponents from -4 to 15, else scientific.
fn write_float(x: f64, to: &mut String) {
    let scientific = format!("{x:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..16).contains(&exponent) {
        let positional = format!("{x}");
        to.push_str(&positional);
        to.push_str(if positional.contains('.') { "" } else { ".0" });
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        // Writing to a string never fails.
        let _ = write!(to, "{mantissa}e{sign}{:02}", exponent.unsigned_abs());
    }
}

/// Text with everything beyond ASCII escaped.
fn write_text(text: &str, to: &mut String) {
    to.push('"');
    for unit in text.encode_utf16() {
        match u8::try_from(unit) {
            Ok(b'"') => to.push_str("\\\""),
            Ok(b'\\') => to.push_str("\\\\"),
            Ok(b'\n') => to.push_str("\\n"),
            Ok(b'\r') => to.push_str("\\r"),
            Ok(b'\t') => to.push_str("\\t"),
            Ok(8) => to.push_str("\\b"),
            Ok(12) => to.push_str("\\f"),
            Ok(ascii @ 32..=127) => to.push(char::from(ascii)),
            _ => {
                let _ = write!(to, "\\u{unit:04x}");
            }
        }
    }
    to.push('"');
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> std::result::Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, x: bool) -> std::result::Result<Value, E> {
        Ok(Value::Bool(x))
    }

    fn visit_i64<E>(self, x: i64) -> std::result::Result<Value, E> {
        Ok(Value::Whole(x))
    }

    fn visit_u64<E: serde::de::Error>(self, x: u64) -> std::result::Result<Value, E> {
        i64::try_from(x).map(Value::Whole).map_err(|_| E::custom(format_args!("the number {x} is too large")))
    }

    fn visit_f64<E: serde::de::Error>(self, x: f64) -> std::result::Result<Value, E> {
        if x.is_finite() { Ok(Value::Number(x)) } else { Err(E::custom("a number is too large")) }
    }

    fn visit_str<E>(self, text: &str) -> std::result::Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> std::result::Result<Value, E> {
        Ok(Value::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> std::result::Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element()? {
            values.push(value);
        }
        Ok(Value::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Value, A::Error> {
        let mut members = Vec::new();
        let mut seen = HashSet::new();
        while let Some((key, value)) = map.next_entry::<String, Value>()? {
            if !seen.insert(key.clone()) {
                return Err(A::Error::custom(format_args!("the key {key:?} is twice in one object")));
            }
            members.push((key, value));
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_written_as_python_does() {
        let cases = [
            (1.0, "1.0"),
            (-0.0, "-0.0"),
            (0.1, "0.1"),
            (1e-4, "0.0001"),
            (1e-5, "1e-05"),
            (1.5e-7, "1.5e-07"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1.234_567_890_123_456_7e22, "1.2345678901234568e+22"),
            (5e-324, "5e-324"),
        ];
        for (x, expected) in cases {
            let mut text = String::new();
            write_float(x, &mut text);
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn text_is_escaped_as_python_does() {
        let mut text = String::new();
        write_text("a\"\\\n\u{7f}\u{1}é\u{1f600}", &mut text);
        assert_eq!(text, "\"a\\\"\\\\\\n\u{7f}\\u0001\\u00e9\\ud83d\\ude00\"");
    }

    #[test]
    fn the_order_of_keys_and_white_space_do_not_matter() {
        let (a, b) =
            (parse(b"{\"b\": 1.0, \"a\": [1, \"x\"]}").unwrap(), parse(b"{\"a\":[1,\"x\"],\"b\":1.0}").unwrap());
        assert_eq!(a.checksum(), b.checksum());
        assert_ne!(a.checksum(), parse(b"{\"b\": 1, \"a\": [1, \"x\"]}").unwrap().checksum());
    }

    #[test]
    fn loopholes_are_closed() {
        for text in ["{\"a\": 1, \"a\": 2}", "[1e999]", "[18446744073709551615]", "[NaN]", "[1,]", "{} x", "\u{feff}{}"]
        {
            assert!(matches!(parse(text.as_bytes()), Err(Error::File(_))), "{text}");
        }
        assert!(parse(&[b'"', 0xff, b'"']).is_err());
        assert!(parse("[".repeat(100_000).as_bytes()).is_err());
    }
}
