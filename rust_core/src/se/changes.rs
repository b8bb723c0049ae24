//! What the answers of one observed group change in the derivatives, beside the most frequent answers.

use super::Point;
use super::node_scores::NodeScores;

/// Of every item, the change that each answer is, and last that of none; `None` where nothing changes.
pub(super) type ChangeOf = Vec<Vec<Option<usize>>>;

/// What an answer adds to the derivatives after the most frequent one.
pub(super) struct Change {
    /// The free parameters.
    pub free: Vec<usize>,
    /// `(free, L)`, row-major.
    pub curves: Vec<f64>,
    /// `(free, V)`, row-major: at the nodes that stand for all.
    pub standing: Vec<f64>,
}

/// The most frequent answers of an observed group.
pub(super) struct References {
    /// `(I)`
    pub codes: Vec<u8>,
    /// Other answers, and items without any, in a pattern on average.
    pub present: [f64; 2],
}

impl References {
    pub(super) fn new(point: &Point, observed: usize) -> Self {
        let counts = point.data.category_counts(observed);
        let largest = |counts: &Vec<f64>| (0..counts.len()).rev().max_by(|&a, &b| counts[a].total_cmp(&counts[b]));
        let codes: Vec<u8> = counts.iter().map(|counts| largest(counts).unwrap_or(0) as u8).collect();
        let answered: Vec<f64> = counts.iter().map(|counts| counts.iter().sum()).collect();
        let all = point.data.sum_of_weights_of(observed).max(f64::MIN_POSITIVE);
        let others = counts.iter().zip(&codes).zip(&answered).map(|((n, &code), all)| all - n[usize::from(code)]);
        let present = [others.sum::<f64>() / all, answered.iter().map(|n| 1.0 - n / all).sum()];
        Self { codes, present }
    }
}

/// Every change of an observed group whose items have the answers `references` else, and the number of those that answers
/// make.
pub(super) fn changes(tables: &NodeScores, observed: usize, references: &[u8]) -> (ChangeOf, Vec<Change>, usize) {
    let point = tables.point();
    let n_nodes = point.model.structures[observed].layout.n_nodes();
    let lacking = point.data.may_lack(observed);
    // Classes have the items of their group in common.
    let instances = &point.model.groups[observed * point.model.spec.n_classes].instances;
    let mut change_of: ChangeOf = instances.iter().map(|i| vec![None; i.shape.n_categories + 1]).collect();
    let mut changes: Vec<Change> = Vec::new();
    let mut add_changes = |is_none: bool| {
        for (class, nodes) in tables.segments(observed).enumerate() {
            for item in tables.items(observed, class) {
                let (none, reference) = (instances[item.index()].shape.n_categories, references[item.index()]);
                let answers = if is_none { none..none + usize::from(lacking[item.index()]) } else { 0..none };
                for answer in answers.filter(|&answer| answer != usize::from(reference)) {
                    let change = *change_of[item.index()][answer].get_or_insert_with(|| {
                        changes.push(Change { free: Vec::new(), curves: Vec::new(), standing: Vec::new() });
                        changes.len() - 1
                    });
                    let Change { free, curves, .. } = &mut changes[change];
                    for (p, &f) in item.free().iter().enumerate() {
                        free.push(f);
                        curves.resize(curves.len() + nodes.start, 0.0);
                        let before = item.after(usize::from(reference), p);
                        curves.extend(item.after(answer, p).zip(before).map(|(after, before)| after - before));
                        curves.resize(free.len() * n_nodes, 0.0);
                    }
                }
            }
        }
        changes.len()
    };
    let n_by_answers = add_changes(false);
    add_changes(true);
    (change_of, changes, n_by_answers)
}
