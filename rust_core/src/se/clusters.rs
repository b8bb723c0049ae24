//! Respondents that are not independent of one another.

use crate::error::{Error, Result};

/// The cluster and the weight of every respondent.
#[derive(Debug, Clone, PartialEq)]
pub struct Clusters {
    /// `(N)`: the cluster of each respondent, counted from 0.
    of_respondent: Vec<u32>,
    /// `(N)`: the weights the data were made with; 1 when absent.
    weights: Option<Vec<f64>>,
    n_clusters: usize,
}

impl Clusters {
    /// Clusters of `n_respondents` respondents.
    ///
    /// # Errors
    /// [`Error::Data`] where a list does not have an entry for each of them, or a cluster's number is beyond theirs.
    pub fn new(n_respondents: usize, of_respondent: Vec<u32>, weights: Option<Vec<f64>>) -> Result<Self> {
        let lengths = [Some(of_respondent.len()), weights.as_ref().map(Vec::len)];
        if lengths.into_iter().flatten().any(|n| n != n_respondents) {
            let message = format!("clusters and weights need one entry for each of {n_respondents} respondents");
            return Err(Error::Data(message));
        }
        if let Some(row) = of_respondent.iter().position(|&cluster| cluster as usize >= n_respondents) {
            return Err(Error::Data(format!(
                "row {row} is in cluster {}, but {n_respondents} respondents have clusters from 0 to {} at the most",
                of_respondent[row],
                n_respondents - 1
            )));
        }
        let n_clusters = of_respondent.iter().map(|&c| c as usize + 1).max().unwrap_or(0);
        Ok(Self { of_respondent, weights, n_clusters })
    }

    /// Number of clusters.
    pub fn n_clusters(&self) -> usize {
        self.n_clusters
    }

    /// The cluster and the weight of a respondent.
    pub(super) fn of(&self, row: usize) -> (usize, f64) {
        (self.of_respondent[row] as usize, self.weights.as_ref().map_or(1.0, |w| w[row]))
    }
}
