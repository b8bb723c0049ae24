//! Lists of answers against the same responses as a matrix: the same patterns, hence the same fit to the last bit.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up must fail")]

mod random_models;
use random_models::{Case, Recipe, draw};

use mixirt_core::data::{Data, LongResponses};
use mixirt_core::patterns::{AnswerLists, MISSING, Patterns, SparseSelection};
use mixirt_core::plan::Planning;
use mixirt_core::spec::Model;
use proptest::prelude::*;

/// Answers respondent by respondent.
struct Lists {
    ptr: Vec<usize>,
    items: Vec<u32>,
    codes: Vec<u8>,
}

impl Lists {
    fn of(codes: &[u8], n_items: usize) -> Self {
        let mut lists = Self { ptr: vec![0], items: Vec::new(), codes: Vec::new() };
        for row in codes.chunks_exact(n_items) {
            for (item, &code) in row.iter().enumerate().filter(|(_, code)| **code != MISSING) {
                lists.items.push(item as u32);
                lists.codes.push(code);
            }
            lists.ptr.push(lists.items.len());
        }
        lists
    }

    fn answers(&self) -> AnswerLists<'_> {
        AnswerLists { ptr: &self.ptr, items: &self.items, codes: &self.codes }
    }

    fn data(&self, case: &Case, model: &Model) -> mixirt_core::Result<Data> {
        let responses = LongResponses {
            answers: self.answers(),
            group: Some(&case.group),
            weights: Some(&case.weights),
            known_class: Some(&case.known_class),
        };
        Data::from_answers(model, &responses)
    }
}

fn recipes() -> impl Strategy<Value = Recipe> {
    // From everything answered to next to nothing, over one block or many.
    let missing = prop_oneof![Just(0.0), Just(0.3), Just(0.9), Just(0.99)];
    (any::<u64>(), 1..=80usize, 1..=400usize, 1..=3usize, 1..=2usize, missing).prop_map(
        |(seed, n_items, n_rows, n_classes, n_groups, missing)| Recipe {
            seed,
            n_dims: 3,
            n_items,
            n_rows,
            n_classes,
            n_groups,
            covarying: 0.0,
            cross: 0.3,
            fewer_attributes: false,
            missing,
            steepness: 1.0,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn patterns_are_those_of_the_matrix(recipe in recipes(), dense in any::<bool>()) {
        let case = draw(&recipe);
        // Without respondents there is nothing to read: the rows that a matrix may list then are never used.
        prop_assume!((0..recipe.n_groups as u32).all(|group| case.group.contains(&group)));
        let model = case.model(if dense { Planning::Dense } else { Planning::Eliminate });
        let lists = Lists::of(&case.codes, recipe.n_items);
        prop_assert!(lists.data(&case, &model).unwrap() == case.data(&model));
    }

    #[test]
    fn patterns_can_be_remade_for_another_plan(recipe in recipes()) {
        let case = draw(&recipe);
        let (eliminated, dense) = (case.model(Planning::Eliminate), case.model(Planning::Dense));
        let data = case.data(&eliminated);
        for (from, to) in [(&eliminated, &dense), (&dense, &eliminated)] {
            let data = case.data(from);
            let suited = data.suited_to(to).unwrap();
            for o in 0..recipe.n_groups {
                prop_assert!(suited.respondents_of(o).eq(data.respondents_of(o)));
            }
            prop_assert_eq!(suited.n_patterns(), data.n_patterns());
        }
        for o in 0..recipe.n_groups {
            for (row, pattern) in data.respondents_of(o) {
                let codes = &case.codes[row * recipe.n_items..(row + 1) * recipe.n_items];
                prop_assert_eq!(data.codes_of(o, pattern), codes);
                let answers = codes.iter().copied().enumerate().filter(|(_, code)| *code != MISSING);
                prop_assert!(data.answers_of(o, pattern).into_iter().eq(answers));
            }
        }
    }
}

#[test]
fn blocks_that_were_not_answered_have_no_row() {
    // 500 respondents, each with two answers to items of their own part of a bank of 1,000.
    let (ptr, items): (Vec<usize>, Vec<u32>) = ((0..=500).map(|i| 2 * i).collect(), (0..1_000).collect());
    let codes: Vec<u8> = (0..1_000).map(|a| (a % 3 == 0).into()).collect();
    let selection = SparseSelection {
        answers: AnswerLists { ptr: &ptr, items: &items, codes: &codes },
        rows: &(0..500).collect::<Vec<_>>(),
        items: &(0..1_000).collect::<Vec<_>>(),
        n_categories: &[2; 1_000],
        weights: None,
        known_class: None,
    };
    let patterns = Patterns::of_answers(&selection, 64, &[]).unwrap();
    // The first block holds the prior, and is never left out.
    assert!((0..patterns.len()).all(|p| patterns.rows(p).len() <= 3));
    assert!(patterns.blocks().len() >= 1_000 / 16);
}

#[test]
fn lists_that_make_no_sense_are_refused() {
    let case = draw(&Recipe { n_rows: 2, n_items: 3, ..recipe_of_two() });
    let model = case.model(Planning::Dense);
    let refusal = |ptr: &[usize], items: &[u32], codes: &[u8]| {
        let lists = Lists { ptr: ptr.to_vec(), items: items.to_vec(), codes: codes.to_vec() };
        lists.data(&case, &model).err().unwrap().to_string()
    };
    assert!(refusal(&[0, 1], &[0], &[0]).contains("for 1 respondents"));
    assert!(refusal(&[0, 1, 3], &[0, 1], &[0, 0]).contains("do not make lists"));
    assert!(refusal(&[0, 2, 1], &[0], &[0]).contains("end before they begin"));
    assert!(refusal(&[0, 2, 2], &[1, 1], &[0, 0]).contains("row 0 answers do not ascend"));
    assert!(refusal(&[0, 1, 2], &[0, 3], &[0, 0]).contains("item 3 is out of range"));
    assert!(refusal(&[0, 1, 2], &[0, 2], &[0, 77]).contains("row 1, item 2: the response is 77"));
}

fn recipe_of_two() -> Recipe {
    Recipe {
        seed: 1,
        n_dims: 2,
        n_items: 3,
        n_rows: 2,
        n_classes: 1,
        n_groups: 1,
        covarying: 0.0,
        cross: 0.0,
        fewer_attributes: false,
        missing: 0.0,
        steepness: 1.0,
    }
}
