//! Who is scored: respondents of one observed group, read some at a time.

use std::ops::Range;

use crate::data::Data;
use crate::error::Result;
use crate::patterns::{MISSING, RowCoder, UNKNOWN_CLASS};

/// Writes the codes `(n, I_g)` of some respondents over those of others.
pub(super) type ReadCodes<'a> = dyn Fn(Range<usize>, &mut Vec<u8>) -> Result<()> + Sync + 'a;

/// Respondents of one observed group.
#[derive(Clone, Copy)]
pub(super) enum Respondents<'a> {
    /// The distinct patterns of the group.
    Patterns { data: &'a Data, observed: usize },
    /// Respondents whose codes of the group's items are read when they are needed, [`MISSING`] where there is no answer.
    Codes(&'a ReadCodes<'a>),
}

/// Some of them, consecutive.
pub(super) struct Chunk<'a> {
    respondents: Respondents<'a>,
    range: Range<usize>,
    /// `(n, I_g)`; empty for patterns.
    codes: Vec<u8>,
}

impl<'a> Respondents<'a> {
    /// Reads some of them.
    ///
    /// # Errors
    /// Those of the function that reads codes.
    pub fn chunk(self, range: Range<usize>) -> Result<Chunk<'a>> {
        let mut codes = Vec::new();
        if let Self::Codes(read) = self {
            read(range.clone(), &mut codes)?;
        }
        Ok(Chunk { respondents: self, range, codes })
    }
}

impl Chunk<'_> {
    /// One respondent.
    pub fn of_one(codes: Vec<u8>) -> Chunk<'static> {
        Chunk { respondents: Respondents::Codes(&|_, _| Ok(())), range: 0..1, codes }
    }

    /// The answers of the respondent at a place in the chunk: positions among the group's items, ascending, with
    /// categories; and the class, where it is known.
    pub fn answers(&self, at: usize) -> (u16, Vec<(usize, u8)>) {
        match self.respondents {
            Respondents::Patterns { data, observed } => {
                let pattern = self.range.start + at;
                (data.known_class_of(observed, pattern), data.answers_of(observed, pattern))
            }
            Respondents::Codes(_) => {
                let n_items = self.codes.len() / self.range.len();
                let codes = self.codes[at * n_items..(at + 1) * n_items].iter().copied().enumerate();
                (UNKNOWN_CLASS, codes.filter(|(_, code)| *code != MISSING).collect())
            }
        }
    }

    /// Appends the rows of all in a complete dictionary, with the ends of their lists.
    pub fn push_rows(&self, coder: &RowCoder, (ptr, ids): (&mut Vec<usize>, &mut Vec<u32>)) {
        match self.respondents {
            Respondents::Patterns { .. } => {
                for at in 0..self.range.len() {
                    let (known_class, answers) = self.answers(at);
                    coder.push(known_class, answers.into_iter(), ids);
                    ptr.push(ids.len());
                }
            }
            Respondents::Codes(_) => coder.push_codes(self.range.len(), &self.codes, (ptr, ids)),
        }
    }
}
