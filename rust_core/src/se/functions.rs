//! Functions of the node, and their posterior means.

use std::ops::Range;

use nalgebra::DMatrix;

use super::rows::LANES;
use crate::e_step::vector::V;
use crate::e_step::with_width;

/// Nodes that are summed side by side, so that no addition waits for the one before it.
pub(super) const ABREAST: usize = 4;

/// Nodes with less than this of a posterior add nothing that double precision could hold.
pub(super) const NEGLIGIBLE: f64 = 1e-18;

/// Posteriors over the nodes of a support, pattern by pattern.
#[derive(Clone, Copy)]
pub(super) struct Posteriors<'a> {
    /// `(B, stride)`
    pub values: &'a [f64],
    pub stride: usize,
    /// Where in a row the first node is, and the number of nodes `K`.
    pub first: usize,
    pub n_nodes: usize,
}

impl Posteriors<'_> {
    pub(super) fn n_patterns(&self) -> usize {
        self.values.len() / self.stride
    }

    #[inline(always)]
    pub(super) fn of(&self, pattern: usize) -> &[f64] {
        &self.values[pattern * self.stride + self.first..][..self.n_nodes]
    }
}

/// The nodes that each posterior reaches, in chunks of [`ABREAST`].
pub(super) struct Live {
    chunks: Vec<u32>,
    /// Where those of each pattern begin.
    ptr: Vec<usize>,
}

impl Live {
    #[inline(always)]
    pub(super) fn new(posteriors: Posteriors) -> Self {
        let n_chunks = posteriors.n_nodes.div_ceil(ABREAST);
        let mut chunks = vec![0; posteriors.n_patterns() * n_chunks];
        let (mut end, mut ptr) = (0, vec![0]);
        for b in 0..posteriors.n_patterns() {
            let (whole, rest) = posteriors.of(b).as_chunks::<ABREAST>();
            for (at, chunk) in whole.iter().enumerate() {
                let mut is_live = false;
                for x in chunk {
                    // What is no number is kept, so that it shows.
                    is_live |= (*x > NEGLIGIBLE) | x.is_nan();
                }
                chunks[end] = at as u32;
                end += usize::from(is_live);
            }
            if !rest.is_empty() {
                chunks[end] = whole.len() as u32;
                end += 1;
            }
            ptr.push(end);
        }
        Self { chunks, ptr }
    }

    #[inline(always)]
    pub(super) fn of(&self, pattern: usize) -> &[u32] {
        &self.chunks[self.ptr[pattern]..self.ptr[pattern + 1]]
    }
}

/// Functions of the node that the derivatives are combinations of.
pub(super) struct Functions {
    /// `(K, n_vectors)`: a vector for each unit, with the derivatives after answer 0, then those by which answers differ.
    table: Vec<V>,
    pub n_vectors: usize,
    /// Where in a row those by which answers differ are.
    pub differences: Range<usize>,
}

impl Functions {
    /// Of units with so many lanes in use, and the derivatives in these after answer 0; answers differ by the rows of
    /// `basis (r, K)`.
    pub(super) fn new<'a>(lanes: &[usize], after_0: impl Iterator<Item = &'a [f64]>, basis: &DMatrix<f64>) -> Self {
        let end = lanes.last().map_or(0, |last| (lanes.len() - 1) * LANES + last);
        let differences = end..end + basis.nrows();
        let n_vectors = differences.end.div_ceil(LANES);
        let mut table = vec![V::ZERO; basis.ncols() * n_vectors];
        let mut set = |at: usize, function: &mut dyn Iterator<Item = f64>| {
            let vectors = table[at / LANES..].iter_mut().step_by(n_vectors);
            vectors.zip(function).for_each(|(to, value)| to.0[at % LANES] = value);
        };
        let places = lanes.iter().enumerate().flat_map(|(u, &n)| u * LANES..u * LANES + n);
        places.zip(after_0).for_each(|(at, curve)| set(at, &mut curve.iter().copied()));
        differences.clone().zip(basis.row_iter()).for_each(|(at, row)| set(at, &mut row.iter().copied()));
        Self { table, n_vectors, differences }
    }

    /// Posterior means `(B, n_vectors)`.
    #[inline(always)]
    pub(super) fn means(&self, posteriors: Posteriors, live: &Live) -> Vec<V> {
        let mut means = vec![V::ZERO; posteriors.n_patterns() * self.n_vectors];
        for start in (0..self.n_vectors).step_by(LANES) {
            let width = LANES.min(self.n_vectors - start);
            with_width!(width, |W| self.means_of::<W>(start, posteriors, live, &mut means));
        }
        means
    }

    /// Posterior means in `W` vectors from the `start`-th.
    #[inline(always)]
    fn means_of<const W: usize>(&self, start: usize, posteriors: Posteriors, live: &Live, means: &mut [V]) {
        for b in 0..posteriors.n_patterns() {
            let posterior = posteriors.of(b);
            let mut sums = [V::ZERO; W];
            for &at in live.of(b) {
                let nodes = at as usize * ABREAST..posterior.len().min((at as usize + 1) * ABREAST);
                let table = &self.table[nodes.start * self.n_vectors..];
                for (posterior, functions) in posterior[nodes].iter().zip(table.chunks_exact(self.n_vectors)) {
                    let functions = &functions[start..][..W];
                    for v in 0..W {
                        sums[v] = sums[v].plus(functions[v].scale(*posterior));
                    }
                }
            }
            means[b * self.n_vectors + start..][..W].copy_from_slice(&sums);
        }
    }
}
