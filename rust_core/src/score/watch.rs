//! What a call over many respondents looks at, and tells, on its way.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, Result};

/// How the caller of a long call stops it and hears how far it has come. Made from a flag alone where nobody listens.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    /// Set to have the call stopped.
    pub cancel: &'a AtomicBool,
    /// Called with how many more have been done, from any thread: respondents, or their distinct patterns where scores are
    /// those of [`Data`](crate::data::Data).
    pub done: &'a (dyn Fn(usize) + Sync),
}

impl<'a> From<&'a AtomicBool> for Watch<'a> {
    fn from(cancel: &'a AtomicBool) -> Self {
        Self { cancel, done: &|_| () }
    }
}

impl Watch<'_> {
    /// # Errors
    /// [`Error::Interrupted`] once the flag is set.
    pub(super) fn check(&self) -> Result<()> {
        if self.cancel.load(Ordering::Relaxed) { Err(Error::Interrupted) } else { Ok(()) }
    }
}
