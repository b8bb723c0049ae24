//! What can go wrong, in the words of the person who has to put it right.

use thiserror::Error as ThisError;

/// The engine's result type.
pub type Result<T> = std::result::Result<T, Error>;

/// An error that a user can cause and cure. A rejected step or a start that fails is not one: it is a state of the
/// algorithm.
#[derive(Debug, Clone, PartialEq, ThisError)]
pub enum Error {
    /// The responses cannot be used: names the row, the item and what is allowed.
    #[error("{0}")]
    Data(String),
    /// The model is not one the engine can estimate.
    #[error("{0}")]
    Spec(String),
    /// The estimation could not go on, for instance because a response has probability zero under fixed parameters.
    #[error("{0}")]
    Estimation(String),
    /// A model file cannot be read, is damaged, or holds no model.
    #[error("{0}")]
    File(String),
    /// The caller asked to stop.
    #[error("interrupted")]
    Interrupted,
}
