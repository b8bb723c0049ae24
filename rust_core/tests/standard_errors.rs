//! Every method of the registry against differences of the gradient of the observed log-likelihood, and against the
//! gradients of single respondents.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot be set up must fail")]

mod models;

use mixirt_core::params::{Cell, Kind};
use mixirt_core::plan::Planning;
use mixirt_core::se::{Covariance, Directions, METHODS, Method, Point};
use mixirt_core::spec::Model;
use models::{RUN_ON, Sample, Sketch, fit_from, item, options, simulate, spec, truth};
use nalgebra::{DMatrix, DVector};

/// Respondents of each model.
const N: usize = 240;
/// Step of the differences; with one extrapolation their error is its fourth power.
const STEP: f64 = 2e-3;
/// Error of covariances, relative to the product of two standard errors: that of the differences, here and in
/// `oakes`, times the condition of the information matrix.
const DIFFERENCES: f64 = 2e-5;
/// Where no differences are taken on either side: rounding, times the condition.
const ROUNDING: f64 = 1e-9;
/// The nodes of `louis` stand still, those of the log-likelihood move with the distribution; the grid of 48 points
/// leaves out tails, whose part in the curvature of a variance is of this size.
const TAILS: f64 = 1e-3;

/// Rounding of sums of a few numbers below one.
const SUMS: f64 = 1e-13;

/// A model with its name, and whether its distributions are free.
struct Case {
    name: &'static str,
    model: Model,
    missing: f64,
    has_free_distributions: bool,
}

fn cases() -> Vec<Case> {
    let binary = |n: usize| vec![item("gpcm", 2, &[0]); n];
    let mixed = vec![item("grm", 4, &[0]), item("3pl", 2, &[0]), item("gpcm", 3, &[0]), item("grm", 3, &[0])];
    let crossed: Vec<_> = [&[0][..], &[0], &[0, 1], &[0, 1], &[1], &[1]].map(|a| item("gpcm", 3, a)).into();
    let case = |name, sketch: Sketch, missing, has_free_distributions| {
        let model = sketch.build().replanned(Planning::Dense).unwrap();
        Case { name, model, missing, has_free_distributions }
    };
    let second = |c: &Cell| c.group == 1 && matches!(c.kind, Kind::Mean | Kind::Covariance);
    let one = |n_points| move |items| Sketch::new(spec(items, (1, 1), &[n_points])).standard();
    let groups = Sketch::new(spec(binary(5), (2, 1), &[48])).standard().release(second);
    let apart = |class| move |c: &Cell| c.kind == Kind::Intercept && c.group == class;
    let classes = Sketch::new(spec(vec![item("gpcm", 2, &[]); 8], (1, 2), &[]))
        .edit(apart(0), |f| f.start = Some(1.5))
        .edit(apart(1), |f| f.start = Some(-1.5));
    vec![
        case("2pl", one(40)(binary(6)), 0.0, false),
        case("2pl, missing", one(40)(binary(6)), 0.2, false),
        case("common slope", one(40)(binary(6)).tie(|c| c.kind == Kind::Slope), 0.1, false),
        case("mixed", one(30)(mixed).fix(|c| c.kind == Kind::Guessing, -1.4), 0.1, false),
        case(
            "crossed, slopes tied within an item",
            Sketch::new(spec(crossed, (1, 1), &[12, 12]))
                .standard()
                .tie(|c| c.kind == Kind::Slope && c.item == Some(2)),
            0.1,
            false,
        ),
        case("latent classes", classes, 0.0, false),
        case("two groups", groups.tie_across_groups(|c| c.item.is_some()), 0.0, true),
    ]
}

/// The estimates, and the responses that they come from.
fn estimates(case: &Case) -> (Sample, Vec<f64>) {
    let sample = simulate(&case.model, &truth(&case.model, 0.8, 5), N, case.missing, 6);
    let data = sample.data(&case.model);
    let fit = fit_from(&case.model, &data, truth(&case.model, 0.8, 5), &options("anderson", 3000, 1e-10));
    assert!(fit.converged, "{}", case.name);
    (sample, fit.x)
}

/// The information along the directions, by differences of the gradient with one extrapolation.
fn differentiated(model: &Model, sample: &Sample, x: &[f64], directions: &Directions) -> DMatrix<f64> {
    let data = sample.data(model);
    let point = Point::new(model, &data, x, &RUN_ON);
    let mut worker = data.worker(model).unwrap();
    let mut slope = |d: usize, step: f64| {
        let mut along = DVector::zeros(directions.len());
        along[d] = step;
        directions.project(&point.gradient(&mut worker, &directions.moved(x, &along)).unwrap())
    };
    let mut central = |d: usize, step: f64| (slope(d, -step) - slope(d, step)) / (2.0 * step);
    let columns: Vec<_> =
        (0..directions.len()).map(|d| (central(d, STEP / 2.0) * 4.0 - central(d, STEP)) / 3.0).collect();
    let raw = DMatrix::from_columns(&columns);
    0.5 * (&raw + raw.transpose())
}

/// The respondents' gradients, each from data of its own.
fn of_each(model: &Model, sample: &Sample, x: &[f64]) -> Vec<Vec<f64>> {
    let rows = sample.codes.chunks_exact(sample.codes.len() / sample.n).enumerate();
    let gradients = rows.map(|(row, codes)| {
        let group = sample.group.as_ref().map(|g| vec![g[row]]);
        let data = Sample { codes: codes.to_vec(), n: 1, group, weights: None }.data(model);
        Point::new(model, &data, x, &RUN_ON).slope().unwrap().1
    });
    gradients.collect()
}

/// The sum of outer products of the respondents' gradients along the directions.
fn one_by_one(model: &Model, sample: &Sample, x: &[f64], directions: &Directions) -> DMatrix<f64> {
    let mut sum = DMatrix::zeros(directions.len(), directions.len());
    for gradient in of_each(model, sample, x) {
        let own = directions.project(&gradient);
        sum += &own * own.transpose();
    }
    sum
}

fn assert_close(actual: &Covariance, expected: &DMatrix<f64>, tolerance: f64, what: &str) {
    let se = expected.diagonal().map(f64::sqrt);
    for i in 0..expected.nrows() {
        for j in 0..expected.ncols() {
            let (a, e) = (actual.matrix[(i, j)], expected[(i, j)]);
            let apart = (a - e).abs() / (se[i] * se[j]);
            assert!(apart <= tolerance, "{what}: {a} instead of {e} at ({i}, {j}), {apart:e} apart");
        }
    }
}

fn found(method: &dyn Method, case: &Case, sample: &Sample, x: &[f64]) -> Covariance {
    let data = sample.data(&case.model);
    method.covariance(&Point::new(&case.model, &data, x, &RUN_ON)).unwrap()
}

#[test]
fn every_method_agrees_with_differences_and_single_respondents() {
    for case in cases() {
        let (sample, x) = estimates(&case);
        let directions = Directions::new(&case.model, &x);
        let invert = |information: &DMatrix<f64>| information.clone().try_inverse().unwrap();
        let bread = invert(&differentiated(&case.model, &sample, &x, &directions));
        let middle = one_by_one(&case.model, &sample, &x, &directions);
        for method in METHODS {
            let (expected, tolerance) = match method.name() {
                "oakes" => (bread.clone(), DIFFERENCES),
                "louis" if case.has_free_distributions => (bread.clone(), TAILS),
                "louis" => (bread.clone(), DIFFERENCES),
                "cross_product" => (invert(&middle), ROUNDING),
                "sandwich" => (&bread * &middle * &bread, 2.0 * DIFFERENCES),
                // It is none of these: what it leaves out is tested below.
                "complete" => continue,
                other => panic!("say here what '{other}' has to agree with"),
            };
            let what = format!("{}, {}", case.name, method.name());
            assert_close(&found(*method, &case, &sample, &x), &directions.expand(Some(&expected)), tolerance, &what);
        }
    }
}

#[test]
fn the_complete_data_know_more_in_every_direction() {
    for case in cases() {
        let (sample, x) = estimates(&case);
        let of = |name| found(mixirt_core::se::method(name).unwrap(), &case, &sample, &x).matrix;
        let more = of("oakes") - of("complete");
        let least = more.clone().symmetric_eigenvalues().min();
        assert!(least > -ROUNDING * more.amax(), "{}: {least}", case.name);
    }
}

#[test]
fn without_free_distributions_nothing_is_differentiated() {
    for case in cases().iter().filter(|case| !case.has_free_distributions) {
        let (sample, x) = estimates(case);
        let of = |name| found(mixirt_core::se::method(name).unwrap(), case, &sample, &x);
        let oakes = of("oakes");
        assert_eq!(oakes.error, 0.0, "{}", case.name);
        assert_close(&oakes, &of("louis").matrix, ROUNDING, case.name);
    }
}

/// So many respondents that patterns fill several batches and leave one begun.
fn many() -> (Case, Sample, Vec<f64>) {
    let items = (0..12).map(|i| item(["grm", "gpcm"][i % 2], 2 + i % 3, &[0])).collect();
    let model = Sketch::new(spec(items, (1, 1), &[30])).standard().build();
    let x = truth(&model, 0.8, 5);
    let sample = simulate(&model, &x, 3000, 0.1, 6);
    assert!(sample.data(&model).n_patterns() > 2500);
    (Case { name: "many", model, missing: 0.1, has_free_distributions: false }, sample, x)
}

#[test]
fn the_scores_of_many_respondents_are_those_of_each() {
    let (case, sample, x) = many();
    let directions = Directions::new(&case.model, &x);
    let expected = one_by_one(&case.model, &sample, &x, &directions).try_inverse().unwrap();
    let found = found(mixirt_core::se::method("cross_product").unwrap(), &case, &sample, &x);
    assert_close(&found, &directions.expand(Some(&expected)), ROUNDING, case.name);
}

#[test]
fn contributions_are_the_gradients_of_each_on_any_number_of_threads() {
    let of_case = |case: Case| {
        let x = truth(&case.model, 0.8, 5);
        let sample = simulate(&case.model, &x, N, case.missing, 6);
        (case, sample, x)
    };
    for (case, sample, mut x) in cases().into_iter().map(of_case).chain([many()]) {
        // A parameter at its bound has a derivative all the same.
        let mut model = case.model;
        model.table.free[1].upper = x[1].min(model.table.free[1].upper);
        x[1] = model.table.free[1].upper;
        let data = sample.data(&model);
        let on = |n: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
            pool.install(|| Point::new(&model, &data, &x, &RUN_ON).contributions().unwrap())
        };
        let found = on(1);
        let expected = of_each(&model, &sample, &x).concat();
        assert_eq!(found.len(), expected.len());
        for (at, (found, expected)) in found.iter().zip(&expected).enumerate() {
            let (row, f) = (at / x.len(), at % x.len());
            assert!((found - expected).abs() < ROUNDING, "{}: {found}, not {expected} ({row}, {f})", case.name);
        }
        let bits = |numbers: Vec<f64>| numbers.into_iter().map(f64::to_bits).collect::<Vec<_>>();
        let one = bits(found);
        for n in [2, 5] {
            assert!(bits(on(n)) == one, "{}, {n} threads", case.name);
        }
    }
}

#[test]
fn covariances_are_the_same_bits_on_any_number_of_threads() {
    let mut all: Vec<_> = cases().into_iter().map(|case| (estimates(&case), case)).collect();
    let (case, sample, x) = many();
    all.push(((sample, x), case));
    for ((sample, x), case) in &all {
        for method in METHODS {
            let on = |n: usize| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
                let found = pool.install(|| found(*method, case, sample, x));
                found.matrix.iter().map(|c| c.to_bits()).collect::<Vec<_>>()
            };
            let one = on(1);
            for n in [2, 5] {
                assert!(on(n) == one, "{}, {}, {n} threads", case.name, method.name());
            }
        }
    }
}

#[test]
fn the_part_of_a_gradient_along_the_directions_is_its_projection() {
    let two_alike = |c: &Cell| c.kind == Kind::Proportion && c.group < 2;
    let model = Sketch::new(spec(vec![item("gpcm", 2, &[]); 4], (2, 4), &[])).tie(two_alike).build();
    let mut x = truth(&model, 0.8, 5);
    x[0] = model.table.free[0].upper;
    let directions = Directions::new(&model, &x);
    let gradient: Vec<f64> = (0..x.len()).map(|f| (f as f64).sin()).collect();
    let along = directions.along(&gradient);
    let (nowhere, unit) = (vec![0.0; x.len()], DMatrix::identity(directions.len(), directions.len()));
    let columns = unit.column_iter().map(|d| DVector::from_vec(directions.moved(&nowhere, &d.into_owned())));
    let basis = DMatrix::from_columns(&columns.collect::<Vec<_>>());
    let coordinates = basis.clone().svd(true, true).solve(&DVector::from_column_slice(&gradient), SUMS).unwrap();
    let projected = basis * coordinates;
    for f in 0..x.len() {
        let expected = if directions.held()[f] { gradient[f] } else { projected[f] };
        assert!((along[f] - expected).abs() < SUMS, "{f}: {} instead of {expected}", along[f]);
    }
}

/// The kernels of matrixmultiply are picked by processor, and some fuse multiplications with additions.
#[test]
fn no_product_of_matrices_picks_its_kernel_by_processor() {
    let lock = include_str!("../../Cargo.lock");
    let (_, after) = lock.split_once("name = \"nalgebra\"\n").unwrap();
    let (own, _) = after.split_once("\n\n").unwrap();
    assert!(own.contains("\"simba\""), "the entry lists no dependencies: {own}");
    assert!(!own.contains("\"matrixmultiply\""), "{own}");
}
