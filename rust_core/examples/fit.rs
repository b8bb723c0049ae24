//! Fits a two-parameter logistic model to a file of codes and prints what it found.
//!
//! `cargo run --release -p mixirt-core --example fit -- responses.csv`: one column per item, 0 and 1, a header line,
//! and nothing at all or `NA` where an answer is missing. Without a file it takes the LSAT 7 data of the package.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use mixirt_core::accelerate::ACCELERATIONS;
use mixirt_core::data::{Data, Responses};
use mixirt_core::em::{EmOptions, em};
use mixirt_core::item::Gpcm;
use mixirt_core::latent::Normal;
use mixirt_core::m_step::MStepOptions;
use mixirt_core::params::{FreeParameter, Kind, ParameterTable, Slot};
use mixirt_core::patterns::MISSING;
use mixirt_core::quadrature::Quadrature;
use mixirt_core::spec::{GroupSpec, ItemSpec, Model, Spec};
use mixirt_core::{Error, Result, start};

/// Item names and codes, `(N, I)` row by row.
struct Table {
    names: Vec<String>,
    codes: Vec<u8>,
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let lsat7 = concat!(env!("CARGO_MANIFEST_DIR"), "/../python/mixirt/data/lsat7.csv");
    let path = std::env::args().nth(1).map_or_else(|| lsat7.into(), PathBuf::from);
    let table = read(&std::fs::read_to_string(&path)?)?;
    let model = two_parameter_logistic(&table.names)?;
    let n_respondents = table.codes.len() / table.names.len();
    let responses = Responses { codes: &table.codes, n_respondents, group: None, weights: None, known_class: None };
    let data = Data::new(&model, &responses)?;
    let options = EmOptions {
        acceleration: &ACCELERATIONS[0],
        max_cycles: 500,
        tol_parameter: 1e-6,
        tol_deviance: 1e-6,
        m_step: MStepOptions { max_newton: 1, tolerance: 1e-10 },
    };
    let x = start::start(&model, &data.summaries())?;
    let fit = em(&model, &mut data.worker(&model)?, x, &options, &mut |_| {}, &AtomicBool::new(false))?;

    println!("{n_respondents} respondents, {} patterns", data.n_patterns());
    println!(
        "log-likelihood {:.4} after {} cycles{}",
        fit.expected.loglik,
        fit.history.len(),
        if fit.converged { "" } else { ", not converged" }
    );
    println!("{:16} {:>9} {:>9}", "item", "slope", "intercept");
    let values = model.table.expand(&fit.x);
    for instance in &model.groups[0].instances {
        let eta = &values[instance.cells.clone()];
        println!("{:16} {:9.4} {:9.4}", model.spec.items[instance.item].name, eta[0], eta[1]);
    }
    Ok(())
}

/// Binary items of one attribute with mean 0 and variance 1.
fn two_parameter_logistic(names: &[String]) -> Result<Model> {
    let item = |name: &String| ItemSpec {
        name: name.clone(),
        family: &Gpcm,
        n_categories: 2,
        scores: vec![0.0, 1.0],
        attributes: vec![0],
    };
    let spec = Spec {
        items: names.iter().map(item).collect(),
        attributes: vec!["theta".into()],
        groups: vec![GroupSpec { name: "all".into(), items: (0..names.len()).collect(), attributes: vec![0] }],
        n_classes: 1,
        latent: &Normal,
        quadrature: Quadrature::default(),
    };
    let cells = spec.cells()?;
    let mut n_free = 0;
    let slots = cells.iter().map(|cell| match cell.kind {
        Kind::Mean => Slot::Fixed(0.0),
        Kind::Covariance => Slot::Fixed(1.0),
        _ => {
            n_free += 1;
            Slot::Free(n_free - 1)
        }
    });
    let slots = slots.collect();
    let table = ParameterTable::new(cells, slots, vec![FreeParameter::default(); n_free])?;
    Model::new(spec, table)
}

/// Reads comma-separated codes below a line of names.
fn read(text: &str) -> Result<Table> {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let names: Vec<String> = lines.next().unwrap_or_default().split(',').map(|name| name.trim().into()).collect();
    let mut codes = Vec::new();
    for (row, line) in lines.enumerate() {
        for field in line.split(',') {
            codes.push(match field.trim() {
                "" | "NA" => MISSING,
                "0" => 0,
                "1" => 1,
                other => return Err(Error::Data(format!("row {row}: '{other}' is neither 0, 1 nor missing"))),
            });
        }
        if codes.len() != (row + 1) * names.len() {
            return Err(Error::Data(format!("row {row} does not have {} fields", names.len())));
        }
    }
    Ok(Table { names, codes })
}
