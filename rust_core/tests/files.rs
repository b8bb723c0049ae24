//! Model files that Python wrote: they score as they do there, and damaged ones are refused.

// The setting up of the tests stands in functions of its own, where clippy does not know that they are tests.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot be set up has failed")]

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use mixirt_core::Error;
use mixirt_core::data::Responses;
use mixirt_core::encode::{Column, TypedColumn, default_table};
use mixirt_core::files::SavedModel;
use mixirt_core::patterns::MISSING;
use mixirt_core::score::{Method, Scores};
use proptest::prelude::*;

const NAMES: [&str; 8] =
    ["three_pl", "gpcm", "groups", "attributes", "bifactor", "latent_classes", "mixture", "labels"];

/// The expected scores were written on Linux with glibc, whose exponential and logarithm they carry; other libraries err by
/// a unit in the last place.
const OTHER_LIBRARY: f64 = 1e-11;

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/model_files").join(name)
}

struct Table {
    codes: Vec<u8>,
    groups: Vec<u32>,
    /// Per row: estimates, standard errors, class probabilities, log-probability.
    expected: Vec<Vec<f64>>,
}

fn table(name: &str, saved: &SavedModel) -> Table {
    let mut reader = csv::Reader::from_path(path(&format!("{name}.csv"))).unwrap();
    let n_items = saved.categories.len();
    let mut table = Table { codes: Vec::new(), groups: Vec::new(), expected: Vec::new() };
    for record in reader.records() {
        let record = record.unwrap();
        let fields: Vec<&str> = record.iter().collect();
        table.codes.extend((0..n_items).map(|i| saved.code(i, fields[i]).unwrap()));
        let group = fields[n_items];
        table.groups.push(if group.is_empty() { 0 } else { saved.group(group).unwrap() as u32 });
        table.expected.push(fields[n_items + 1..].iter().map(|x| x.parse().unwrap()).collect());
    }
    table
}

fn numbers(scores: &Scores, row: usize) -> Vec<f64> {
    let (j, c) = (scores.n_attributes, scores.n_classes);
    let theta = scores.theta[row * j..(row + 1) * j].iter().copied();
    let se = (0..j).map(|a| scores.covariance[(row * j + a) * j + a].sqrt());
    let classes = scores.class_probabilities[row * c..(row + 1) * c].iter().copied();
    theta.chain(se).chain(classes).chain([scores.log_probability[row]]).collect()
}

fn assert_same(actual: &[f64], expected: &[f64], what: &str) {
    assert_eq!(actual.len(), expected.len(), "{what}");
    for (a, e) in actual.iter().zip(expected) {
        let is_same_library = cfg!(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"));
        let close = (a - e).abs() <= OTHER_LIBRARY * (1.0 + e.abs()) && !is_same_library;
        assert!(a.to_bits() == e.to_bits() || close, "{what}: {a} instead of {e}");
    }
}

#[test]
fn files_score_as_they_do_in_python() {
    for name in NAMES {
        let saved = SavedModel::load(&path(&format!("{name}.json"))).unwrap();
        let table = table(name, &saved);
        let scorer = saved.scorer(Method::Eap).unwrap();
        let n_respondents = table.expected.len();
        let group = (saved.groups.len() > 1).then_some(table.groups.as_slice());
        let responses = Responses { codes: &table.codes, n_respondents, group, weights: None, known_class: None };
        let scores = scorer.score(&responses, &AtomicBool::new(false)).unwrap();
        assert!(n_respondents >= 20, "{name}");
        for (row, expected) in table.expected.iter().enumerate() {
            assert_same(&numbers(&scores, row), expected, &format!("{name}, row {row}"));
            let codes = &table.codes[row * saved.categories.len()..(row + 1) * saved.categories.len()];
            let one = scorer.score_one(table.groups[row] as usize, codes).unwrap();
            assert_same(&numbers(&one, 0), expected, &format!("{name}, row {row} by itself"));
        }
    }
}

#[test]
fn columns_are_scored_as_codes_are() {
    let saved = SavedModel::load(&path("gpcm.json")).unwrap();
    let scorer = saved.scorer(Method::Mode).unwrap();
    let n_items = saved.categories.len();
    let mut own = default_table();
    own[usize::from(MISSING)] = MISSING;
    let score = |codes: &[u8], n_respondents: usize| {
        let column = |i: usize| Box::new(TypedColumn::new(&codes[i..], n_items, &own, Vec::new())) as Box<dyn Column>;
        let columns: Vec<Box<dyn Column + '_>> = (0..n_items).map(column).collect();
        let mut scores = Scores::new(scorer.model(), n_respondents);
        scorer.score_columns(&columns, scores.as_mut(), &AtomicBool::new(false)).map(|()| scores)
    };
    // Several chunks.
    let mut codes = table("gpcm", &saved).codes.repeat(60);
    let n_respondents = codes.len() / n_items;
    assert!(n_respondents > 1200);
    let responses = Responses { codes: &codes, n_respondents, group: None, weights: None, known_class: None };
    let expected = scorer.score(&responses, &AtomicBool::new(false)).unwrap();
    assert_eq!(score(&codes, n_respondents).unwrap(), expected);
    let message = score(&codes, n_respondents - 1).unwrap_err().to_string();
    assert!(message.contains("the arrays for the scores"), "{message}");
    (codes[1100 * n_items + 1], codes[700 * n_items]) = (77, 99);
    let message = score(&codes, n_respondents).unwrap_err().to_string();
    assert!(message.starts_with("row 700, item"), "{message}");
}

#[test]
fn labels_are_recognised_and_others_named() {
    let saved = SavedModel::load(&path("labels.json")).unwrap();
    assert_eq!(saved.code(0, "né").unwrap(), 1);
    assert_eq!(saved.code(1, "True").unwrap(), 1);
    assert_eq!(saved.code(2, "4").unwrap(), 2);
    assert_eq!(saved.code(3, "1.50").unwrap(), 1);
    assert_eq!(saved.code(3, "").unwrap(), 255);
    let message = saved.code(2, "3").unwrap_err().to_string();
    assert_eq!(message, "item 'd\"': '3' is not among its categories 1, 2, 4; leave a missing answer empty");
    assert!(saved.code(4, "1").is_err());
    assert!(saved.group("x").unwrap_err().to_string().contains("unknown group 'x'"));
}

#[test]
fn what_is_no_model_file_is_said_so() {
    let refused = |text: &str| SavedModel::parse(text.as_bytes()).map(|_| ()).unwrap_err().to_string();
    assert!(refused("").contains("is not JSON"));
    assert!(refused("[]").contains("is no model file"));
    assert!(refused("{\"format\": \"mixirt-model\"}").contains("schema is not there"));
    assert!(refused("{\"format\": \"mixirt-model\", \"schema\": 2}").contains("later version"));
    let file = std::fs::read_to_string(path("gpcm.json")).unwrap();
    assert!(refused(&file.replacen("gpcm", "gpcn", 1)).contains("checksum does not match"));
    let absent = SavedModel::load(&path("absent.json")).map(|_| ()).unwrap_err();
    assert!(matches!(&absent, Error::File(what) if what.contains("absent.json cannot be read")), "{absent}");
}

#[test]
fn truncated_files_are_refused() {
    let file = std::fs::read(path("mixture.json")).unwrap();
    let end = file.iter().rposition(|byte| *byte == b'}').unwrap();
    for length in (0..=end).step_by(97) {
        assert!(SavedModel::parse(&file[..length]).is_err(), "{length} bytes");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn changed_bytes_never_panic(name in prop::sample::select(&NAMES[..]), at in any::<prop::sample::Index>(), byte: u8) {
        let mut file = std::fs::read(path(&format!("{name}.json"))).unwrap();
        let at = at.index(file.len());
        let was_space = file[at].is_ascii_whitespace();
        let is_same = file[at] == byte;
        file[at] = byte;
        // White space alone says nothing.
        prop_assert!(SavedModel::parse(&file).is_err() || is_same || was_space);
    }
}
