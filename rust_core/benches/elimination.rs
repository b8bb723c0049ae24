//! The E-step of models with several attributes: with attributes eliminated, on the whole grid, and by the plain kernel.
//!
//! Absolute times drift between machines; compare the lines of a case, measured in the same run on one thread.

// A benchmark that cannot be set up has nothing to measure; the macros of criterion write no documentation.
#![allow(clippy::unwrap_used, missing_docs)]

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use mixirt_core::data::{Data, Responses};
use mixirt_core::em::CountSource;
use mixirt_core::expected::{Placed, place};
use mixirt_core::item::{Nodes, family};
use mixirt_core::latent::DISTRIBUTIONS;
use mixirt_core::params::{FreeParameter, Kind, ParameterTable, Slot};
use mixirt_core::plan::{Planning, describe};
use mixirt_core::quadrature::Quadrature;
use mixirt_core::spec::{GroupSpec, ItemSpec, Model, Spec};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

mod plain;
use plain::PlainKernel;

static GO: AtomicBool = AtomicBool::new(false);

/// A model with the attributes of each item, its parameters and responses drawn from it.
struct Case {
    spec: Spec,
    table: ParameterTable,
    x: Vec<f64>,
    codes: Vec<u8>,
}

/// A test of items that measure `attributes`, on `n_points` nodes an axis, all covariances being `covariance`.
fn simulate(n_rows: usize, attributes: &[Vec<usize>], n_categories: u32, n_points: usize, covariance: f64) -> Case {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let n_dims = attributes.iter().flatten().max().unwrap() + 1;
    let item = |(i, attributes): (usize, &Vec<usize>)| ItemSpec {
        name: format!("i{i}"),
        family: family("gpcm").unwrap(),
        n_categories: n_categories as usize,
        scores: (0..n_categories).map(f64::from).collect(),
        attributes: attributes.clone(),
    };
    let all = |n: usize| (0..n).collect::<Vec<_>>();
    let spec = Spec {
        items: attributes.iter().enumerate().map(item).collect(),
        attributes: (0..n_dims).map(|j| format!("a{j}")).collect(),
        groups: vec![GroupSpec { name: String::new(), items: all(attributes.len()), attributes: all(n_dims) }],
        n_classes: 1,
        latent: DISTRIBUTIONS[0],
        quadrature: Quadrature { n_points: vec![n_points; n_dims], ..Quadrature::default() },
    };
    let cells = spec.cells().unwrap();
    let (mut x, mut slots) = (Vec::new(), Vec::new());
    for cell in &cells {
        let is_variance = cell.attribute == cell.attribute_2;
        slots.push(match cell.kind {
            Kind::Slope | Kind::Intercept => {
                x.push(if cell.kind == Kind::Slope { rng.random_range(0.7..1.8) } else { rng.random_range(-1.5..1.5) });
                Slot::Free(x.len() - 1)
            }
            Kind::Covariance if !is_variance && covariance != 0.0 => {
                x.push(covariance);
                Slot::Free(x.len() - 1)
            }
            Kind::Covariance => Slot::Fixed(f64::from(u8::from(is_variance))),
            _ => Slot::Fixed(0.0),
        });
    }
    let table = ParameterTable::new(cells, slots, vec![FreeParameter::default(); x.len()]).unwrap();
    let mut case = Case { spec, table, x, codes: Vec::new() };
    case.draw(n_rows, covariance, &mut rng);
    case
}

impl Case {
    fn model(&self, planning: Planning) -> Model {
        Model::planned(self.spec.clone(), self.table.clone(), planning).unwrap()
    }

    fn data(&self, model: &Model) -> Data {
        let n_respondents = self.codes.len() / self.spec.items.len();
        let codes = &self.codes;
        Data::new(model, &Responses { codes, n_respondents, group: None, weights: None, known_class: None }).unwrap()
    }

    /// Draws responses: attributes share a part of variance `covariance`.
    fn draw(&mut self, n_rows: usize, covariance: f64, rng: &mut ChaCha8Rng) {
        let model = self.model(Planning::Automatic);
        let values = model.table.expand(&self.x);
        // The sum of twelve uniform numbers less six is as good as normal here.
        let normal = |rng: &mut ChaCha8Rng| (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0;
        for _ in 0..n_rows {
            let shared = normal(rng);
            let part = |own: f64| covariance.sqrt() * shared + (1.0 - covariance).sqrt() * own;
            let theta: Vec<f64> = self.spec.attributes.iter().map(|_| part(normal(rng))).collect();
            for (instance, item) in model.groups[0].instances.iter().zip(&self.spec.items) {
                let own: Vec<f64> = item.attributes.iter().map(|&j| theta[j]).collect();
                let mut p = vec![0.0; item.n_categories];
                let nodes = Nodes { theta: &own, n_nodes: 1 };
                item.family.probabilities(&instance.shape, &values[instance.cells.clone()], nodes, &mut p);
                let mut u: f64 = rng.random();
                let code = p.iter().take_while(|p| {
                    u -= *p;
                    u > 0.0
                });
                self.codes.push(code.count().min(item.n_categories - 1) as u8);
            }
        }
    }

    /// The plain kernel over the whole grid of a dense model.
    fn plain(&self, model: &Model, placed: &[Placed], data: &Data) -> PlainKernel {
        let values = model.table.expand(&self.x);
        let grid = &placed[0].grid;
        let (n, m) = (grid.n_nodes, self.spec.items[0].n_categories);
        let mut log_probabilities = vec![0.0; self.spec.items.len() * m * n];
        let items = self.spec.items.iter().zip(&model.groups[0].instances);
        for ((item, instance), table) in items.zip(log_probabilities.chunks_exact_mut(m * n)) {
            let theta = item.attributes.iter().flat_map(|&j| &grid.theta[j * n..(j + 1) * n]).copied();
            let theta: Vec<f64> = theta.collect();
            let eta = &values[instance.cells.clone()];
            item.family.probabilities(&instance.shape, eta, Nodes { theta: &theta, n_nodes: n }, table);
        }
        log_probabilities.iter_mut().for_each(|p| *p = p.ln());
        PlainKernel {
            codes: (0..data.n_patterns()).flat_map(|p| data.codes_of(0, p)).collect(),
            log_prior: grid.weights.iter().map(|w| w.ln()).collect(),
            log_probabilities,
            n_items: self.spec.items.len(),
            max_categories: m,
        }
    }
}

fn compare(c: &mut Criterion, name: &str, case: &Case, with_plain: bool) {
    let mut group = c.benchmark_group(name);
    let mut logliks = Vec::new();
    let plans = [("eliminated", Planning::Eliminate), ("whole_grid", Planning::Dense)];
    for (line, planning) in plans.into_iter().take(if with_plain { 2 } else { 1 }) {
        let model = case.model(planning);
        println!("{name}: {}", describe(&model));
        let data = case.data(&model);
        let mut worker = data.worker(&model).unwrap();
        let values = model.table.expand(&case.x);
        let placed = place(&model, &values);
        let mut run = || worker.counts(&model, &placed, &values, &GO).unwrap();
        logliks.push(run()[0].loglik);
        group.bench_function(line, |b| b.iter(&mut run));
    }
    if with_plain {
        let model = case.model(Planning::Dense);
        let data = case.data(&model);
        let placed = place(&model, &model.table.expand(&case.x));
        let plain = case.plain(&model, &placed, &data);
        let n_gp = weights(&data);
        let (mut n_gl, mut n_glim) = (vec![0.0; plain.log_prior.len()], vec![0.0; plain.log_probabilities.len()]);
        logliks.push(plain.run(&n_gp, &mut n_gl, &mut n_glim));
        group.bench_function("plain_log_kernel", |b| b.iter(|| plain.run(&n_gp, &mut n_gl, &mut n_glim)));
    }
    for loglik in &logliks {
        assert!((loglik - logliks[0]).abs() < 1e-11 * loglik.abs(), "{name}: {logliks:?}");
    }
    group.finish();
}

/// Respondents with each pattern.
fn weights(data: &Data) -> Vec<f64> {
    let mut n_gp = vec![0.0; data.n_patterns()];
    data.respondents_of(0).for_each(|(_, pattern)| n_gp[pattern] += 1.0);
    n_gp
}

fn elimination(c: &mut Criterion) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread();
    pool.build_global().unwrap();
    let bifactor = |n_items: usize, n_specific: usize| {
        (0..n_items).map(|i| vec![0, 1 + i * n_specific / n_items]).collect::<Vec<_>>()
    };
    let simple: Vec<Vec<usize>> = (0..30).map(|i| vec![i / 10]).collect();
    compare(c, "2pl_5000x30_3_attributes_20_nodes", &simulate(5_000, &simple, 2, 20, 0.5), true);
    let crossed = [0, 0, 0, 0, 2, 2, 1, 1, 1, 1].map(|j| if j == 2 { vec![0, 1] } else { vec![j] });
    compare(c, "gpcm4_3000x10_2_attributes_crossed_30_nodes", &simulate(3_000, &crossed, 4, 30, 0.5), true);
    compare(c, "bifactor_1_4_5000x40_21_nodes", &simulate(5_000, &bifactor(40, 4), 2, 21, 0.0), false);
    compare(c, "bifactor_1_20_5000x100_21_nodes", &simulate(5_000, &bifactor(100, 20), 2, 21, 0.0), false);
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = elimination
}
criterion_main!(benches);
