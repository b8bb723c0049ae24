//! Plausible values: draws from the posterior distribution of each respondent's attributes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Open01, StandardUniform};
use rayon::prelude::*;

use super::group::GroupPosterior;
use super::{Method, Scorer, impossible};
use crate::data::Responses;
use crate::e_step::Respondent;
use crate::error::{Error, Result};
use crate::patterns::{RowLists, UNKNOWN_CLASS};
use crate::posterior_mode::PosteriorMode;
use crate::quadrature::{Placement, Quadrature};
use crate::spec::Model;

/// Respondents drawn for in one piece of parallel work.
const CHUNK: usize = 64;
/// Proposals for one draw at most.
const MAX_PROPOSALS: usize = 1_000_000;

/// Draws of attributes and classes. An attribute that a respondent's group does not have is NaN.
#[derive(Debug, Clone, PartialEq)]
pub struct Draws {
    /// Number of attributes `J` of the model.
    pub n_attributes: usize,
    /// Draws of each respondent `D`.
    pub n_draws: usize,
    /// `(N, D, J)`
    pub theta: Vec<f64>,
    /// `(N, D)`: the class drawn.
    pub class: Vec<u16>,
}

/// A model at given parameters, tabulated for draws. Immutable: any number of threads may share it.
///
/// The class is drawn first. The attributes are then drawn by rejection: a node is drawn from the posterior over the
/// grid and moved at random, by a triangular density as wide as a step of the grid to either side, so that proposals have
/// the density `q` that interpolates the posterior density `p` linearly between the nodes. Where the curvature of `log p`
/// along attribute `j` is at most `H_j` and a step is `h_j`, `p <= q exp(sum_j h_j^2 H_j / 8)` by Jensen's inequality, and
/// accepting with probability `p / (q exp(...))` makes draws from `p` itself, within the range of the grid: unlike
/// draws of nodes, or from a normal approximation, they owe nothing to the steps of the grid or to the posterior's shape.
pub struct Drawer {
    scorer: Scorer,
}

impl Drawer {
    /// Tabulates the probabilities of all joint answers at the free parameters `x`, on an axis-aligned grid whatever that of
    /// the model.
    ///
    /// # Errors
    /// [`Error::Spec`] where an axis-aligned grid would be too large.
    pub fn new(model: &Arc<Model>, x: &[f64]) -> Result<Self> {
        let is_rotated = model.structures.iter().any(|s| s.standard.placement == Placement::Rotated);
        let model = if is_rotated {
            let mut spec = model.spec.clone();
            spec.quadrature = Quadrature::default();
            Arc::new(Model::new(spec, model.table.clone())?)
        } else {
            Arc::clone(model)
        };
        Ok(Self { scorer: Scorer::new(model, x, Method::Eap)? })
    }

    /// Draws `n_draws` times for every respondent, from a stream of random numbers of the respondent's own: that of
    /// `seed` and the number of the row, counted from `first_row`. Runs on the current Rayon pool.
    ///
    /// # Errors
    /// As [`Scorer::score`]; [`Error::Estimation`] where the grid is too coarse to draw from.
    pub fn draw(
        &self,
        responses: &Responses,
        n_draws: usize,
        (seed, first_row): (u64, u64),
        cancel: &AtomicBool,
    ) -> Result<Draws> {
        let scorer = &self.scorer;
        let (n, j) = (responses.n_respondents, scorer.model().spec.attributes.len());
        let mut draws =
            Draws { n_attributes: j, n_draws, theta: vec![f64::NAN; n * n_draws * j], class: vec![0; n * n_draws] };
        if n_draws == 0 {
            return Ok(draws);
        }
        let groups: Vec<GroupDraws> =
            (0..scorer.model().spec.groups.len()).map(|o| GroupDraws::new(scorer, o)).collect::<Result<_>>()?;
        check_known(responses, scorer.model().spec.n_classes)?;
        scorer.members(responses)?;
        let theta = crate::e_step::pieces(&mut draws.theta, CHUNK * n_draws * j);
        let work: Vec<_> = draws.class.chunks_mut((CHUNK * n_draws).max(1)).zip(theta).enumerate().collect();
        work.into_par_iter().try_for_each(|(c, (class, theta))| {
            let mut scratch = Scratch::default();
            for (at, class) in class.chunks_mut(n_draws).enumerate() {
                if cancel.load(Ordering::Relaxed) {
                    return Err(Error::Interrupted);
                }
                let row = c * CHUNK + at;
                let (observed, answers) = scorer.answers(responses, row);
                let mut rng = ChaCha8Rng::seed_from_u64(seed);
                rng.set_stream(first_row + row as u64);
                let theta = &mut theta[at * n_draws * j..(at + 1) * n_draws * j];
                let group = &groups[observed];
                let known = responses.known_class.map_or(UNKNOWN_CLASS, |known| known[row]);
                if !group.work_out(&answers, known, &mut scratch) {
                    return Err(impossible(scorer.model(), observed, row));
                }
                for (d, class) in class.iter_mut().enumerate() {
                    let own = &mut theta[d * j..(d + 1) * j];
                    *class = group.draw(&answers, &mut scratch, &mut rng, own).ok_or_else(|| group.too_coarse(row))?;
                }
            }
            Ok(())
        })?;
        Ok(draws)
    }
}

fn check_known(responses: &Responses, n_classes: usize) -> Result<()> {
    let Some(known) = responses.known_class else { return Ok(()) };
    if known.len() != responses.n_respondents {
        let (found, n) = (known.len(), responses.n_respondents);
        return Err(Error::Data(format!("{found} known classes for {n} respondents")));
    }
    match known.iter().position(|&class| usize::from(class) > n_classes) {
        Some(row) => {
            let found = known[row];
            Err(Error::Data(format!("row {row} is known to be in class {found}, but the model has {n_classes}")))
        }
        None => Ok(()),
    }
}

/// What is known of the respondent at hand.
#[derive(Default)]
struct Scratch {
    log_probability: f64,
    /// `(L)`: posterior over the nodes of all classes, less those of eliminated attributes.
    posterior: Vec<f64>,
    respondent: Option<(usize, Respondent)>,
    /// `(C)`: logarithm of the bound of density over proposals.
    log_bounds: Vec<f64>,
}

/// What draws for the respondents of an observed group have in common.
struct GroupDraws<'a> {
    scorer: &'a Scorer,
    observed: usize,
    /// Per class: the posterior density, and what makes it one over the grid's steps.
    classes: Vec<(PosteriorMode, f64)>,
    /// Per class and attribute: the axis.
    axes: Vec<Vec<Vec<f64>>>,
    /// Positions of the attributes that are crossed, and the numbers of their points.
    outer: Vec<usize>,
}

impl<'a> GroupDraws<'a> {
    fn new(scorer: &'a Scorer, observed: usize) -> Result<Self> {
        let model = scorer.model();
        let structure = &model.structures[observed];
        let n = model.spec.groups[observed].attributes.len();
        let outer: Vec<usize> = structure.elimination.as_ref().map_or((0..n).collect(), |e| e.outer().to_vec());
        let mut group = Self { scorer, observed, classes: Vec::new(), axes: Vec::new(), outer };
        for class in 0..model.spec.n_classes {
            let placed = &scorer.parameters.placed_of(model, observed)[class];
            let axes: Vec<Vec<f64>> = match &placed.elimination {
                Some(rest) => rest.axes.clone(),
                None => (0..n).map(|j| group.axis(&placed.grid.theta, j)).collect(),
            };
            group.axes.push(axes);
            let density = PosteriorMode::new(model, observed, class, &scorer.parameters.values)?;
            let scale = group.log_scale(&density, class);
            group.classes.push((density, scale));
        }
        Ok(group)
    }

    /// The points of the `j`-th axis of a whole grid with nodes `theta (J, L)`.
    fn axis(&self, theta: &[f64], j: usize) -> Vec<f64> {
        let standard = &self.scorer.model().structures[self.observed].standard;
        let n_nodes = standard.n_nodes();
        let stride: usize = standard.n_points[j + 1..].iter().product();
        (0..standard.n_points[j]).map(|d| theta[j * n_nodes + d * stride]).collect()
    }

    /// Logarithm of the weight of a node in the middle over the density there.
    fn log_scale(&self, density: &PosteriorMode, class: usize) -> f64 {
        let model = self.scorer.model();
        let placed = &self.scorer.parameters.placed_of(model, self.observed)[class];
        let axes = &self.axes[class];
        let middle: Vec<usize> = axes.iter().map(|axis| axis.len() / 2).collect();
        let theta: Vec<f64> = axes.iter().zip(&middle).map(|(axis, &d)| axis[d]).collect();
        let node = |dims: &[usize]| dims.iter().fold(0, |at, &j| at * axes[j].len() + middle[j]);
        let mut weight = placed.grid.weights[node(&self.outer)].ln();
        if let (Some(elimination), Some(rest)) = (&model.structures[self.observed].elimination, &placed.elimination) {
            let mut start = 0;
            for ((j, neighbours), inner) in elimination.eliminated().zip(&elimination.layout.inner) {
                let host: Vec<usize> = [j].into_iter().chain(neighbours.iter().copied()).collect();
                weight += rest.conditional[start + node(&host)].ln();
                start += inner.n_joint();
            }
        }
        let proportion =
            model.classes_of(self.observed)[class].proportion_cell.map_or(1.0, |c| self.scorer.parameters.values[c]);
        weight + proportion.ln() - density.log_density(&[], &theta)
    }

    /// Works out the posterior of a respondent whose class may be known; false where the answers cannot occur.
    fn work_out(&self, answers: &[(usize, u8)], known_class: u16, scratch: &mut Scratch) -> bool {
        let given = answers.iter().copied();
        let n_nodes = self.scorer.model().structures[self.observed].layout.n_nodes();
        scratch.posterior.resize(n_nodes, 0.0);
        match &self.scorer.groups[self.observed].posterior {
            GroupPosterior::Whole(ready, _) => {
                let mut ids = Vec::new();
                ready.coder().push(UNKNOWN_CLASS, given, &mut ids);
                scratch.log_probability = ready.posterior(&ids, &mut scratch.posterior);
            }
            GroupPosterior::Eliminated(group) => {
                let ready = group.ready();
                let (mut ptr, mut ids, mut parts) = (vec![0], Vec::new(), Vec::new());
                ready.coder().push(UNKNOWN_CLASS, given, (&mut ptr, &mut ids), &mut parts);
                let found = scratch.respondent.take().filter(|(observed, _)| *observed == self.observed);
                let (_, mut found) = found.unwrap_or_else(|| (self.observed, group.borrow()));
                ready.work_out(RowLists { ptr: &ptr, ids: &ids }, true, &mut found);
                scratch.log_probability = found.log_probability;
                scratch.posterior.copy_from_slice(found.posterior());
                scratch.respondent = Some((self.observed, found));
            }
        }
        let step = |axis: &[f64]| axis.windows(2).map(|w| w[1] - w[0]).fold(0.0, f64::max);
        let bounds = self.classes.iter().zip(&self.axes).map(|((density, _), axes)| {
            let terms = density.curvature_bounds(answers).into_iter().zip(axes);
            terms.map(|(bound, axis)| bound * step(axis) * step(axis) / 8.0).sum()
        });
        scratch.log_bounds = bounds.collect();
        if known_class != UNKNOWN_CLASS {
            let layout = &self.scorer.model().structures[self.observed].layout;
            let others = (0..self.classes.len()).filter(|c| c + 1 != usize::from(known_class));
            others.for_each(|c| scratch.posterior[layout.segment(c)].fill(0.0));
        }
        scratch.log_probability > f64::NEG_INFINITY && scratch.posterior.iter().any(|p| *p > 0.0)
    }

    /// Draws a class, and attributes over `theta`, those of the model; none where all proposals were rejected.
    fn draw(
        &self,
        answers: &[(usize, u8)],
        scratch: &mut Scratch,
        rng: &mut ChaCha8Rng,
        theta: &mut [f64],
    ) -> Option<u16> {
        let layout = &self.scorer.model().structures[self.observed].layout;
        let of_class = |c: usize| scratch.posterior[layout.segment(c)].iter().sum::<f64>();
        let class = pick((0..self.classes.len()).map(of_class), rng);
        let own = &self.scorer.model().spec.groups[self.observed].attributes;
        let mut points = vec![0.0; own.len()];
        for _ in 0..MAX_PROPOSALS {
            self.propose(class, scratch, rng, &mut points);
            let is_inside =
                points.iter().zip(&self.axes[class]).all(|(x, axis)| (0.0..=(axis.len() - 1) as f64).contains(x));
            let u: f64 = Open01.sample(rng);
            if !is_inside {
                continue;
            }
            for (j, &a) in own.iter().enumerate() {
                let axis = &self.axes[class][j];
                let low = (points[j] as usize).min(axis.len() - 2);
                theta[a] = axis[low] + (points[j] - low as f64) * (axis[low + 1] - axis[low]);
            }
            let at: Vec<f64> = own.iter().map(|&a| theta[a]).collect();
            let (density, scale) = &self.classes[class];
            let log_density = density.log_density(answers, &at) + scale - scratch.log_probability;
            let proposed = self.interpolate(class, scratch, &points);
            if own.is_empty() || u.ln() <= log_density - proposed.ln() - scratch.log_bounds[class] {
                return u16::try_from(class).ok();
            }
        }
        None
    }

    /// Draws a node of a class and moves it: positions on the axes, in steps.
    fn propose(&self, class: usize, scratch: &Scratch, rng: &mut ChaCha8Rng, points: &mut [f64]) {
        let structure = &self.scorer.model().structures[self.observed];
        let segment = structure.layout.segment(class);
        let node = pick(scratch.posterior[segment].iter().copied(), rng);
        let mut rest = node;
        for &j in self.outer.iter().rev() {
            let n_points = self.axes[class][j].len();
            points[j] = (rest % n_points) as f64;
            rest /= n_points;
        }
        let eliminated = structure.elimination.iter().flat_map(|e| e.eliminated());
        for (e, (j, _)) in eliminated.enumerate() {
            points[j] = pick(self.conditional(scratch, e, class, node), rng) as f64;
        }
        for x in points.iter_mut() {
            let (u, v): (f64, f64) = (StandardUniform.sample(rng), StandardUniform.sample(rng));
            *x += u + v - 1.0;
        }
    }

    /// Probabilities of an eliminated attribute's nodes given an outer one of a class.
    fn conditional<'s>(
        &'s self,
        scratch: &'s Scratch,
        e: usize,
        class: usize,
        node: usize,
    ) -> impl Iterator<Item = f64> + Clone + 's {
        let found = match (&self.scorer.groups[self.observed].posterior, &scratch.respondent) {
            (GroupPosterior::Eliminated(group), Some((_, respondent))) => {
                Some(group.ready().conditional(respondent, e, class, node))
            }
            _ => None,
        };
        found.into_iter().flatten()
    }

    /// The posterior over the grid, interpolated linearly along every axis.
    fn interpolate(&self, class: usize, scratch: &Scratch, points: &[f64]) -> f64 {
        let structure = &self.scorer.model().structures[self.observed];
        let start = structure.layout.segment(class).start;
        let axes = &self.axes[class];
        let cell = |j: usize| {
            let low = (points[j] as usize).min(axes[j].len() - 2);
            (low, points[j] - low as f64)
        };
        let mut total = 0.0;
        for corner in 0..1_usize << self.outer.len() {
            let (mut node, mut weight) = (0, 1.0);
            for (bit, &j) in self.outer.iter().enumerate() {
                let (low, share) = cell(j);
                let is_high = corner >> bit & 1 == 1;
                node = node * axes[j].len() + low + usize::from(is_high);
                weight *= if is_high { share } else { 1.0 - share };
            }
            if weight == 0.0 {
                continue;
            }
            weight *= scratch.posterior[start + node];
            for (e, (j, _)) in structure.elimination.iter().flat_map(|e| e.eliminated()).enumerate() {
                let (low, share) = cell(j);
                let mut pair = self.conditional(scratch, e, class, node).skip(low);
                weight *= (1.0 - share) * pair.next().unwrap_or(0.0) + share * pair.next().unwrap_or(0.0);
            }
            total += weight;
        }
        total
    }

    fn too_coarse(&self, row: usize) -> Error {
        Error::Estimation(format!(
            "the grid of group '{}' is too coarse to draw from the posterior of row {row}: more than {MAX_PROPOSALS} \
             proposals were rejected; take more points (n_quadrature=)",
            self.scorer.model().spec.groups[self.observed].name
        ))
    }
}

/// The position of one of some weights, which need not sum to 1, with probability proportional to it.
fn pick(weights: impl Iterator<Item = f64> + Clone, rng: &mut ChaCha8Rng) -> usize {
    let u: f64 = StandardUniform.sample(rng);
    let mut left = u * weights.clone().sum::<f64>();
    let mut last = 0;
    for (at, weight) in weights.enumerate().filter(|(_, weight)| *weight > 0.0) {
        last = at;
        left -= weight;
        if left < 0.0 {
            break;
        }
    }
    last
}
