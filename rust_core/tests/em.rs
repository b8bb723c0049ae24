//! The loop on random models: items of all families, attributes, groups, classes, ties, fixed values, priors, weights
//! and missing answers in every mixture.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot be set up must fail")]

mod models;

use mixirt_core::arrow::ArrowDerivatives;
use mixirt_core::blocks::{Block, blocks};
use mixirt_core::data::Data;
use mixirt_core::em;
use mixirt_core::expected::{Expected, Parameters, Placed};
use mixirt_core::feasible::is_feasible;
use mixirt_core::m_step::BlockObjective;
use mixirt_core::newton::Objective;
use mixirt_core::params::{Cell, FreeParameter, Kind, Slot};
use mixirt_core::prior::Prior;
use mixirt_core::spec::Model;
use mixirt_core::start::start;
use models::{RUN_ON, Sample, Sketch, Uniform, fit_from, item, options, perturbed, simulate, spec, truth};
use proptest::prelude::*;

/// Random models per property.
const CASES: u32 = 48;
/// How far the log-posterior may fall in an EM cycle, relative to its size, while nodes stand still: rounding.
const FALL: f64 = 1e-9;
/// The same while nodes move with the distributions. The M-step then climbs the likelihood of the integral and the
/// loop sees that of the grid; the two differ by the quadrature error, which is below this on the grids used here (40
/// and 48 points an axis).
const FALL_OF_MOVING_NODES: f64 = 1e-8;
/// Error of five-point differences, relative to the function (rounding over the step) plus the derivative itself
/// (`(STEP / MARGIN)^4` where derivatives grow as powers of the distance from the edge, as a lognormal density's do).
const DIFFERENCES: f64 = 1e-6;
/// Step of the differences.
const STEP: f64 = 1e-3;
/// How far from the edge of what is feasible differences are taken: near it, where neighbouring graded intercepts
/// meet, higher derivatives are too large for them.
const MARGIN: f64 = 0.05;

/// What a random model is made of.
#[derive(Debug, Clone)]
struct Plan {
    families: Vec<usize>,
    n_categories: Vec<usize>,
    n_dims: usize,
    n_groups: usize,
    n_classes: usize,
    /// Ties: a common first slope, intercepts across items, within an item, everything across groups, across classes.
    ties: [bool; 5],
    /// Whether the distributions of all groups but the first are free, and the covariances of the first.
    free_distributions: bool,
    fix_some: bool,
    priors: bool,
    weights: bool,
    missing: f64,
    seed: u64,
}

fn plan() -> impl Strategy<Value = Plan> {
    let items =
        (3..=5usize).prop_flat_map(|n| (prop::collection::vec(0..3usize, n), prop::collection::vec(2..=4usize, n)));
    let sizes = (1..=3usize, 1..=2usize, 1..=2usize);
    let ties = prop::array::uniform5(prop::bool::weighted(0.3));
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (items, sizes, ties, flags, prop_oneof![Just(0.0), Just(0.2)], any::<u64>()).prop_map(
        |((families, n_categories), (n_dims, n_groups, n_classes), ties, flags, missing, seed)| {
            let (free_distributions, fix_some, priors, weights) = flags;
            let free_distributions = free_distributions && n_groups > 1 && n_dims < 3;
            Plan {
                families,
                n_categories,
                n_dims,
                n_groups,
                n_classes,
                ties,
                free_distributions,
                fix_some,
                priors,
                weights,
                missing,
                seed,
            }
        },
    )
}

impl Plan {
    fn model(&self) -> Model {
        // The first item measures one attribute, the last two all of them.
        let n = self.families.len();
        let measured = |i: usize| if i + 2 >= n { (0..self.n_dims).collect() } else { vec![i % self.n_dims] };
        let items = (0..n).map(|i| match self.families[i] {
            0 => item("gpcm", self.n_categories[i], &measured(i)),
            1 => item("grm", self.n_categories[i], &measured(i)),
            _ => item("3pl", 2, &measured(i)),
        });
        let items: Vec<_> = items.collect();
        let free = self.free_distributions;
        let n_points = if free { vec![48, 40] } else { vec![12, 7, 5] };
        let mut sketch = Sketch::new(spec(items, (self.n_groups, self.n_classes), &n_points[..self.n_dims])).standard();
        let n_classes = self.n_classes;
        if free {
            sketch = sketch.release(move |c| matches!(c.kind, Kind::Mean | Kind::Covariance) && c.group >= n_classes);
        }
        let [slopes, across, within, groups, classes] = self.ties;
        if slopes {
            sketch = sketch.tie(|c| c.kind == Kind::Slope && c.attribute == Some(0) && c.group == 0);
        }
        if across {
            sketch = sketch.tie(|c| c.kind == Kind::Intercept && c.category == Some(1) && c.item <= Some(1));
        }
        if within && self.n_dims > 1 {
            sketch = sketch.tie(move |c| c.kind == Kind::Slope && c.item == Some(n - 1) && c.group == 0);
        }
        if groups || free {
            let item_parameter = |c: &Cell| c.item.is_some();
            sketch = sketch.tie_across_groups(move |c| item_parameter(c) && (classes || c.item > Some(0)));
        }
        if self.fix_some {
            sketch = sketch.fix(|c| c.kind == Kind::Slope && c.item == Some(1) && c.attribute == Some(0), 0.8);
            sketch = sketch.fix(|c| c.kind == Kind::Guessing && c.item == Some(2), f64::NEG_INFINITY);
        }
        // Without a prior a guessing parameter may have no maximum.
        sketch = sketch.edit(|c| c.kind == Kind::Guessing, |f| f.prior = Some(Prior::Beta { a: 5.0, b: 17.0 }));
        if self.priors {
            sketch =
                sketch.edit(|c| c.kind == Kind::Intercept, |f| f.prior = Some(Prior::Normal { mean: 0.0, sd: 2.0 }));
            let lognormal =
                |f: &mut FreeParameter| (f.prior, f.lower) = (Some(Prior::LogNormal { mean: 0.1, sd: 0.5 }), 0.0);
            sketch = sketch.edit(|c| c.kind == Kind::Slope, lognormal);
        }
        sketch.build()
    }

    fn sample(&self, model: &Model, n: usize) -> Sample {
        let mut sample = simulate(model, &truth(model, 0.5, self.seed), n, self.missing, self.seed);
        let mut uniform = Uniform::new(self.seed);
        sample.weights = self.weights.then(|| (0..n).map(|_| 0.5 + uniform.next()).collect());
        sample
    }

    fn start(&self, model: &Model, data: &Data) -> Vec<f64> {
        // Classes that start alike stay alike.
        perturbed(model, &start(model, &data.summaries()).unwrap(), 0.2, self.seed ^ 1)
    }
}

/// Nodes, expected counts and log-likelihood at `x`.
fn e_step(model: &Model, data: &Data, x: &[f64]) -> (Vec<Placed>, Expected) {
    let parameters = Parameters::at(model, x);
    let expected = em::e_step(model, &mut data.worker(model).unwrap(), &parameters, &RUN_ON).unwrap();
    (parameters.placed, expected)
}

fn log_posterior(model: &Model, data: &Data, x: &[f64]) -> f64 {
    e_step(model, data, x).1.loglik + model.table.log_prior(x)
}

/// Gradient and dense Hessian of a block.
fn derivatives(objective: &BlockObjective, block: &Block, x: &[f64]) -> (Vec<f64>, Vec<Vec<f64>>) {
    let mut out = ArrowDerivatives::zeros(&block.cluster_sizes, block.n_shared);
    objective.derivatives(x, &mut out);
    let mut hessian = vec![vec![0.0; x.len()]; x.len()];
    let shared = x.len() - block.n_shared;
    let mut first = 0;
    for (own, border) in out.own.iter().zip(&out.border) {
        for i in 0..own.nrows() {
            for j in 0..own.nrows() {
                hessian[first + i][first + j] = own[(i, j)];
            }
            for s in 0..block.n_shared {
                hessian[first + i][shared + s] = border[(i, s)];
                hessian[shared + s][first + i] = border[(i, s)];
            }
        }
        first += own.nrows();
    }
    for s in 0..block.n_shared {
        for t in 0..block.n_shared {
            hessian[shared + s][shared + t] = out.core[(s, t)];
        }
    }
    (out.gradient, hessian)
}

/// Whether parameter `f` is far enough from the edge for differences.
fn has_room(model: &Model, x: &[f64], f: usize) -> bool {
    [-MARGIN, MARGIN].iter().all(|step| {
        let mut x = x.to_vec();
        x[f] += step;
        is_feasible(model, &x)
    })
}

/// Five-point difference of `f` in element `i`.
fn difference(x: &[f64], i: usize, mut f: impl FnMut(&[f64]) -> f64) -> f64 {
    let mut at = |steps: f64| {
        let mut x = x.to_vec();
        x[i] += steps * STEP;
        f(&x)
    };
    (8.0 * (at(1.0) - at(-1.0)) - (at(2.0) - at(-2.0))) / (12.0 * STEP)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn em_never_lowers_the_log_posterior(plan in plan()) {
        let model = plan.model();
        let data = plan.sample(&model, 150).data(&model);
        let fit = fit_from(&model, &data, plan.start(&model, &data), &options("none", 25, 0.0));
        let fall = if plan.free_distributions { FALL_OF_MOVING_NODES } else { FALL };
        let values: Vec<f64> = fit.history.iter().map(|c| c.log_posterior).chain([fit.log_posterior]).collect();
        for pair in values.windows(2) {
            prop_assert!(pair[1] >= pair[0] - fall * pair[0].abs(), "{pair:?}: {:e}", (pair[0] - pair[1]) / pair[0].abs());
        }
        prop_assert!(values[25] > values[0]);
    }

    #[test]
    fn derivatives_of_blocks_agree_with_differences(plan in plan()) {
        let model = plan.model();
        let data = plan.sample(&model, 100).data(&model);
        let x = plan.start(&model, &data);
        let (placed, expected) = e_step(&model, &data, &x);
        for block in blocks(&model) {
            let objective = BlockObjective::new(&model, &block, &placed, &expected);
            let room: Vec<bool> = block.free.iter().map(|&f| has_room(&model, &x, f)).collect();
            let x: Vec<f64> = block.free.iter().map(|&f| x[f]).collect();
            let (gradient, hessian) = derivatives(&objective, &block, &x);
            for i in (0..x.len()).filter(|&i| room[i]) {
                let found = difference(&x, i, |x| objective.value(x));
                let scale = 1.0 + objective.value(&x).abs();
                prop_assert!((gradient[i] - found).abs() < DIFFERENCES * (scale + found.abs()), "{i}: {} {found}", gradient[i]);
                for (j, second) in hessian[i].iter().enumerate() {
                    let found = difference(&x, i, |x| derivatives(&objective, &block, x).0[j]);
                    prop_assert!((second - found).abs() < DIFFERENCES * (scale + found.abs()), "{i} {j}: {second} {found}");
                }
            }
        }
    }

    #[test]
    fn the_gradient_of_the_blocks_is_that_of_the_log_posterior(plan in plan()) {
        // Fisher's identity holds for the integral; on a grid that moves it holds up to the quadrature error.
        let model = plan.model();
        let data = plan.sample(&model, 100).data(&model);
        let x = plan.start(&model, &data);
        let (placed, expected) = e_step(&model, &data, &x);
        let scale = 1.0 + expected.loglik.abs();
        for block in blocks(&model) {
            let objective = BlockObjective::new(&model, &block, &placed, &expected);
            let x_block: Vec<f64> = block.free.iter().map(|&f| x[f]).collect();
            let (gradient, _) = derivatives(&objective, &block, &x_block);
            for (i, &f) in block.free.iter().enumerate().filter(|(_, f)| has_room(&model, &x, **f)) {
                let found = difference(&x, f, |x| log_posterior(&model, &data, x));
                prop_assert!((gradient[i] - found).abs() < DIFFERENCES * scale, "{i}: {} {found}", gradient[i]);
            }
        }
    }

    #[test]
    fn tied_parameters_are_equal_and_fixed_ones_untouched_to_the_bit(plan in plan()) {
        let model = plan.model();
        let data = plan.sample(&model, 100).data(&model);
        let fit = fit_from(&model, &data, plan.start(&model, &data), &options("anderson", 10, 0.0));
        let values = model.table.expand(&fit.x);
        for (value, slot) in values.iter().zip(&model.table.slots) {
            match *slot {
                Slot::Fixed(fixed) => prop_assert_eq!(value.to_bits(), fixed.to_bits()),
                Slot::Free(f) => prop_assert_eq!(value.to_bits(), fit.x[f].to_bits()),
            }
        }
        prop_assert!(model.table.free.iter().zip(&fit.x).all(|(f, x)| f.lower <= *x && *x <= f.upper));
    }

    #[test]
    fn fits_are_the_same_bits_at_any_number_of_threads(plan in plan()) {
        let model = plan.model();
        let data = plan.sample(&model, 400).data(&model);
        let x = plan.start(&model, &data);
        let run = |n_threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
            pool.install(|| fit_from(&model, &data, x.clone(), &options("anderson", 15, 1e-6)))
        };
        let one = run(1);
        for n_threads in [2, 7] {
            let other = run(n_threads);
            prop_assert_eq!(&one.x, &other.x);
            prop_assert_eq!(one.log_posterior.to_bits(), other.log_posterior.to_bits());
            prop_assert_eq!(one.history.len(), other.history.len());
        }
    }
}
