//! The E-step, from parameters to expected counts, beside the plain log-domain kernel on the same patterns; with several
//! attributes also on the whole grid.

// A benchmark that cannot be set up has nothing to measure; the macros of criterion write no documentation.
#![allow(clippy::unwrap_used, missing_docs)]

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use mixirt_core::em::CountSource;
use mixirt_core::expected::Parameters;
use mixirt_core::plan::Planning;

mod common;
use common::case::{Case, Design};
use common::{GO, config, on_one_thread};

/// Both sides sum the same numbers, in other orders and scales.
const SAME_LOGLIK: f64 = 1e-11;

/// Nodes of a grid beyond which a plain E-step takes too long to be measured.
const MAX_PLAIN_NODES: usize = 10_000;

fn designs() -> Vec<Design> {
    let new = Design::new;
    let blocks = |n_items: usize, attributes: &dyn Fn(usize) -> Vec<usize>| (0..n_items).map(attributes).collect();
    let bifactor = |n_items: usize, n: usize| blocks(n_items, &|i| vec![0, 1 + i * n / n_items]);
    let crossed = [0, 0, 0, 0, 2, 2, 1, 1, 1, 1].map(|j| if j == 2 { vec![0, 1] } else { vec![j] }).to_vec();
    let five = |design: Design| Design { n_categories: 5, ..design };
    vec![
        new("2pl 10,000 x 30", "gpcm", 10_000, 30),
        new("2pl 100,000 x 40", "gpcm", 100_000, 40),
        Design { n_points: 128, ..new("2pl 10,000 x 30, 128 nodes", "gpcm", 10_000, 30) },
        Design { guessed: 0.1, ..new("2pl 2,000 x 240, aberrant", "gpcm", 2_000, 240) },
        new("3pl 20,000 x 40", "3pl", 20_000, 40),
        five(new("gpcm 5,000 x 30, 5 categories", "gpcm", 5_000, 30)),
        five(new("grm 10,000 x 20, 5 categories", "grm", 10_000, 20)),
        Design {
            attributes: vec![vec![]; 12],
            n_classes: 3,
            ..new("3 latent classes 10,000 x 12", "gpcm", 10_000, 12)
        },
        Design {
            attributes: blocks(30, &|i| vec![i / 10]),
            n_points: 20,
            covariance: 0.5,
            ..new("2pl 5,000 x 30, 3 attributes", "gpcm", 5_000, 30)
        },
        Design {
            attributes: crossed,
            n_categories: 4,
            n_points: 30,
            covariance: 0.5,
            ..new("gpcm 3,000 x 10, 2 attributes", "gpcm", 3_000, 10)
        },
        Design { attributes: bifactor(40, 4), n_points: 21, ..new("bifactor 1 + 4, 5,000 x 40", "gpcm", 5_000, 40) },
        Design {
            attributes: bifactor(100, 20),
            n_points: 21,
            ..new("bifactor 1 + 20, 5,000 x 100", "gpcm", 5_000, 100)
        },
    ]
}

/// Nodes of the whole grids of all classes.
fn n_nodes(design: &Design) -> usize {
    let n_dims = design.attributes.iter().flatten().max().map_or(0, |j| j + 1);
    design.n_classes.saturating_mul(design.n_points.saturating_pow(n_dims as u32))
}

fn compare(c: &mut Criterion, case: &Case) {
    let name = case.design.name;
    let mut group = c.benchmark_group("e_step");
    let mut logliks = Vec::new();
    let mut plans = vec![("mixirt", Planning::Automatic)];
    if case.model(Planning::Automatic).eliminates() && n_nodes(&case.design) <= MAX_PLAIN_NODES {
        plans.push(("whole grid", Planning::Dense));
    }
    for (line, planning) in plans {
        let model = case.model(planning);
        let data = case.data(&model);
        let mut worker = data.worker(&model).unwrap();
        let mut run = || worker.counts(&model, &Parameters::at(&model, &case.x), &GO).unwrap();
        logliks.push(run()[0].loglik);
        group.bench_function(BenchmarkId::new(line, name), |b| b.iter(&mut run));
    }
    if n_nodes(&case.design) <= MAX_PLAIN_NODES {
        let (plain, n_gp) = case.plain();
        let (mut n_gl, mut n_glim) = (vec![0.0; plain.log_prior.len()], vec![0.0; plain.log_probabilities.len()]);
        let mut run = || plain.e_step(&n_gp, &mut n_gl, &mut n_glim);
        logliks.push(run());
        group.bench_function(BenchmarkId::new("plain", name), |b| b.iter(&mut run));
    }
    for loglik in &logliks {
        assert!((loglik - logliks[0]).abs() < SAME_LOGLIK * loglik.abs(), "{name}: {logliks:?}");
    }
    group.finish();
}

fn e_step(c: &mut Criterion) {
    on_one_thread();
    for design in designs() {
        compare(c, &Case::draw(design));
    }
}

criterion_group! { name = benches; config = config(); targets = e_step }
criterion_main!(benches);
