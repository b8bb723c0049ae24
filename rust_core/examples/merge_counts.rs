//! Fits a model to responses that never come together: each half of the respondents is its own data set, and only
//! expected counts are merged.
//!
//! `cargo run --release -p mixirt-core --example merge_counts` takes the LSAT 7 data of the package. The halves could as
//! well lie in two files or on two machines: a [`CountSource`] of one's own needs the values of the parameters, and gives
//! back one [`GroupCounts`](mixirt_core::e_step::GroupCounts) per observed group.

use std::sync::atomic::AtomicBool;

use mixirt_core::accelerate::ACCELERATIONS;
use mixirt_core::data::{Data, Responses};
use mixirt_core::em::{CountSource, EmFit, EmOptions, em};
use mixirt_core::item::Gpcm;
use mixirt_core::latent::Normal;
use mixirt_core::m_step::MStepOptions;
use mixirt_core::params::{FreeParameter, Kind, ParameterTable, Slot};
use mixirt_core::quadrature::Quadrature;
use mixirt_core::spec::{GroupSpec, ItemSpec, Model, Spec};
use mixirt_core::{Error, Result, start};

/// Items of the LSAT 7 data.
const N_ITEMS: usize = 5;

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let lsat7 = concat!(env!("CARGO_MANIFEST_DIR"), "/../python/mixirt/data/lsat7.csv");
    let codes = read(&std::fs::read_to_string(lsat7)?)?;
    let model = two_parameter_logistic()?;
    let whole = data(&model, &codes)?;
    let half = codes.len() / N_ITEMS / 2 * N_ITEMS;
    let (first, second) = (data(&model, &codes[..half])?, data(&model, &codes[half..])?);
    // Any start will do, as long as it is the same: here that of the first half.
    let x = start::start(&model, &first.summaries())?;

    let together = fit(&model, &mut whole.worker(&model)?, &x)?;
    let mut parts = vec![first.worker(&model)?, second.worker(&model)?];
    let merged = fit(&model, &mut parts, &x)?;

    for (name, fit) in [("together", &together), ("merged", &merged)] {
        println!("{name:>8}: log-likelihood {:.6} after {} cycles", fit.expected.loglik, fit.history.len());
    }
    let apart = together.x.iter().zip(&merged.x).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    println!("estimates differ by {apart:.0e} at most");
    Ok(())
}

fn fit(model: &Model, source: &mut dyn CountSource, x: &[f64]) -> Result<EmFit> {
    let options = EmOptions {
        acceleration: &ACCELERATIONS[0],
        max_cycles: 500,
        tol_parameter: 1e-6,
        tol_deviance: 1e-6,
        m_step: MStepOptions { max_newton: 1, tolerance: 1e-10 },
    };
    em(model, source, x.to_vec(), &options, &mut |_| {}, &AtomicBool::new(false))
}

fn data(model: &Model, codes: &[u8]) -> Result<Data> {
    let n_respondents = codes.len() / N_ITEMS;
    Data::new(model, &Responses { codes, n_respondents, group: None, weights: None, known_class: None })
}

/// Binary items of one attribute with mean 0 and variance 1.
fn two_parameter_logistic() -> Result<Model> {
    let item = |i: usize| ItemSpec {
        name: format!("item {i}"),
        family: &Gpcm,
        n_categories: 2,
        scores: vec![0.0, 1.0],
        attributes: vec![0],
    };
    let spec = Spec {
        items: (1..=N_ITEMS).map(item).collect(),
        attributes: vec!["theta".into()],
        groups: vec![GroupSpec { name: "all".into(), items: (0..N_ITEMS).collect(), attributes: vec![0] }],
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

/// Reads comma-separated 0 and 1 below a line of names.
fn read(text: &str) -> Result<Vec<u8>> {
    let fields = text.lines().skip(1).filter(|line| !line.is_empty()).flat_map(|line| line.split(','));
    let code = |field: &str| field.trim().parse::<u8>().map_err(|_| Error::Data(format!("'{field}' is no code")));
    fields.map(code).collect()
}
