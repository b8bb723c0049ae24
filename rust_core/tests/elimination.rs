//! Elimination against the whole grid: the same model either way.

// The setting up of the tests stands in functions of its own, where clippy does not know that they are tests.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot be set up has failed")]

use std::sync::atomic::AtomicBool;

use mixirt_core::data::{Data, Responses};
use mixirt_core::em::CountSource;
use mixirt_core::expected::{Expected, place};
use mixirt_core::item::family;
use mixirt_core::latent::{DISTRIBUTIONS, covariance_index};
use mixirt_core::params::{FreeParameter, Kind, ParameterTable, Slot};
use mixirt_core::plan::Planning;
use mixirt_core::quadrature::Quadrature;
use mixirt_core::score::{Method, score};
use mixirt_core::spec::{GroupSpec, ItemSpec, Model, Spec};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Both ways sum the same products in another order.
const LOGLIK_TOLERANCE: f64 = 1e-12;
/// Counts carry the rounding of quotients and of sums over thousands of nodes.
const COUNT_TOLERANCE: f64 = 1e-10;
/// Covariances are differences of second moments a few standard deviations from their origin.
const SCORE_TOLERANCE: f64 = 1e-9;

static GO: AtomicBool = AtomicBool::new(false);

/// What to draw a random model and data from.
#[derive(Debug, Clone)]
struct Recipe {
    seed: u64,
    n_dims: usize,
    n_items: usize,
    n_rows: usize,
    n_classes: usize,
    n_groups: usize,
    /// Probability that a pair of attributes covaries.
    covarying: f64,
    /// Probability that an item measures a second attribute.
    cross: f64,
    missing: f64,
    steepness: f64,
}

struct Case {
    spec: Spec,
    table: ParameterTable,
    x: Vec<f64>,
    codes: Vec<u8>,
    group: Vec<u32>,
    weights: Vec<f64>,
    known_class: Vec<u16>,
}

fn draw(recipe: &Recipe) -> Case {
    let mut rng = ChaCha8Rng::seed_from_u64(recipe.seed);
    let n = recipe.n_dims;
    let items: Vec<ItemSpec> = (0..recipe.n_items)
        .map(|i| {
            let mut attributes = vec![rng.random_range(0..n)];
            let other = rng.random_range(0..n);
            if rng.random_bool(recipe.cross) && !attributes.contains(&other) {
                attributes.push(other);
                attributes.sort_unstable();
            }
            let n_categories = rng.random_range(2..=4);
            let scores = (0..n_categories).map(f64::from).collect();
            let family = family("gpcm").unwrap();
            ItemSpec { name: format!("i{i}"), family, n_categories: n_categories as usize, scores, attributes }
        })
        .collect();
    let group = |g: usize| GroupSpec {
        name: format!("g{g}"),
        items: (0..recipe.n_items).collect(),
        attributes: (0..n).collect(),
    };
    // Odd, so that no two nodes are equally probable without answers.
    let n_points = (0..n).map(|_| 2 * rng.random_range(1..=4) + 1).collect();
    let spec = Spec {
        items,
        attributes: (0..n).map(|j| format!("a{j}")).collect(),
        groups: (0..recipe.n_groups).map(group).collect(),
        n_classes: recipe.n_classes,
        latent: DISTRIBUTIONS[0],
        quadrature: Quadrature { n_points, ..Quadrature::default() },
    };
    let pairs: Vec<bool> = (0..n * n).map(|_| rng.random_bool(recipe.covarying)).collect();
    let c = recipe.n_classes;
    let (mut slots, mut free, mut x) = (Vec::new(), Vec::new(), Vec::new());
    let cells = spec.cells().unwrap();
    for cell in &cells {
        let (a, b) = (cell.attribute.unwrap_or(0), cell.attribute_2.unwrap_or(0));
        let value = match cell.kind {
            Kind::Slope => recipe.steepness * rng.random_range(-0.5..1.5),
            Kind::Intercept => recipe.steepness * rng.random_range(-1.0..1.0),
            Kind::Mean => rng.random_range(-0.5..0.5),
            Kind::Covariance if a == b => rng.random_range(0.5..2.0),
            Kind::Covariance if !pairs[a * n + b] => 0.0,
            // Smaller than the smallest variance over the number of attributes: positive definite.
            Kind::Covariance => rng.random_range(-0.5..0.5) / n as f64,
            Kind::Guessing => f64::NEG_INFINITY,
            // 1, 2, ... of their sum: no two classes are equally probable without answers.
            Kind::Proportion => (cell.group % c + 1) as f64 / (c * (c + 1) / 2) as f64,
        };
        if value == 0.0 {
            slots.push(Slot::Fixed(0.0));
        } else {
            slots.push(Slot::Free(x.len()));
            free.push(FreeParameter::default());
            x.push(value);
        }
    }
    let table = ParameterTable::new(cells, slots, free).unwrap();
    let code = |i: usize, rng: &mut ChaCha8Rng| match rng.random_bool(recipe.missing) {
        true => 255,
        false => rng.random_range(0..spec.items[i].n_categories) as u8,
    };
    let mut codes = Vec::new();
    for row in 0..recipe.n_rows {
        // Some answer like others, some answer nothing.
        match row {
            0 => codes.extend(vec![255; recipe.n_items]),
            _ if row % 3 == 0 => codes.extend_from_within((row - 2) * recipe.n_items..(row - 1) * recipe.n_items),
            _ => codes.extend((0..recipe.n_items).map(|i| code(i, &mut rng))),
        }
    }
    let rows = 0..recipe.n_rows;
    let group = rows.clone().map(|_| rng.random_range(0..recipe.n_groups as u32)).collect();
    let weights = rows.clone().map(|_| [0.0, 0.5, 1.0, 3.0][rng.random_range(0..4)]).collect();
    let known_class =
        rows.map(|_| [0, 0, rng.random_range(0..=recipe.n_classes as u16)][rng.random_range(0..3)]).collect();
    Case { spec, table, x, codes, group, weights, known_class }
}

impl Case {
    fn model(&self, planning: Planning) -> Model {
        Model::planned(self.spec.clone(), self.table.clone(), planning).unwrap()
    }

    fn data(&self, model: &Model) -> Data {
        let responses = Responses {
            codes: &self.codes,
            n_respondents: self.weights.len(),
            group: Some(&self.group),
            weights: Some(&self.weights),
            known_class: Some(&self.known_class),
        };
        Data::new(model, &responses).unwrap()
    }

    fn expected(&self, model: &Model) -> Expected {
        let data = self.data(model);
        let values = model.table.expand(&self.x);
        let placed = place(model, &values);
        let mut worker = data.worker(model).unwrap();
        // Twice: what a cycle leaves behind must not show in the next.
        worker.counts(model, &placed, &values, &GO).unwrap();
        let counts = worker.counts(model, &placed, &values, &GO).unwrap();
        Expected::new(model, &placed, counts)
    }
}

fn assert_close(actual: &[f64], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(actual.len(), expected.len());
    let scale = expected.iter().map(|x| x.abs()).fold(1.0, f64::max);
    for (i, (a, e)) in actual.iter().zip(expected).enumerate() {
        let same = a.is_nan() && e.is_nan() || (a - e).abs() <= tolerance * scale;
        assert!(same, "{what} {i}: {a} instead of {e} (largest {scale})");
    }
}

/// Log-likelihood, counts and moments agree.
fn assert_same_counts(case: &Case, model: &Model, dense: &Model) {
    let (actual, expected) = (case.expected(model), case.expected(dense));
    assert_close(&[actual.loglik], &[expected.loglik], LOGLIK_TOLERANCE, "log-likelihood");
    for (g, group) in model.groups.iter().enumerate() {
        for index in 0..group.instances.len() {
            let (a, e) = (actual.item(model, g, index), expected.item(dense, g, index));
            assert_close(a, e, COUNT_TOLERANCE, &format!("group {g}, item {index}"));
        }
        let (a, e) = (&actual.moments[g], &expected.moments[g]);
        assert_close(&[a.n], &[e.n], COUNT_TOLERANCE, "size");
        assert_close(&a.mean, &e.mean, COUNT_TOLERANCE, "mean");
        let n = a.mean.len();
        for j in 0..n {
            for k in 0..=j {
                let cell = group.latent_cells.start + covariance_index(n, j, k);
                if model.table.slots[cell] != Slot::Fixed(0.0) {
                    let at = [j * n + k, k * n + j];
                    assert_close(&at.map(|i| a.second[i]), &at.map(|i| e.second[i]), COUNT_TOLERANCE, "second moment");
                }
            }
        }
    }
}

fn assert_same_scores(case: &Case, model: &Model, dense: &Model) {
    for method in [Method::Eap, Method::Map, Method::Mode] {
        let scores = |model: &Model| score(model, &case.data(model), &case.x, method, &GO).unwrap();
        let (actual, expected) = (scores(model), scores(dense));
        assert_close(&actual.log_probability, &expected.log_probability, LOGLIK_TOLERANCE, "log-probability");
        assert_close(&actual.class_probabilities, &expected.class_probabilities, COUNT_TOLERANCE, "class");
        assert_close(&actual.theta, &expected.theta, SCORE_TOLERANCE, "theta");
        assert_close(&actual.covariance, &expected.covariance, SCORE_TOLERANCE, "covariance");
    }
}

fn recipes() -> impl Strategy<Value = Recipe> {
    let shape = (any::<u64>(), 2..=4usize, 1..=12usize, 1..=60usize, 1..=3usize, 1..=2usize);
    let kind = (
        prop_oneof![Just(0.0), Just(0.4), Just(1.0)],
        prop_oneof![Just(0.0), Just(0.4), Just(1.0)],
        prop_oneof![Just(0.0), Just(0.3)],
        prop_oneof![Just(1.0), Just(8.0), Just(60.0)],
    );
    (shape, kind).prop_map(
        |((seed, n_dims, n_items, n_rows, n_classes, n_groups), (covarying, cross, missing, steepness))| Recipe {
            seed,
            n_dims,
            n_items,
            n_rows,
            n_classes,
            n_groups,
            covarying,
            cross,
            missing,
            steepness,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(150) })]

    #[test]
    fn counts_agree_with_the_whole_grid(recipe in recipes()) {
        let case = draw(&recipe);
        let model = case.model(Planning::Eliminate);
        prop_assert!(model.eliminates());
        assert_same_counts(&case, &model, &case.model(Planning::Dense));
    }

    #[test]
    fn scores_agree_with_the_whole_grid(recipe in recipes()) {
        let case = draw(&Recipe { steepness: 1.0, ..recipe });
        assert_same_scores(&case, &case.model(Planning::Eliminate), &case.model(Planning::Dense));
    }
}
