//! Responses as the engine keeps them: the unique patterns of every observed group, and the E-step over them.

mod worker;

use std::borrow::Cow;

use crate::error::{Error, Result};
use crate::patterns::{
    AnswerLists, CodeMatrix, InnerItems, MISSING, Patterns, Selection, SparseSelection, UNKNOWN_CLASS,
};
use crate::spec::{GroupSpec, Model, Structure};
use crate::start::GroupSummary;

pub use worker::{Fold, Worker};

/// The responses of all respondents, coded, with what is known of each respondent.
#[derive(Debug, Clone, Copy, Default)]
pub struct Responses<'a> {
    /// `(N, I)`, row-major: the category of each response, or [`MISSING`].
    pub codes: &'a [u8],
    /// Number of respondents `N`.
    pub n_respondents: usize,
    /// Observed group of every respondent; all in the first when absent.
    pub group: Option<&'a [u32]>,
    /// Frequency or sampling weight of every respondent; 1 when absent.
    pub weights: Option<&'a [f64]>,
    /// Known latent class of every respondent: 0 when unknown, else class + 1.
    pub known_class: Option<&'a [u16]>,
}

/// The responses of all respondents as lists of answers: for item banks of which everybody saw a small part.
#[derive(Debug, Clone, Copy)]
pub struct LongResponses<'a> {
    /// The answers, respondent by respondent.
    pub answers: AnswerLists<'a>,
    /// As in [`Responses`].
    pub group: Option<&'a [u32]>,
    /// As in [`Responses`].
    pub weights: Option<&'a [f64]>,
    /// As in [`Responses`].
    pub known_class: Option<&'a [u16]>,
}

/// The unique patterns of every observed group. Made once, shared by all starts and threads.
#[derive(Debug, Clone, PartialEq)]
pub struct Data {
    patterns: Vec<Patterns>,
    /// Rows of the respondents of each group, in the order of the data.
    rows: Vec<Vec<u32>>,
    n_respondents: usize,
    sum_of_weights: f64,
}

impl Data {
    /// Collapses the responses to unique patterns, group by group.
    ///
    /// # Errors
    /// [`Error::Data`] where a code, group, class or weight is out of range, or an answer was given to an item that is
    /// not in its respondent's group.
    pub fn new(model: &Model, responses: &Responses) -> Result<Self> {
        let n_items = model.spec.items.len();
        let n = responses.n_respondents;
        if Some(responses.codes.len()) != n.checked_mul(n_items) {
            return Err(Error::Data(format!(
                "{} codes do not make {n} rows of {n_items} items",
                responses.codes.len()
            )));
        }
        check_classes(model, responses.known_class)?;
        let rows = rows_by_group(responses.group, n, model.spec.groups.len())?;
        let codes_of = |row: usize| responses.codes[row * n_items..][..n_items].iter().copied().enumerate();
        check_item_sets(model, &rows, |row| codes_of(row).filter(|&(_, code)| code != MISSING))?;
        let patterns = (0..rows.len()).map(|o| group_patterns(model, responses, &rows[o], o)).collect::<Result<_>>()?;
        let sum_of_weights = sum_of_weights(responses.weights, n)?;
        Ok(Self { patterns, rows, n_respondents: n, sum_of_weights })
    }

    /// As [`Data::new`], from lists of answers: the same patterns, in time and memory proportional to the answers.
    ///
    /// # Errors
    /// As [`Data::new`].
    pub fn from_answers(model: &Model, responses: &LongResponses) -> Result<Self> {
        let answers = &responses.answers;
        answers.check()?;
        let n_items = model.spec.items.len();
        if let Some(item) = answers.items.iter().find(|&&item| item as usize >= n_items) {
            return Err(Error::Data(format!("item {item} is out of range: there are {n_items} items")));
        }
        let n = answers.n_respondents();
        check_classes(model, responses.known_class)?;
        let rows = rows_by_group(responses.group, n, model.spec.groups.len())?;
        check_item_sets(model, &rows, |row| answers.of(row))?;
        let of_group = |(rows, (group, structure)): (&Vec<u32>, (&GroupSpec, &Structure))| {
            let n_categories: Vec<usize> = group.items.iter().map(|&i| model.spec.items[i].n_categories).collect();
            let LongResponses { answers, weights, known_class, .. } = *responses;
            let (items, n_categories) = (&group.items, &n_categories);
            let selection = SparseSelection { answers, rows, items, n_categories, weights, known_class };
            Patterns::of_answers(&selection, structure.layout.n_nodes(), eliminated_items(structure))
        };
        let groups = rows.iter().zip(model.spec.groups.iter().zip(&model.structures));
        let patterns = groups.map(of_group).collect::<Result<_>>()?;
        let sum_of_weights = sum_of_weights(responses.weights, n)?;
        Ok(Self { patterns, rows, n_respondents: n, sum_of_weights })
    }

    /// Number of respondents.
    pub fn n_respondents(&self) -> usize {
        self.n_respondents
    }

    /// Number of observed groups.
    pub fn n_groups(&self) -> usize {
        self.patterns.len()
    }

    /// Number of unique patterns, over all groups.
    pub fn n_patterns(&self) -> usize {
        self.patterns.iter().map(Patterns::len).sum()
    }

    /// Number of unique patterns of an observed group.
    pub fn n_patterns_of(&self, observed: usize) -> usize {
        self.patterns[observed].len()
    }

    /// Known latent class of one pattern of an observed group: 0 when unknown, else class + 1.
    pub fn known_class_of(&self, observed: usize, pattern: usize) -> u16 {
        self.patterns[observed].known_class(pattern)
    }

    /// Whether the latent class of anybody in an observed group is known.
    pub fn knows_classes(&self, observed: usize) -> bool {
        (0..self.n_patterns_of(observed)).any(|p| self.known_class_of(observed, p) != UNKNOWN_CLASS)
    }

    /// Sum of the weights: the number of observations for information criteria.
    pub fn sum_of_weights(&self) -> f64 {
        self.sum_of_weights
    }

    /// Sum of the weights of an observed group.
    pub(crate) fn sum_of_weights_of(&self, observed: usize) -> f64 {
        self.patterns[observed].n_gp().iter().sum()
    }

    /// Which latent classes some respondents are known to be in.
    pub fn known_classes(&self, n_classes: usize) -> Vec<bool> {
        let mut known = vec![false; n_classes];
        for patterns in &self.patterns {
            for class in (0..patterns.len()).map(|p| patterns.known_class(p)).filter(|&c| c != UNKNOWN_CLASS) {
                if let Some(known) = known.get_mut(usize::from(class) - 1) {
                    *known = true;
                }
            }
        }
        known
    }

    /// The answers of one pattern of an observed group: positions among the group's items, ascending, and categories.
    pub fn answers_of(&self, observed: usize, pattern: usize) -> Vec<(usize, u8)> {
        self.patterns[observed].answers_of(pattern)
    }

    /// The answers of one pattern of an observed group, in the order of the group's items.
    pub fn codes_of(&self, observed: usize, pattern: usize) -> Vec<u8> {
        let mut codes = vec![MISSING; self.n_items_of(observed)];
        self.write_codes_of(observed, pattern, &mut codes);
        codes
    }

    /// As [`Data::codes_of`], over `codes (I_g)`.
    pub(crate) fn write_codes_of(&self, observed: usize, pattern: usize, codes: &mut [u8]) {
        self.patterns[observed].codes_of(pattern, codes);
    }

    /// Number of items of an observed group.
    pub(crate) fn n_items_of(&self, observed: usize) -> usize {
        self.patterns[observed].n_categories().len()
    }

    /// Calls `f` with the items (positions among the group's) that a pattern of an observed group answers, and the answers.
    pub(crate) fn for_each_answer_of(&self, observed: usize, pattern: usize, f: impl FnMut(usize, u8)) {
        self.patterns[observed].for_each_answer(pattern, f);
    }

    /// Which items of an observed group some pattern may have no answer to.
    pub(crate) fn may_lack(&self, observed: usize) -> Vec<bool> {
        self.patterns[observed].may_lack()
    }

    /// Multiplications of an E-step in an observed group on `n_nodes` nodes, there and back; nodes come in vectors of 8.
    pub(crate) fn e_step_work(&self, observed: usize, n_nodes: usize) -> f64 {
        2.0 * self.patterns[observed].n_factors() as f64 * n_nodes.next_multiple_of(8) as f64
    }

    /// Row and pattern of every respondent of an observed group.
    pub fn respondents_of(&self, observed: usize) -> impl Iterator<Item = (usize, usize)> + '_ {
        let patterns = self.patterns[observed].pattern_of_respondent();
        self.rows[observed].iter().zip(patterns).map(|(&row, &pattern)| (row as usize, pattern as usize))
    }

    /// The same respondents for another model of the same items and groups, which may eliminate other attributes;
    /// patterns keep their numbers.
    ///
    /// # Errors
    /// As [`Data::new`].
    pub fn suited_to(&self, model: &Model) -> Result<Cow<'_, Self>> {
        let pairs = || self.patterns.iter().zip(&model.structures);
        if pairs().all(|(patterns, structure)| patterns.eliminates(eliminated_items(structure))) {
            return Ok(Cow::Borrowed(self));
        }
        let rebuild = |(patterns, structure): (&Patterns, &Structure)| {
            patterns.rebuilt(structure.layout.n_nodes(), eliminated_items(structure))
        };
        let patterns = pairs().map(rebuild).collect::<Result<_>>()?;
        let (rows, n_respondents, sum_of_weights) = (self.rows.clone(), self.n_respondents, self.sum_of_weights);
        Ok(Cow::Owned(Self { patterns, rows, n_respondents, sum_of_weights }))
    }

    /// Sums of the weights of the answers of an observed group, by item (in the group's order) and category.
    pub fn category_counts(&self, observed: usize) -> Vec<Vec<f64>> {
        let patterns = &self.patterns[observed];
        patterns.category_counts(patterns.n_gp())
    }

    /// What start values are made from.
    pub fn summaries(&self) -> Vec<GroupSummary> {
        self.patterns.iter().map(summarise).collect()
    }
}

/// The items of each eliminated attribute.
fn eliminated_items(structure: &Structure) -> &[InnerItems] {
    structure.elimination.as_ref().map_or(&[], |e| &e.items)
}

/// The rows of the respondents of every group, ascending.
pub(crate) fn rows_by_group(group: Option<&[u32]>, n_respondents: usize, n_groups: usize) -> Result<Vec<Vec<u32>>> {
    if let Some(found) = group.map(<[u32]>::len).filter(|&found| found != n_respondents) {
        return Err(Error::Data(format!("{found} groups for {n_respondents} respondents")));
    }
    let n = u32::try_from(n_respondents)
        .map_err(|_| Error::Data(format!("{n_respondents} respondents are more than 2^32 - 1")))?;
    let mut rows = vec![Vec::new(); n_groups];
    for row in 0..n {
        let group = group.map_or(0, |g| g[row as usize] as usize);
        let Some(list) = rows.get_mut(group) else {
            return Err(Error::Data(format!("row {row} is in group {group}, but the model has {n_groups} groups")));
        };
        list.push(row);
    }
    Ok(rows)
}

fn check_classes(model: &Model, known_class: Option<&[u16]>) -> Result<()> {
    let n_classes = model.spec.n_classes;
    let known = known_class.unwrap_or_default();
    match known.iter().position(|&class| usize::from(class) > n_classes) {
        Some(row) => {
            let class = known[row];
            Err(Error::Data(format!("row {row} is known to be in class {class}, but the model has {n_classes}")))
        }
        None => Ok(()),
    }
}

/// The sum of weights that have been checked one by one.
fn sum_of_weights(weights: Option<&[f64]>, n_respondents: usize) -> Result<f64> {
    let sum = weights.map_or(n_respondents as f64, |w| w.iter().sum());
    if sum.is_finite() {
        Ok(sum)
    } else {
        Err(Error::Data("the sum of the weights is infinite; divide all of them by the largest".into()))
    }
}

/// Answers to items that are not in a respondent's group would be lost silently.
fn check_item_sets<I: Iterator<Item = (usize, u8)>>(
    model: &Model,
    rows: &[Vec<u32>],
    answers_of: impl Fn(usize) -> I,
) -> Result<()> {
    let n_items = model.spec.items.len();
    for (group, rows) in model.spec.groups.iter().zip(rows).filter(|(group, _)| group.items.len() < n_items) {
        let mut is_absent = vec![true; n_items];
        group.items.iter().for_each(|&i| is_absent[i] = false);
        for &row in rows {
            if let Some((item, _)) = answers_of(row as usize).find(|&(item, _)| is_absent[item]) {
                return Err(Error::Data(format!(
                    "row {row} answered item '{}', which is not in the item set of its group '{}'; add the item to \
                     the group or make the answer missing",
                    model.spec.items[item].name, group.name
                )));
            }
        }
    }
    Ok(())
}

fn group_patterns(model: &Model, responses: &Responses, rows: &[u32], observed: usize) -> Result<Patterns> {
    let items = &model.spec.groups[observed].items;
    let n_categories: Vec<usize> = items.iter().map(|&i| model.spec.items[i].n_categories).collect();
    let selection = Selection {
        codes: CodeMatrix { codes: responses.codes, n_items: model.spec.items.len() },
        rows,
        items,
        n_categories: &n_categories,
        weights: responses.weights,
        known_class: responses.known_class,
    };
    let structure = &model.structures[observed];
    Patterns::eliminating(&selection, structure.layout.n_nodes(), eliminated_items(structure))
}

/// Category counts from the weights of the rows of joint answers, and a sample of patterns.
fn summarise(patterns: &Patterns) -> GroupSummary {
    /// Patterns looked at for the signs of the slopes.
    const SAMPLE: usize = 1000;
    let n_gp = patterns.n_gp();
    let category_counts = patterns.category_counts(n_gp);
    let sampled = (0..n_gp.len()).step_by(n_gp.len().div_ceil(SAMPLE).max(1));
    let mut sample = vec![MISSING; sampled.len() * patterns.n_categories().len()];
    for (p, codes) in sampled.clone().zip(sample.chunks_exact_mut(patterns.n_categories().len())) {
        patterns.codes_of(p, codes);
    }
    GroupSummary { category_counts, sample, sample_weights: sampled.map(|p| n_gp[p]).collect() }
}
