//! The EM loop.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::accelerate::{ACCELERATIONS, Acceleration, Accelerator};
use crate::awake::Awake;
use crate::blocks::blocks;
use crate::e_step::GroupCounts;
use crate::error::{Error, Result};
use crate::expected::{Expected, Parameters};
use crate::feasible::{is_feasible, project};
use crate::m_step::{MStepOptions, m_step};
use crate::scales::Scales;
use crate::spec::Model;

/// Where expected counts come from: one data set in memory, or the merged counts of several parts.
///
/// This is all that the loop knows of the data. Counts of disjoint sets of respondents add ([`GroupCounts::add`]), just as
/// those of the chunks of one data set do, so that a part of the respondents can be worked on in another thread, read
/// from a file when its turn comes, or lie on another machine: what crosses the boundary is the value of every cell on
/// the way there ([`Parameters::new`] places the nodes by them) and one [`GroupCounts`] per observed group on the way
/// back. A vector of sources is the source of all their respondents; `examples/merge_counts.rs` fits a model that way.
pub trait CountSource {
    /// The counts of every observed group at these parameters.
    ///
    /// # Errors
    /// [`Error::Estimation`] where a response cannot occur; [`Error::Interrupted`] once `cancel` is set.
    fn counts(&mut self, model: &Model, parameters: &Parameters, cancel: &AtomicBool) -> Result<Vec<GroupCounts>>;
}

/// Several parts of the data, whose counts are added in order.
impl<S: CountSource> CountSource for Vec<S> {
    /// As for each part; rows named in errors are those of the part. [`Error::Data`] where there is none.
    fn counts(&mut self, model: &Model, parameters: &Parameters, cancel: &AtomicBool) -> Result<Vec<GroupCounts>> {
        let Some((first, rest)) = self.split_first_mut() else {
            return Err(Error::Data("there is no part of the data to count".into()));
        };
        let mut total = first.counts(model, parameters, cancel)?;
        for part in rest {
            let counts = part.counts(model, parameters, cancel)?;
            total.iter_mut().zip(&counts).for_each(|(total, counts)| total.add(counts));
        }
        Ok(total)
    }
}

/// The E-step of all observed groups together: log-likelihood, expected counts and moments at these parameters.
///
/// # Errors
/// As [`CountSource::counts`].
pub fn e_step(
    model: &Model,
    source: &mut dyn CountSource,
    parameters: &Parameters,
    cancel: &AtomicBool,
) -> Result<Expected> {
    Ok(Expected::new(model, &parameters.placed, source.counts(model, parameters, cancel)?))
}

/// How the loop runs.
#[derive(Clone, Copy)]
pub struct EmOptions {
    /// Acceleration of the EM map.
    pub acceleration: &'static Acceleration,
    /// Cycles at the most.
    pub max_cycles: usize,
    /// Converged only when no parameter is further than this from where it is heading.
    pub tol_parameter: f64,
    /// Converged only when `-2 log L` changes by less than this.
    pub tol_deviance: f64,
    /// Newton iterations of an M-step: see [`MStepOptions::max_newton`].
    pub max_newton: Option<usize>,
}

impl EmOptions {
    /// The M-step of a cycle. Newton's own tolerance is never the coarser one: a loop that is to stop later than it would
    /// needs M-steps that do.
    fn m_step(&self) -> MStepOptions {
        let default = MStepOptions::default();
        MStepOptions { max_newton: self.max_newton, tolerance: default.tolerance.min(self.tol_parameter) }
    }
}

impl Default for EmOptions {
    /// The first acceleration, 2,000 cycles and tolerances of 1e-5.
    fn default() -> Self {
        Self {
            acceleration: &ACCELERATIONS[0],
            max_cycles: 2_000,
            tol_parameter: 1e-5,
            tol_deviance: 1e-5,
            max_newton: None,
        }
    }
}

/// One cycle, as kept in the history.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cycle {
    /// Log-likelihood at the start of the cycle.
    pub loglik: f64,
    /// Log-likelihood plus log prior densities.
    pub log_posterior: f64,
    /// Largest change of a parameter: of the EM step or of the accelerated step, whichever is larger.
    pub largest_change: f64,
    /// Newton steps halved in the M-step.
    pub halvings: usize,
    /// Whether the point of this cycle came from the accelerator.
    pub accelerated: bool,
    /// Whether that point was worse than the last one and given up.
    pub rejected: bool,
    /// Seconds spent on tables and E-step.
    pub e_step_seconds: f64,
    /// Seconds spent on the M-step.
    pub m_step_seconds: f64,
}

/// Where the loop ended.
#[derive(Debug, Clone)]
pub struct EmFit {
    /// The free parameters.
    pub x: Vec<f64>,
    /// Expected counts and log-likelihood at `x`: from an E-step made there.
    pub expected: Expected,
    /// Log-likelihood plus log prior densities at `x`.
    pub log_posterior: f64,
    /// Whether both criteria were met before the cycles ran out.
    pub converged: bool,
    /// Every cycle.
    pub history: Vec<Cycle>,
}

/// What one E-step leaves.
struct Visit {
    x: Vec<f64>,
    parameters: Parameters,
    expected: Expected,
    log_posterior: f64,
    seconds: f64,
}

/// The best point visited so far.
struct Best {
    log_posterior: f64,
    /// Its EM image, where the log-posterior is at least as high.
    image: Vec<f64>,
}

impl Best {
    /// Whether an accelerated point is good enough to go on from: not below the best by more than `slack` of the
    /// [`Best::most_slack`].
    fn admits(&self, log_posterior: f64, slack: f64) -> bool {
        /// A log-posterior is not lower while the difference is within rounding error of the sums behind it.
        const ROUNDING: f64 = 1e-11;
        log_posterior >= self.log_posterior - slack * self.most_slack() - ROUNDING * self.log_posterior.abs()
    }

    /// The fall that costs less than a restart: a hundredth of a log-likelihood unit, less where weights make the whole
    /// log-likelihood small. An accelerator that cuts across a curved ridge falls by as little and gains more in the
    /// next cycles; larger falls end in detours.
    fn most_slack(&self) -> f64 {
        (1e-5 * self.log_posterior.abs()).min(1e-2)
    }
}

/// Maximises the log-likelihood (plus log priors) from `start`.
///
/// 1. E-step: nodes, tables, expected counts and log-likelihood at the current point.
/// 2. Guard: an accelerated point that cannot be, or lies clearly below the best one, is given up for the EM image of
///    the best.
/// 3. M-step: the EM image of the current point.
/// 4. Convergence: the larger of the EM step and the accelerated step, and the change of the deviance.
/// 5. Next point: the accelerator's, shortened until it is feasible, or the image.
///
/// A last E-step makes log-likelihood and counts belong to the reported parameters. With no free parameter that is all;
/// with `max_cycles` 1 the image of the start is reported, not converged.
///
/// # How far from the maximum it stops
/// EM converges linearly: steps of size `d` that shrink by a factor `r` leave a distance of `d r / (1 - r)`. Measured
/// as the largest distance of a parameter from the maximum, with both tolerances at 1e-5:
///
/// | | `"none"` | `"squarem"` | `"anderson"` |
/// |---|---|---|---|
/// | GPCM, Science, 4 items | 1e-4, 122 cycles | 5e-7, 36 | 5e-6, 15 |
/// | 2PL, LSAT 7 | 5e-5, 57 | 7e-6, 17 | 2e-6, 13 |
/// | 3PL with prior, SAT 12, 32 items | 7e-5, 65 | 5e-5, 22 | 6e-6, 15 |
/// | 2PL, two attributes, mobility | 4e-4, 292 | 2e-6, 68 | 2e-6, 30 |
/// | mixture of two GPCM classes, 3000 x 10 | 1e-4, 112 | 7e-5, 37 | 2e-6, 52 |
///
/// Without acceleration the criterion therefore fires 5 to 40 tolerances early; an accelerated step is an estimate of
/// the whole way left, and counting it keeps the rule honest.
///
/// # Errors
/// [`Error::Spec`] where `start` has the wrong length, [`Error::Estimation`] where a response cannot occur at an EM point,
/// [`Error::Interrupted`] once `cancel` is set. An accelerated point where the E-step fails is not an error.
pub fn em(
    model: &Model,
    source: &mut dyn CountSource,
    start: Vec<f64>,
    options: &EmOptions,
    monitor: &mut dyn FnMut(&Cycle),
    cancel: &AtomicBool,
) -> Result<EmFit> {
    model.table.check_length(&start)?;
    let blocks = blocks(model);
    let scales = Scales::new(model);
    let awake = Awake::new();
    let mut accelerator = (options.acceleration.make)();
    let mut history: Vec<Cycle> = Vec::new();
    let mut x = start;
    let mut best: Option<Best> = None;
    let mut previous = f64::NEG_INFINITY;
    let mut slack = 1.0;
    let mut accelerated = false;
    let mut converged = model.table.free.is_empty();
    while !converged && history.len() < options.max_cycles {
        if cancel.load(Ordering::Relaxed) {
            return Err(Error::Interrupted);
        }
        awake.renew();
        // 1. E-step
        let visit = visit(model, source, x, cancel);
        // 2. Guard
        if accelerated
            && let Some(best) = &best
            && !visit.as_ref().is_ok_and(|v| best.admits(v.log_posterior, slack))
        {
            history.push(rejected(visit.as_ref().ok(), history.last()));
            (x, previous, accelerated) = (best.image.clone(), best.log_posterior, false);
            accelerator.reset();
            monitor(&history[history.len() - 1]);
            continue;
        }
        let visit = visit?;
        // 3. M-step
        let clock = Instant::now();
        let (image, halvings) =
            m_step(model, &blocks, &visit.parameters.placed, &visit.expected, &visit.x, options.m_step());
        // 4. Convergence
        let proposal = propose(model, &scales, accelerator.as_mut(), &visit.x, &image);
        let em_step = scales.largest_change(&visit.x, &image);
        let step = proposal.as_ref().map_or(em_step, |p| em_step.max(scales.largest_change(&visit.x, p)));
        let deviance = 2.0 * (visit.log_posterior - previous).abs();
        converged = step < options.tol_parameter && deviance < options.tol_deviance;
        history.push(Cycle {
            loglik: visit.expected.loglik,
            log_posterior: visit.log_posterior,
            largest_change: step,
            halvings,
            accelerated,
            rejected: false,
            e_step_seconds: visit.seconds,
            m_step_seconds: clock.elapsed().as_secs_f64(),
        });
        monitor(&history[history.len() - 1]);
        // 5. Next point
        previous = visit.log_posterior;
        let was_accelerated = std::mem::replace(&mut accelerated, proposal.is_some() && !converged);
        match &best {
            Some(best) if converged && slack > 0.0 && !best.admits(visit.log_posterior, 0.0) => {
                // Slack led to a stationary point below one that was left: go back to that, and take none again.
                (x, previous, slack, converged) = (best.image.clone(), best.log_posterior, 0.0, false);
                accelerator.reset();
                continue;
            }
            // An EM point is always gone on from: with nodes that move its log-posterior may dip, and returning to the
            // point before would go round in a circle.
            Some(best) if was_accelerated && best.log_posterior > visit.log_posterior => {}
            _ => best = Some(Best { log_posterior: visit.log_posterior, image: image.clone() }),
        }
        x = if accelerated { proposal.unwrap_or(image) } else { image };
    }
    let Visit { x, expected, log_posterior, .. } = last_visit(model, source, x, best.filter(|_| accelerated), cancel)?;
    Ok(EmFit { x, expected, log_posterior, converged, history })
}

/// The last E-step: at `x`, unless that is an untried accelerated point that turns out worse than `fallback`.
fn last_visit(
    model: &Model,
    source: &mut dyn CountSource,
    x: Vec<f64>,
    fallback: Option<Best>,
    cancel: &AtomicBool,
) -> Result<Visit> {
    let last = visit(model, source, x, cancel);
    match fallback {
        Some(best) if !last.as_ref().is_ok_and(|v| v.log_posterior >= best.log_posterior) => {
            visit(model, source, best.image, cancel)
        }
        _ => last,
    }
}

fn visit(model: &Model, source: &mut dyn CountSource, x: Vec<f64>, cancel: &AtomicBool) -> Result<Visit> {
    let clock = Instant::now();
    let parameters = Parameters::at(model, &x);
    let expected = e_step(model, source, &parameters, cancel)?;
    let log_posterior = expected.loglik + model.table.log_prior(&x);
    if !log_posterior.is_finite() {
        return Err(Error::Estimation(format!("the log-likelihood is {log_posterior} at the current parameters")));
    }
    Ok(Visit { x, parameters, expected, log_posterior, seconds: clock.elapsed().as_secs_f64() })
}

/// The accelerator's point, moved back towards the image until it is feasible.
fn propose(
    model: &Model,
    scales: &Scales,
    accelerator: &mut dyn Accelerator,
    x: &[f64],
    image: &[f64],
) -> Option<Vec<f64>> {
    /// After this many halvings the image itself is as good.
    const MAX_HALVINGS: usize = 6;
    /// EM steps that an accelerated step may be long: as far as EM itself would go at a rate of .9999. Beyond, it
    /// extrapolates rounding error.
    const MAX_LEAP: f64 = 1e4;
    let mut proposal = scales.expand(&accelerator.propose(&scales.compress(x), &scales.compress(image))?);
    scales.restrain(x, image, &mut proposal);
    if scales.largest_leap(image, &proposal) > MAX_LEAP * scales.largest_change(x, image) {
        accelerator.reset();
        return None;
    }
    for _ in 0..MAX_HALVINGS {
        project(model, image, &mut proposal);
        if is_feasible(model, &proposal) {
            return Some(proposal);
        }
        for (p, i) in proposal.iter_mut().zip(image) {
            *p = 0.5 * (*p + i);
        }
    }
    accelerator.reset();
    None
}

/// The history's row for an accelerated point that was given up; `visit` is `None` where the E-step failed there.
fn rejected(visit: Option<&Visit>, previous: Option<&Cycle>) -> Cycle {
    Cycle {
        loglik: f64::NAN,
        log_posterior: visit.map_or(f64::NEG_INFINITY, |v| v.log_posterior),
        largest_change: previous.map_or(f64::INFINITY, |c| c.largest_change),
        halvings: 0,
        accelerated: true,
        rejected: true,
        e_step_seconds: visit.map_or(0.0, |v| v.seconds),
        m_step_seconds: 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newton_is_never_coarser_than_the_loop() {
        let tolerance = |tol_parameter| EmOptions { tol_parameter, ..EmOptions::default() }.m_step().tolerance;
        assert_eq!(tolerance(1e-13), 1e-13);
        assert_eq!(tolerance(1e-2), MStepOptions::default().tolerance);
    }
}
