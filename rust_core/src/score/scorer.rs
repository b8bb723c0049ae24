//! A scorer made once, for respondents of all times.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rayon::prelude::*;

use super::group::{CHUNK, GroupScorer};
use super::respondents::{Chunk, Respondents};
use super::{Method, Scores, ScoresMut, Watch, impossible};
use crate::data::{Responses, rows_by_group};
use crate::encode::{self, Column};
use crate::error::{Error, Result};
use crate::expected::Parameters;
use crate::patterns::MISSING;
use crate::spec::Model;

/// Rows that a thread checks at a time.
const ROWS_CHECKED: usize = 1 << 12;

/// A model at given parameters, tabulated for scoring. Immutable: any number of threads may share it.
///
/// Scores have the bits of [`score`](super::score): both take the same way, and a respondent's score does not depend on who
/// else is scored.
pub struct Scorer {
    model: Arc<Model>,
    pub(super) parameters: Parameters,
    method: Method,
    /// `M_i` of every item.
    n_categories: Vec<u8>,
    /// Per observed group.
    pub(super) groups: Vec<GroupScorer>,
    /// Per observed group: the position of each item of the model among the group's own.
    positions: Vec<Vec<Option<u32>>>,
}

impl Scorer {
    /// Tabulates the probabilities of all joint answers at the free parameters `x`.
    ///
    /// # Errors
    /// None that a checked model at its estimates could cause.
    pub fn new(model: Arc<Model>, x: &[f64], method: Method) -> Result<Self> {
        let parameters = Parameters::at(&model, x);
        let n_groups = model.spec.groups.len();
        let group = |observed| GroupScorer::new((&model, observed, &parameters), method, false);
        let groups = (0..n_groups).map(group).collect::<Result<_>>()?;
        let position = |observed: usize, item: usize| {
            let found = model.spec.groups[observed].items.binary_search(&item).ok()?;
            u32::try_from(found).ok()
        };
        let n_items = model.spec.items.len();
        let positions = (0..n_groups).map(|o| (0..n_items).map(|i| position(o, i)).collect()).collect();
        let n_categories = model.spec.items.iter().map(|item| item.n_categories as u8).collect();
        Ok(Self { parameters, method, n_categories, groups, positions, model })
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
    /// [`Error::Data`] as [`Data::new`](crate::data::Data::new); [`Error::Estimation`] naming the first respondent whose responses cannot occur;
    /// [`Error::Interrupted`].
    pub fn score<'a>(&self, responses: &Responses, watch: impl Into<Watch<'a>>) -> Result<Scores> {
        let watch = watch.into();
        let n_items = self.model.spec.items.len();
        let mut scores = Scores::new(&self.model, responses.n_respondents);
        let Some(members) = self.members(responses)? else {
            let read = |rows: Range<usize>, codes: &mut Vec<u8>| {
                codes.extend_from_slice(&responses.codes[rows.start * n_items..rows.end * n_items]);
                Ok(())
            };
            self.groups[0]
                .score(Respondents::Codes(&read), scores.as_mut(), watch)?
                .map_or(Ok(()), |row| self.refuse(0, row))?;
            return Ok(scores);
        };
        let mut first_impossible = None;
        for (observed, rows) in members.iter().enumerate() {
            let items = &self.model.spec.groups[observed].items;
            let read = |some: Range<usize>, codes: &mut Vec<u8>| {
                let own =
                    rows[some].iter().flat_map(|&row| items.iter().map(move |item| row as usize * n_items + item));
                codes.extend(own.map(|cell| responses.codes[cell]));
                Ok(())
            };
            let mut of_group = Scores::new(&self.model, rows.len());
            let impossible = self.groups[observed].score(Respondents::Codes(&read), of_group.as_mut(), watch)?;
            let impossible = impossible.map(|r| (rows[r] as usize, observed));
            first_impossible = [first_impossible, impossible].into_iter().flatten().min();
            rows.iter().enumerate().for_each(|(r, &row)| scores.copy(row as usize, &of_group, r));
        }
        first_impossible.map_or(Ok(scores), |(row, observed)| self.refuse(observed, row))
    }

    /// Scores respondents of a model of one group that has all items by the `columns` of their answers, coding them on
    /// the way: no memory is taken besides `scores`. Runs on the current Rayon pool.
    ///
    /// # Errors
    /// As [`Scorer::score`]; [`Error::Data`] where the model has several groups.
    pub fn score_columns<'a>(
        &self,
        columns: &[Box<dyn Column + '_>],
        scores: ScoresMut,
        watch: impl Into<Watch<'a>>,
    ) -> Result<()> {
        let (n, n_items) = (encode::n_rows(columns)?, self.n_categories.len());
        if self.groups.len() != 1 || !self.is_complete(0) || columns.len() != n_items {
            let (n_groups, n_columns) = (self.groups.len(), columns.len());
            return Err(Error::Data(format!(
                "{n_columns} columns were given to score; they must be the {n_items} items of a model of one group, \
                 and this one has {n_groups}"
            )));
        }
        check_room(&self.model, n, &scores)?;
        let read = |rows: Range<usize>, codes: &mut Vec<u8>| {
            codes.resize(rows.len() * n_items, 0);
            encode::codes_of_rows(columns, rows.clone(), codes);
            rows.zip(codes.chunks_exact(n_items.max(1))).try_for_each(|(row, codes)| self.check(codes, row))
        };
        match self.groups[0].score(Respondents::Codes(&read), scores, watch.into()) {
            Ok(impossible) => impossible.map_or(Ok(()), |row| self.refuse(0, row)),
            // The first one, whichever thread came across one first.
            Err(Error::Data(found)) => {
                let mut codes = Vec::new();
                let again = |start: usize| read(start..(start + CHUNK).min(n), &mut codes);
                (0..n).step_by(CHUNK).try_for_each(again).and(Err(Error::Data(found)))
            }
            Err(other) => Err(other),
        }
    }

    fn refuse<T>(&self, observed: usize, row: usize) -> Result<T> {
        Err(impossible(&self.model, observed, row))
    }

    /// The rows of each observed group, once all codes are known to be right; nothing where there is one group that has all
    /// items.
    ///
    /// # Errors
    /// [`Error::Data`].
    pub(super) fn members(&self, responses: &Responses) -> Result<Option<Vec<Vec<u32>>>> {
        let n_items = self.model.spec.items.len();
        let n = responses.n_respondents;
        if responses.codes.len() != n * n_items {
            let found = responses.codes.len();
            return Err(Error::Data(format!("{found} codes do not make {n} rows of {n_items} items")));
        }
        let codes_of = |row: usize| &responses.codes[row * n_items..(row + 1) * n_items];
        (0..n).into_par_iter().with_min_len(ROWS_CHECKED).try_for_each(|row| self.check(codes_of(row), row))?;
        if responses.group.is_none() && self.groups.len() == 1 && self.is_complete(0) {
            return Ok(None);
        }
        let members = rows_by_group(responses.group, n, self.groups.len())?;
        for (observed, rows) in members.iter().enumerate() {
            let is_absent = |&(item, _): &(usize, u8)| self.positions[observed][item].is_none();
            let absent = |&row: &u32| Some((row as usize, self.given(responses, row as usize).find(is_absent)?.0));
            if let Some(found) = rows.iter().find_map(absent) {
                return Err(self.not_in_group(observed, found));
            }
        }
        Ok(Some(members))
    }

    /// The items that a respondent answered, and the answers.
    fn given<'a>(&self, responses: &Responses<'a>, row: usize) -> impl Iterator<Item = (usize, u8)> + 'a {
        let n_items = self.model.spec.items.len();
        let codes = &responses.codes[row * n_items..(row + 1) * n_items];
        codes.iter().copied().enumerate().filter(|&(_, code)| code != MISSING)
    }

    /// The group of a respondent, and the answers with the positions of the items in it; `members` were found before.
    pub(super) fn answers(&self, responses: &Responses, row: usize) -> (usize, Vec<(usize, u8)>) {
        let observed = responses.group.map_or(0, |group| group[row] as usize);
        let position = |(item, code)| Some((self.positions[observed][item]? as usize, code));
        (observed, self.given(responses, row).filter_map(position).collect())
    }

    /// Whether [`Scorer::score_one`] takes no more than some fifteen microseconds in an observed group, so that a caller had
    /// better not give up a lock meanwhile: to get it back from other threads takes as long.
    pub fn is_brief(&self, observed: usize) -> bool {
        self.groups.get(observed).is_none_or(GroupScorer::is_brief)
    }

    /// Scores one respondent of an observed group by the codes `(I)` of all items.
    ///
    /// # Errors
    /// As [`Scorer::score`].
    pub fn score_one(&self, observed: usize, codes: &[u8]) -> Result<Scores> {
        self.check(codes, 0)?;
        let cancel = AtomicBool::new(false);
        let Some(group) = self.groups.get(observed) else {
            let n = self.groups.len();
            return Err(Error::Data(format!("group {observed} was given, but the model has {n} groups")));
        };
        let items = &self.model.spec.groups[observed].items;
        let is_absent = |item: &usize| codes[*item] != MISSING && self.positions[observed][*item].is_none();
        if let Some(item) = (0..codes.len()).find(is_absent) {
            return Err(self.not_in_group(observed, (0, item)));
        }
        let chunk = Chunk::of_one(items.iter().map(|&item| codes[item]).collect());
        let mut scores = Scores::new(&self.model, 1);
        group.score_chunk(&chunk, &mut scores.as_mut(), (&cancel).into())?;
        if scores.log_probability[0] == f64::NEG_INFINITY {
            return self.refuse(observed, 0);
        }
        Ok(scores)
    }

    /// Whether a group has all items.
    fn is_complete(&self, observed: usize) -> bool {
        self.positions[observed].iter().all(Option::is_some)
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

    fn not_in_group(&self, observed: usize, (row, item): (usize, usize)) -> Error {
        Error::Data(format!(
            "row {row} answered item '{}', which is not in the item set of its group '{}'; make the answer missing",
            self.model.spec.items[item].name, self.model.spec.groups[observed].name
        ))
    }
}

/// Refuses room that is not that of the scores of `n` respondents.
fn check_room(model: &Model, n: usize, scores: &ScoresMut) -> Result<()> {
    let (j, c) = (model.spec.attributes.len(), model.spec.n_classes);
    let found =
        [&*scores.theta, &*scores.covariance, &*scores.class_probabilities, &*scores.log_probability].map(<[f64]>::len);
    if found == [n * j, n * j * j, n * c, n] {
        return Ok(());
    }
    Err(Error::Data(format!(
        "the arrays for the scores of {n} respondents have {found:?} elements; {n} x {j} estimates, as many rows of {j} x \
         {j} covariances, {c} class probabilities and one log-probability must fit"
    )))
}
