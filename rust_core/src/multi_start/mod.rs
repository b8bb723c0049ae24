//! Several starts: the likelihood of a mixture has many maxima, and one start finds one of them.
//!
//! Every start makes a short run; the best of them go on until they converge, in parallel. All share the patterns of the
//! data. What a start draws depends on the seed and its number alone, so the result is the same at any number of
//! threads.

mod random;
mod relabel;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rayon::prelude::*;

use crate::data::Data;
use crate::em::{Cycle, EmFit, EmOptions, em};
use crate::error::{Error, Result};
use crate::spec::Model;

pub use random::randomise;
use relabel::starts_differ;
pub use relabel::{by_size, exchangeable};

/// How many starts there are and how far each goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StartOptions {
    /// Number of starts; with one, there is no short run.
    pub n_starts: usize,
    /// Seed of the random start values.
    pub seed: u64,
    /// Cycles of a short run.
    pub short_cycles: usize,
    /// Starts that go on after the short run (at least one).
    pub n_finished: usize,
}

impl StartOptions {
    /// Cycles of a short run: enough for a start to leave the neighbourhood of a saddle point.
    pub const SHORT_CYCLES: usize = 15;

    /// The defaults: the better half of the starts goes on.
    pub fn new(n_starts: usize, seed: u64) -> Self {
        Self { n_starts, seed, short_cycles: Self::SHORT_CYCLES, n_finished: n_starts.div_ceil(2).max(2).min(n_starts) }
    }
}

/// What became of one start.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StartRecord {
    /// Log-likelihood where it ended.
    pub loglik: f64,
    /// Log-likelihood plus log prior densities there.
    pub log_posterior: f64,
    /// Whether it went on after its short run.
    pub finished: bool,
    /// Whether it converged.
    pub converged: bool,
    /// Its cycles, in the short run and afterwards.
    pub n_cycles: usize,
    /// How often it was drawn anew, because a class had become empty or the estimation could not go on.
    pub n_redrawn: usize,
}

/// The best of several starts.
#[derive(Debug, Clone)]
pub struct MultiStart {
    /// The fit with the highest log-posterior, its exchangeable classes in the order of their size.
    pub fit: EmFit,
    /// All starts.
    pub records: Vec<StartRecord>,
    /// The start it came from.
    pub best: usize,
}

/// What a search says on its way.
#[derive(Debug, Clone, Copy)]
pub enum News {
    /// A cycle of the only start, or of the one that leads after the short runs.
    Cycle(Cycle),
    /// A cycle of another run, or the end of any.
    Runs(Runs),
}

/// How far the runs of one stage of a search have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Runs {
    /// Whether they are the short runs.
    pub short: bool,
    /// Cycles of all of them, but for those of the leading one.
    pub n_cycles: usize,
    /// How many have ended.
    pub n_ended: usize,
    /// How many there are.
    pub n_runs: usize,
}

/// Who hears what a search says; called from any thread.
pub type Monitor<'a> = &'a (dyn Fn(News) + Sync);

/// A class with less than this share of the respondents is empty.
const EMPTY_SHARE: f64 = 1e-6;
/// How often a start is drawn anew before it is left as it is.
const MAX_REDRAWN: usize = 4;

/// Maximises the log-likelihood (plus log priors) from several starts around `base`.
///
/// 1. Short runs from all starts.
/// 2. The best of them go on until they converge; `monitor` sees the cycles of the one that leads, and how many of the
///    others there have been.
/// 3. The best fit's exchangeable classes are put in the order of their size.
///
/// # Errors
/// [`Error::Interrupted`]; the first error when no start succeeds.
pub fn multi_start(
    model: &Model,
    data: &Data,
    base: Vec<f64>,
    starts: StartOptions,
    options: &EmOptions,
    monitor: Monitor,
    cancel: &AtomicBool,
) -> Result<MultiStart> {
    let pinned = data.known_classes(model.spec.n_classes);
    let search = Search { model, data, base, starts, options, cancel, first_is_base: tells_apart(model, &pinned) };
    let mut runs: Vec<Option<Run>> = if starts.n_starts == 1 {
        vec![Some(search.whole(0, 0, &mut leading(monitor))?)]
    } else {
        search.all(monitor)?
    };
    let records = runs.iter().map(|run| run.as_ref().map_or(FAILED, Run::record)).collect();
    let best = ranked(&runs).find(|&s| runs[s].as_ref().is_some_and(|r| r.finished)).unwrap_or_default();
    let Some(Run { fit, .. }) = runs.get_mut(best).and_then(Option::take) else {
        return Err(Error::Estimation("no start led to a fit".into()));
    };
    let sets = exchangeable(model, &pinned, starts.n_starts == 1);
    Ok(MultiStart { fit: order_classes(&search, fit, &sets)?, records, best })
}

/// Whether the start values tell all classes apart without any help from chance: the user's own do, or known classes.
///
/// Constraints alone do not: classes that differ in a fixed mean only would start with the same items.
fn tells_apart(model: &Model, pinned: &[bool]) -> bool {
    let known = |a: usize, b: usize| pinned[a] || pinned[b];
    (0..model.spec.n_classes).all(|b| (0..b).all(|a| known(a, b) || starts_differ(model, (a, b))))
}

/// What all starts share.
struct Search<'a> {
    model: &'a Model,
    data: &'a Data,
    base: Vec<f64>,
    starts: StartOptions,
    options: &'a EmOptions,
    cancel: &'a AtomicBool,
    /// Whether the first start is `base` as it is.
    first_is_base: bool,
}

/// What the runs of a stage count together.
struct Stage<'a> {
    monitor: Monitor<'a>,
    short: bool,
    n_runs: usize,
    n_cycles: AtomicUsize,
    n_ended: AtomicUsize,
}

impl<'a> Stage<'a> {
    fn new(monitor: Monitor<'a>, short: bool, n_runs: usize) -> Self {
        Self { monitor, short, n_runs, n_cycles: AtomicUsize::new(0), n_ended: AtomicUsize::new(0) }
    }

    /// Adds cycles and ends of runs.
    fn add(&self, n_cycles: usize, n_ended: usize) {
        let n_cycles = self.n_cycles.fetch_add(n_cycles, Ordering::Relaxed) + n_cycles;
        let n_ended = self.n_ended.fetch_add(n_ended, Ordering::Relaxed) + n_ended;
        (self.monitor)(News::Runs(Runs { short: self.short, n_cycles, n_ended, n_runs: self.n_runs }));
    }
}

/// Passes on the cycles of the leading start.
fn leading(monitor: Monitor<'_>) -> impl FnMut(&Cycle) + '_ {
    |cycle| monitor(News::Cycle(*cycle))
}

/// A start as far as it has come.
struct Run {
    fit: EmFit,
    finished: bool,
    n_redrawn: usize,
}

/// The record of a start that never came to an end.
const FAILED: StartRecord = StartRecord {
    loglik: f64::NEG_INFINITY,
    log_posterior: f64::NEG_INFINITY,
    finished: false,
    converged: false,
    n_cycles: 0,
    n_redrawn: MAX_REDRAWN,
};

impl Run {
    fn record(&self) -> StartRecord {
        StartRecord {
            loglik: self.fit.expected.loglik,
            log_posterior: self.fit.log_posterior,
            finished: self.finished,
            converged: self.fit.converged,
            n_cycles: self.fit.history.len(),
            n_redrawn: self.n_redrawn,
        }
    }

    /// A run that goes on needs no expected counts: those of many starts on a large grid would fill the memory.
    fn without_counts(mut self) -> Self {
        if !self.fit.converged {
            self.fit.expected.counts = Vec::new();
        }
        self
    }
}

/// The runs, without those that failed.
///
/// # Errors
/// [`Error::Interrupted`] where one was stopped; the first error where all failed.
fn survivors(tried: Vec<Result<Run>>) -> Result<Vec<Option<Run>>> {
    if tried.iter().any(|run| matches!(run, Err(Error::Interrupted))) {
        return Err(Error::Interrupted);
    }
    match tried.iter().find_map(|run| run.as_ref().err()) {
        Some(error) if tried.iter().all(Result::is_err) => Err(error.clone()),
        _ => Ok(tried.into_iter().map(Result::ok).collect()),
    }
}

/// Starts by log-posterior, the highest first; failed ones last.
fn ranked(runs: &[Option<Run>]) -> impl Iterator<Item = usize> {
    let value = |s: usize| runs[s].as_ref().map_or(f64::NEG_INFINITY, |r| r.fit.log_posterior);
    let mut order: Vec<usize> = (0..runs.len()).collect();
    order.sort_by(|&a, &b| value(b).total_cmp(&value(a)));
    order.into_iter()
}

impl Search<'_> {
    /// Short runs from all starts, of which the best go on.
    fn all(&self, monitor: Monitor) -> Result<Vec<Option<Run>>> {
        // 1. Short runs
        let stage = Stage::new(monitor, true, self.starts.n_starts);
        let short = |s: usize| {
            let run = self.until_sound(s, 0, &mut |x| self.run(x, self.short(), &mut |_| stage.add(1, 0)), false);
            stage.add(0, 1);
            Ok(run?.without_counts())
        };
        let mut runs = survivors((0..self.starts.n_starts).into_par_iter().map(short).collect())?;
        // 2. The best go on
        let chosen: Vec<usize> = ranked(&runs).take(self.starts.n_finished.max(1)).collect();
        let going: Vec<(usize, Run)> = chosen.into_iter().filter_map(|s| Some((s, runs[s].take()?))).collect();
        let places: Vec<usize> = going.iter().map(|(s, _)| *s).collect();
        let stage = Stage::new(monitor, false, going.len());
        let finish = |(rank, (s, run)): (usize, (usize, Run))| {
            let run = match rank {
                0 => self.finish(s, run, &mut leading(monitor)),
                _ => self.finish(s, run, &mut |_| stage.add(1, 0)),
            };
            stage.add(0, 1);
            run
        };
        let finished = survivors(going.into_par_iter().enumerate().map(finish).collect())?;
        for (s, run) in places.into_iter().zip(finished) {
            runs[s] = run;
        }
        Ok(runs)
    }

    /// Goes on from a short run. Where a class becomes empty on the way, the start is drawn anew and runs to its end.
    fn finish(&self, s: usize, run: Run, monitor: &mut dyn FnMut(&Cycle)) -> Result<Run> {
        let Run { fit: short, n_redrawn, .. } = run;
        if short.converged {
            return Ok(Run { fit: short, finished: true, n_redrawn });
        }
        let used = short.history.len();
        let long = EmOptions { max_cycles: self.options.max_cycles.saturating_sub(used), ..*self.options };
        let mut fit = self.run(short.x, long, monitor);
        if let Ok(fit) = &mut fit {
            fit.history.splice(0..0, short.history);
        }
        match fit {
            Ok(fit) if !self.has_empty_class(&fit) || n_redrawn == MAX_REDRAWN => {
                Ok(Run { fit, finished: true, n_redrawn })
            }
            Err(error) if matches!(error, Error::Interrupted) || n_redrawn == MAX_REDRAWN => Err(error),
            _ => self.whole(s, n_redrawn + 1, monitor),
        }
    }

    /// A start without a short run.
    fn whole(&self, s: usize, n_redrawn: usize, monitor: &mut dyn FnMut(&Cycle)) -> Result<Run> {
        self.until_sound(s, n_redrawn, &mut |x| self.run(x, *self.options, monitor), true)
    }

    /// Draws a start until its run leaves no class empty, or the draws run out.
    fn until_sound(
        &self,
        s: usize,
        mut n_redrawn: usize,
        run: &mut dyn FnMut(Vec<f64>) -> Result<EmFit>,
        finished: bool,
    ) -> Result<Run> {
        loop {
            // Where nothing is left to chance, another draw would be the same.
            let last = n_redrawn >= MAX_REDRAWN || (self.is_base(s, 0) && self.starts.n_starts == 1);
            match run(self.draw(s, n_redrawn)) {
                Ok(fit) if last || !self.has_empty_class(&fit) => return Ok(Run { fit, finished, n_redrawn }),
                Err(error) if last || matches!(error, Error::Interrupted) => return Err(error),
                _ => n_redrawn += 1,
            }
        }
    }

    fn is_base(&self, s: usize, n_redrawn: usize) -> bool {
        s == 0 && n_redrawn == 0 && self.first_is_base
    }

    fn draw(&self, s: usize, n_redrawn: usize) -> Vec<f64> {
        if self.is_base(s, n_redrawn) {
            return self.base.clone();
        }
        let mut rng = ChaCha8Rng::seed_from_u64(self.starts.seed);
        rng.set_stream((s * (MAX_REDRAWN + 1) + n_redrawn) as u64);
        randomise(self.model, &self.base, &mut rng)
    }

    fn short(&self) -> EmOptions {
        EmOptions { max_cycles: self.starts.short_cycles.min(self.options.max_cycles), ..*self.options }
    }

    fn run(&self, x: Vec<f64>, options: EmOptions, monitor: &mut dyn FnMut(&Cycle)) -> Result<EmFit> {
        em(self.model, &mut self.data.worker(self.model)?, x, &options, monitor, self.cancel)
    }

    /// Whether a class whose proportion is estimated has lost all its members.
    fn has_empty_class(&self, fit: &EmFit) -> bool {
        let sizes = class_sizes(self.model, fit);
        let total: f64 = sizes.iter().sum();
        let is_free = |class: usize| {
            let mut cells = self.model.groups.iter().filter(|g| g.class == class).filter_map(|g| g.proportion_cell);
            cells.any(|c| self.model.table.slots[c].free().is_some())
        };
        sizes.iter().enumerate().any(|(class, size)| is_free(class) && *size < EMPTY_SHARE * total)
    }
}

/// Expected number of respondents in each class, over all observed groups.
fn class_sizes(model: &Model, fit: &EmFit) -> Vec<f64> {
    let mut sizes = vec![0.0; model.spec.n_classes];
    for (group, moments) in model.groups.iter().zip(&fit.expected.moments) {
        sizes[group.class] += moments.n;
    }
    sizes
}

/// Puts exchangeable classes in the order of their size; the counts then come from an E-step in that order.
fn order_classes(search: &Search, fit: EmFit, sets: &[Vec<usize>]) -> Result<EmFit> {
    let order = by_size(&class_sizes(search.model, &fit), sets);
    if order.iter().enumerate().all(|(class, &from)| class == from) {
        return Ok(fit);
    }
    let x = relabel::permute(search.model, &fit.x, &order);
    let ordered = search.run(x, EmOptions { max_cycles: 0, ..*search.options }, &mut |_| ())?;
    Ok(EmFit { converged: fit.converged, history: fit.history, ..ordered })
}
