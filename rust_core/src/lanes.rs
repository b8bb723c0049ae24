//! Sums over nodes and patterns in an order of their own, the same on every instruction set.

/// Adjacent terms of a sum that are kept in accumulators of their own, so that the compiler can use vector registers
/// of any width without changing the order of the additions.
const LANES: usize = 8;

/// `sum_l x_l y_l`.
pub(crate) fn dot(x: &[f64], y: &[f64]) -> f64 {
    let (x_blocks, x_rest) = x.as_chunks::<LANES>();
    let (y_blocks, y_rest) = y.as_chunks::<LANES>();
    let mut lanes = [0.0; LANES];
    for (x, y) in x_blocks.iter().zip(y_blocks) {
        for i in 0..LANES {
            lanes[i] += x[i] * y[i];
        }
    }
    let rest: f64 = x_rest.iter().zip(y_rest).map(|(x, y)| x * y).sum();
    lanes.iter().sum::<f64>() + rest
}

/// `sum_l x_l`.
pub(crate) fn sum(x: &[f64]) -> f64 {
    let (blocks, rest) = x.as_chunks::<LANES>();
    let mut lanes = [0.0; LANES];
    for block in blocks {
        for i in 0..LANES {
            lanes[i] += block[i];
        }
    }
    lanes.iter().sum::<f64>() + rest.iter().sum::<f64>()
}
