//! Start values: extreme and reversed items, odd category scores, distributions far from standard, given intercepts.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot be set up must fail")]

mod models;

use mixirt_core::Error;
use mixirt_core::data::Data;
use mixirt_core::em::em;
use mixirt_core::expected::Parameters;
use mixirt_core::item::ItemShape;
use mixirt_core::params::{Cell, FreeParameter, Kind, Slot};
use mixirt_core::prior::Prior;
use mixirt_core::spec::{Instance, ItemSpec, Model};
use mixirt_core::start::start;
use models::{Sample, Sketch, fit, item, options, simulate, spec};

/// Start values reproduce observed proportions to this: families approximate the normal integral.
const PROPORTION: f64 = 0.03;

/// Category proportions that the engine's start values give each item, over the grid of the first group.
fn proportions(model: &Model, x: &[f64]) -> Vec<Vec<f64>> {
    let Parameters { values, placed } = &Parameters::at(model, x);
    let placed = &placed[0];
    let of = |instance: &Instance| {
        let item = &model.spec.items[instance.item];
        let nodes = placed.nodes(instance.support);
        let mut p = vec![0.0; item.n_categories * nodes.n_nodes];
        item.family.probabilities(&instance.shape, &values[instance.cells.clone()], nodes, &mut p);
        let rows = p.chunks_exact(nodes.n_nodes);
        rows.map(|p| p.iter().zip(&placed.grid.weights).map(|(p, w)| p * w).sum()).collect()
    };
    model.groups[0].instances.iter().map(of).collect()
}

fn observed(model: &Model, data: &Data) -> Vec<Vec<f64>> {
    let counts = data.summaries().swap_remove(0).category_counts;
    assert_eq!(counts.len(), model.spec.items.len());
    counts.iter().map(|c| c.iter().map(|n| n / c.iter().sum::<f64>()).collect()).collect()
}

fn assert_close(model: &Model, data: &Data, x: &[f64]) {
    for (i, (found, expected)) in proportions(model, x).iter().zip(observed(model, data)).enumerate() {
        for (found, expected) in found.iter().zip(&expected) {
            assert!((found - expected).abs() < PROPORTION, "item {i}: {found} for {expected}");
        }
    }
}

fn one_attribute(items: Vec<ItemSpec>) -> Sketch {
    Sketch::new(spec(items, (1, 1), &[64])).standard()
}

fn slopes(model: &Model, x: &[f64]) -> Vec<f64> {
    let values = model.table.expand(x);
    let cells = model.table.cells.iter().zip(values);
    cells.filter(|(c, _)| c.kind == Kind::Slope).map(|(_, value)| value).collect()
}

/// A model whose parameters are fixed by kind and item, to draw data from.
fn generator(items: Vec<ItemSpec>, value: impl Fn(&Cell) -> f64) -> Model {
    let mut sketch = one_attribute(items);
    for cell in sketch.cells.clone().into_iter().filter(|c| c.item.is_some()) {
        sketch = sketch.fix(|c| *c == cell, value(&cell));
    }
    sketch.build()
}

/// Twelve binary items of slope 1.5, every second one reversed.
fn half_reversed(n: usize) -> Sample {
    let sign = |c: &Cell| if c.item.unwrap().is_multiple_of(2) { 1.5 } else { -1.5 };
    let value = |c: &Cell| if c.kind == Kind::Slope { sign(c) } else { 0.1 * c.item.unwrap() as f64 };
    simulate(&generator(vec![item("gpcm", 2, &[0]); 12], value), &[], n, 0.0, 3)
}

#[test]
fn very_easy_and_very_hard_items_start_near_their_proportions() {
    for name in ["gpcm", "grm", "3pl"] {
        let model = one_attribute(vec![item(name, 2, &[0]); 6]).build();
        let n = 2000;
        let mut codes: Vec<u8> = simulate(&model, &models::truth(&model, 0.3, 1), n, 0.0, 2).codes;
        for row in 0..n {
            codes[row * 6] = u8::from(row >= 2);
            codes[row * 6 + 1] = u8::from(row < 2);
            codes[row * 6 + 2] = 1;
        }
        let data = Sample { codes, n, group: None, weights: None }.data(&model);
        let x = start(&model, &data.summaries()).unwrap();
        assert_close(&model, &data, &x);
        assert!(x.iter().all(|x| x.abs() < 25.0), "{x:?}");
    }
}

#[test]
fn slopes_of_a_half_reversed_test_get_their_signs() {
    let model = one_attribute(vec![item("gpcm", 2, &[0]); 12]).build();
    let data = half_reversed(600).data(&model);
    let found = slopes(&model, &start(&model, &data.summaries()).unwrap());
    let first = found[0].signum();
    for (i, slope) in found.iter().enumerate() {
        assert_eq!(slope.signum(), if i % 2 == 0 { first } else { -first }, "{found:?}");
    }
}

#[test]
fn signs_of_slopes_follow_the_ones_given() {
    let data = half_reversed(600);
    for sign in [1.0, -1.0] {
        let fixed = one_attribute(vec![item("gpcm", 2, &[0]); 12]);
        let fixed = fixed.fix(|c| c.kind == Kind::Slope && c.item == Some(3), sign).build();
        let found = slopes(&fixed, &start(&fixed, &data.data(&fixed).summaries()).unwrap());
        assert!(found.iter().enumerate().all(|(i, slope)| (slope * sign > 0.0) == (i % 2 == 1)), "{found:?}");
        let bounded = one_attribute(vec![item("gpcm", 2, &[0]); 12]);
        let bounds = |f: &mut FreeParameter| if sign > 0.0 { f.lower = 0.0 } else { f.upper = 0.0 };
        let bounded = bounded.edit(|c| c.kind == Kind::Slope && c.item == Some(3), bounds).build();
        let found = slopes(&bounded, &start(&bounded, &data.data(&bounded).summaries()).unwrap());
        assert!(found.iter().enumerate().all(|(i, slope)| (slope * sign > 0.0) == (i % 2 == 1)), "{found:?}");
    }
}

#[test]
fn groups_that_share_slopes_start_in_one_direction() {
    let sketch = Sketch::new(spec(vec![item("gpcm", 2, &[0]); 12], (2, 1), &[32])).standard();
    let model = sketch.tie_across_groups(|c| c.item.is_some()).build();
    for seed in 0..6 {
        // Respondents shifted by one from seed to seed, so that either group may lean either way.
        let mut sample = half_reversed(400 + seed);
        sample.group = Some((0..sample.n).map(|row| (row % 2) as u32).collect());
        let found = slopes(&model, &start(&model, &sample.data(&model).summaries()).unwrap());
        let first = found[0].signum();
        assert!(found[..12].iter().enumerate().all(|(i, a)| a.signum() == if i % 2 == 0 { first } else { -first }));
        assert!(found.iter().all(|a| a.abs() >= 0.4), "{found:?}");
    }
}

#[test]
fn a_reversed_item_under_a_lognormal_prior_starts_where_the_prior_has_density() {
    let prior = |f: &mut FreeParameter| (f.prior, f.lower) = (Some(Prior::LogNormal { mean: 0.0, sd: 0.5 }), 0.0);
    let model = one_attribute(vec![item("gpcm", 2, &[0]); 12]).edit(|c| c.kind == Kind::Slope, prior).build();
    let data = half_reversed(600).data(&model);
    let x = start(&model, &data.summaries()).unwrap();
    assert!(model.table.log_prior(&x).is_finite());
    assert!(fit(&model, &data, &options("anderson", 500, 1e-6)).converged);
}

#[test]
fn real_valued_scores_and_sparse_categories_are_no_trouble() {
    for scores in [[0.0, 10.0, 25.0], [-2.0, -1.0, 3.0], [3.0, 1.0, 0.0], [0.0, 0.0, 1.0]] {
        let items: Vec<ItemSpec> =
            (0..5).map(|_| ItemSpec { scores: scores.to_vec(), ..item("gpcm", 3, &[0]) }).collect();
        let model = one_attribute(items.clone()).build();
        let unit = (scores[2] - scores[0]).abs();
        let value = |c: &Cell| if c.kind == Kind::Slope { 2.0 / unit } else { 0.3 - 0.2 * c.category.unwrap() as f64 };
        let mut sample = simulate(&generator(items, value), &[], 1500, 0.0, 5);
        // The middle category of the first item occurs once, that of the second never.
        for (row, answers) in sample.codes.chunks_exact_mut(5).enumerate() {
            answers[0] = if row == 0 { 1 } else { answers[0] & 2 };
            answers[1] &= 2;
        }
        let data = sample.data(&model);
        let x = start(&model, &data.summaries()).unwrap();
        assert_close(&model, &data, &x);
        let found = slopes(&model, &x);
        assert!(found[2..].iter().all(|a| a * unit > 0.8 && a * unit < 5.0), "{scores:?}: {found:?}");
    }
}

#[test]
fn a_fit_on_another_scale_is_the_same_fit() {
    let sample = half_reversed(800);
    let standard = one_attribute(vec![item("gpcm", 2, &[0]); 12]).build();
    let far = Sketch::new(spec(vec![item("gpcm", 2, &[0]); 12], (1, 1), &[64]));
    let far = far.fix(|c| c.kind == Kind::Mean, 500.0).fix(|c| c.kind == Kind::Covariance, 1e4).build();
    let x = start(&far, &sample.data(&far).summaries()).unwrap();
    assert_close(&far, &sample.data(&far), &x);
    let a = fit(&standard, &sample.data(&standard), &options("anderson", 500, 1e-8));
    let b = fit(&far, &sample.data(&far), &options("anderson", 500, 1e-8));
    assert!(a.converged && b.converged);
    /// The likelihood does not depend on the scale; both stop within its rounding of the maximum.
    const LOGLIK_TOLERANCE: f64 = 1e-7;
    assert!(
        (a.expected.loglik - b.expected.loglik).abs() < LOGLIK_TOLERANCE,
        "{} {}",
        a.expected.loglik,
        b.expected.loglik
    );
}

#[test]
fn a_second_group_starts_on_the_scale_of_the_first() {
    let sketch =
        Sketch::new(spec(vec![item("gpcm", 2, &[0]); 12], (2, 1), &[48])).tie_across_groups(|c| c.item.is_some());
    let first = |c: &Cell, kind: Kind| c.kind == kind && c.group == 0;
    let model = sketch.fix(|c| first(c, Kind::Mean), 500.0).fix(|c| first(c, Kind::Covariance), 1e4).build();
    let mut sample = half_reversed(800);
    sample.group = Some((0..sample.n).map(|row| (row % 2) as u32).collect());
    let fit = fit(&model, &sample.data(&model), &options("anderson", 500, 1e-6));
    assert!(fit.converged, "{:?}", fit.history.last());
    let values = model.table.expand(&fit.x);
    let mean = model.groups[1].latent_cells.start;
    assert!((values[mean] - 500.0).abs() < 30.0 && (values[mean + 1] / 1e4 - 1.0).abs() < 0.5, "{:?}", &values[mean..]);
}

#[test]
fn graded_intercepts_are_put_in_order_around_what_is_given() {
    let model = |sketch: Sketch| sketch.build();
    let base = || one_attribute(vec![item("grm", 4, &[0]); 4]);
    let intercept =
        |i: usize, m: usize| move |c: &Cell| c.kind == Kind::Intercept && c.item == Some(i) && c.category == Some(m);
    let starts = |value: f64| move |f: &mut FreeParameter| f.start = Some(value);
    // Fixed values in the wrong place for the data, close to one another, and start values upside down.
    let fixed = model(base().fix(intercept(0, 1), -3.0).fix(intercept(1, 1), 0.5).fix(intercept(1, 3), 0.48));
    let given = model(
        base()
            .edit(intercept(2, 1), starts(-1.0))
            .edit(intercept(2, 2), starts(0.0))
            .edit(intercept(2, 3), starts(1.0)),
    );
    let sample = simulate(&base().build(), &models::truth(&base().build(), 0.2, 4), 500, 0.0, 4);
    for model in [fixed, given] {
        let data = sample.data(&model);
        let x = start(&model, &data.summaries()).unwrap();
        let shape = ItemShape { n_dims: 1, n_categories: 4, scores: vec![] };
        let values = model.table.expand(&x);
        assert!(
            model.groups[0]
                .instances
                .iter()
                .all(|i| model.spec.items[0].family.is_feasible(&shape, &values[i.cells.clone()]))
        );
        assert!(fit(&model, &data, &options("anderson", 500, 1e-6)).log_posterior.is_finite());
    }
    // Fixed values out of order are nobody's to mend.
    let wrong = model(base().fix(intercept(0, 1), -1.0).fix(intercept(0, 2), 1.0));
    let error = start(&wrong, &sample.data(&wrong).summaries()).unwrap_err().to_string();
    assert!(error.contains("item 'item'") && error.contains("decrease"), "{error}");
}

#[test]
fn what_belongs_to_another_model_is_refused() {
    let model = one_attribute(vec![item("gpcm", 2, &[0]); 3]).build();
    let other = one_attribute(vec![item("gpcm", 3, &[0]); 3]).build();
    let data = simulate(&model, &models::truth(&model, 0.2, 5), 200, 0.0, 5).data(&model);
    let error = start(&other, &data.summaries()).unwrap_err();
    assert!(matches!(error, Error::Data(_)), "{error}");
    let mut x = start(&model, &data.summaries()).unwrap();
    x.push(0.0);
    let mut worker = data.worker(&model).unwrap();
    let error = em(&model, &mut worker, x, &options("none", 5, 1e-5), &mut |_| {}, &models::RUN_ON).unwrap_err();
    assert_eq!(error, Error::Spec("7 values for 6 free parameters; give one for each".into()));
}

#[test]
fn proportions_that_cannot_sum_to_one_make_no_model() {
    let sketch = || Sketch::new(spec(vec![item("gpcm", 2, &[0]); 3], (1, 2), &[9])).standard();
    let with = |fixed: &[f64]| {
        let mut table = sketch().build().table;
        let proportions = (0..table.cells.len()).filter(|&c| table.cells[c].kind == Kind::Proportion);
        let cells: Vec<usize> = proportions.collect();
        cells.iter().zip(fixed).for_each(|(&c, &value)| table.slots[c] = Slot::Fixed(value));
        Model::new(sketch().spec, table).map(|_| ()).map_err(|error| error.to_string())
    };
    assert_eq!(with(&[0.25, 0.75]), Ok(()));
    let all_fixed = with(&[0.6, 0.6]).unwrap_err();
    assert!(all_fixed.contains("group 'g0'") && all_fixed.contains("1.2, not 1"), "{all_fixed}");
    let none_left = with(&[1.0]).unwrap_err();
    assert!(none_left.contains("group 'g0'") && none_left.contains("nothing is left"), "{none_left}");
}
