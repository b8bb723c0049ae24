//! Where probabilities and counts stand: the nodes of a group's latent classes, and the smaller sets of nodes that
//! items are tabulated on.

use std::ops::Range;

use super::kernel::SLICE;
use super::widths::MAX_WHOLE;
use crate::{Error, Result};

/// How the nodes of one latent class project onto the nodes that an item is tabulated on.
#[derive(Debug, Clone, PartialEq)]
pub struct SupportMap {
    /// `(L_c)`: the support node of each grid node.
    pub map: Vec<u32>,
    /// Number of support nodes `K`.
    pub n_nodes: usize,
}

impl SupportMap {
    /// Every grid node is its own support node.
    pub fn identity(n_nodes: usize) -> Self {
        Self { map: (0..n_nodes as u32).collect(), n_nodes }
    }

    fn is_identity(&self) -> bool {
        self.n_nodes == self.map.len() && self.map.iter().enumerate().all(|(l, &k)| l == k as usize)
    }
}

/// The latent classes (segments) of one observed group, their nodes, and the tables of its items.
///
/// The nodes of all classes follow one another. All tables, of probabilities as of counts, form one array: item by
/// item, within an item class by class, each table `(M_i, K)` with the nodes of a category contiguous;
/// [`NodeLayout::range`] finds a table.
#[derive(Debug, Clone)]
pub struct NodeLayout {
    pub(super) n_categories: Vec<usize>,
    /// `(C + 1)`: where each class's nodes begin.
    pub(super) segment_ptr: Vec<usize>,
    supports: Vec<SupportMap>,
    identity: Vec<bool>,
    /// `(I, C)`
    support_of: Vec<usize>,
    /// `(I * C + 1)`: where each table begins.
    table_ptr: Vec<usize>,
}

impl NodeLayout {
    /// Lays out the tables of items with `n_categories (I)` over classes with `segment_nodes (C)` nodes each;
    /// `support_of (I, C)` picks each item's support from `supports`.
    ///
    /// # Errors
    /// [`Error::Spec`] where a support does not fit its class.
    pub fn new(
        n_categories: &[usize],
        segment_nodes: &[usize],
        supports: Vec<SupportMap>,
        support_of: Vec<usize>,
    ) -> Result<Self> {
        let n_segments = segment_nodes.len();
        if n_segments == 0 || segment_nodes.contains(&0) {
            return Err(Error::Spec("every latent class needs at least one node".into()));
        }
        if support_of.len() != n_categories.len() * n_segments {
            return Err(Error::Spec("every item needs a support in every latent class".into()));
        }
        let mut table_ptr = vec![0];
        let mut end = 0;
        for (at, &support) in support_of.iter().enumerate() {
            let n_grid = segment_nodes[at % n_segments];
            match supports.get(support) {
                Some(s) if s.map.len() == n_grid && s.map.iter().all(|&k| (k as usize) < s.n_nodes) => {
                    end += n_categories[at / n_segments] * s.n_nodes;
                    table_ptr.push(end);
                }
                _ => {
                    let item = at / n_segments;
                    return Err(Error::Spec(format!("the support of item {item} does not map {n_grid} nodes")));
                }
            }
        }
        let mut segment_ptr = vec![0];
        segment_ptr.extend(segment_nodes.iter().scan(0, |end, n| {
            *end += n;
            Some(*end)
        }));
        let identity = supports.iter().map(SupportMap::is_identity).collect();
        Ok(Self { n_categories: n_categories.to_vec(), segment_ptr, supports, identity, support_of, table_ptr })
    }

    /// A layout in which all items of all classes are tabulated on the whole grid.
    ///
    /// # Errors
    /// [`Error::Spec`] where a class has no node.
    pub fn full(n_categories: &[usize], segment_nodes: &[usize]) -> Result<Self> {
        let supports = segment_nodes.iter().map(|&n| SupportMap::identity(n)).collect();
        let support_of = (0..n_categories.len()).flat_map(|_| 0..segment_nodes.len()).collect();
        Self::new(n_categories, segment_nodes, supports, support_of)
    }

    /// A layout for tables alone, `table_nodes (I)` nodes each in every class, whose nodes no grid is mapped to.
    ///
    /// # Errors
    /// [`Error::Spec`] where a class has no node or an item no number of nodes.
    pub fn unmapped(n_categories: &[usize], segment_nodes: &[usize], table_nodes: &[usize]) -> Result<Self> {
        if n_categories.len() != table_nodes.len() {
            return Err(Error::Spec("every item needs a number of nodes".into()));
        }
        let mut layout = Self::full(&[], segment_nodes)?;
        let support = |&n_nodes: &usize| SupportMap { map: Vec::new(), n_nodes };
        let n_segments = segment_nodes.len();
        layout.n_categories = n_categories.to_vec();
        layout.supports = table_nodes.iter().map(support).collect();
        layout.identity = vec![false; table_nodes.len()];
        layout.support_of = (0..table_nodes.len()).flat_map(|i| std::iter::repeat_n(i, n_segments)).collect();
        let mut end = 0;
        for (m, k) in n_categories.iter().zip(table_nodes) {
            for _ in 0..n_segments {
                end += m * k;
                layout.table_ptr.push(end);
            }
        }
        Ok(layout)
    }

    /// Number of items.
    pub fn n_items(&self) -> usize {
        self.n_categories.len()
    }

    /// Number of latent classes `C`.
    pub fn n_segments(&self) -> usize {
        self.segment_ptr.len() - 1
    }

    /// The nodes of one class among those of all classes.
    pub fn segment(&self, segment: usize) -> Range<usize> {
        self.segment_ptr[segment]..self.segment_ptr[segment + 1]
    }

    /// Number of nodes of all classes together.
    pub fn n_nodes(&self) -> usize {
        self.segment_ptr[self.n_segments()]
    }

    /// Vectors in a row over all nodes. Rows of five to seven take eight, the number that the kernel is compiled for.
    pub(super) fn n_vectors(&self) -> usize {
        match self.n_nodes().div_ceil(8) {
            n if n > MAX_WHOLE && n < SLICE => SLICE,
            n => n,
        }
    }

    /// Length of the array of all tables.
    pub fn table_len(&self) -> usize {
        self.table_ptr[self.table_ptr.len() - 1]
    }

    /// Where the table `(M_i, K)` of an item in a class stands in the array of all tables.
    pub fn range(&self, item: usize, segment: usize) -> Range<usize> {
        let at = item * self.n_segments() + segment;
        self.table_ptr[at]..self.table_ptr[at + 1]
    }

    /// The array of all tables cut into its tables, item by item and within an item class by class.
    pub(super) fn split_tables<'a>(&self, tables: &'a mut [f64]) -> Vec<&'a mut [f64]> {
        let mut rest = tables;
        let mut cut = |ends: &[usize]| {
            let (table, tail) = std::mem::take(&mut rest).split_at_mut(ends[1] - ends[0]);
            rest = tail;
            table
        };
        self.table_ptr.windows(2).map(&mut cut).collect()
    }

    /// Where the tables of consecutive items stand.
    pub(super) fn range_of_items(&self, items: &Range<usize>) -> Range<usize> {
        self.table_ptr[items.start * self.n_segments()]..self.table_ptr[items.end * self.n_segments()]
    }

    /// The support of an item in a class, and whether it is the grid itself.
    pub(super) fn support(&self, item: usize, segment: usize) -> (&SupportMap, bool) {
        let support = self.support_of[item * self.n_segments() + segment];
        (&self.supports[support], self.identity[support])
    }
}

/// What the E-step leaves of the responses of a group: all that the M-step sees.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupCounts {
    /// `sum_p N_gp log P_p`.
    pub loglik: f64,
    /// `n_gl (L)`: expected number of respondents at each node, class after class.
    pub n_gl: Vec<f64>,
    /// `n_glim`: expected number of respondents at each node in each category, laid out as the probabilities are
    /// ([`NodeLayout::range`]).
    pub n_glim: Vec<f64>,
    /// Expected number of respondents at each node of each eliminated attribute crossed with its neighbours: attribute
    /// by attribute, class by class, `(D, D_N)`. Empty where nothing is eliminated.
    pub eliminated: Vec<f64>,
}

impl GroupCounts {
    /// No respondents.
    pub fn zeros(layout: &NodeLayout) -> Self {
        let (n_gl, n_glim) = (vec![0.0; layout.n_nodes()], vec![0.0; layout.table_len()]);
        Self { loglik: 0.0, n_gl, n_glim, eliminated: Vec::new() }
    }

    /// Adds the counts of other respondents, of the same layout.
    pub fn add(&mut self, other: &GroupCounts) {
        self.loglik += other.loglik;
        self.n_gl.iter_mut().zip(&other.n_gl).for_each(|(a, b)| *a += b);
        self.n_glim.iter_mut().zip(&other.n_glim).for_each(|(a, b)| *a += b);
        self.eliminated.iter_mut().zip(&other.eliminated).for_each(|(a, b)| *a += b);
    }
}
