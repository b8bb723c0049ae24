//! The E-step against the plain kernel that works pattern by pattern and item by item in logarithms.
//!
//! Absolute times drift between machines; compare the two lines of a case, measured in the same run on one thread.

// A benchmark that cannot be set up has nothing to measure; the macros of criterion write no documentation.
#![allow(clippy::unwrap_used, missing_docs)]

use std::hint::black_box;
use std::sync::atomic::AtomicBool;

use criterion::{Criterion, criterion_group, criterion_main};
use mixirt_core::e_step::{EStep, GroupCounts, NodeLayout, NodeProbabilities};
use mixirt_core::patterns::{CodeMatrix, Patterns, Selection};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

mod plain;
use plain::PlainKernel;

static GO: AtomicBool = AtomicBool::new(false);

/// Simulated responses, and the probabilities they were drawn from.
struct Data {
    n_categories: Vec<usize>,
    codes: Vec<u8>,
    prior: Vec<f64>,
    layout: NodeLayout,
    probabilities: Vec<f64>,
}

/// A generalised partial credit test on a rectangular grid; `aberrant` of the rows answer at random.
fn simulate_test(n_rows: usize, n_items: usize, n_categories: usize, n_nodes: usize, aberrant: f64) -> Data {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let theta: Vec<f64> = (0..n_nodes).map(|l| -6.0 + 12.0 * l as f64 / (n_nodes - 1) as f64).collect();
    let prior: Vec<f64> = theta.iter().map(|t| (-0.5 * t * t).exp()).collect();
    let items: Vec<(f64, Vec<f64>)> = (0..n_items)
        .map(|_| {
            let steps = (1..n_categories).map(|_| rng.random_range(-1.5..1.5)).collect();
            (rng.random_range(0.7..2.0), steps)
        })
        .collect();
    let probabilities_at = |item: &(f64, Vec<f64>), t: f64| {
        let mut z = vec![0.0];
        for step in &item.1 {
            z.push(z[z.len() - 1] + item.0 * t + step);
        }
        let total: f64 = z.iter().map(|z| z.exp()).sum();
        z.into_iter().map(move |z| z.exp() / total).collect::<Vec<f64>>()
    };
    let n_categories = vec![n_categories; n_items];
    let layout = NodeLayout::full(&n_categories, &[n_nodes]).unwrap();
    let mut probabilities = vec![0.0; layout.table_len()];
    for (i, item) in items.iter().enumerate() {
        let table = &mut probabilities[layout.range(i, 0)];
        for (l, &t) in theta.iter().enumerate() {
            for (m, p) in probabilities_at(item, t).into_iter().enumerate() {
                table[m * n_nodes + l] = p;
            }
        }
    }
    let mut codes = Vec::with_capacity(n_rows * n_items);
    for _ in 0..n_rows {
        let is_aberrant = rng.random_bool(aberrant);
        // The sum of twelve uniform numbers less six is as good as normal here.
        let t: f64 = (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0;
        for item in &items {
            let p = probabilities_at(item, t);
            let u: f64 = rng.random();
            let code = match is_aberrant {
                true => (u * p.len() as f64) as usize,
                false => p
                    .iter()
                    .scan(0.0, |sum, p| {
                        *sum += p;
                        Some(*sum)
                    })
                    .filter(|sum| *sum < u)
                    .count(),
            };
            codes.push(code.min(p.len() - 1) as u8);
        }
    }
    let total: f64 = prior.iter().sum();
    Data { n_categories, codes, prior: prior.into_iter().map(|x| x / total).collect(), layout, probabilities }
}

/// Latent classes with binary items.
fn simulate_classes(n_rows: usize, n_items: usize, n_classes: usize) -> Data {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let n_categories = vec![2; n_items];
    let layout = NodeLayout::full(&n_categories, &vec![1; n_classes]).unwrap();
    let mut probabilities = vec![0.0; layout.table_len()];
    for p in probabilities.chunks_mut(2) {
        p[1] = rng.random_range(0.1..0.9);
        p[0] = 1.0 - p[1];
    }
    let mut codes = Vec::new();
    for _ in 0..n_rows {
        let class = rng.random_range(0..n_classes);
        codes.extend((0..n_items).map(|i| rng.random_bool(probabilities[layout.range(i, class)][1]) as u8));
    }
    Data { n_categories, codes, prior: vec![1.0 / n_classes as f64; n_classes], layout, probabilities }
}

impl Data {
    fn n_rows(&self) -> usize {
        self.codes.len() / self.n_categories.len()
    }

    fn patterns(&self) -> Patterns {
        let rows: Vec<u32> = (0..self.n_rows() as u32).collect();
        let items: Vec<usize> = (0..self.n_categories.len()).collect();
        let selection = Selection {
            codes: CodeMatrix { codes: &self.codes, n_items: items.len() },
            rows: &rows,
            items: &items,
            n_categories: &self.n_categories,
            weights: None,
            known_class: None,
        };
        Patterns::build(&selection, self.prior.len()).unwrap()
    }
}

fn plain_kernel(data: &Data, patterns: &Patterns) -> PlainKernel {
    let (n_nodes, n_items) = (data.prior.len(), data.n_categories.len());
    let max_categories = data.n_categories.iter().copied().max().unwrap_or(2);
    let mut codes = vec![0; patterns.len() * n_items];
    codes.chunks_mut(n_items).enumerate().for_each(|(p, codes)| patterns.codes_of(p, codes));
    let mut log_probabilities = vec![0.0; n_items * max_categories * n_nodes];
    for i in 0..n_items {
        for c in 0..data.layout.n_segments() {
            let (nodes, table) = (data.layout.segment(c), &data.probabilities[data.layout.range(i, c)]);
            for m in 0..data.n_categories[i] {
                for (k, l) in nodes.clone().enumerate() {
                    log_probabilities[(i * max_categories + m) * n_nodes + l] = table[m * nodes.len() + k].ln();
                }
            }
        }
    }
    let log_prior = data.prior.iter().map(|p| p.ln()).collect();
    PlainKernel { codes, log_prior, log_probabilities, n_items, max_categories }
}

fn compare(c: &mut Criterion, name: &str, data: &Data) {
    let patterns = data.patterns();
    let mut e_step = EStep::new(&patterns, data.layout.clone()).unwrap();
    let mut counts = GroupCounts::zeros(&data.layout);
    let input = NodeProbabilities { prior: &data.prior, probabilities: &data.probabilities, conditional: &[] };
    let mut group = c.benchmark_group(name);
    group.bench_function("patterns", |b| b.iter(|| black_box(data.patterns())));
    group.bench_function("e_step", |b| b.iter(|| e_step.run(&patterns, input, &mut counts, &GO).unwrap()));
    group.bench_function("posterior", |b| {
        let theta: Vec<f64> = (0..2 * data.prior.len()).map(|l| l as f64).collect();
        b.iter(|| black_box(e_step.posterior(&patterns, input, &theta, false, &GO).unwrap()))
    });
    let plain = plain_kernel(data, &patterns);
    let (mut n_gl, mut n_glim) = (vec![0.0; data.prior.len()], vec![0.0; plain.log_probabilities.len()]);
    e_step.run(&patterns, input, &mut counts, &GO).unwrap();
    let loglik = plain.run(patterns.n_gp(), &mut n_gl, &mut n_glim);
    assert!((loglik - counts.loglik).abs() < 1e-11 * loglik.abs(), "{name}: {loglik} and {}", counts.loglik);
    group.bench_function("plain_log_kernel", |b| b.iter(|| plain.run(patterns.n_gp(), &mut n_gl, &mut n_glim)));
    group.finish();
}

fn e_step(c: &mut Criterion) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread();
    pool.build_global().unwrap();
    compare(c, "2pl_10000x30_64_nodes", &simulate_test(10_000, 30, 2, 64, 0.0));
    compare(c, "gpcm5_5000x30_64_nodes", &simulate_test(5_000, 30, 5, 64, 0.0));
    compare(c, "lca_10000x12_3_classes", &simulate_classes(10_000, 12, 3));
    compare(c, "2pl_2000x240_aberrant", &simulate_test(2_000, 240, 2, 64, 0.1));
    compare(c, "2pl_100000x40_64_nodes", &simulate_test(100_000, 40, 2, 64, 0.0));
    compare(c, "2pl_10000x30_128_nodes", &simulate_test(10_000, 30, 2, 128, 0.0));
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).warm_up_time(std::time::Duration::from_millis(300))
        .measurement_time(std::time::Duration::from_secs(1));
    targets = e_step
}
criterion_main!(benches);
