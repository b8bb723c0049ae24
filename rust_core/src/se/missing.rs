//! The information that is missing because the nodes were not observed: posterior covariances of the derivatives, summed
//! over patterns.
//!
//! The derivative of the complete-data log-likelihood at node `l`, after the answers `x_p`, is `A(l)`, which has the most
//! frequent answer to every item, and a change for each other answer (and for none). Its second moments are then
//!
//! ```text
//! sum_p n_p E_p[s s'] = sum_l n_l A A' + sum_c sum_l n_lc (A D_c' + D_c A') + sum_cd sum_l n_lcd D_c D_d'
//! ```
//!
//! with `n_l`, `n_lc` and `n_lcd` the expected respondents at the node, with answer `c`, and with both `c` and `d`. The
//! last ones would be many, but products of the changes that answers make span few functions: three where log-odds are
//! linear in one attribute, so that three nodes stand for all. From the moments the products of means are subtracted, as
//! in cross products.

use std::ops::Range;

use nalgebra::DMatrix;

use super::Point;
use super::basis::stand_in;
use super::changes::{Change, ChangeOf, References, changes};
use super::functions::NEGLIGIBLE;
use super::node_scores::NodeScores;
use super::product::product;
use super::rows::{Products, Rows};
use super::score_vectors::{Codes, Scored, fold_scores};
use crate::e_step::{InstructionSet, Kernel, dispatch};
use crate::error::Result;
use crate::lanes;

/// Numbers that the sums of all parts may take: 256 MB.
const MAX_NUMBERS: f64 = 32e6;
/// Parts of a fold at the most.
const MAX_PARTS: f64 = 16.0;
/// Products are accumulated in vectors of a multiple of this many.
const LANES: usize = 4;

/// What the answers of one observed group do to the derivatives.
struct Answers {
    n_nodes: usize,
    /// `A (n_free, L)`.
    always: DMatrix<f64>,
    change_of: ChangeOf,
    /// Those that answers make, then those of no answer.
    changes: Vec<Change>,
    /// Of how many of them, from the first, the products are counted at nodes that stand for all.
    n_standing: usize,
    /// `(L, V)`, row-major: how much each node counts at those that stand for all.
    standing: Vec<f64>,
    /// Nodes that stand for all `V`, filled up to a multiple of [`LANES`]; 0 where there are none.
    width: usize,
    /// `(changes + 1)`: where the pairs of each change with itself and later ones are in [`Sums::pairs`].
    pair_ptr: Vec<usize>,
    /// How many changes that answers make, and of no answer, there are in a pattern, on average.
    present: [f64; 2],
}

/// Sums over some patterns of an observed group.
struct Sums {
    observed: usize,
    /// `sum_p n_p E_p[s] E_p[s]'`
    means: Products,
    /// `(1 + changes, L)`, row-major: `n_l`, and `n_lc` below.
    nodes: Vec<f64>,
    /// `n_lcd` for `c <= d`, row by row of the upper triangle: at the nodes that stand for all where they do for both, then
    /// at all nodes, filled up to a multiple of [`LANES`].
    pairs: Vec<f64>,
}

/// `sum_p n_p Cov_p(s)` in the free parameters; `None` where attributes are eliminated, and where it would be more work
/// than `n_e_steps` E-steps or take too much memory.
pub(super) fn missing_information(point: &Point, n_e_steps: usize) -> Result<Option<DMatrix<f64>>> {
    if point.model.eliminates() {
        return Ok(None);
    }
    let tables = NodeScores::new(point);
    let groups = 0..point.model.spec.groups.len();
    let mut answers = Vec::new();
    for observed in groups {
        let n_nodes = point.model.structures[observed].layout.n_nodes();
        let limit = n_e_steps as f64 * point.data.e_step_work(observed, n_nodes);
        match Answers::new(&tables, observed, limit) {
            Some(own) if own.work(point.data.n_patterns_of(observed)) < limit => answers.push(own),
            _ => return Ok(None),
        }
    }
    let parts = fold_scores(
        &tables,
        || None,
        |sums: &mut Option<Sums>, batch| {
            let own = &answers[batch.observed];
            own.add(sums.get_or_insert_with(|| own.zeros(batch.observed)), batch);
        },
    )?;
    let n = point.x.len();
    let mut moments = DMatrix::zeros(n, n);
    for (observed, own) in answers.iter().enumerate() {
        let parts = parts.iter().flatten().filter(|sums| sums.observed == observed);
        own.add_moments(&parts.fold(own.zeros(observed), Sums::plus), &mut moments);
    }
    Ok(Some(moments - Products::total(n, parts.iter().flatten().map(|sums| &sums.means))))
}

impl Sums {
    fn plus(mut self, other: &Self) -> Self {
        add(&mut self.nodes, &other.nodes);
        add(&mut self.pairs, &other.pairs);
        self
    }
}

impl Answers {
    /// `None` where finding the functions is more work than `limit`.
    fn new(tables: &NodeScores, observed: usize, limit: f64) -> Option<Self> {
        let point = tables.point();
        let (n, n_nodes) = (point.x.len(), point.model.structures[observed].layout.n_nodes());
        let references = References::new(point, observed);
        let mut always = DMatrix::zeros(n, n_nodes);
        for (class, nodes) in tables.segments(observed).enumerate() {
            let every: Vec<usize> = (0..nodes.len()).collect();
            let mut own = Rows::zeros(nodes.len(), n);
            tables.add_at_nodes(observed, class, &references.codes, &every, &mut own);
            every.iter().for_each(|&l| always.column_mut(nodes.start + l).copy_from_slice(own.row(l)));
        }
        let (change_of, mut changes, n_by_answers) = changes(tables, observed, &references.codes);
        let by_answers: Vec<f64> = changes[..n_by_answers].iter().flat_map(|c| &c.curves).copied().collect();
        let rows = by_answers.len() / n_nodes;
        if by_answers.len() as f64 * rows.min(n_nodes) as f64 > limit {
            return None;
        }
        let (n_standing, (standing, at)) = match stand_in(&DMatrix::from_row_slice(rows, n_nodes, &by_answers)) {
            Some(standing) => (n_by_answers, standing),
            None => (0, (DMatrix::zeros(0, n_nodes), Vec::new())),
        };
        let width = if n_standing > 0 { at.len().max(1).next_multiple_of(LANES) } else { 0 };
        for change in &mut changes[..n_standing] {
            for curve in change.curves.chunks_exact(n_nodes) {
                change.standing.extend(at.iter().map(|&l| curve[l]));
                change.standing.resize(change.standing.len() + width - at.len(), 0.0);
            }
        }
        let wide = n_nodes.next_multiple_of(LANES);
        let length = |c: usize| n_standing.saturating_sub(c) * width + (changes.len() - c.max(n_standing)) * wide;
        let mut pair_ptr = vec![0];
        (0..changes.len()).for_each(|c| pair_ptr.push(pair_ptr[c] + length(c)));
        let standing = standing.resize_vertically(width, 0.0).as_slice().to_vec();
        let present = references.present;
        Some(Self { n_nodes, always, change_of, changes, n_standing, standing, width, pair_ptr, present })
    }

    /// Nodes that each stand for themselves.
    fn wide(&self) -> usize {
        self.n_nodes.next_multiple_of(LANES)
    }

    fn n_pair_numbers(&self) -> usize {
        self.pair_ptr[self.changes.len()]
    }

    /// Multiplications for so many patterns, or infinity where the sums do not fit in memory.
    fn work(&self, n_patterns: usize) -> f64 {
        let (n, l, width) = (self.always.nrows() as f64, self.n_nodes as f64, self.width as f64);
        let rows = self.changes.iter().map(|change| change.free.len()).sum::<usize>() as f64;
        let (pairs, changes) = (self.n_pair_numbers() as f64, self.changes.len() as f64);
        if MAX_PARTS * (pairs + changes * l + n * n / 2.0) > MAX_NUMBERS {
            return f64::INFINITY;
        }
        let [by_answers, of_none] = self.present;
        let present = by_answers + of_none;
        let standing = if self.n_standing > 0 { by_answers * by_answers / 2.0 } else { 0.0 };
        let pairs = standing * width + (present * present / 2.0 - standing) * l;
        let each = l * (n + present + width) + pairs + n * n / 2.0;
        n_patterns as f64 * each + n * l * (n + rows) + rows * rows / 2.0 * if standing > 0.0 { width } else { l }
    }

    fn zeros(&self, observed: usize) -> Sums {
        Sums {
            observed,
            means: Products::zeros(self.always.nrows()),
            nodes: vec![0.0; (1 + self.changes.len()) * self.n_nodes],
            pairs: vec![0.0; self.n_pair_numbers()],
        }
    }

    /// Adds a batch of patterns.
    fn add(&self, sums: &mut Sums, batch: Scored) {
        let Scored { n_p, codes, posterior, .. } = batch;
        dispatch(InstructionSet::best(), Count { answers: self, sums: &mut *sums, n_p, codes, posterior });
        batch.add_products(&mut sums.means);
    }

    /// Adds `sum_p n_p E_p[s s']` to `moments (n_free, n_free)`.
    fn add_moments(&self, sums: &Sums, moments: &mut DMatrix<f64>) {
        let (n_l, n_lc) = sums.nodes.split_at(self.n_nodes);
        let mut scaled = self.always.clone();
        scaled.column_iter_mut().zip(n_l).for_each(|(mut column, n)| column *= *n);
        *moments += product(&scaled, &self.always.transpose());
        let l = self.n_nodes;
        let changes = self.changes.iter().zip(n_lc.chunks_exact(l));
        let curves = changes.flat_map(|(change, n_lc)| change.curves.iter().zip(n_lc.iter().cycle()));
        let free: Vec<usize> = self.changes.iter().flat_map(|change| &change.free).copied().collect();
        let crossed = product(&self.always, &DMatrix::from_iterator(l, free.len(), curves.map(|(x, n)| x * n)));
        for (&f, column) in free.iter().zip(crossed.column_iter()) {
            let mut to = moments.column_mut(f);
            to += column;
            let mut to = moments.row_mut(f);
            to += column.transpose();
        }
        for c in 0..self.changes.len() {
            for d in c..self.changes.len() {
                self.add_moments_of_pair(c, d, &sums.pairs, moments);
            }
        }
    }

    fn add_moments_of_pair(&self, c: usize, d: usize, pairs: &[f64], moments: &mut DMatrix<f64>) {
        let (first, second) = (&self.changes[c], &self.changes[d]);
        let (range, left, right) = match self.pair(c, d) {
            (range, true) => (range, &first.standing, &second.standing),
            (range, false) => (range, &first.curves, &second.curves),
        };
        let n_lcd = &pairs[range];
        let width = left.len() / first.free.len();
        let mut weighted = vec![0.0; width];
        for (&f, left) in first.free.iter().zip(left.chunks_exact(width)) {
            weighted.iter_mut().zip(left.iter().zip(n_lcd)).for_each(|(to, (x, n))| *to = x * n);
            for (&g, right) in second.free.iter().zip(right.chunks_exact(width)) {
                let product = lanes::dot(&weighted, right);
                moments[(f, g)] += product;
                if c != d {
                    moments[(g, f)] += product;
                }
            }
        }
    }

    /// Where the pair of a change with itself or a later one is among [`Sums::pairs`], and whether at nodes that stand for
    /// all.
    #[inline(always)]
    fn pair(&self, c: usize, d: usize) -> (Range<usize>, bool) {
        let (width, wide) = (self.width, self.wide());
        if d < self.n_standing {
            let start = self.pair_ptr[c] + (d - c) * width;
            return (start..start + width, true);
        }
        let start = self.pair_ptr[c + 1] - (self.changes.len() - d) * wide;
        (start..start + wide, false)
    }
}

/// Adds the posteriors of a batch where they belong.
struct Count<'a> {
    answers: &'a Answers,
    sums: &'a mut Sums,
    n_p: &'a [f64],
    codes: &'a Codes,
    /// `(B, L)`, row-major.
    posterior: &'a [f64],
}

impl Kernel for Count<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { answers, sums: Sums { nodes, pairs, .. }, n_p, codes, posterior } = self;
        let (l, width) = (answers.n_nodes, answers.width);
        let (mut n_pl, mut standing) = (vec![0.0; answers.wide()], vec![0.0; width]);
        let mut present = Vec::new();
        for (b, posterior) in posterior.chunks_exact(l).enumerate() {
            present.clear();
            for (item, change_of) in answers.change_of.iter().enumerate() {
                // A missing answer is the largest code there is, and comes last.
                let answer = usize::from(codes.of_item(item)[b]).min(change_of.len() - 1);
                if let Some(change) = change_of[answer] {
                    present.push(change);
                }
            }
            present.sort_unstable();
            n_pl.iter_mut().zip(posterior).for_each(|(to, from)| *to = n_p[b] * from);
            let live = live(posterior);
            let at = live.start..live.end.min(l);
            standing.fill(0.0);
            if width > 0 {
                let counts = answers.standing[at.start * width..].chunks_exact(width);
                for (counts, n) in counts.zip(&n_pl[at.clone()]) {
                    standing.iter_mut().zip(counts).for_each(|(to, count)| *to += count * n);
                }
            }
            add(&mut nodes[at.clone()], &n_pl[at.clone()]);
            for (k, &c) in present.iter().enumerate() {
                add(&mut nodes[(1 + c) * l..][at.clone()], &n_pl[at.clone()]);
                for &d in &present[k..] {
                    match answers.pair(c, d) {
                        (range, true) => add_lanes(&mut pairs[range], &standing),
                        (range, false) => add_lanes(&mut pairs[range][live.clone()], &n_pl[live.clone()]),
                    }
                }
            }
        }
    }
}

/// The nodes from the first to the last that a posterior reaches, in whole vectors of [`LANES`].
#[inline(always)]
fn live(posterior: &[f64]) -> Range<usize> {
    let is_live = |vector: &[f64]| vector.iter().any(|x| *x > NEGLIGIBLE || x.is_nan());
    let start = posterior.chunks(LANES).position(is_live).unwrap_or(0);
    let end = posterior.chunks(LANES).rposition(is_live).map_or(0, |last| last + 1);
    start * LANES..end * LANES
}

#[inline(always)]
fn add(to: &mut [f64], from: &[f64]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
}

/// As [`add`], for a multiple of [`LANES`] numbers, which may be as few as that.
#[inline(always)]
fn add_lanes(to: &mut [f64], from: &[f64]) {
    let (to, _) = to.as_chunks_mut::<LANES>();
    let (from, _) = from.as_chunks::<LANES>();
    for (to, from) in to.iter_mut().zip(from) {
        (0..LANES).for_each(|k| to[k] += from[k]);
    }
}
