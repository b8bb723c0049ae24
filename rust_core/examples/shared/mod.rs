//! What the examples have in common: a file of codes, and a model for it.

use mixirt_core::item::Gpcm;
use mixirt_core::latent::Normal;
use mixirt_core::params::ParameterTable;
use mixirt_core::patterns::MISSING;
use mixirt_core::quadrature::Quadrature;
use mixirt_core::spec::{GroupSpec, ItemSpec, Model, Spec};
use mixirt_core::{Error, Result};

/// The LSAT 7 data of the package.
pub const LSAT7: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../python/mixirt/data/lsat7.csv");

/// Item names and codes, `(N, I)` row by row.
pub struct Table {
    pub names: Vec<String>,
    pub codes: Vec<u8>,
}

/// Binary items of one attribute with mean 0 and variance 1.
pub fn two_parameter_logistic(names: &[String]) -> Result<Model> {
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
    let table = ParameterTable::standard(spec.cells()?)?;
    Model::new(spec, table)
}

/// Reads comma-separated codes below a line of names.
pub fn read(text: &str) -> Result<Table> {
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
