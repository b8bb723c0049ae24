//! Which single respondents a scorer calls brief: those that take less than some fifteen microseconds.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::sync::Arc;

use mixirt_core::score::{Method, Scorer};
use mixirt_core::spec::ItemSpec;

mod models;
use models::{Sketch, item, spec};

/// A scorer of items that measure these attributes each, with so many nodes for each attribute.
fn scorer(items: &[&[usize]], n_points: &[usize], method: Method) -> Scorer {
    let items: Vec<ItemSpec> = items.iter().map(|attributes| item("gpcm", 2, attributes)).collect();
    let model = Sketch::new(spec(items, (1, 1), n_points)).standard().build();
    let x = vec![0.5; model.table.free.len()];
    Scorer::new(Arc::new(model), &x, method).unwrap()
}

#[test]
fn short_work_is_brief_and_long_work_is_not() {
    let (one, both): (&[usize], &[usize]) = (&[0], &[0, 1]);
    let specific: [&[usize]; 4] = [&[0, 1], &[0, 2], &[0, 3], &[0, 4]];
    let bifactor: Vec<&[usize]> = (0..50).map(|i| specific[i * 4 / 50]).collect();
    let cases = [
        ("one attribute", vec![one; 50], vec![64], Method::Eap, true),
        ("its mode", vec![one; 50], vec![64], Method::Mode, true),
        ("the mode of a long test", vec![one; 100], vec![64], Method::Mode, false),
        ("two attributes", vec![both; 50], vec![21; 2], Method::Eap, true),
        ("their mode", vec![both; 50], vec![21; 2], Method::Mode, false),
        ("a grid of 10,000 nodes", vec![both; 50], vec![100; 2], Method::Eap, false),
        ("bifactor", bifactor.clone(), vec![21; 5], Method::Eap, true),
        ("bifactor on fine grids", bifactor, vec![61; 5], Method::Eap, false),
    ];
    for (what, items, n_points, method, brief) in cases {
        assert_eq!(scorer(&items, &n_points, method).is_brief(0), brief, "{what}");
    }
}
