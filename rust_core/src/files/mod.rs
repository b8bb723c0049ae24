//! Model files: what `Result.save` writes in Python, read and scored with from Rust alone.
//!
//! The format is described in `docs/model-file.md`, its schema in `docs/schema`. A file is data of unknown origin: whatever
//! is in it, reading gives a model or an [`Error::File`] that says what is wrong.
//!
//! ```no_run
//! use mixirt_core::{files::SavedModel, score::Method};
//!
//! # fn main() -> mixirt_core::Result<()> {
//! let saved = SavedModel::load("m.json".as_ref())?;
//! let codes = ["1", "0", "", "1", "1"].iter().enumerate();
//! let codes: Vec<u8> = codes.map(|(item, answer)| saved.code(item, answer)).collect::<Result<_, _>>()?;
//! let scores = saved.scorer(Method::Eap)?.score_one(0, &codes)?;
//! println!("{} +- {}", scores.theta[0], scores.covariance[0].sqrt());
//! # Ok(())
//! # }
//! ```

mod json;
mod read;
mod section;

use std::fmt;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::patterns::MISSING;
use crate::score::{Method, Scorer};
use crate::spec::Model;
use section::Section;

/// The schema that is read; older ones there are none.
const SCHEMA: i64 = 1;
/// Larger files are no model files.
const MAX_BYTES: u64 = 1 << 30;

/// The user's name of a category or group, with its type.
#[derive(Debug, Clone, PartialEq)]
pub enum Label {
    /// Text.
    Text(String),
    /// A whole number.
    Whole(i64),
    /// Any number.
    Number(f64),
    /// A truth value.
    Bool(bool),
}

impl Label {
    /// Whether a text, from a table without types, means this label: the text itself, or the same number or truth value.
    pub fn is_meant_by(&self, text: &str) -> bool {
        match self {
            Self::Text(label) => label == text,
            Self::Whole(label) => text.parse::<f64>().is_ok_and(|x| x == *label as f64),
            Self::Number(label) => text.parse::<f64>().is_ok_and(|x| x == *label),
            Self::Bool(label) => text.eq_ignore_ascii_case(if *label { "true" } else { "false" }),
        }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text}"),
            Self::Whole(x) => write!(f, "{x}"),
            Self::Number(x) => write!(f, "{x:?}"),
            Self::Bool(x) => write!(f, "{x}"),
        }
    }
}

/// A fitted model from a file.
pub struct SavedModel {
    /// The model.
    pub model: Arc<Model>,
    /// The estimates of its free parameters.
    pub x: Vec<f64>,
    /// Per item, the user's values of the categories.
    pub categories: Vec<Vec<Label>>,
    /// The observed groups.
    pub groups: Vec<Label>,
}

impl SavedModel {
    /// Reads a file.
    ///
    /// # Errors
    /// [`Error::File`] where it cannot be read, or as [`SavedModel::parse`].
    pub fn load(path: &Path) -> Result<Self> {
        let named = |what: String| Error::File(format!("{} {what}", path.display()));
        let mut text = Vec::new();
        let file = std::fs::File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut text));
        file.map_err(|error| named(format!("cannot be read: {error}")))?;
        if text.len() as u64 > MAX_BYTES {
            return Err(named(format!("is larger than {MAX_BYTES} bytes, so it is no model file")));
        }
        Self::parse(&text).map_err(|error| named(error.to_string()))
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// [`Error::File`] where it is no model file, is damaged, was written by a later version, or holds what no model can be.
    pub fn parse(text: &[u8]) -> Result<Self> {
        let document = json::parse(text)?;
        let envelope = Section::new(&document, "the file");
        if envelope.text("format").ok() != Some("mixirt-model") {
            return Err(Error::File("is no model file: it does not say \"format\": \"mixirt-model\"".into()));
        }
        let schema = envelope.whole("schema", 1, i64::MAX)?;
        if schema > SCHEMA {
            return Err(Error::File(format!(
                "has schema {schema}, of a later version of mixirt; this version reads schemas up to {SCHEMA}: upgrade mixirt"
            )));
        }
        let content = envelope.get("content")?;
        if envelope.text("checksum")? != content.checksum() {
            return Err(Error::File("is damaged or was changed: its checksum does not match its content".into()));
        }
        read::model(content).map_err(|error| match error {
            Error::File(_) => error,
            // The parts are right one by one, but make no model together.
            other => Error::File(format!("holds a model that cannot be: {other}")),
        })
    }

    /// A scorer of the model.
    ///
    /// # Errors
    /// As [`Scorer::new`].
    pub fn scorer(&self, method: Method) -> Result<Scorer> {
        Scorer::new(Arc::clone(&self.model), &self.x, method)
    }

    /// The code of an answer to an item that comes as text; an empty one is missing.
    ///
    /// # Errors
    /// [`Error::Data`] where there is no such item, or the answer is not among its categories.
    pub fn code(&self, item: usize, answer: &str) -> Result<u8> {
        if answer.is_empty() {
            return Ok(MISSING);
        }
        let Some(labels) = self.categories.get(item) else {
            return Err(Error::Data(format!("there is no item {item}: the model has {}", self.categories.len())));
        };
        let code = labels.iter().position(|label| label.is_meant_by(answer));
        code.and_then(|code| u8::try_from(code).ok()).ok_or_else(|| {
            let known: Vec<String> = labels.iter().map(Label::to_string).collect();
            Error::Data(format!(
                "item '{}': '{answer}' is not among its categories {}; leave a missing answer empty",
                self.model.spec.items[item].name,
                known.join(", ")
            ))
        })
    }

    /// The observed group that a text means.
    ///
    /// # Errors
    /// [`Error::Data`] listing the known ones.
    pub fn group(&self, text: &str) -> Result<usize> {
        self.groups.iter().position(|label| label.is_meant_by(text)).ok_or_else(|| {
            let known: Vec<String> = self.groups.iter().map(|label| format!("'{label}'")).collect();
            Error::Data(format!("unknown group '{text}'; known: {}", known.join(", ")))
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::SavedModel;
    use super::json::{Value, parse};
    use crate::error::Error;

    const FILES: [&str; 4] = [
        include_str!("../../tests/model_files/groups.json"),
        include_str!("../../tests/model_files/bifactor.json"),
        include_str!("../../tests/model_files/mixture.json"),
        include_str!("../../tests/model_files/labels.json"),
    ];

    /// The file with another content, and a checksum that is right.
    fn sealed(content: &Value) -> String {
        let checksum = content.checksum();
        let mut text = String::new();
        content.write(&mut text);
        format!("{{\"format\": \"mixirt-model\", \"schema\": 1, \"checksum\": \"{checksum}\", \"content\": {text}}}")
    }

    fn content(file: &str) -> Value {
        parse(file.as_bytes()).unwrap().get("content").unwrap().clone()
    }

    fn replacement() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            Just(Value::Bool(true)),
            (-3..400_i64).prop_map(Value::Whole),
            any::<i64>().prop_map(Value::Whole),
            (-1e3..1e3).prop_map(Value::Number),
            Just(Value::Number(1e300)),
            Just(Value::Number(-0.0)),
            "[a-z]{0,8}".prop_map(Value::Text),
            Just(Value::List(Vec::new())),
            Just(Value::List(vec![Value::Whole(0), Value::Whole(1)])),
            Just(Value::Object(Vec::new())),
        ]
    }

    /// Replaces the node that a walk by `steps` ends at.
    fn replace(value: &mut Value, steps: &[usize], by: Value) {
        let Some((&step, rest)) = steps.split_first() else {
            *value = by;
            return;
        };
        match value {
            Value::List(values) if !values.is_empty() => {
                let n = values.len();
                replace(&mut values[step % n], rest, by);
            }
            Value::Object(members) if !members.is_empty() => {
                let n = members.len();
                replace(&mut members[step % n].1, rest, by);
            }
            _ => *value = by,
        }
    }

    #[test]
    fn a_content_sealed_again_is_read() {
        for file in FILES {
            assert!(SavedModel::parse(sealed(&content(file)).as_bytes()).is_ok());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(600) })]

        #[test]
        fn whatever_is_in_a_file_nothing_panics(
            file in 0..FILES.len(),
            part in 0..2_usize,
            steps in prop::collection::vec(any::<u16>(), 1..4),
            by in replacement(),
        ) {
            let mut content = content(FILES[file]);
            let Value::Object(members) = &mut content else { unreachable!() };
            let part = ["design", "parameters"][part];
            let section = members.iter_mut().find(|(name, _)| name == part).unwrap();
            let steps: Vec<usize> = steps.into_iter().map(usize::from).collect();
            replace(&mut section.1, &steps, by);
            if let Err(error) = SavedModel::parse(sealed(&content).as_bytes()) {
                prop_assert!(matches!(error, Error::File(_)), "{error:?}");
            }
        }
    }
}
