//! Probabilities of sums of points over the latent nodes: the recursion of Lord and Wingersky (1984), for any integer
//! points and with moments of attributes that are summed out on the way.

use std::ops::Range;

use crate::error::{Error, Result};

/// Distinct sums at most: as many rows of nodes are held at a time.
const MAX_SUMS: usize = 100_000;
/// Numbers that the rows of all sums may take.
const MAX_VALUES: usize = 1 << 27;
/// What is smaller than the largest summand by more than this power of two is left out.
const NEGLIGIBLE: i32 = -1000;
/// The exponent of a row of zeros.
const NOTHING: i32 = i32::MIN / 4;

/// Sums of points, and for each the probability at every node, with expectations of attributes that were summed out.
///
/// The values of a sum share a binary exponent, so that nothing underflows however long the test: what is lost is
/// smaller than the sum's largest value over the nodes by a factor of 2^1000.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sums {
    /// The sums that can occur, ascending.
    pub points: Vec<i64>,
    /// The attributes whose product each row is the expectation of, at most two; the first is empty: the probability.
    pub functions: Vec<Vec<usize>>,
    /// Number of nodes.
    pub n_nodes: usize,
    /// `(sums, functions, nodes)`
    values: Vec<f64>,
    /// `(sums)`
    exponents: Vec<i32>,
}

impl Sums {
    /// The sum 0 for sure, at `n_nodes` nodes.
    pub fn nothing(n_nodes: usize) -> Self {
        let (points, functions) = (vec![0], vec![Vec::new()]);
        Self { points, functions, n_nodes, values: vec![1.0; n_nodes], exponents: vec![0] }
    }

    /// The points `(M)` of one item's categories with their probabilities `(M, nodes)`.
    pub fn of_item(points: &[i64], probabilities: &[f64]) -> Self {
        let mut distinct = points.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        let n_nodes = probabilities.len() / points.len();
        let mut sums = Self::zeros(distinct, vec![Vec::new()], n_nodes);
        for (point, row) in points.iter().zip(probabilities.chunks_exact(n_nodes)) {
            let at = sums.points.partition_point(|p| p < point);
            sums.values[at * n_nodes..][..n_nodes].iter_mut().zip(row).for_each(|(sum, p)| *sum += p);
        }
        sums.exponents.fill(0);
        (0..sums.points.len()).for_each(|s| sums.normalise(s));
        sums
    }

    fn zeros(points: Vec<i64>, functions: Vec<Vec<usize>>, n_nodes: usize) -> Self {
        let values = vec![0.0; points.len() * functions.len() * n_nodes];
        Self { exponents: vec![NOTHING; points.len()], points, functions, n_nodes, values }
    }

    fn width(&self) -> usize {
        self.functions.len() * self.n_nodes
    }

    /// The values `(functions, nodes)` of the `s`-th sum, and their exponent.
    pub fn row(&self, s: usize) -> (&[f64], i32) {
        (&self.values[s * self.width()..(s + 1) * self.width()], self.exponents[s])
    }

    /// Sums over both parts, which are independent at every node.
    ///
    /// # Errors
    /// [`Error::Spec`] where too many different sums can occur.
    pub fn plus(&self, other: &Sums) -> Result<Sums> {
        let n = self.n_nodes;
        let pairs =
            || self.functions.iter().enumerate().flat_map(|(f, _)| (0..other.functions.len()).map(move |g| (f, g)));
        let is_moment = |&(f, g): &(usize, usize)| self.functions[f].len() + other.functions[g].len() <= 2;
        let pairs: Vec<(usize, usize)> = pairs().filter(is_moment).collect();
        let functions: Vec<Vec<usize>> =
            pairs.iter().map(|&(f, g)| [self.functions[f].as_slice(), &other.functions[g]].concat()).collect();
        let points = self.distinct_sums(other, functions.len() * n)?;
        let mut sums = Sums::zeros(points, functions, n);
        let summands: Vec<(usize, usize, usize)> = self.summands(other, &sums.points).collect();
        for &(s, a, b) in &summands {
            sums.exponents[s] = sums.exponents[s].max(self.exponents[a].saturating_add(other.exponents[b]));
        }
        let width = sums.width();
        for &(s, a, b) in &summands {
            let ((left, e), (right, f)) = (self.row(a), other.row(b));
            let shift = e.saturating_add(f).saturating_sub(sums.exponents[s]);
            if shift < NEGLIGIBLE {
                continue;
            }
            let scale = power_of_two(shift);
            let to = &mut sums.values[s * width..(s + 1) * width];
            for (&(f, g), to) in pairs.iter().zip(to.chunks_exact_mut(n)) {
                let factors = left[f * n..(f + 1) * n].iter().zip(&right[g * n..(g + 1) * n]);
                to.iter_mut().zip(factors).for_each(|(sum, (x, y))| *sum += x * y * scale);
            }
        }
        (0..sums.points.len()).for_each(|s| sums.normalise(s));
        Ok(sums)
    }

    fn distinct_sums(&self, other: &Sums, width: usize) -> Result<Vec<i64>> {
        let all = self.points.iter().flat_map(|a| other.points.iter().map(move |b| a.saturating_add(*b)));
        let mut points: Vec<i64> = all.collect();
        points.sort_unstable();
        points.dedup();
        let limit = MAX_SUMS.min(MAX_VALUES / width.max(1));
        if points.len() > limit {
            return Err(Error::Spec(format!(
                "the items have more than {limit} different sum scores; round their scores to fewer decimals, or choose \
                 fewer items"
            )));
        }
        Ok(points)
    }

    /// Positions `(of the sum in all, of the first summand, of the second)`.
    fn summands<'a>(&'a self, other: &'a Sums, all: &'a [i64]) -> impl Iterator<Item = (usize, usize, usize)> + 'a {
        self.points.iter().enumerate().flat_map(move |(a, x)| {
            other.points.iter().enumerate().map(move |(b, y)| {
                let sum = x.saturating_add(*y);
                (all.partition_point(|p| *p < sum), a, b)
            })
        })
    }

    /// Brings the largest probability of a sum into [1, 2).
    fn normalise(&mut self, s: usize) {
        let (width, n) = (self.width(), self.n_nodes);
        let row = &mut self.values[s * width..(s + 1) * width];
        let largest = row[..n].iter().copied().fold(0.0, f64::max);
        if largest > 0.0 {
            let exponent = exponent_of(largest);
            // In two steps, since half the range of exponents lies on either side.
            let (first, second) = (power_of_two(-exponent / 2), power_of_two(-exponent - (-exponent / 2)));
            row.iter_mut().for_each(|x| *x = *x * first * second);
            self.exponents[s] = self.exponents[s].saturating_add(exponent);
        } else {
            self.exponents[s] = NOTHING;
        }
    }

    /// Sums over the nodes of one attribute, the outer of two axes `(D, K)`: `weights (D, K)` are its prior given the
    /// other axis, `theta (D)` its coordinates about the origin. Expectations of the attribute and its square come along.
    pub fn sum_out(&self, attribute: usize, theta: &[f64], weights: &[f64]) -> Sums {
        let n = self.n_nodes / theta.len();
        let functions = vec![Vec::new(), vec![attribute], vec![attribute; 2]];
        let mut sums = Sums::zeros(self.points.clone(), functions, n);
        sums.exponents.copy_from_slice(&self.exponents);
        for (s, to) in sums.values.chunks_exact_mut(3 * n).enumerate() {
            let parts = self.row(s).0.chunks_exact(n).zip(weights.chunks_exact(n)).zip(theta);
            for ((values, weights), t) in parts {
                for (power, to) in [1.0, *t, t * t].into_iter().zip(to.chunks_exact_mut(n)) {
                    to.iter_mut().zip(values.iter().zip(weights)).for_each(|(sum, (x, w))| *sum += power * w * x);
                }
            }
        }
        (0..sums.points.len()).for_each(|s| sums.normalise(s));
        sums
    }

    /// The same at other nodes, each standing where `map` says.
    pub fn spread(&self, map: &[u32]) -> Sums {
        let rows = self.values.chunks_exact(self.n_nodes);
        let values = rows.flat_map(|row| map.iter().map(|&k| row[k as usize])).collect();
        Sums { n_nodes: map.len(), values, functions: self.functions.clone(), ..self.clone() }
    }

    /// The same at some of the nodes.
    pub fn at(&self, nodes: &Range<usize>) -> Sums {
        let rows = self.values.chunks_exact(self.n_nodes);
        let values = rows.flat_map(|row| &row[nodes.clone()]).copied().collect();
        Sums { n_nodes: nodes.len(), values, ..self.clone() }
    }
}

/// The binary exponent of a positive number.
fn exponent_of(x: f64) -> i32 {
    /// Brings subnormal numbers into the normal range.
    const LIFT: i32 = 54;
    let of_normal = |x: f64| (x.to_bits() >> 52) as i32 - 1023;
    if x < f64::MIN_POSITIVE { of_normal(x * power_of_two(LIFT)) - LIFT } else { of_normal(x) }
}

/// `2^n` for exponents of normal numbers.
pub(super) fn power_of_two(n: i32) -> f64 {
    f64::from_bits(((1023 + n.clamp(-1022, 1023)) as u64) << 52)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sums of some tens of products of doubles.
    const ROUNDING: f64 = 1e-13;

    fn probability(sums: &Sums, s: usize, node: usize) -> f64 {
        let (row, exponent) = sums.row(s);
        row[node] * f64::from(exponent).exp2()
    }

    #[test]
    fn two_dice() {
        let die = Sums::of_item(&[1, 2, 3, 4, 5, 6], &[1.0 / 6.0; 12]);
        let both = die.plus(&die).unwrap();
        assert_eq!(both.points, (2..=12).collect::<Vec<i64>>());
        for (s, points) in (2..=12).enumerate() {
            let expected = f64::from(6 - i32::abs(points - 7)) / 36.0;
            assert!((probability(&both, s, 1) - expected).abs() < ROUNDING);
        }
    }

    #[test]
    fn equal_points_are_one_sum() {
        let item = Sums::of_item(&[3, 0, 3], &[0.2, 0.5, 0.3]);
        assert_eq!(item.points, [0, 3]);
        assert!((probability(&item, 1, 0) - 0.5).abs() < ROUNDING);
    }

    #[test]
    fn long_tests_do_not_underflow() {
        let mut sums = Sums::nothing(1);
        let item = Sums::of_item(&[0, 1], &[0.25, 0.75]);
        for _ in 0..3000 {
            sums = sums.plus(&item).unwrap();
        }
        let (row, exponent) = sums.row(0);
        assert!((row[0].log2() + f64::from(exponent) + 6000.0).abs() < 1e-9);
        let total: f64 = (0..=3000).map(|s| probability(&sums, s, 0)).sum();
        assert!((total - 1.0).abs() < 1e-11);
    }

    #[test]
    fn a_row_of_subnormal_numbers_is_kept() {
        let item = Sums::of_item(&[0, 1], &[1e-310, 3e-320, 1.0, 1.0]);
        let (row, exponent) = item.row(0);
        assert!((1.0..2.0).contains(&row[0]));
        assert!((row[0].log2() + f64::from(exponent) - 1e-310_f64.log2()).abs() < 1e-9);
    }

    #[test]
    fn too_many_sums_are_refused() {
        let mut sums = Sums::nothing(1);
        let result = (0..40).try_for_each(|i| {
            sums = sums.plus(&Sums::of_item(&[0, 1 << i], &[0.5, 0.5]))?;
            Ok(())
        });
        assert!(matches!(result, Err(Error::Spec(message)) if message.contains("different sum scores")));
    }
}
