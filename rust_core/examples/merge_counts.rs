//! Fits a model to responses that never come together: each half of the respondents is its own data set, and only
//! expected counts are merged.
//!
//! `cargo run --release -p mixirt-core --example merge_counts` takes the LSAT 7 data of the package. The halves could as
//! well lie in two files or on two machines: a [`CountSource`] of one's own needs the values of the parameters, and gives
//! back one [`GroupCounts`](mixirt_core::e_step::GroupCounts) per observed group.

use std::sync::atomic::AtomicBool;

use mixirt_core::data::{Data, Responses};
use mixirt_core::em::{CountSource, EmOptions, em};
use mixirt_core::start;

mod shared;
use shared::{LSAT7, read, two_parameter_logistic};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let table = read(&std::fs::read_to_string(LSAT7)?)?;
    let model = two_parameter_logistic(&table.names)?;
    let n_items = table.names.len();
    let data = |codes: &[u8]| {
        Data::new(&model, &Responses { codes, n_respondents: codes.len() / n_items, ..Responses::default() })
    };
    let (first, second) = table.codes.split_at(table.codes.len() / n_items / 2 * n_items);
    let (whole, first, second) = (data(&table.codes)?, data(first)?, data(second)?);
    // Any start will do, as long as it is the same: here that of the first half.
    let x = start::start(&model, &first.summaries())?;
    let fit = |source: &mut dyn CountSource| {
        em(&model, source, x.clone(), &EmOptions::default(), &mut |_| {}, &AtomicBool::new(false))
    };

    let together = fit(&mut whole.worker(&model)?)?;
    let merged = fit(&mut vec![first.worker(&model)?, second.worker(&model)?])?;

    for (name, fit) in [("together", &together), ("merged", &merged)] {
        println!("{name:>8}: log-likelihood {:.6} after {} cycles", fit.expected.loglik, fit.history.len());
    }
    let apart = together.x.iter().zip(&merged.x).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    println!("estimates differ by {apart:.0e} at most");
    Ok(())
}
