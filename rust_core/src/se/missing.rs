//! The information that is missing because the nodes were not observed: posterior covariances of the derivatives, summed
//! over patterns.
//!
//! The derivative of the complete-data log-likelihood at node `l`, after the answers `x_p`, is `A(l)`, which answers 0 to
//! every item, and a change for each other answer (and for none). Its second moments are then
//!
//! ```text
//! sum_p n_p E_p[s s'] = sum_l n_l A A' + sum_c sum_l n_lc (A D_c' + D_c A') + sum_cd sum_l n_lcd D_c D_d'
//! ```
//!
//! with `n_l`, `n_lc` and `n_lcd` the expected respondents at the node, with answer `c`, and with both `c` and `d`. The
//! last ones would be many, but products of changes span few functions: three where log-odds are linear in one attribute,
//! so that three nodes stand for all. From the moments the products of means are subtracted, as in cross products.

use nalgebra::{DMatrix, RowDVector};

use super::Point;
use super::compress::Compressed;
use super::node_scores::NodeScores;
use super::score_vectors::{Codes, Scored, fold_scores};
use crate::e_step::{InstructionSet, Kernel, dispatch};
use crate::error::Result;
use crate::patterns::MISSING;

/// Where there are more products of changes than this, nodes do not stand for one another.
const MAX_PRODUCTS: usize = 128;
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
    changes: Vec<Change>,
    /// `(V, L)`: how much each node counts at those that stand for all; `None` where each stands for itself.
    standing: Option<DMatrix<f64>>,
    /// `V`, a multiple of [`LANES`].
    width: usize,
}

/// Of every item, the change that each answer is, and last that of none; `None` where nothing changes.
type ChangeOf = Vec<Vec<Option<usize>>>;

/// What an answer adds to the derivatives after answer 0.
struct Change {
    free: Vec<usize>,
    /// `(free, L)`
    curves: DMatrix<f64>,
    /// `(free, V)`: at the nodes that stand for all.
    standing: DMatrix<f64>,
}

/// Sums over some patterns of an observed group.
struct Sums {
    observed: usize,
    /// Lower triangle of `sum_p n_p E_p[s] E_p[s]'`.
    means: DMatrix<f64>,
    /// `(1 + changes, L)`, row-major: `n_l`, and `n_lc` below.
    nodes: Vec<f64>,
    /// `(pairs, V)`, row-major: `n_lcd` for `c <= d`, row by row of the upper triangle.
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
    let (mut moments, mut means) = (DMatrix::zeros(n, n), DMatrix::zeros(n, n));
    for sums in parts.iter().flatten() {
        answers[sums.observed].add_moments(sums, &mut moments);
        means += &sums.means;
    }
    means.fill_upper_triangle_with_lower_triangle();
    Ok(Some(moments - means))
}

impl Answers {
    /// `None` where finding the functions is more work than `limit`.
    fn new(tables: &NodeScores, observed: usize, limit: f64) -> Option<Self> {
        let point = tables.point();
        let (n, n_nodes) = (point.x.len(), point.model.structures[observed].layout.n_nodes());
        let (change_of, changes) = changes(tables, observed);
        let mut always = DMatrix::zeros(n, n_nodes);
        for (class, nodes) in tables.segments(observed).enumerate() {
            let every: Vec<usize> = (0..nodes.len()).collect();
            let mut own = vec![0.0; n * nodes.len()];
            tables.add_at_nodes((observed, class), &vec![0; change_of.len()], &every, &mut own);
            always.columns_mut(nodes.start, nodes.len()).copy_from(&DMatrix::from_row_slice(n, nodes.len(), &own));
        }
        let curves: Vec<f64> = changes.iter().flat_map(|(_, curves)| curves).copied().collect();
        let rows = curves.len() / n_nodes;
        if curves.len() as f64 * rows.min(n_nodes) as f64 > limit {
            return None;
        }
        let (standing, at) = stand_in(&DMatrix::from_row_slice(rows, n_nodes, &curves));
        let width = at.len().max(1).next_multiple_of(LANES);
        let standing = standing.map(|s| s.resize_vertically(width, 0.0));
        let changes = changes.into_iter().map(|(free, curves)| {
            let curves = DMatrix::from_row_slice(free.len(), n_nodes, &curves);
            let standing = curves.select_columns(&at).resize_horizontally(width, 0.0);
            Change { free, curves, standing }
        });
        Some(Self { n_nodes, always, change_of, changes: changes.collect(), standing, width })
    }

    /// Multiplications for so many patterns, or infinity where the sums do not fit in memory.
    fn work(&self, n_patterns: usize) -> f64 {
        let (n, l, width) = (self.always.nrows() as f64, self.n_nodes as f64, self.width as f64);
        let (items, changes) = (self.change_of.len() as f64, self.changes.len() as f64);
        let rows = self.changes.iter().map(|change| change.free.len()).sum::<usize>() as f64;
        if MAX_PARTS * (changes * changes / 2.0 * width + changes * l + n * n) > MAX_NUMBERS {
            return f64::INFINITY;
        }
        let standing = self.standing.as_ref().map_or(0.0, |_| l * width);
        let each = l * (n + items) + standing + items * items / 2.0 * width + n * n / 2.0;
        n_patterns as f64 * each + n * l * (n + rows) + rows * rows / 2.0 * width
    }

    fn zeros(&self, observed: usize) -> Sums {
        let (n, changes) = (self.always.nrows(), self.changes.len());
        Sums {
            observed,
            means: DMatrix::zeros(n, n),
            nodes: vec![0.0; (1 + changes) * self.n_nodes],
            pairs: vec![0.0; self.first_pair(changes) * self.width],
        }
    }

    /// The pair of a change with itself; pairs with later ones follow.
    fn first_pair(&self, change: usize) -> usize {
        change * (2 * self.changes.len() + 1 - change) / 2
    }

    /// Adds a batch of patterns.
    fn add(&self, sums: &mut Sums, batch: Scored) {
        let (n_patterns, l, v) = (batch.patterns.len(), self.n_nodes, self.width);
        let mut posterior = DMatrix::from_column_slice(l, n_patterns, batch.posterior);
        posterior.column_iter_mut().zip(batch.n_p).for_each(|(mut column, &n_p)| column *= n_p);
        let standing = match &self.standing {
            Some(standing) => standing * &posterior,
            None => posterior.clone().resize_vertically(v, 0.0),
        };
        let (posterior, standing) = (posterior.as_slice(), standing.as_slice());
        let codes = batch.codes;
        dispatch(InstructionSet::best(), Count { answers: self, sums: &mut *sums, codes, posterior, standing });
        batch.add_products(&mut sums.means);
    }

    /// Adds `sum_p n_p E_p[s s']` to `moments (n_free, n_free)`.
    fn add_moments(&self, sums: &Sums, moments: &mut DMatrix<f64>) {
        let (n_l, n_lc) = sums.nodes.split_at(self.n_nodes);
        *moments += scaled(&self.always, n_l) * self.always.transpose();
        for (change, n_lc) in self.changes.iter().zip(n_lc.chunks_exact(self.n_nodes)) {
            let crossed = &self.always * scaled(&change.curves, n_lc).transpose();
            for (&f, column) in change.free.iter().zip(crossed.column_iter()) {
                let mut to = moments.column_mut(f);
                to += column;
                let mut to = moments.row_mut(f);
                to += column.transpose();
            }
        }
        for (c, first) in self.changes.iter().enumerate() {
            let own = sums.pairs[self.first_pair(c) * self.width..].chunks_exact(self.width);
            for (apart, (second, n_lcd)) in self.changes[c..].iter().zip(own).enumerate() {
                let products = scaled(&first.standing, n_lcd) * second.standing.transpose();
                for (i, &f) in first.free.iter().enumerate() {
                    for (j, &g) in second.free.iter().enumerate() {
                        moments[(f, g)] += products[(i, j)];
                        if apart > 0 {
                            moments[(g, f)] += products[(i, j)];
                        }
                    }
                }
            }
        }
    }
}

/// Adds the posteriors of a batch where they belong.
struct Count<'a> {
    answers: &'a Answers,
    sums: &'a mut Sums,
    codes: &'a Codes,
    /// `(B, L)`, row-major: times `n_p`.
    posterior: &'a [f64],
    /// `(B, V)`, row-major: the same at the nodes that stand for all.
    standing: &'a [f64],
}

impl Kernel for Count<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { answers, sums: Sums { nodes, pairs, .. }, codes, posterior, standing } = self;
        let (l, v) = (answers.n_nodes, answers.width);
        let mut present = Vec::new();
        let patterns = posterior.chunks_exact(l).zip(standing.chunks_exact(v));
        for (b, (posterior, standing)) in patterns.enumerate() {
            let change = |(code, of): (u8, &Vec<Option<usize>>)| match code {
                MISSING => of[of.len() - 1],
                code => of[code as usize],
            };
            present.clear();
            present.extend(codes.of_pattern(b).zip(&answers.change_of).filter_map(change));
            present.sort_unstable();
            add(&mut nodes[..l], posterior);
            for (k, &c) in present.iter().enumerate() {
                add(&mut nodes[(1 + c) * l..][..l], posterior);
                let own = &mut pairs[answers.first_pair(c) * v..];
                present[k..].iter().for_each(|d| add_lanes(&mut own[(d - c) * v..][..v], standing));
            }
        }
    }
}

/// The free parameters of a change and its curves `(free, L)`, row-major.
type Curves = (Vec<usize>, Vec<f64>);

/// Every change of an observed group.
fn changes(tables: &NodeScores, observed: usize) -> (ChangeOf, Vec<Curves>) {
    let point = tables.point();
    let n_nodes = point.model.structures[observed].layout.n_nodes();
    let lacking = point.data.may_lack(observed);
    // Classes have the items of their group in common.
    let instances = &point.model.groups[observed * point.model.spec.n_classes].instances;
    let mut change_of: ChangeOf = instances.iter().map(|i| vec![None; i.shape.n_categories + 1]).collect();
    let mut changes: Vec<Curves> = Vec::new();
    for (class, nodes) in tables.segments(observed).enumerate() {
        for item in tables.items((observed, class)) {
            let none = instances[item.index()].shape.n_categories;
            let n_changes = none - 1 + usize::from(lacking[item.index()]);
            for (answer, change) in change_of[item.index()].iter_mut().enumerate().skip(1).take(n_changes) {
                let change = *change.get_or_insert_with(|| {
                    changes.push((Vec::new(), Vec::new()));
                    changes.len() - 1
                });
                let (free, curves) = &mut changes[change];
                for (p, &f) in item.free().iter().enumerate() {
                    free.push(f);
                    curves.resize(curves.len() + nodes.start, 0.0);
                    match answer {
                        _ if answer == none => curves.extend(item.after(0, p).map(|after_0| -after_0)),
                        _ => curves.extend(item.after(answer, p).zip(item.after(0, p)).map(|(a, after_0)| a - after_0)),
                    }
                    curves.resize(free.len() * n_nodes, 0.0);
                }
            }
        }
    }
    (change_of, changes)
}

/// Nodes that stand for all in sums of products of two rows of `curves (R, L)`, and `(V, L)` how much each node counts at
/// them: functions that are 1 at one of these nodes, 0 at the others, and span all products.
fn stand_in(curves: &DMatrix<f64>) -> (Option<DMatrix<f64>>, Vec<usize>) {
    let n_nodes = curves.ncols();
    let basis = Compressed::new(curves).basis;
    let pairs: Vec<(usize, usize)> = (0..basis.nrows()).flat_map(|u| (u..basis.nrows()).map(move |v| (u, v))).collect();
    if pairs.is_empty() {
        return (Some(DMatrix::zeros(0, n_nodes)), Vec::new());
    }
    let itself = || (None, (0..n_nodes).collect());
    if pairs.len() > MAX_PRODUCTS.min(n_nodes) {
        return itself();
    }
    let products = DMatrix::from_fn(pairs.len(), n_nodes, |k, l| basis[(pairs[k].0, l)] * basis[(pairs[k].1, l)]);
    let products = Compressed::new(&products).basis;
    let mut at = RowDVector::from_fn(n_nodes, |_, l| l);
    products.clone().col_piv_qr().p().permute_columns(&mut at);
    let at: Vec<usize> = at.iter().take(products.nrows()).copied().collect();
    match products.select_columns(&at).lu().solve(&products) {
        Some(functions) => (Some(functions), at),
        None => itself(),
    }
}

/// A matrix with each column times a number.
fn scaled(matrix: &DMatrix<f64>, by: &[f64]) -> DMatrix<f64> {
    let mut scaled = matrix.clone();
    scaled.column_iter_mut().zip(by).for_each(|(mut column, &by)| column *= by);
    scaled
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
