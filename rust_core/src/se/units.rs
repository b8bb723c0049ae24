//! Posterior means of the derivatives of items, a few items at a time.
//!
//! Up to eight parameters, usually of several items, form a unit. For every joint answer to its items a unit has a table of
//! the derivatives in all its parameters, node by node: what a pattern adds to its scores is one row of tables, summed over
//! the nodes that its posterior reaches. Where answers differ by few functions of the node, as they do wherever log-odds
//! are linear, a unit has their weights instead: the posterior means of these functions and of the derivatives after
//! answer 0 are then taken once for all joint answers.

use std::ops::Range;

use nalgebra::DMatrix;

use super::basis::basis_of_rows;
use super::functions::{ABREAST, Functions, Live, Posteriors};
use super::rows::{LANES, Rows};
use super::score_vectors::{BATCH, Codes};
use crate::e_step::Kernel;
use crate::e_step::vector::{V, flat};
use crate::lanes;

/// Bytes of a unit's tables, unless a single item has more: the nodes that are in use stay in the first cache.
const MAX_BYTES: usize = 1 << 16;
/// Answers differ by few functions if there are this many nodes for each, or more.
const NODES_PER_FUNCTION: usize = 4;
/// The derivatives of the log-probabilities of one item's answers, over the nodes of its support.
pub(super) struct ItemScores {
    /// The item's position in the group.
    pub index: usize,
    /// Its free parameters.
    pub free: Vec<usize>,
    /// Derivatives `(M, free parameters, K)`.
    pub table: Vec<f64>,
    /// Number of its categories `M`.
    pub n_categories: usize,
    /// Number of its answers: `M`, and none where some pattern may have none.
    pub n_answers: usize,
}

impl ItemScores {
    /// The derivatives in the `p`-th of its parameters after an answer `(K)`; `None` after none.
    pub(super) fn after(&self, answer: usize, p: usize) -> Option<&[f64]> {
        self.row(&self.table, answer, p)
    }

    /// A row of an array `(M, free parameters, n)`.
    fn row<'a>(&self, array: &'a [f64], answer: usize, p: usize) -> Option<&'a [f64]> {
        let n = array.len() / (self.n_categories * self.free.len());
        (answer < self.n_categories).then(|| &array[(answer * self.free.len() + p) * n..][..n])
    }
}

/// All items of a support, cut into units.
pub(super) struct Units {
    units: Vec<Unit>,
    functions: Option<Functions>,
}

/// Items whose answers are looked up together.
struct Unit {
    /// Positions of the items in the group, and the number of their answers.
    items: Vec<(usize, usize)>,
    /// The free parameter of each lane.
    free: Vec<usize>,
    /// The first of them, where the others follow one another.
    consecutive_from: Option<usize>,
    /// The joint answer that is none to any item, if there is one.
    unanswered: Option<u16>,
    /// `(joint answers, K)`: derivatives; or `(joint answers, functions)`: weights of functions by which answers differ.
    table: Vec<V>,
    /// `(joint answers)`: 1 in the lanes of items that have an answer, else 0.
    answered: Vec<V>,
}

/// Some parameters of an item.
struct Part<'a> {
    item: &'a ItemScores,
    parameters: Range<usize>,
    /// `(M, free parameters, n)`: what the rows of tables are made of.
    array: &'a [f64],
}

impl Units {
    /// The units of the items of a support of `n_nodes` nodes.
    pub(super) fn new(items: &[ItemScores], n_nodes: usize) -> Self {
        let mut differences = Vec::new();
        for item in items {
            let (after_0, _) = item.table.split_at(item.free.len() * n_nodes);
            differences.extend(item.table.iter().zip(after_0.iter().cycle()).map(|(after, after_0)| after - after_0));
        }
        let basis = basis_of_rows(&DMatrix::from_row_slice(differences.len() / n_nodes, n_nodes, &differences));
        if NODES_PER_FUNCTION * basis.nrows() > n_nodes {
            return Self {
                units: cut(items, items.iter().map(|item| item.table.as_slice()), n_nodes),
                functions: None,
            };
        }
        let functions = basis.transpose();
        let weights_of = |curve| functions.column_iter().map(move |function| lanes::dot(curve, function.as_slice()));
        let weights: Vec<f64> = differences.chunks_exact(n_nodes).flat_map(weights_of).collect();
        let mut rest = weights.as_slice();
        let own = items.iter().map(|item| {
            let (own, others) = rest.split_at(item.table.len() / n_nodes * basis.nrows());
            rest = others;
            own
        });
        let units = cut(items, own, basis.nrows());
        // Units have the parameters in the order in which items have them.
        let lanes: Vec<usize> = units.iter().map(|unit| unit.free.len()).collect();
        let after_0 = items.iter().flat_map(|item| (0..item.free.len()).filter_map(|p| item.after(0, p)));
        let functions = Some(Functions::new(&lanes, after_0, &basis));
        Self { units, functions }
    }
}

/// Cuts the parameters of items into units; for each item there is an array `(M, free parameters, n)`.
fn cut<'a>(items: &'a [ItemScores], arrays: impl Iterator<Item = &'a [f64]>, n: usize) -> Vec<Unit> {
    let mut units = Vec::new();
    let mut open: Vec<Part> = Vec::new();
    for (item, array) in items.iter().zip(arrays) {
        let mut start = 0;
        while start < item.free.len() {
            let n_joint = open.iter().map(|part| part.item.n_answers).product::<usize>() * item.n_answers;
            if !open.is_empty() && n_joint * n.max(1) * size_of::<V>() > MAX_BYTES {
                units.push(Unit::new(&open, n));
                open.clear();
            }
            let room = LANES - open.iter().map(|part| part.parameters.len()).sum::<usize>();
            let end = item.free.len().min(start + room);
            open.push(Part { item, parameters: start..end, array });
            if end - start == room {
                units.push(Unit::new(&open, n));
                open.clear();
            }
            start = end;
        }
    }
    if !open.is_empty() {
        units.push(Unit::new(&open, n));
    }
    units
}

impl Unit {
    fn new(parts: &[Part], n: usize) -> Self {
        let n_joint = parts.iter().map(|part| part.item.n_answers).product();
        let free: Vec<usize> =
            parts.iter().flat_map(|part| &part.item.free[part.parameters.clone()]).copied().collect();
        let mut table = vec![V::ZERO; n_joint * n];
        let mut answered = vec![V::ZERO; n_joint];
        for (joint, answered) in answered.iter_mut().enumerate() {
            let table = &mut table[joint * n..][..n];
            // The answers to the last item change fastest.
            let (mut rest, mut end) = (joint, free.len());
            for Part { item, parameters, array } in parts.iter().rev() {
                let first = end - parameters.len();
                for (lane, p) in (first..end).zip(parameters.clone()) {
                    if let Some(row) = item.row(array, rest % item.n_answers, p) {
                        answered.0[lane] = 1.0;
                        table.iter_mut().zip(row).for_each(|(to, from)| to.0[lane] = *from);
                    }
                }
                (rest, end) = (rest / item.n_answers, first);
            }
        }
        let is_run = free.windows(2).all(|pair| pair[1] == pair[0] + 1);
        let can_be_none = parts.iter().all(|part| part.item.n_answers > part.item.n_categories);
        Self {
            items: parts.iter().map(|part| (part.item.index, part.item.n_answers)).collect(),
            consecutive_from: free.first().copied().filter(|_| is_run),
            free,
            unanswered: can_be_none.then_some((n_joint - 1) as u16),
            table,
            answered,
        }
    }

    /// The joint answer of each pattern.
    #[inline(always)]
    fn look_up(&self, codes: &Codes, joint: &mut [u16; BATCH]) {
        joint.fill(0);
        for &(item, n_answers) in &self.items {
            let codes = codes.of_item(item);
            for (joint, &code) in joint.iter_mut().zip(codes) {
                // A missing answer is the largest code there is, and comes last.
                *joint = *joint * n_answers as u16 + u16::from(code).min(n_answers as u16 - 1);
            }
        }
    }

    /// The posterior means of the derivatives after a joint answer.
    #[inline(always)]
    fn sum(&self, joint: usize, posterior: &[f64], live: &[u32]) -> V {
        let table = &self.table[joint * posterior.len()..][..posterior.len()];
        let mut sums = [V::ZERO; ABREAST];
        for &at in live {
            let start = at as usize * ABREAST;
            let n = ABREAST.min(posterior.len() - start);
            let (posterior, derivatives) = (&posterior[start..][..n], &table[start..][..n]);
            if n == ABREAST {
                for k in 0..ABREAST {
                    sums[k] = sums[k].plus(derivatives[k].scale(posterior[k]));
                }
            } else {
                for k in 0..n {
                    sums[k] = sums[k].plus(derivatives[k].scale(posterior[k]));
                }
            }
        }
        sums[0].plus(sums[1]).plus(sums[2].plus(sums[3]))
    }

    /// The same from posterior means: of the derivatives after answer 0, and of the functions by which answers differ.
    #[inline(always)]
    fn combine(&self, joint: usize, after_0: V, differences: &[f64]) -> V {
        let weights = &self.table[joint * differences.len()..][..differences.len()];
        let mut sum = after_0.times(self.answered[joint]);
        for (weights, mean) in weights.iter().zip(differences) {
            sum = sum.plus(weights.scale(*mean));
        }
        sum
    }

    /// Adds posterior means where they belong.
    #[inline(always)]
    fn add(&self, means: V, scores: &mut [f64]) {
        if let Some(first) = self.consecutive_from {
            let scores = &mut scores[first..][..LANES];
            for (score, mean) in scores.iter_mut().zip(means.0) {
                *score += mean;
            }
        } else {
            for (&f, mean) in self.free.iter().zip(means.0) {
                scores[f] += mean;
            }
        }
    }
}

/// Adds the posterior means of the derivatives in the parameters of all units to the scores of some patterns.
pub(super) struct AddMeans<'a> {
    pub units: &'a Units,
    pub codes: &'a Codes,
    pub posteriors: Posteriors<'a>,
    /// `(B, n_free)`
    pub scores: &'a mut Rows,
}

impl Kernel for AddMeans<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { units: Units { units, functions }, codes, posteriors, scores } = self;
        let live = Live::new(posteriors);
        let means = functions.as_ref().map(|functions| (functions, functions.means(posteriors, &live)));
        let mut joint = [0; BATCH];
        for (u, unit) in units.iter().enumerate() {
            unit.look_up(codes, &mut joint);
            for b in 0..posteriors.n_patterns() {
                if unit.unanswered == Some(joint[b]) {
                    continue;
                }
                let joint = usize::from(joint[b]);
                let means = match &means {
                    Some((functions, means)) => {
                        let means = &means[b * functions.n_vectors..][..functions.n_vectors];
                        unit.combine(joint, means[u], &flat(means)[functions.differences.clone()])
                    }
                    None => unit.sum(joint, posteriors.of(b), live.of(b)),
                };
                unit.add(means, scores.padded_mut(b));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::e_step::{InstructionSet, dispatch};
    use crate::patterns::MISSING;

    /// Rounding of sums over seventeen nodes of numbers up to 4.
    const TOLERANCE: f64 = 1e-12;
    const N_NODES: usize = 17;
    const N_PATTERNS: usize = 50;

    /// A number from -1 to 1 without a pattern.
    fn noise(k: usize) -> f64 {
        (12.9898 * (k + 1) as f64).sin()
    }

    /// Items with 1, 3, 0, 12 and 2 parameters and two to four categories; some may lack an answer. After different
    /// answers derivatives differ by straight lines if `is_linear`, else by anything.
    fn items(is_linear: bool) -> Vec<ItemScores> {
        let design = [(1, 2, 2), (3, 4, 5), (0, 2, 2), (12, 3, 4), (2, 2, 3)];
        let item = |(index, (n_free, n_categories, n_answers)): (usize, (usize, usize, usize))| {
            let value = |at: usize| {
                let (answer, p, l) = (at / N_NODES / n_free, at / N_NODES % n_free, at % N_NODES);
                let after_0 = noise(1000 * index + p * N_NODES + l);
                match is_linear {
                    true => after_0 + answer as f64 * (noise(p) + noise(p + 5) * l as f64 / N_NODES as f64),
                    false => noise(7919 * index + at),
                }
            };
            let table = (0..n_categories * n_free * N_NODES).map(value).collect();
            // Every third parameter is that of another item as well.
            let free = (0..n_free).map(|p| if p % 3 == 2 { 0 } else { 20 * index + p }).collect();
            ItemScores { index, free, table, n_categories, n_answers }
        };
        design.into_iter().enumerate().map(item).collect()
    }

    fn codes(items: &[ItemScores]) -> Codes {
        let mut codes = Codes::new(items.len());
        for item in items {
            for b in 0..N_PATTERNS {
                let answer = (b * (7 + item.index) + b / 3) % item.n_answers;
                codes.set(item.index, b, if answer < item.n_categories { answer as u8 } else { MISSING });
            }
        }
        codes
    }

    #[test]
    fn scores_are_the_sums_of_derivatives_over_nodes_and_items() {
        // Three numbers that are not nodes of this support before and two after them.
        let (first, stride) = (3, N_NODES + 5);
        // Some nodes are out of reach.
        let weight = |at: usize| if at % 7 < 4 { noise(at).abs() } else { 1e-19 };
        let values: Vec<f64> = (0..N_PATTERNS * stride).map(weight).collect();
        for is_linear in [true, false] {
            let items = items(is_linear);
            let codes = codes(&items);
            let units = Units::new(&items, N_NODES);
            assert_eq!(units.functions.is_some(), is_linear);
            let posteriors = Posteriors { values: &values, stride, first, n_nodes: N_NODES };
            let scores_on = |isa: InstructionSet| {
                let mut scores = Rows::zeros(N_PATTERNS, 90);
                dispatch(isa, AddMeans { units: &units, codes: &codes, posteriors, scores: &mut scores });
                scores
            };
            let scores = scores_on(InstructionSet::Baseline);
            for isa in InstructionSet::available() {
                let other = scores_on(isa);
                assert!((0..N_PATTERNS).all(|b| other.row(b) == scores.row(b)), "{isa:?}");
            }
            for b in 0..N_PATTERNS {
                let mut expected = [0.0; 90];
                for item in &items {
                    for (p, &f) in item.free.iter().enumerate() {
                        let curve = item.after(usize::from(codes.of_item(item.index)[b]), p).unwrap_or_default();
                        let mean = curve.iter().zip(&values[b * stride + first..]).map(|(x, n)| x * n);
                        expected[f] += mean.sum::<f64>();
                    }
                }
                for (f, (found, expected)) in scores.row(b).iter().zip(expected).enumerate() {
                    assert!((found - expected).abs() < TOLERANCE, "pattern {b}, {f}: {found} instead of {expected}");
                }
            }
        }
    }
}
