//! The Python module `mixirt._core`: arrays in, arrays out, the GIL released in every long call.

mod encode;
mod errors;

use pyo3::prelude::*;

/// The compiled engine of mixirt; private: use the functions of `mixirt`.
#[pymodule]
mod _core {
    use super::*;

    #[pymodule_export]
    use crate::encode::encode;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
