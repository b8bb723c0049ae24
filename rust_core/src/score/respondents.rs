//! Who is scored: respondents of one observed group, read some at a time.

use std::ops::Range;

use crate::data::Data;
use crate::error::Result;
use crate::patterns::{MISSING, RowCoder, UNKNOWN_CLASS};

/// Writes the codes `(n, I_g)` of some respondents over those of others.
pub(super) type ReadCodes<'a> = dyn Fn(Range<usize>, &mut Vec<u8>) -> Result<()> + Sync + 'a;

/// Groups of more items are not read code by code: most respondents have seen few of them.
const MAX_ITEMS_READ: usize = 1024;

/// Respondents of one observed group.
#[derive(Clone, Copy)]
pub(super) enum Respondents<'a> {
    /// The distinct patterns of the group; `known` where some of them are known to be in a class.
    Patterns { data: &'a Data, observed: usize, known: bool },
    /// Respondents whose codes of the group's items are read when they are needed, [`MISSING`] where there is no answer.
    Codes(&'a ReadCodes<'a>),
}

/// Some of them, consecutive.
pub(super) struct Chunk<'a> {
    respondents: Respondents<'a>,
    range: Range<usize>,
    /// `(n, I_g)`, where codes say all that there is to know.
    codes: Option<Vec<u8>>,
}

impl<'a> Respondents<'a> {
    /// Reads some of them.
    ///
    /// # Errors
    /// Those of the function that reads codes.
    pub fn chunk(self, range: Range<usize>) -> Result<Chunk<'a>> {
        let mut codes = Vec::new();
        let codes = match self {
            Self::Patterns { data, observed, known } => {
                let n_items = data.n_items_of(observed);
                let is_read = !known && n_items <= MAX_ITEMS_READ;
                is_read.then(|| {
                    codes.resize(range.len() * n_items, MISSING);
                    let of_patterns = codes.chunks_exact_mut(n_items.max(1));
                    range.clone().zip(of_patterns).for_each(|(p, codes)| data.write_codes_of(observed, p, codes));
                    codes
                })
            }
            Self::Codes(read) => {
                read(range.clone(), &mut codes)?;
                Some(codes)
            }
        };
        Ok(Chunk { respondents: self, range, codes })
    }
}

impl Chunk<'_> {
    /// One respondent.
    pub fn of_one(codes: Vec<u8>) -> Chunk<'static> {
        Chunk { respondents: Respondents::Codes(&|_, _| Ok(())), range: 0..1, codes: Some(codes) }
    }

    /// The answers of the respondent at a place in the chunk: positions among the group's items, ascending, with
    /// categories; and the class, where it is known.
    pub fn answers(&self, at: usize) -> (u16, Vec<(usize, u8)>) {
        match (&self.codes, self.respondents) {
            (None, Respondents::Patterns { data, observed, .. }) => {
                let pattern = self.range.start + at;
                (data.known_class_of(observed, pattern), data.answers_of(observed, pattern))
            }
            (codes, _) => {
                let codes = codes.as_deref().unwrap_or_default();
                let n_items = codes.len() / self.range.len();
                let codes = codes[at * n_items..(at + 1) * n_items].iter().copied().enumerate();
                (UNKNOWN_CLASS, codes.filter(|(_, code)| *code != MISSING).collect())
            }
        }
    }

    /// Appends the rows of all in a complete dictionary, with the ends of their lists.
    pub fn push_rows(&self, coder: &RowCoder, (ptr, ids): (&mut Vec<usize>, &mut Vec<u32>)) {
        if let Some(codes) = &self.codes {
            return coder.push_codes(self.range.len(), codes, (ptr, ids));
        }
        for at in 0..self.range.len() {
            let (known_class, answers) = self.answers(at);
            coder.push(known_class, answers.into_iter(), ids);
            ptr.push(ids.len());
        }
    }
}
