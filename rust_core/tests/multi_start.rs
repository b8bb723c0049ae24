//! Several starts: the best of them, the same at any number of threads, and which classes may change places.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot be set up must fail")]

mod models;

use std::sync::atomic::AtomicBool;

use mixirt_core::Error;
use mixirt_core::data::Data;
use mixirt_core::feasible::is_feasible;
use mixirt_core::multi_start::{MultiStart, StartOptions, StartRecord, exchangeable, multi_start, randomise};
use mixirt_core::params::{Cell, Kind};
use mixirt_core::spec::Model;
use mixirt_core::start::start;
use models::{RUN_ON, Sketch, data_set, item, options, simulate, spec, truth};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// Log-likelihood of mobility with three classes, exact to six decimals.
const MOBILITY_3: f64 = -23215.667531;
/// What the six decimals and the convergence criteria leave open.
const LOGLIK_TOLERANCE: f64 = 1e-6;

/// A latent class model as the front makes it: intercepts bounded far out.
fn classes(n_items: usize, n_classes: usize) -> Sketch {
    let items = (0..n_items).map(|_| item("gpcm", 2, &[])).collect();
    Sketch::new(spec(items, (1, n_classes), &[]))
        .edit(|c| c.kind == Kind::Intercept, |free| (free.lower, free.upper) = (-25.0, 25.0))
}

fn run(model: &Model, data: &Data, starts: StartOptions) -> MultiStart {
    let base = start(model, &data.summaries()).expect("the model has start values");
    let options = options("anderson", 2000, 1e-6);
    multi_start(model, data, base, starts, &options, &|_| (), &RUN_ON).expect("the model can be fitted")
}

fn in_pool<T: Send>(n_threads: usize, work: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().expect("threads start").install(work)
}

#[test]
fn the_best_start_wins_and_is_replicated() {
    let model = classes(8, 3).build();
    let data = data_set("mobility", 8).data(&model);
    let found = run(&model, &data, StartOptions::new(8, 1));
    assert!((found.fit.expected.loglik - MOBILITY_3).abs() < LOGLIK_TOLERANCE, "{}", found.fit.expected.loglik);
    /// Starts stop within this of their maximum, and the next best one is whole units away.
    const SAME_MAXIMUM: f64 = 1e-3;
    let reached = |r: &&StartRecord| r.finished && (r.loglik - MOBILITY_3).abs() < SAME_MAXIMUM;
    assert!(found.records.iter().filter(reached).count() >= 2, "{:?}", found.records);
    assert_eq!(found.records.iter().filter(|r| r.finished).count(), 4, "the better half goes on");
    let best = found.records.iter().map(|r| r.loglik).fold(f64::NEG_INFINITY, f64::max);
    assert_eq!(found.records[found.best].loglik, best);
    let sizes: Vec<f64> = found.fit.expected.moments.iter().map(|m| m.n).collect();
    assert!(sizes.windows(2).all(|w| w[0] >= w[1]), "the largest class comes first: {sizes:?}");
}

#[test]
fn threads_do_not_matter() {
    let model = classes(8, 3).build();
    let data = data_set("mobility", 8).data(&model);
    let fits = [1, 3].map(|n| in_pool(n, || run(&model, &data, StartOptions::new(6, 9))));
    assert_eq!(fits[0].fit.x, fits[1].fit.x);
    assert_eq!(fits[0].records, fits[1].records);
    let other = run(&model, &data, StartOptions::new(6, 10));
    assert_ne!(fits[0].records, other.records, "another seed makes other starts");
}

#[test]
fn a_start_whose_class_empties_is_drawn_anew() {
    // The second class says 1 to everything, which nobody does: it empties whatever is drawn.
    let model = classes(4, 2).fix(|c| c.kind == Kind::Intercept && c.group == 1, 25.0).build();
    let mut sample = simulate(&model, &vec![0.0; model.table.free.len()], 200, 0.0, 5);
    sample.codes.iter_mut().enumerate().for_each(|(at, code)| *code = u8::from(at % 4 == (at / 4) % 3));
    let data = sample.data(&model);
    let found = run(&model, &data, StartOptions::new(3, 2));
    assert!(found.records.iter().all(|r| r.n_redrawn == 4 && r.loglik.is_finite()), "{:?}", found.records);
    // With both classes free, none empties.
    let free = classes(4, 2).build();
    let found = run(&free, &sample.data(&free), StartOptions::new(3, 2));
    assert!(found.records.iter().all(|r| r.n_redrawn == 0), "{:?}", found.records);
}

#[test]
fn random_starts_are_models_and_leave_alone_what_all_classes_share() {
    let items = vec![item("grm", 4, &[0, 1]), item("gpcm", 3, &[0]), item("3pl", 2, &[1]), item("grm", 3, &[1])];
    let shared = |c: &Cell| c.item == Some(1);
    let model = Sketch::new(spec(items, (2, 2), &[7, 7])).tie_across_groups(shared).build();
    let base = truth(&model, 0.3, 4);
    for seed in 0..50 {
        let drawn = randomise(&model, &base, &mut ChaCha8Rng::seed_from_u64(seed));
        assert!(is_feasible(&model, &drawn), "seed {seed}");
        assert_ne!(drawn, base);
        let (from, to) = (model.table.expand(&base), model.table.expand(&drawn));
        for (c, cell) in model.table.cells.iter().enumerate() {
            if shared(cell) {
                assert_eq!(from[c], to[c], "{cell:?}");
            }
        }
    }
}

#[test]
fn constraints_starts_and_known_classes_tell_classes_apart() {
    let none = [false; 3];
    let first = |c: &Cell| c.item == Some(0) && c.group == 0;
    let plain = classes(4, 3).build();
    assert_eq!(exchangeable(&plain, &none, true), [vec![0, 1, 2]]);
    assert_eq!(exchangeable(&plain, &[false, true, false], true), [vec![0, 2], vec![1]]);
    let fixed = classes(4, 3).fix(first, 0.5).build();
    assert_eq!(exchangeable(&fixed, &none, true), [vec![0], vec![1, 2]]);
    let tied = classes(4, 3).tie(|c| c.item == Some(0) && c.group < 2).build();
    assert_eq!(exchangeable(&tied, &none, true), [vec![0, 1], vec![2]]);
    let everywhere = classes(4, 3).tie_across_groups(|c| c.item == Some(0)).build();
    assert_eq!(exchangeable(&everywhere, &none, true), [vec![0, 1, 2]]);
    let started = classes(4, 3).edit(first, |free| free.start = Some(1.0)).build();
    assert_eq!(exchangeable(&started, &none, true), [vec![0], vec![1, 2]]);
    assert_eq!(exchangeable(&started, &none, false), [vec![0, 1, 2]]);
}

#[test]
fn the_first_start_is_the_users_where_it_tells_all_classes_apart() {
    let of = |item, group| move |c: &Cell| c.item == Some(item) && c.group == group;
    let first_draw = |sketch: Sketch| {
        let model = sketch.build();
        let data = data_set("mobility", 8).data(&model);
        let base = start(&model, &data.summaries()).expect("the model has start values");
        let still = options("none", 0, 1e-6);
        let found = multi_start(&model, &data, base.clone(), StartOptions::new(1, 3), &still, &|_| (), &RUN_ON);
        (base, found.expect("nothing can go wrong").fit.x)
    };
    let started = |sketch: Sketch, group, value| sketch.edit(of(1, group), move |free| free.start = Some(value));
    // Fixed values differ between the classes as well, and take nothing from what the user says.
    let fixed = classes(8, 2).fix(of(0, 0), 0.5);
    let (base, x) = first_draw(started(fixed, 0, 1.0));
    assert_eq!(x, base);
    let (base, x) = first_draw(classes(8, 2).fix(of(0, 0), 0.5));
    assert_ne!(x, base, "fixed values alone leave the rest to chance");
    // Classes 2 and 3 would be the same.
    let (base, x) = first_draw(started(classes(8, 3), 0, 1.0));
    assert_ne!(x, base);
    let (base, x) = first_draw(started(started(classes(8, 3), 0, 1.0), 1, -1.0));
    assert_eq!(x, base);
}

#[test]
fn it_stops_when_asked() {
    let model = classes(8, 2).build();
    let data = data_set("mobility", 8).data(&model);
    let base = start(&model, &data.summaries()).expect("the model has start values");
    let options = options("none", 2000, 1e-6);
    let stop = AtomicBool::new(true);
    for n_starts in [1, 4] {
        let found = multi_start(&model, &data, base.clone(), StartOptions::new(n_starts, 1), &options, &|_| (), &stop);
        assert_eq!(found.err(), Some(Error::Interrupted));
    }
}
