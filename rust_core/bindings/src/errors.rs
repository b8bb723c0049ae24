//! The one place where errors of the engine become exceptions of `mixirt.errors`.

use mixirt_core::Error;
use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;

mod python {
    pyo3::import_exception!(mixirt.errors, DataError);
    pyo3::import_exception!(mixirt.errors, SpecError);
    pyo3::import_exception!(mixirt.errors, EstimationError);
    pyo3::import_exception!(mixirt.errors, FileError);
}

/// The Python exception for an error of the engine; for use in `map_err`.
pub(crate) fn to_python(error: Error) -> PyErr {
    match error {
        Error::Data(message) => python::DataError::new_err(message),
        Error::Spec(message) => python::SpecError::new_err(message),
        Error::Estimation(message) => python::EstimationError::new_err(message),
        Error::File(message) => python::FileError::new_err(message),
        Error::Interrupted => PyKeyboardInterrupt::new_err(()),
    }
}

/// A [`DataError`](python::DataError) of the bindings' own making.
pub(crate) fn data_error(message: impl Into<String>) -> PyErr {
    python::DataError::new_err(message.into())
}
