//! The stages around the E-step: coding, tables, M-step and scores, each beside a plain way to do it.

// A benchmark that cannot be set up has nothing to measure; the macros of criterion write no documentation.
#![allow(clippy::unwrap_used, missing_docs)]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use mixirt_core::blocks::blocks;
use mixirt_core::em::e_step;
use mixirt_core::encode::{Column, TypedColumn, default_table, encode};
use mixirt_core::expected::Parameters;
use mixirt_core::item::Nodes;
use mixirt_core::m_step::{MStepOptions, m_step};
use mixirt_core::plan::Planning;
use mixirt_core::score::{Method, score};

mod common;
use common::case::{Case, Design};
use common::plain::{codes_of, gpcm_table, unique_rows};
use common::{GO, config, on_one_thread};

/// One Newton iteration, as in a fit.
const M_STEP: MStepOptions = MStepOptions { max_newton: None, tolerance: 1e-10 };

/// Floating-point answers to codes, and codes to unique patterns.
fn coding(c: &mut Criterion, case: &Case) {
    let (name, n_items) = (case.design.name, case.design.attributes.len());
    let values: Vec<f64> = case.codes.iter().map(|&code| code.into()).collect();
    let table = default_table();
    let mut group = c.benchmark_group("encode");
    let mut codes = vec![0; values.len()];
    group.bench_function(BenchmarkId::new("mixirt", name), |b| {
        b.iter(|| {
            let column = |i: usize| TypedColumn::new(&values[i..], n_items, &table, Vec::new());
            let columns = (0..n_items).map(|i| Box::new(column(i)) as Box<dyn Column>);
            encode(&columns.collect::<Vec<_>>(), &mut codes).unwrap()
        });
    });
    let plain = || codes_of(black_box(&values), case.design.n_categories);
    group.bench_function(BenchmarkId::new("plain", name), |b| b.iter(plain));
    group.finish();

    let mut group = c.benchmark_group("patterns");
    let model = case.model(Planning::Automatic);
    group.bench_function(BenchmarkId::new("mixirt", name), |b| b.iter(|| case.data(&model)));
    let plain = || unique_rows(black_box(&case.codes), n_items).len();
    assert_eq!(plain(), case.data(&model).n_patterns());
    group.bench_function(BenchmarkId::new("plain", name), |b| b.iter(plain));
    group.finish();
}

/// Tables of probabilities of all items, and one M-step.
fn tables_and_m_step(c: &mut Criterion, case: &Case) {
    let (name, m) = (case.design.name, case.design.n_categories);
    let model = case.model(Planning::Automatic);
    let parameters = Parameters::at(&model, &case.x);
    let Parameters { values, placed } = &parameters;
    let n_nodes = placed[0].grid.n_nodes;
    let mut group = c.benchmark_group("tables");
    let mut table = vec![0.0; m * n_nodes];
    let items = || model.groups[0].instances.iter().map(|i| (i, &values[i.cells.clone()]));
    group.bench_function(BenchmarkId::new("mixirt", name), |b| {
        b.iter(|| {
            for (instance, eta) in items() {
                let nodes = Nodes { theta: &placed[0].grid.theta, n_nodes };
                model.spec.items[instance.item].family.probabilities(&instance.shape, eta, nodes, &mut table);
                black_box(&table);
            }
        });
    });
    group.bench_function(BenchmarkId::new("plain", name), |b| {
        b.iter(|| {
            for (_, eta) in items() {
                gpcm_table(eta[0], &eta[1..], &placed[0].grid.theta, &mut table);
                black_box(&table);
            }
        });
    });
    group.finish();

    let data = case.data(&model);
    let expected = e_step(&model, &mut data.worker(&model).unwrap(), &parameters, &GO).unwrap();
    let blocks = blocks(&model);
    let mut group = c.benchmark_group("m_step");
    let run = || m_step(&model, &blocks, placed, &expected, &case.x, M_STEP);
    group.bench_function(BenchmarkId::new("mixirt", name), |b| b.iter(run));
    group.finish();
}

/// Posterior means of all respondents.
fn scoring(c: &mut Criterion, case: &Case) {
    let name = case.design.name;
    let model = case.model(Planning::Automatic);
    let data = case.data(&model);
    let theta = Parameters::at(&model, &case.x).placed[0].grid.theta.clone();
    let (plain, _) = case.plain();
    let ours = || score(&model, &data, &case.x, Method::Eap, &GO).unwrap();
    let scores = ours();
    let means = plain.eap(&theta);
    for (row, pattern) in data.respondents_of(0) {
        assert!((scores.theta[row] - means[pattern][0]).abs() < 1e-9);
    }
    let mut group = c.benchmark_group("score");
    group.bench_function(BenchmarkId::new("mixirt", name), |b| b.iter(ours));
    group.bench_function(BenchmarkId::new("plain", name), |b| b.iter(|| plain.eap(&theta)));
    group.finish();
}

fn stages(c: &mut Criterion) {
    on_one_thread();
    let binary = Case::draw(Design::new("2pl 10,000 x 30", "gpcm", 10_000, 30));
    let five = Design { n_categories: 5, ..Design::new("gpcm 5,000 x 30, 5 categories", "gpcm", 5_000, 30) };
    let five = Case::draw(five);
    coding(c, &Case::draw(Design::new("2pl 100,000 x 40", "gpcm", 100_000, 40)));
    coding(c, &five);
    tables_and_m_step(c, &binary);
    tables_and_m_step(c, &five);
    scoring(c, &binary);
}

criterion_group! { name = benches; config = config(); targets = stages }
criterion_main!(benches);
