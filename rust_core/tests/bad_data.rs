//! Data that cannot be used are refused, however they come, and by what is wrong with them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up must fail")]

use mixirt_core::Error;
use mixirt_core::data::{Data, LongResponses, Responses};
use mixirt_core::params::ParameterTable;
use mixirt_core::patterns::AnswerLists;
use mixirt_core::quadrature::Quadrature;
use mixirt_core::score::{Method, score};
use mixirt_core::se::{Clusters, METHODS, Point};
use mixirt_core::spec::Model;
use mixirt_core::start::start;

mod models;
use models::{RUN_ON, fit, item, options, spec};

/// Items that all measure two attributes, in two groups and two classes.
fn model(n_items: usize, n_categories: usize, (rule, n_points): (&str, usize)) -> Model {
    let mut spec = spec(vec![item("gpcm", n_categories, &[0, 1]); n_items], (2, 2), &[n_points; 2]);
    spec.quadrature = Quadrature { rule: rule.to_owned(), ..spec.quadrature };
    let table = ParameterTable::standard(spec.cells().unwrap()).unwrap();
    Model::new(spec, table).unwrap()
}

/// The refusals of two respondents, as a matrix and as lists of answers.
fn refusals(group: &[u32], weights: &[f64], known_class: &[u16]) -> [String; 2] {
    let model = model(2, 2, ("rectangular", 5));
    let (group, weights, known_class) = (Some(group), Some(weights), Some(known_class));
    let matrix = Responses { codes: &[0, 1, 1, 1], n_respondents: 2, group, weights, known_class };
    let answers = AnswerLists { ptr: &[0, 2, 4], items: &[0, 1, 0, 1], codes: &[0, 1, 1, 1] };
    let lists = LongResponses { answers, group, weights, known_class };
    [Data::new(&model, &matrix), Data::from_answers(&model, &lists)].map(|data| match data {
        Err(Error::Data(message)) => message,
        other => format!("{other:?}"),
    })
}

#[test]
fn what_comes_with_the_answers_is_refused_by_row() {
    let is_refused = |refusals: [String; 2], why: &str| refusals.iter().all(|message| message.contains(why));
    assert!(is_refused(refusals(&[0, 1], &[1.0, -1.0], &[0, 0]), "the weight of row 1 is -1"));
    assert!(is_refused(refusals(&[0, 0], &[f64::NAN, 1.0], &[0, 0]), "the weight of row 0 is NaN"));
    assert!(is_refused(refusals(&[1, 0], &[1.0, f64::INFINITY], &[0, 0]), "the weight of row 1 is inf"));
    assert!(is_refused(refusals(&[0, 1], &[f64::MAX, f64::MAX], &[0, 0]), "sum"));
    assert!(is_refused(refusals(&[0, 1], &[1.0], &[0, 0]), "1 weights"));
    assert!(is_refused(refusals(&[0, 1], &[1.0, 1.0], &[0, 3]), "row 1 is known to be in class 3"));
    assert!(is_refused(refusals(&[0, 1], &[1.0, 1.0], &[0]), "known classes"));
    assert!(is_refused(refusals(&[0, 2], &[1.0, 1.0], &[0, 0]), "row 1 is in group 2"));
    assert!(is_refused(refusals(&[0], &[1.0, 1.0], &[0, 0]), "1 groups"));
}

#[test]
fn the_same_respondents_in_order_are_taken() {
    let taken = refusals(&[0, 1], &[1.0, 0.0], &[0, 2]);
    assert!(taken.iter().all(|data| data.starts_with("Ok")), "{taken:?}");
}

#[test]
fn tables_beyond_all_memory_are_refused_before_they_are_made() {
    // 90,000 nodes in each of two classes, where every one of 20 items has 254 categories: 7 GB for each of a kind of table.
    let model = model(20, 254, ("gauss-hermite", 300));
    let codes: Vec<u8> = (0..40).collect();
    let data = Data::new(&model, &Responses { codes: &codes, n_respondents: 2, ..Responses::default() }).unwrap();
    let Err(Error::Spec(message)) = data.worker(&model).map(|_| ()) else { panic!("taken") };
    assert!(message.contains("group 'g0'") && message.contains("180000 nodes"), "{message}");
    assert!(message.contains("GB") && message.contains("lower n_quadrature"), "{message}");
}

#[test]
fn nobody_leaves_everything_at_its_start() {
    let model = model(2, 2, ("rectangular", 5));
    let data = Data::new(&model, &Responses::default()).unwrap();
    let fitted = fit(&model, &data, &options("anderson", 5, 1e-6));
    assert_eq!(fitted.expected.loglik, 0.0);
    assert_eq!(fitted.x, start(&model, &data.summaries()).unwrap());
    let scores = score(&model, &data, &fitted.x, Method::Eap, &RUN_ON).unwrap();
    assert!(scores.theta.is_empty() && scores.log_probability.is_empty());
    for method in METHODS {
        // There is no information, so that every parameter takes part in a flat direction.
        let found = method.covariance(&Point::new(&model, &data, &fitted.x, &RUN_ON));
        assert!(found.is_err() || found.is_ok_and(|c| !c.flat.is_empty()), "{}", method.name());
    }
}

#[test]
fn clusters_beyond_the_respondents_are_refused() {
    let message = Clusters::new(2, vec![0, u32::MAX], None).unwrap_err().to_string();
    assert!(message.contains("row 1 is in cluster 4294967295"), "{message}");
}
