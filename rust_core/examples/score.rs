//! Scores respondents without Python: `cargo run --release --example score -- m.json answers.csv > scores.csv`.
//!
//! The table has a column for every item of the model, matched by name; a column `group` where the model has groups;
//! other columns are passed over. Empty answers are missing.

use std::error::Error;
use std::io;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use mixirt_core::data::Responses;
use mixirt_core::files::SavedModel;
use mixirt_core::score::method;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, answers, rest @ ..] = arguments.as_slice() else {
        return Err("usage: score <model file> <table> [eap|map|mode|ml|wle]".into());
    };
    let saved = SavedModel::load(Path::new(model))?;
    let scorer = saved.scorer(method(rest.first().map_or("eap", String::as_str))?)?;

    let mut table = csv::Reader::from_path(answers)?;
    let header = table.headers()?.clone();
    let column = |name: &str| header.iter().position(|own| own == name);
    let spec = &saved.model.spec;
    let items = spec.items.iter().map(|item| column(&item.name).ok_or_else(|| format!("no column '{}'", item.name)));
    let items = items.collect::<Result<Vec<usize>, String>>()?;
    let has_groups = saved.groups.len() > 1;
    let group_column =
        if has_groups { Some(column("group").ok_or("the model has groups: no column 'group'")?) } else { None };

    let (mut codes, mut groups) = (Vec::new(), Vec::new());
    for (row, record) in table.records().enumerate() {
        let record = record?;
        let of = |column: usize| record.get(column).unwrap_or_default().trim();
        for (item, &column) in items.iter().enumerate() {
            codes.push(saved.code(item, of(column)).map_err(|error| format!("row {row}: {error}"))?);
        }
        if let Some(column) = group_column {
            groups.push(u32::try_from(saved.group(of(column)).map_err(|error| format!("row {row}: {error}"))?)?);
        }
    }
    let n_respondents = codes.len() / items.len();
    let group = has_groups.then_some(groups.as_slice());
    let responses = Responses { codes: &codes, n_respondents, group, weights: None, known_class: None };
    let scores = scorer.score(&responses, &AtomicBool::new(false))?;

    let mut out = csv::Writer::from_writer(io::stdout());
    let names = spec.attributes.iter().flat_map(|name| [name.clone(), format!("{name}_se")]);
    let classes = (1..=scores.n_classes).filter(|_| scores.n_classes > 1).map(|class| format!("class_{class}"));
    out.write_record(names.chain(classes))?;
    let (j, c) = (scores.n_attributes, scores.n_classes);
    for row in 0..n_respondents {
        let se = |a: usize| scores.covariance[(row * j + a) * j + a].sqrt();
        let estimates = (0..j).flat_map(|a| [scores.theta[row * j + a], se(a)]);
        let classes = scores.class_probabilities[row * c..(row + 1) * c].iter().filter(|_| c > 1);
        out.write_record(estimates.chain(classes.copied()).map(|x| x.to_string()))?;
    }
    out.flush()?;
    Ok(())
}
