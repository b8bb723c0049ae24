//! Fits a two-parameter logistic model to a file of codes and prints what it found.
//!
//! `cargo run --release -p mixirt-core --example fit -- responses.csv`: one column per item, 0 and 1, a header line,
//! and nothing at all or `NA` where an answer is missing. Without a file it takes the LSAT 7 data of the package.

use std::sync::atomic::AtomicBool;

use mixirt_core::data::{Data, Responses};
use mixirt_core::em::{EmOptions, em};
use mixirt_core::start;

mod shared;
use shared::{LSAT7, read, two_parameter_logistic};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).unwrap_or_else(|| LSAT7.into());
    let table = read(&std::fs::read_to_string(&path)?)?;
    let model = two_parameter_logistic(&table.names)?;
    let n_respondents = table.codes.len() / table.names.len();
    let data = Data::new(&model, &Responses { codes: &table.codes, n_respondents, ..Responses::default() })?;
    let x = start::start(&model, &data.summaries())?;
    let mut worker = data.worker(&model)?;
    let fit = em(&model, &mut worker, x, &EmOptions::default(), &mut |_| {}, &AtomicBool::new(false))?;

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
