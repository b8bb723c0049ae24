//! Unique patterns: what they keep of the responses, and which responses they refuse.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up must fail")]

use mixirt_core::patterns::{CodeMatrix, Patterns, Selection};
use proptest::prelude::*;

mod close;
mod e_step_cases;
use e_step_cases::{Recipe, draw, recipes, repeat_rows};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn patterns_give_back_the_responses(recipe in recipes()) {
        let mut case = draw(&recipe);
        repeat_rows(&mut case, recipe.n_rows.div_ceil(2));
        let n_items = case.n_categories.len();
        let patterns = case.patterns(&case.all_rows());
        let mut codes = vec![0; n_items];
        let mut seen = std::collections::HashMap::new();
        let mut n_gp = vec![0.0; patterns.len()];
        for (row, &p) in patterns.pattern_of_respondent().iter().enumerate() {
            patterns.codes_of(p as usize, &mut codes);
            prop_assert_eq!(&codes, &case.codes[row * n_items..(row + 1) * n_items]);
            prop_assert_eq!(patterns.known_class(p as usize), case.known_class[row]);
            let n_seen = seen.len();
            let first = *seen.entry((codes.clone(), case.known_class[row])).or_insert(n_seen);
            prop_assert_eq!(p as usize, first, "not in order of first appearance");
            if first == n_seen {
                prop_assert_eq!(patterns.first_respondent(first) as usize, row);
            }
            n_gp[p as usize] += case.weights[row];
        }
        prop_assert_eq!(patterns.len(), seen.len());
        prop_assert_eq!(patterns.n_gp(), n_gp.as_slice());
    }
}

#[test]
fn a_selection_sees_only_its_rows_and_items() {
    let case = draw(&Recipe {
        seed: 5,
        n_rows: 50,
        n_items: 6,
        max_categories: 3,
        segment_nodes: vec![5],
        missing: 0.2,
        zero: 0.0,
        with_known_class: false,
        with_weights: false,
        steepness: 1.0,
    });
    let items = [4, 1];
    let n_categories = [case.n_categories[4], case.n_categories[1]];
    let rows = [7, 3, 49];
    let codes = CodeMatrix { codes: &case.codes, n_items: 6 };
    let selection =
        Selection { codes, rows: &rows, items: &items, n_categories: &n_categories, weights: None, known_class: None };
    let patterns = Patterns::build(&selection, 5).unwrap();
    let mut answers = [0; 2];
    for (&row, &p) in rows.iter().zip(patterns.pattern_of_respondent()) {
        patterns.codes_of(p as usize, &mut answers);
        assert_eq!(answers, [case.codes[row as usize * 6 + 4], case.codes[row as usize * 6 + 1]]);
    }
}

#[test]
fn wrong_data_are_refused_by_row_and_item() {
    let message = |codes: &[u8], weights: &[f64]| {
        let codes = CodeMatrix { codes, n_items: 2 };
        let selection = Selection {
            codes,
            rows: &[0, 1],
            items: &[0, 1],
            n_categories: &[2, 3],
            weights: Some(weights),
            known_class: None,
        };
        Patterns::build(&selection, 5).map(|_| ()).unwrap_err().to_string()
    };
    assert_eq!(message(&[0, 2, 2, 1], &[1.0, 1.0]), "row 1, item 0: the response is 2; the categories are 0 to 1");
    assert!(message(&[0, 2, 1, 1], &[1.0, -2.0]).contains("weight of row 1 is -2"));
    assert!(message(&[0, 2, 1, 1], &[f64::NAN, 2.0]).contains("weight of row 0 is NaN"));
    assert!(message(&[0, 2, 1], &[1.0, 1.0]).contains("do not make rows"));
}
