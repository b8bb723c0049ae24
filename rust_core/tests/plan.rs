//! Which attributes are eliminated, and what is refused as too large.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up must fail")]

mod models;
use models::{Sketch, item, spec};

use mixirt_core::Error;
use mixirt_core::params::{Cell, Kind};
use mixirt_core::plan::{Planning, describe};
use mixirt_core::quadrature::Quadrature;
use mixirt_core::spec::{Model, Spec};

/// Two binary items for every set of attributes.
fn test_of(sets: &[&[usize]], n_points: &[usize]) -> Spec {
    let items = sets.iter().flat_map(|set| [item("gpcm", 2, set), item("gpcm", 2, set)]).collect();
    spec(items, (1, 1), n_points)
}

/// The model with covariances free between the attributes of `covarying`.
fn model(spec: Spec, covarying: &[[usize; 2]], planning: Planning) -> Result<Model, Error> {
    let is_free = |c: &Cell| {
        let pair = [c.attribute.unwrap_or(0), c.attribute_2.unwrap_or(0)];
        c.kind == Kind::Covariance && pair[0] != pair[1] && covarying.iter().any(|p| p.iter().all(|a| pair.contains(a)))
    };
    // The table does not depend on the grid, which may be too large.
    let small = Spec { quadrature: Quadrature { n_points: Vec::new(), ..spec.quadrature.clone() }, ..spec.clone() };
    let sketch = Sketch::new(small).standard().release(is_free).build();
    Model::planned(spec, sketch.table, planning)
}

/// The eliminated attributes with their neighbours.
fn eliminated(model: &Model) -> Vec<(usize, Vec<usize>)> {
    let elimination = model.structures[0].elimination.as_ref();
    elimination.map_or(Vec::new(), |e| e.eliminated().map(|(j, n)| (j, n.to_vec())).collect())
}

#[test]
fn specific_attributes_are_summed_out_given_the_general_one() {
    let spec = test_of(&[&[0, 1], &[0, 2], &[0, 3]], &[9; 4]);
    let model = model(spec, &[], Planning::Automatic).unwrap();
    assert_eq!(eliminated(&model), [(1, vec![0]), (2, vec![0]), (3, vec![0])]);
    assert_eq!(model.structures[0].largest_grid(), 81);
}

#[test]
fn a_covariance_between_two_specific_attributes_keeps_one_of_them() {
    let spec = test_of(&[&[0, 1], &[0, 2], &[0, 3]], &[9; 4]);
    let model = model(spec, &[[1, 2]], Planning::Automatic).unwrap();
    let found = eliminated(&model);
    assert!(found.contains(&(3, vec![0])), "{found:?}");
    assert_eq!(found.len(), 2, "{found:?}");
    let together = found.iter().find(|(j, _)| *j != 3).unwrap();
    assert_eq!(together.1, if together.0 == 1 { [0, 2] } else { [0, 1] });
}

#[test]
fn independent_attributes_in_simple_structure_need_no_common_grid() {
    let model = model(test_of(&[&[0], &[1], &[2]], &[9; 3]), &[], Planning::Automatic).unwrap();
    assert_eq!(eliminated(&model), [(0, vec![]), (1, vec![]), (2, vec![])]);
    assert_eq!(model.structures[0].standard.n_nodes(), 1);
}

#[test]
fn two_tiers_keep_the_general_attributes() {
    let spec = test_of(&[&[0, 2], &[0, 3], &[1, 4], &[1, 5], &[0, 1, 5]], &[9; 6]);
    let model = model(spec, &[[0, 1]], Planning::Automatic).unwrap();
    assert_eq!(eliminated(&model), [(2, vec![0]), (3, vec![0]), (4, vec![1]), (5, vec![0, 1])]);
    assert_eq!(model.structures[0].elimination.as_ref().unwrap().outer(), [0, 1]);
}

#[test]
fn a_rotated_grid_stays_whole() {
    let mut spec = test_of(&[&[0, 1], &[0, 2]], &[5; 3]);
    spec.quadrature.rule = "gauss-hermite".into();
    for planning in [Planning::Automatic, Planning::Eliminate] {
        let model = model(spec.clone(), &[], planning).unwrap();
        assert!(!model.eliminates());
        assert!(describe(&model).contains("rotated grid"), "{}", describe(&model));
    }
}

#[test]
fn a_structure_that_does_not_factor_stays_whole() {
    // With few nodes, crossing them costs less than the work outside the multiplications.
    let model = model(test_of(&[&[0, 1][..]; 20], &[5; 2]), &[[0, 1]], Planning::Automatic).unwrap();
    assert!(!model.eliminates(), "{}", describe(&model));
}

#[test]
fn only_what_is_crossed_counts_as_too_large() {
    let specific: Vec<Vec<usize>> = (1..=20).map(|s| vec![0, s]).collect();
    let sets: Vec<&[usize]> = specific.iter().map(Vec::as_slice).collect();
    let spec_of = |n_points: &[usize]| test_of(&sets, n_points);
    assert_eq!(eliminated(&model(spec_of(&[21; 21]), &[], Planning::Automatic).unwrap()).len(), 20);
    let error = model(spec_of(&[21; 21]), &[], Planning::Dense).err().unwrap().to_string();
    assert!(error.contains("21 attributes make 10^28 nodes"), "{error}");
    // Five general attributes that items tie to one another have to be crossed.
    let crossed = test_of(&[&[0, 1, 2, 3, 4, 5], &[0, 1, 2, 3, 4, 6]], &[41; 7]);
    let error = model(crossed, &[], Planning::Automatic).err().unwrap().to_string();
    let named = "the attributes 'theta0', 'theta1', 'theta2', 'theta3', 'theta4' need a common grid";
    assert!(error.contains(named) && error.contains("at most 20 points"), "{error}");
}
