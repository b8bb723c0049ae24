//! How work is divided: patterns into chunks, in which order they are worked on, and what is worth several threads.

use rayon::prelude::*;

use super::vector::V;
use crate::patterns::Patterns;

/// Chunks of patterns at most.
pub(super) const MAX_CHUNKS: usize = 16;
/// Rows of patterns for each row of an accumulator that make a chunk worth one of its own: clearing and summing it then
/// takes a fortieth of the chunk's time.
const WORK_PER_ROW: usize = 36;
/// Two threads are worth a twentieth: half the work for each of two chunks.
const WORK_PER_ROW_OF_TWO: usize = WORK_PER_ROW / 2;
/// Vectors multiplied in a chunk at the least, about 30 microseconds: less is done sooner than another thread wakes up.
pub(super) const MIN_CHUNK_VECTORS: usize = 1 << 15;
/// Bytes that the accumulators of all chunks may take before there are fewer chunks.
const MAX_ACCUMULATOR_BYTES: usize = 256 << 20;

/// The number of chunks, a power of two so that they divide evenly among threads: of the data alone, never of the number
/// of threads. All patterns together have `n_factors` rows, accumulators `n_rows` of `n_vectors`.
pub(super) fn n_chunks(n_factors: usize, (n_rows, n_vectors): (usize, usize)) -> usize {
    let work_per_row = n_factors / n_rows.max(1);
    let by_sharing = (work_per_row / WORK_PER_ROW).max((work_per_row / WORK_PER_ROW_OF_TWO).min(2));
    let by_work = n_factors * n_vectors / MIN_CHUNK_VECTORS;
    let by_memory = MAX_ACCUMULATOR_BYTES / (n_rows * n_vectors * size_of::<V>()).max(1);
    1 << by_sharing.min(by_work).min(by_memory).clamp(1, MAX_CHUNKS).ilog2()
}

/// The patterns sorted by the last of their rows: where an attribute is eliminated that is one of a thousand long rows,
/// which then comes from far away once and not for every pattern.
pub(super) fn by_last_row(patterns: &Patterns) -> Vec<u32> {
    let mut order: Vec<u32> = (0..patterns.len() as u32).collect();
    order.sort_by_key(|&p| patterns.rows(p as usize).last());
    order
}

/// Does the work on the current pool if it is enough.
pub(super) fn for_each<T: Send>(parallel: bool, work: Vec<T>, f: impl Fn(T) + Send + Sync) {
    if parallel { work.into_par_iter().for_each(f) } else { work.into_iter().for_each(f) }
}

#[cfg(test)]
mod tests {
    use super::n_chunks;

    #[test]
    fn chunks_follow_the_work() {
        assert_eq!(n_chunks(0, (0, 0)), 1);
        assert_eq!(n_chunks(8_192, (128, 1)), 1, "a few microseconds of latent classes");
        assert_eq!(n_chunks(50_000, (320, 8)), 4, "10,000 respondents, 30 items");
        assert_eq!(n_chunks(50_000, (1_300, 8)), 2, "5,000 respondents, 30 items of five categories");
        assert_eq!(n_chunks(2_500_000, (4_000, 8)), 16, "10,000 respondents, 1,000 items");
        assert_eq!(n_chunks(15_000, (3_000, 500)), 1, "nearly as many rows as patterns");
        assert_eq!(n_chunks(10_000_000, (10_000, 1_000)), 1, "accumulators as large as memory allows");
    }
}
