//! Where the loop stops, on real data and at the edges of what it can be asked.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot be set up must fail")]

mod models;

use std::sync::atomic::AtomicBool;

use mixirt_core::Error;
use mixirt_core::accelerate::{ACCELERATIONS, Acceleration, Accelerator};
use mixirt_core::arrow::ArrowDerivatives;
use mixirt_core::blocks::blocks;
use mixirt_core::em::{EmOptions, e_step, em};
use mixirt_core::expected::Parameters;
use mixirt_core::m_step::BlockObjective;
use mixirt_core::newton::Objective;
use mixirt_core::params::{FreeParameter, Kind};
use mixirt_core::prior::Prior;
use mixirt_core::spec::Model;
use mixirt_core::start::start;
use models::{RUN_ON, Sample, Sketch, data_set, fit, fit_from, item, options, perturbed, spec};

/// Convergence criteria of the fits here.
const TOLERANCE: f64 = 1e-5;
/// An accelerated fit stops within this many tolerances of the maximum.
const HONEST: f64 = 10.0;
/// Log-posteriors at two stopping points of one maximum agree to this: squares of distances of 1e-4, times information
/// of a few thousand.
const SAME_MAXIMUM: f64 = 1e-4;

fn one_attribute(family: &str, n_categories: usize, n_items: usize) -> Sketch {
    Sketch::new(spec(vec![item(family, n_categories, &[0]); n_items], (1, 1), &[64])).standard()
}

/// Models of the data sets of the package, with the start of each fit.
fn examples() -> Vec<(&'static str, Model, Sample, Vec<f64>)> {
    let beta = |f: &mut FreeParameter| f.prior = Some(Prior::Beta { a: 5.0, b: 17.0 });
    let bounds = |f: &mut FreeParameter| (f.lower, f.upper) = (-15.0, 15.0);
    let guessing = one_attribute("3pl", 2, 32).edit(|c| c.kind == Kind::Guessing, beta);
    let two = spec((0..8).map(|i| item("gpcm", 2, &[i / 4])).collect(), (1, 1), &[32, 32]);
    let two = Sketch::new(two).standard().release(|c| c.kind == Kind::Covariance && c.attribute != c.attribute_2);
    let classes =
        Sketch::new(spec(vec![item("gpcm", 2, &[]); 7], (1, 3), &[])).edit(|c| c.kind == Kind::Intercept, bounds);
    let list = [
        ("gpcm", one_attribute("gpcm", 4, 4).build(), data_set("science", 4)),
        ("grm", one_attribute("grm", 4, 4).build(), data_set("science", 4)),
        ("1pl", one_attribute("gpcm", 2, 5).tie(|c| c.kind == Kind::Slope).build(), data_set("lsat6", 5)),
        ("2pl", one_attribute("gpcm", 2, 5).build(), data_set("lsat7", 5)),
        ("3pl", guessing.build(), data_set("sat12", 32)),
        ("two attributes", two.build(), data_set("mobility", 8)),
        ("three classes", classes.build(), data_set("carcinoma", 7)),
    ];
    let with_start = |(name, model, sample): (&'static str, Model, Sample)| {
        let x = start(&model, &sample.data(&model).summaries()).unwrap();
        let spread = if model.spec.n_classes > 1 { 0.5 } else { 0.0 };
        let x = perturbed(&model, &x, spread, 3);
        (name, model, sample, x)
    };
    list.map(with_start).into()
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).fold(0.0, |largest, (a, b)| largest.max((a - b).abs()))
}

/// The largest element of the gradient of the log-posterior at `x`, of parameters that are not held by a bound.
fn gradient(model: &Model, sample: &Sample, x: &[f64]) -> f64 {
    let parameters = Parameters::at(model, x);
    let data = sample.data(model);
    let expected = e_step(model, &mut data.worker(model).unwrap(), &parameters, &RUN_ON).unwrap();
    let mut largest = 0.0_f64;
    for block in blocks(model) {
        let mut out = ArrowDerivatives::zeros(&block.cluster_sizes, block.n_shared);
        let x_block: Vec<f64> = block.free.iter().map(|&f| x[f]).collect();
        BlockObjective::new(model, &block, &parameters.placed, &expected).derivatives(&x_block, &mut out);
        for (&f, g) in block.free.iter().zip(&out.gradient) {
            let free = &model.table.free[f];
            if free.lower < x[f] && x[f] < free.upper {
                largest = largest.max(g.abs());
            }
        }
    }
    largest
}

#[test]
fn accelerated_fits_stop_near_the_maximum_that_em_climbs_to() {
    for (name, model, sample, x) in examples() {
        let data = sample.data(&model);
        let run = |acceleration: &str, tolerance| {
            fit_from(&model, &data, x.clone(), &options(acceleration, 20_000, tolerance))
        };
        let exact = run("anderson", 1e-10);
        assert!(exact.converged, "{name}");
        /// Rounding of sums over all respondents, and of the steps that are left.
        const GRADIENT_TOLERANCE: f64 = 1e-5;
        let slope = gradient(&model, &sample, &exact.x);
        assert!(slope < GRADIENT_TOLERANCE, "{name}: gradient {slope:e}");
        let plain = run("none", TOLERANCE);
        for acceleration in ACCELERATIONS.iter().filter(|a| a.name != "none") {
            let fit = run(acceleration.name, TOLERANCE);
            println!(
                "{name}, {}: {} cycles for {}, distance {:.0e} for {:.0e}",
                acceleration.name,
                fit.history.len(),
                plain.history.len(),
                distance(&fit.x, &exact.x),
                distance(&plain.x, &exact.x)
            );
            assert!(fit.converged && plain.converged, "{name}");
            assert!(fit.log_posterior >= plain.log_posterior - SAME_MAXIMUM, "{name}, {}", acceleration.name);
            if acceleration.name == "anderson" {
                assert!(distance(&fit.x, &exact.x) < HONEST * TOLERANCE, "{name}: {:e}", distance(&fit.x, &exact.x));
            }
        }
    }
}

#[test]
fn the_history_belongs_to_the_fit() {
    let (_, model, sample, x) = examples().swap_remove(5);
    let data = sample.data(&model);
    let mut seen = 0;
    let mut worker = data.worker(&model).unwrap();
    let fit = em(&model, &mut worker, x, &options("anderson", 500, TOLERANCE), &mut |_| seen += 1, &RUN_ON).unwrap();
    assert_eq!(seen, fit.history.len());
    assert!(fit.history.iter().all(|c| c.accelerated || !c.rejected));
    let last = fit.history[fit.history.len() - 1];
    assert!(fit.converged && last.largest_change < TOLERANCE);
    assert!(fit.log_posterior >= last.log_posterior - 1e-9);
}

#[test]
fn one_cycle_is_one_em_step_and_none_is_the_start() {
    let (_, model, sample, x) = examples().swap_remove(3);
    let data = sample.data(&model);
    let one = fit_from(&model, &data, x.clone(), &options("anderson", 1, TOLERANCE));
    let plain = fit_from(&model, &data, x.clone(), &options("none", 1, TOLERANCE));
    assert_eq!(one.x, plain.x);
    assert!(!one.converged && one.history.len() == 1 && one.log_posterior > one.history[0].log_posterior);
    let none = fit_from(&model, &data, x.clone(), &options("anderson", 0, TOLERANCE));
    assert_eq!(none.x, x);
    assert!(!none.converged && none.history.is_empty());
}

#[test]
fn a_model_without_free_parameters_is_evaluated() {
    let fixed =
        one_attribute("gpcm", 2, 5).fix(|c| c.kind == Kind::Slope, 1.0).fix(|c| c.kind == Kind::Intercept, 1.5).build();
    let fit = fit(&fixed, &data_set("lsat7", 5).data(&fixed), &options("anderson", 100, TOLERANCE));
    assert!(fit.converged && fit.history.is_empty() && fit.x.is_empty() && fit.log_posterior < 0.0);
}

/// Proposes to leap as far as the loop lets it: at first to where answers have probability 0.
struct Reckless;

impl Accelerator for Reckless {
    fn propose(&mut self, x: &[f64], image: &[f64]) -> Option<Vec<f64>> {
        let leap = 9e3 * distance(x, image);
        Some(image.iter().map(|x| x + leap).collect())
    }
    fn reset(&mut self) {}
}

static RECKLESS: Acceleration = Acceleration { name: "reckless", make: || Box::new(Reckless) };

#[test]
fn an_accelerated_point_where_the_e_step_fails_is_given_up() {
    let (_, model, sample, x) = examples().swap_remove(3);
    let data = sample.data(&model);
    let reckless = EmOptions { acceleration: &RECKLESS, ..options("none", 21, TOLERANCE) };
    let fit = fit_from(&model, &data, x.clone(), &reckless);
    assert_eq!(fit.history.iter().filter(|c| c.rejected).count(), 10);
    // Eleven cycles were plain ones, and the last proposal was given up too.
    let plain = fit_from(&model, &data, x, &options("none", 11, 0.0));
    assert_eq!(fit.x, plain.x);
}

#[test]
fn parameters_at_bounds_stay_there_and_the_fit_converges() {
    for acceleration in ACCELERATIONS {
        let bounds = |f: &mut FreeParameter| (f.lower, f.upper) = (1.1, 1.2);
        let model = one_attribute("gpcm", 2, 5).edit(|c| c.kind == Kind::Slope, bounds).build();
        let fit = fit(&model, &data_set("lsat7", 5).data(&model), &options(acceleration.name, 2000, TOLERANCE));
        assert!(fit.converged, "{}", acceleration.name);
        let slopes = model.table.free.iter().zip(&fit.x).filter(|(f, _)| f.upper == 1.2).map(|(_, x)| *x);
        assert!(slopes.clone().all(|a| (1.1..=1.2).contains(&a)) && slopes.clone().any(|a| a == 1.1 || a == 1.2));
    }
}

#[test]
fn a_caller_can_stop_it() {
    let (_, model, sample, x) = examples().swap_remove(3);
    let data = sample.data(&model);
    let stopped =
        em(&model, &mut data.worker(&model).unwrap(), x, &options("none", 9, 0.0), &mut |_| {}, &AtomicBool::new(true));
    assert_eq!(stopped.unwrap_err(), Error::Interrupted);
}
