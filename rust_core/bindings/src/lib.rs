//! The Python module `mixirt._core`: arrays in, arrays out, the GIL released in every long call.

mod data;
mod draw;
mod encode;
mod errors;
mod fit;
mod model;
mod run;
mod scorer;
mod se;
mod sum_scores;

use pyo3::prelude::*;

/// The compiled engine of mixirt; private: use the functions of `mixirt`.
// It needs no lock: every class is frozen and holds nothing that can change, the pools of threads are kept behind a mutex,
// and what is read from arrays of others is copied before it is checked.
#[pymodule(gil_used = false)]
mod _core {
    use super::*;

    #[pymodule_export]
    use crate::data::Data;
    #[pymodule_export]
    use crate::draw::Drawer;
    #[pymodule_export]
    use crate::encode::encode;
    #[pymodule_export]
    use crate::fit::{em_step, expected_counts, fit};
    #[pymodule_export]
    use crate::model::{PyModel, Structure};
    #[pymodule_export]
    use crate::scorer::Scorer;
    #[pymodule_export]
    use crate::se::{contributions, covariance, gradient, vcov_methods};
    #[pymodule_export]
    use crate::sum_scores::sum_scores;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
