//! Members of an object, each checked for its type as it is taken.

use super::json::Value;
use crate::error::{Error, Result};

/// An object of the file, and where it stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Section<'a> {
    value: &'a Value,
    path: &'a str,
}

impl<'a> Section<'a> {
    pub fn new(value: &'a Value, path: &'a str) -> Self {
        Self { value, path }
    }

    pub fn wrong(&self, name: &str, what: &str) -> Error {
        Error::File(format!("is no valid model file: {}.{name} {what}", self.path))
    }

    pub fn get(&self, name: &str) -> Result<&'a Value> {
        self.value.get(name).ok_or_else(|| self.wrong(name, "is not there"))
    }

    pub fn text(&self, name: &str) -> Result<&'a str> {
        match self.get(name)? {
            Value::Text(text) => Ok(text),
            _ => Err(self.wrong(name, "must be text")),
        }
    }

    pub fn whole(&self, name: &str, least: i64, most: i64) -> Result<i64> {
        match self.get(name)? {
            Value::Whole(x) if (least..=most).contains(x) => Ok(*x),
            _ => Err(self.wrong(name, &format!("must be a whole number from {least} to {most}"))),
        }
    }

    pub fn list(&self, name: &str) -> Result<&'a [Value]> {
        match self.get(name)? {
            Value::List(values) => Ok(values),
            _ => Err(self.wrong(name, "must be a list")),
        }
    }

    /// A list of that length.
    pub fn entries(&self, name: &str, n: usize) -> Result<&'a [Value]> {
        let values = self.list(name)?;
        let found = values.len();
        if found == n { Ok(values) } else { Err(self.wrong(name, &format!("must have {n} entries; it has {found}"))) }
    }

    /// A list of different names.
    pub fn names(&self, name: &str) -> Result<Vec<String>> {
        let each = self.list(name)?.iter().map(|value| match value {
            Value::Text(text) => Ok(text.clone()),
            _ => Err(self.wrong(name, "must be a list of names")),
        });
        let names = each.collect::<Result<Vec<_>>>()?;
        let mut sorted: Vec<&String> = names.iter().collect();
        sorted.sort();
        if sorted.windows(2).any(|w| w[0] == w[1]) {
            return Err(self.wrong(name, "must not have a name twice"));
        }
        Ok(names)
    }

    /// Whole numbers, `n` of them.
    pub fn wholes(&self, name: &str, n: usize) -> Result<Vec<i64>> {
        let each = self.entries(name, n)?.iter().map(|value| match value {
            Value::Whole(x) => Ok(*x),
            _ => Err(self.wrong(name, "must be a list of whole numbers")),
        });
        each.collect()
    }

    /// Numbers, `null` where that stands for one.
    pub fn numbers(&self, name: &str, n: usize, null: Option<f64>) -> Result<Vec<f64>> {
        self.entries(name, n)?.iter().map(|value| self.number(name, value, null)).collect()
    }

    /// One number of a member.
    pub fn number(&self, name: &str, value: &Value, null: Option<f64>) -> Result<f64> {
        match (value, null) {
            (Value::Whole(x), _) => Ok(*x as f64),
            (Value::Number(x), _) => Ok(*x),
            (Value::Null, Some(null)) => Ok(null),
            _ => Err(self.wrong(name, "must be numbers")),
        }
    }

    /// Lists of ascending positions below `most`, `n` of them.
    pub fn positions(&self, name: &str, n: usize, most: usize) -> Result<Vec<Vec<usize>>> {
        let wrong = || self.wrong(name, "must be lists of ascending positions");
        let list = |value: &Value| -> Result<Vec<usize>> {
            let Value::List(values) = value else { return Err(wrong()) };
            let position = |value: &Value| match value {
                Value::Whole(x) => usize::try_from(*x).ok().filter(|x| *x < most).ok_or_else(wrong),
                _ => Err(wrong()),
            };
            let positions = values.iter().map(position).collect::<Result<Vec<usize>>>()?;
            if positions.is_sorted_by(|a, b| a < b) { Ok(positions) } else { Err(wrong()) }
        };
        self.entries(name, n)?.iter().map(list).collect()
    }
}
