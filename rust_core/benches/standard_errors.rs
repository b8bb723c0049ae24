//! Standard errors at the maximum by every method, beside the E-step of the same data, in which their cost is counted.

// A benchmark that cannot be set up has nothing to measure; the macros of criterion write no documentation.
#![allow(clippy::unwrap_used, missing_docs)]

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use mixirt_core::em::{CountSource, EmOptions, em};
use mixirt_core::expected::Parameters;
use mixirt_core::patterns::MISSING;
use mixirt_core::plan::Planning;
use mixirt_core::se::{METHODS, Point};

mod common;
use common::case::{Case, Design};
use common::{GO, config, on_one_thread};

fn standard_errors(c: &mut Criterion, case: &Case, name: &str) {
    let model = case.model(Planning::Automatic);
    let data = case.data(&model);
    let options = EmOptions { max_cycles: 200, tol_parameter: 1e-6, tol_deviance: 1e-6, ..EmOptions::default() };
    let mut worker = data.worker(&model).unwrap();
    let x = em(&model, &mut worker, case.x.clone(), &options, &mut |_| {}, &GO).unwrap().x;
    let parameters = Parameters::at(&model, &x);
    let mut group = c.benchmark_group("standard_errors");
    group.bench_function(BenchmarkId::new("e_step", name), |b| {
        b.iter(|| worker.counts(&model, &parameters, &GO).unwrap());
    });
    for method in METHODS {
        let run = || method.covariance(&Point::new(&model, &data, &x, &GO)).unwrap();
        group.bench_function(BenchmarkId::new(method.name(), name), |b| b.iter(run));
    }
    group.finish();
}

fn benches_of_all(c: &mut Criterion) {
    on_one_thread();
    let mut binary = Case::draw(Design::new("2pl 10,000 x 30", "gpcm", 10_000, 30));
    standard_errors(c, &binary, binary.design.name);
    binary.codes.iter_mut().skip(7).step_by(11).for_each(|code| *code = MISSING);
    standard_errors(c, &binary, "2pl 10,000 x 30, 9 % missing");
    let graded = Design { n_categories: 5, ..Design::new("grm 10,000 x 20, 5 categories", "grm", 10_000, 20) };
    standard_errors(c, &Case::draw(graded.clone()), graded.name);
}

criterion_group! { name = benches; config = config(); targets = benches_of_all }
criterion_main!(benches);
