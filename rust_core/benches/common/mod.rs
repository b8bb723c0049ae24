//! What the benches share: models with responses drawn from them, the plain kernel, and how long to measure.
//!
//! Lines of a group are measured in one run, on one thread. `make bench` ends with their ratios.

// Each bench takes what it needs of this.
#![allow(dead_code)]

pub mod case;
pub mod plain;

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use criterion::Criterion;

/// Never set: nothing is cancelled here.
pub static GO: AtomicBool = AtomicBool::new(false);

/// Work of milliseconds is measured for a second; a single run of the slow yardsticks takes as long.
pub fn config() -> Criterion {
    let (warm_up, measurement) = (Duration::from_millis(200), Duration::from_millis(800));
    Criterion::default().sample_size(10).warm_up_time(warm_up).measurement_time(measurement).without_plots()
}

/// Has everything run on the calling thread.
pub fn on_one_thread() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread();
    pool.build_global().unwrap();
}
