//! Responses as the engine keeps them: the unique patterns of every observed group, and the E-step over them.

use std::borrow::Cow;
use std::sync::atomic::AtomicBool;

use crate::e_step::{EStep, GroupCounts, InstructionSet, Posterior, Stop};
use crate::em::CountSource;
use crate::error::{Error, Result};
use crate::expected::Placed;
use crate::grid::Grid;
use crate::node_tables::NodeTables;
use crate::patterns::{CodeMatrix, MISSING, Patterns, Selection, UNKNOWN_CLASS};
use crate::plan::{Expectations, PlacedElimination};
use crate::spec::{Model, Structure};
use crate::start::GroupSummary;

/// The responses of all respondents, coded, with what is known of each respondent.
#[derive(Debug, Clone, Copy)]
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

/// The unique patterns of every observed group. Made once, shared by all starts and threads.
#[derive(Debug, Clone)]
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
        if responses.codes.len() != n * n_items {
            return Err(Error::Data(format!(
                "{} codes do not make {n} rows of {n_items} items",
                responses.codes.len()
            )));
        }
        if let Some(found) = responses.group.map(<[u32]>::len).filter(|&found| found != n) {
            return Err(Error::Data(format!("{found} groups for {n} respondents")));
        }
        let rows = rows_by_group(responses, model.spec.groups.len())?;
        check_item_sets(model, responses, &rows)?;
        let patterns = (0..rows.len()).map(|o| group_patterns(model, responses, &rows[o], o)).collect::<Result<_>>()?;
        let sum_of_weights = responses.weights.map_or(n as f64, |w| w.iter().sum());
        Ok(Self { patterns, rows, n_respondents: n, sum_of_weights })
    }

    /// Number of respondents.
    pub fn n_respondents(&self) -> usize {
        self.n_respondents
    }

    /// Number of unique patterns, over all groups.
    pub fn n_patterns(&self) -> usize {
        self.patterns.iter().map(Patterns::len).sum()
    }

    /// Sum of the weights: the number of observations for information criteria.
    pub fn sum_of_weights(&self) -> f64 {
        self.sum_of_weights
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

    /// The answers of one pattern of an observed group, in the order of the group's items.
    pub fn codes_of(&self, observed: usize, pattern: usize) -> Vec<u8> {
        let mut codes = vec![MISSING; self.patterns[observed].n_categories().len()];
        self.patterns[observed].codes_of(pattern, &mut codes);
        codes
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
        let eliminated = |structure: &Structure| structure.elimination.as_ref().map_or(Vec::new(), |e| e.items.clone());
        let pairs = || self.patterns.iter().zip(&model.structures);
        if pairs().all(|(patterns, structure)| patterns.eliminates(&eliminated(structure))) {
            return Ok(Cow::Borrowed(self));
        }
        let rebuild = |(patterns, structure): (&Patterns, &Structure)| {
            patterns.rebuilt(structure.layout.n_nodes(), &eliminated(structure))
        };
        let patterns = pairs().map(rebuild).collect::<Result<_>>()?;
        let (rows, n_respondents, sum_of_weights) = (self.rows.clone(), self.n_respondents, self.sum_of_weights);
        Ok(Cow::Owned(Self { patterns, rows, n_respondents, sum_of_weights }))
    }

    /// What start values are made from.
    pub fn summaries(&self) -> Vec<GroupSummary> {
        self.patterns.iter().map(summarise).collect()
    }

    /// A worker that makes E-steps over these data; several can work at once.
    ///
    /// # Errors
    /// [`Error::Spec`] where the data were made for another model: see [`Data::suited_to`].
    pub fn worker(&self, model: &Model) -> Result<Worker<'_>> {
        self.worker_on(InstructionSet::best(), model)
    }

    /// As [`Data::worker`], on a given instruction set (the baseline if the processor does not have it).
    ///
    /// # Errors
    /// As [`Data::worker`].
    pub fn worker_on(&self, isa: InstructionSet, model: &Model) -> Result<Worker<'_>> {
        let pairs = self.patterns.iter().zip(&model.structures);
        let steps = pairs.map(|(patterns, structure)| {
            let layout = structure.layout.clone();
            Ok(match &structure.elimination {
                Some(elimination) => EStep::eliminating(isa, patterns, layout, elimination.layout.clone())?,
                None => EStep::on(isa, patterns, layout)?,
            })
        });
        Ok(Worker { data: self, steps: steps.collect::<Result<_>>()? })
    }
}

/// Makes E-steps over one data set, keeping the memory it works in.
pub struct Worker<'a> {
    data: &'a Data,
    steps: Vec<EStep>,
}

/// Posterior expectations for the respondents of one observed group.
pub struct GroupPosterior<'a> {
    /// Rows of its respondents in the data.
    pub rows: &'a [u32],
    /// The pattern of each.
    pub pattern_of_respondent: &'a [u32],
    /// The posterior of each pattern.
    pub posterior: Posterior,
    /// `(P, C, J)`: the most probable node of each class, where attributes are eliminated; else empty.
    pub modes: Vec<f64>,
}

impl<'a> Worker<'a> {
    /// Posterior expectations of `functions (F, L)` over the nodes of all classes of an observed group.
    ///
    /// # Errors
    /// [`Error::Interrupted`]. Respondents whose answers cannot occur have a log-probability of minus infinity.
    pub fn posterior(
        &mut self,
        model: &Model,
        (observed, functions): (usize, &[f64]),
        placed: &[Placed],
        values: &[f64],
        cancel: &AtomicBool,
    ) -> Result<GroupPosterior<'a>> {
        let data = self.data;
        let tables = NodeTables::new(model, observed, placed, values);
        let input = tables.input();
        let patterns = &data.patterns[observed];
        let posterior = self.steps[observed].posterior(patterns, input, functions, true, cancel)?;
        let pattern_of_respondent = patterns.pattern_of_respondent();
        Ok(GroupPosterior { rows: &data.rows[observed], pattern_of_respondent, posterior, modes: Vec::new() })
    }

    /// As [`Worker::posterior`] where attributes are eliminated, for class indicators, attributes and the lower triangle
    /// of their products about `origin`.
    ///
    /// # Errors
    /// As [`Worker::posterior`]; [`Error::Spec`] where nothing is eliminated.
    pub fn eliminated_posterior(
        &mut self,
        model: &Model,
        (observed, origin): (usize, &[f64]),
        placed: &[Placed],
        values: &[f64],
        cancel: &AtomicBool,
    ) -> Result<GroupPosterior<'a>> {
        let n_classes = model.spec.n_classes;
        let here = &placed[observed * n_classes..(observed + 1) * n_classes];
        let placed_here: Vec<(&Grid, &PlacedElimination)> =
            here.iter().filter_map(|p| Some((&p.grid, p.elimination.as_ref()?))).collect();
        let Some(elimination) = &model.structures[observed].elimination else {
            return Err(Error::Spec("nothing is eliminated in this group".into()));
        };
        let axes: Vec<&PlacedElimination> = placed_here.iter().map(|p| p.1).collect();
        let tables = NodeTables::new(model, observed, placed, values);
        let (data, step) = (self.data, &mut self.steps[observed]);
        let patterns = &data.patterns[observed];
        let functions = elimination.functions(&axes, origin);
        let summaries = step.inner_summaries(patterns, tables.input(), &functions)?;
        let layout = &model.structures[observed].layout;
        let indicator =
            |c: usize| (0..layout.n_nodes()).map(move |l| f64::from(u8::from(layout.segment(c).contains(&l))));
        let indicators: Vec<f64> = (0..n_classes).flat_map(indicator).collect();
        let mut posterior = step.posterior(patterns, tables.input(), &indicators, false, cancel)?;
        let expectations = Expectations { elimination, patterns, summaries: &summaries, placed: placed_here, origin };
        let add = |part: &mut Vec<_>, p: usize, _: f64, row: &[f64]| part.push(expectations.of_pattern(p, row));
        let parts = step.fold_posteriors(patterns, (tables.input(), false), Vec::new, add, cancel)?;
        let classes = std::mem::take(&mut posterior.expectations);
        let mut modes = Vec::new();
        for (pattern, classes) in parts.into_iter().flatten().zip(classes.chunks_exact(n_classes)) {
            posterior.expectations.extend(classes.iter().chain(&pattern.moments));
            modes.extend(pattern.modes);
        }
        let pattern_of_respondent = patterns.pattern_of_respondent();
        Ok(GroupPosterior { rows: &data.rows[observed], pattern_of_respondent, posterior, modes })
    }
}

/// Makes the parts of a fold, and adds a pattern with its weight and posterior to one of them.
pub struct Fold<P, F> {
    /// A part of nothing.
    pub part: P,
    /// `add(part, pattern, N_gp, posterior)`.
    pub add: F,
}

impl Worker<'_> {
    /// Folds every pattern of an observed group with its posterior over the nodes of all classes: the outer ones, then
    /// those of eliminated attributes and their neighbours, as [`EStep::fold_posteriors`] lays them out.
    ///
    /// # Errors
    /// [`Error::Interrupted`].
    pub fn fold_posteriors<A: Send, P: Fn() -> A + Sync, F: Fn(&mut A, usize, f64, &[f64]) + Sync>(
        &mut self,
        model: &Model,
        observed: usize,
        (placed, values): (&[Placed], &[f64]),
        fold: Fold<P, F>,
        cancel: &AtomicBool,
    ) -> Result<Vec<A>> {
        let tables = NodeTables::new(model, observed, placed, values);
        let patterns = &self.data.patterns[observed];
        Ok(self.steps[observed].fold_posteriors(patterns, (tables.input(), true), fold.part, fold.add, cancel)?)
    }
}

impl CountSource for Worker<'_> {
    fn counts(
        &mut self,
        model: &Model,
        placed: &[Placed],
        values: &[f64],
        cancel: &AtomicBool,
    ) -> Result<Vec<GroupCounts>> {
        let mut all = Vec::with_capacity(self.steps.len());
        for (observed, (step, patterns)) in self.steps.iter_mut().zip(&self.data.patterns).enumerate() {
            let tables = NodeTables::new(model, observed, placed, values);
            let mut counts = step.zeros();
            step.run(patterns, tables.input(), &mut counts, cancel).map_err(|stop| explain(model, observed, stop))?;
            all.push(counts);
        }
        Ok(all)
    }
}

/// Adds what the user can do to a stop of the E-step.
fn explain(model: &Model, observed: usize, stop: Stop) -> Error {
    match stop {
        Stop::Impossible { row } => Error::Estimation(format!(
            "the responses in row {row} (group '{}') have probability 0 under the current parameters: a category that \
             occurs has a probability fixed or bounded at 0; free it, or check the responses",
            model.spec.groups[observed].name
        )),
        other => other.into(),
    }
}

fn rows_by_group(responses: &Responses, n_groups: usize) -> Result<Vec<Vec<u32>>> {
    let n = u32::try_from(responses.n_respondents)
        .map_err(|_| Error::Data(format!("{} respondents are more than 2^32 - 1", responses.n_respondents)))?;
    let mut rows = vec![Vec::new(); n_groups];
    for row in 0..n {
        let group = responses.group.map_or(0, |g| g[row as usize] as usize);
        let Some(list) = rows.get_mut(group) else {
            return Err(Error::Data(format!("row {row} is in group {group}, but the model has {n_groups} groups")));
        };
        list.push(row);
    }
    Ok(rows)
}

/// Answers to items that are not in a respondent's group would be lost silently.
fn check_item_sets(model: &Model, responses: &Responses, rows: &[Vec<u32>]) -> Result<()> {
    let n_items = model.spec.items.len();
    for (group, rows) in model.spec.groups.iter().zip(rows) {
        let absent: Vec<usize> = (0..n_items).filter(|i| group.items.binary_search(i).is_err()).collect();
        if absent.is_empty() {
            continue;
        }
        for &row in rows {
            let answers = &responses.codes[row as usize * n_items..][..n_items];
            if let Some(&item) = absent.iter().find(|&&i| answers[i] != MISSING) {
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
    let eliminated = structure.elimination.as_ref().map_or(&[][..], |e| &e.items);
    Patterns::eliminating(&selection, structure.layout.n_nodes(), eliminated)
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
