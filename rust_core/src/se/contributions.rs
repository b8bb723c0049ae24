//! The derivatives of the log-likelihood, respondent by respondent.

use std::sync::{Mutex, PoisonError};

use super::Point;
use super::node_scores::NodeScores;
use super::score_vectors::fold_scores;
use crate::e_step::MAX_BYTES;
use crate::error::{Error, Result};

impl Point<'_> {
    /// `(N, n_free)`, row-major, in the order of the data: the derivatives of every respondent's log-likelihood, without
    /// weights and priors, as far as they point along the directions (see [`Directions::along`](super::Directions::along)).
    /// The rows times their weights, and the derivatives of the log priors along the directions, add up to
    /// [`Point::slope`].
    ///
    /// # Errors
    /// [`Error::Spec`] where they would take more memory than an E-step may; as the E-step.
    pub fn contributions(&self) -> Result<Vec<f64>> {
        let (n, n_free) = (self.data.n_respondents(), self.x.len());
        let length = checked_length(n, n_free)?;
        let rows_of: Vec<RowsOf> = (0..self.data.n_groups()).map(|observed| RowsOf::new(self, observed)).collect();
        let all = Mutex::new(vec![0.0; length]);
        fold_scores(
            &NodeScores::of_all(self),
            || (),
            |(), batch| {
                let scores = (0..batch.patterns.len()).map(|b| self.directions.along(batch.scores.row(b)));
                let scores: Vec<Vec<f64>> = scores.collect();
                // Every row is written once, so that it does not matter which batch comes first.
                let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
                for (&pattern, own) in batch.patterns.iter().zip(&scores) {
                    for row in rows_of[batch.observed].of(pattern) {
                        all[row * n_free..][..n_free].copy_from_slice(own);
                    }
                }
            },
        )?;
        Ok(all.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The respondents of an observed group, by pattern.
struct RowsOf {
    /// Pattern and row, ascending.
    pairs: Vec<(u32, u32)>,
}

impl RowsOf {
    fn new(point: &Point, observed: usize) -> Self {
        let respondents = point.data.respondents_of(observed);
        let mut pairs: Vec<(u32, u32)> = respondents.map(|(row, pattern)| (pattern as u32, row as u32)).collect();
        pairs.sort_unstable();
        Self { pairs }
    }

    /// The rows of a pattern.
    fn of(&self, pattern: usize) -> impl Iterator<Item = usize> + '_ {
        let first = self.pairs.partition_point(|&(p, _)| (p as usize) < pattern);
        let own = self.pairs[first..].iter().take_while(move |&&(p, _)| p as usize == pattern);
        own.map(|&(_, row)| row as usize)
    }
}

/// `n * n_free`, unless so many numbers are too many.
fn checked_length(n: usize, n_free: usize) -> Result<usize> {
    let length = n.checked_mul(n_free).filter(|&length| length <= MAX_BYTES / size_of::<f64>());
    length.ok_or_else(|| {
        let gigabytes = (n as f64 * n_free as f64 * size_of::<f64>() as f64 / (1_usize << 30) as f64).ceil();
        Error::Spec(format!(
            "the contributions of {n} respondents to the derivatives by {n_free} parameters take {gigabytes} GB, more than \
             the {} that they may have; take a part of the respondents at a time, at these estimates: \
             mixirt.fit(part, r.model, start=r, max_cycles=0)",
            MAX_BYTES >> 30
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::checked_length;

    #[test]
    fn no_more_than_eight_gigabytes_are_made() {
        assert_eq!(checked_length(1 << 20, 1 << 10).ok(), Some(1 << 30));
        let refusal = checked_length((1 << 20) + 1, 1 << 10).map_err(|error| error.to_string());
        let message = refusal.err().unwrap_or_default();
        assert!(message.contains("1048577 respondents") && message.contains("1024 parameters take 9 GB"), "{message}");
        assert!(checked_length(usize::MAX, 2).is_err());
    }
}
