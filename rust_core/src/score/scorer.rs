//! A scorer made once, for respondents of all times.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::estimate::Estimator;
use super::group::GroupScorer;
use super::{Method, Scores, impossible, score};
use rayon::prelude::*;

use crate::data::{Data, Responses};
use crate::error::{Error, Result};
use crate::expected::{Placed, place};
use crate::patterns::{MISSING, UNKNOWN_CLASS};
use crate::spec::Model;

/// Rows that a thread checks at a time.
const ROWS_CHECKED: usize = 1 << 12;

/// A model at given parameters, tabulated for scoring. Immutable: any number of threads may share it.
///
/// Scores have the bits of [`score`](super::score): both take the same way, and a respondent's score does not depend on who
/// else is scored.
pub struct Scorer {
    model: Arc<Model>,
    x: Vec<f64>,
    values: Vec<f64>,
    placed: Vec<Placed>,
    method: Method,
    /// `M_i` of every item.
    n_categories: Vec<u8>,
    /// Per observed group; none where attributes are eliminated.
    groups: Vec<Option<GroupScorer>>,
    /// Per observed group: the position of each item of the model among the group's own.
    positions: Vec<Vec<Option<u32>>>,
}

impl Scorer {
    /// Tabulates the probabilities of all joint answers at the free parameters `x`.
    ///
    /// # Errors
    /// [`Error::Spec`] for weighted likelihood with several attributes.
    pub fn new(model: Arc<Model>, x: &[f64], method: Method) -> Result<Self> {
        method.check(&model)?;
        let values = model.table.expand(x);
        let placed = place(&model, &values);
        let n_groups = model.spec.groups.len();
        let groups = (0..n_groups).map(|observed| {
            if model.structures[observed].elimination.is_some() {
                return Ok(None);
            }
            GroupScorer::new(&Estimator::new(&model, observed, &placed, &values, method), false).map(Some)
        });
        let groups = groups.collect::<Result<_>>()?;
        let position = |observed: usize, item: usize| {
            let found = model.spec.groups[observed].items.binary_search(&item).ok()?;
            u32::try_from(found).ok()
        };
        let n_items = model.spec.items.len();
        let positions = (0..n_groups).map(|o| (0..n_items).map(|i| position(o, i)).collect()).collect();
        let n_categories = model.spec.items.iter().map(|item| item.n_categories as u8).collect();
        Ok(Self { x: x.to_vec(), values, placed, method, n_categories, groups, positions, model })
    }

    /// The model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The method.
    pub fn method(&self) -> Method {
        self.method
    }

    /// Scores respondents; their weights and known classes do not matter. Runs on the current Rayon pool.
    ///
    /// # Errors
    /// [`Error::Data`] as [`Data::new`]; [`Error::Estimation`] naming the first respondent whose responses cannot occur;
    /// [`Error::Interrupted`].
    pub fn score(&self, responses: &Responses, cancel: &AtomicBool) -> Result<Scores> {
        let known_groups = responses.group.is_none() && self.groups.len() == 1;
        match &self.groups[..] {
            [Some(group)] if known_groups && self.is_complete(0) => self.score_codes(group, responses, cancel),
            _ => score(&self.model, &Data::new(&self.model, responses)?, &self.x, self.method, cancel),
        }
    }

    /// Scores one respondent of an observed group by the codes `(I)` of all items.
    ///
    /// # Errors
    /// As [`Scorer::score`].
    pub fn score_one(&self, observed: usize, codes: &[u8]) -> Result<Scores> {
        self.check(codes, 0)?;
        let cancel = AtomicBool::new(false);
        let Some(Some(group)) = self.groups.get(observed) else {
            let group = u32::try_from(observed).map(|g| [g]).ok();
            let group = group.as_ref().map(<[u32; 1]>::as_slice);
            let responses = Responses { codes, n_respondents: 1, group, weights: None, known_class: None };
            return score(&self.model, &Data::new(&self.model, &responses)?, &self.x, self.method, &cancel);
        };
        let positions = &self.positions[observed];
        let mut answers = Vec::with_capacity(codes.len());
        for (item, &code) in codes.iter().enumerate().filter(|(_, code)| **code != MISSING) {
            let Some(position) = positions[item] else { return Err(self.not_in_group(observed, item)) };
            answers.push((position as usize, code));
        }
        let estimator = self.estimator(observed);
        let mut scores = Scores::new(&self.model, 1);
        group.score(&estimator, |_| (UNKNOWN_CLASS, answers.iter().copied()), &mut scores, &cancel)?;
        if scores.log_probability[0] == f64::NEG_INFINITY {
            return Err(impossible(&self.model, observed, 0));
        }
        Ok(scores)
    }

    /// Whether a group has all items.
    fn is_complete(&self, observed: usize) -> bool {
        self.positions[observed].iter().all(Option::is_some)
    }

    fn estimator(&self, observed: usize) -> Estimator<'_> {
        Estimator::new(&self.model, observed, &self.placed, &self.values, self.method)
    }

    fn score_codes(&self, group: &GroupScorer, responses: &Responses, cancel: &AtomicBool) -> Result<Scores> {
        let n_items = self.model.spec.items.len();
        let n = responses.n_respondents;
        if responses.codes.len() != n * n_items {
            let found = responses.codes.len();
            return Err(Error::Data(format!("{found} codes do not make {n} rows of {n_items} items")));
        }
        let codes_of = |row: usize| &responses.codes[row * n_items..(row + 1) * n_items];
        (0..n).into_par_iter().with_min_len(ROWS_CHECKED).try_for_each(|row| self.check(codes_of(row), row))?;
        let mut scores = Scores::new(&self.model, n);
        let respondent = |row: usize| {
            (UNKNOWN_CLASS, codes_of(row).iter().copied().enumerate().filter(|&(_, code)| code != MISSING))
        };
        group.score(&self.estimator(0), respondent, &mut scores, cancel)?;
        match scores.log_probability.iter().position(|&p| p == f64::NEG_INFINITY) {
            Some(row) => Err(impossible(&self.model, 0, row)),
            None => Ok(scores),
        }
    }

    /// Refuses a code that is no category of its item.
    fn check(&self, codes: &[u8], row: usize) -> Result<()> {
        let are_categories = codes.len() == self.n_categories.len()
            && codes.iter().zip(&self.n_categories).fold(true, |all, (&code, &m)| all & (code < m || code == MISSING));
        if are_categories {
            return Ok(());
        }
        let items = &self.model.spec.items;
        if codes.len() != items.len() {
            return Err(Error::Data(format!("{} codes were given for {} items", codes.len(), items.len())));
        }
        let bad =
            codes.iter().zip(items).find(|(code, item)| **code != MISSING && usize::from(**code) >= item.n_categories);
        bad.map_or(Ok(()), |(code, item)| {
            let (name, largest) = (&item.name, item.n_categories - 1);
            Err(Error::Data(format!(
                "row {row}, item '{name}': the response is {code}; the categories are 0 to {largest}"
            )))
        })
    }

    fn not_in_group(&self, observed: usize, item: usize) -> Error {
        Error::Data(format!(
            "item '{}' was answered, which is not in the item set of group '{}'; make the answer missing",
            self.model.spec.items[item].name, self.model.spec.groups[observed].name
        ))
    }
}
