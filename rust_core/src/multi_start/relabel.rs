//! The order of latent classes, which the likelihood leaves open.

use std::ops::Range;

use crate::params::{FreeParameter, Slot};
use crate::spec::Model;

/// Classes that nothing in the model tells apart, in sets; a class of its own is a set of one.
///
/// Two classes are exchangeable when exchanging them, in every observed group, turns the parameter table into itself:
/// the same constants, ties, bounds and priors, and, if `with_starts`, the same start values. A `pinned` class is
/// exchangeable with none: some respondents are known to be in it.
pub fn exchangeable(model: &Model, pinned: &[bool], with_starts: bool) -> Vec<Vec<usize>> {
    let mut sets: Vec<Vec<usize>> = Vec::new();
    for class in 0..model.spec.n_classes {
        let fits = |other: usize| !pinned[class] && !pinned[other] && is_symmetric(model, (class, other), with_starts);
        // Exchanging a with b and b with c makes a and c exchangeable, so one member stands for its set.
        match sets.iter_mut().find(|set| fits(set[0])) {
            Some(set) => set.push(class),
            None => sets.push(vec![class]),
        }
    }
    sets
}

/// Whether two classes have start values of the user's that differ, in any observed group.
pub fn starts_differ(model: &Model, (a, b): (usize, usize)) -> bool {
    let start = |cell: usize| model.table.free[model.table.slots[cell].free()?].start;
    let of_first = (0..model.groups.len()).filter(|&g| model.groups[g].class == a);
    of_first.into_iter().any(|g| cells_of(model, g).zip(cells_of(model, g - a + b)).any(|(c, d)| start(c) != start(d)))
}

/// Which old class each new class is: every set in the order of decreasing size, in the places its members had.
pub fn by_size(sizes: &[f64], sets: &[Vec<usize>]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    for set in sets {
        let mut sorted = set.clone();
        sorted.sort_by(|&a, &b| sizes[b].total_cmp(&sizes[a]));
        for (&place, class) in set.iter().zip(sorted) {
            order[place] = class;
        }
    }
    order
}

/// The free parameters when class `k` becomes what class `order[k]` was.
pub fn permute(model: &Model, x: &[f64], order: &[usize]) -> Vec<f64> {
    let mut next = x.to_vec();
    for (g, group) in model.groups.iter().enumerate() {
        let from = g - group.class + order[group.class];
        for (to, from) in cells_of(model, g).zip(cells_of(model, from)) {
            if let (Slot::Free(to), Slot::Free(from)) = (model.table.slots[to], model.table.slots[from]) {
                next[to] = x[from];
            }
        }
    }
    next
}

/// All cells of a latent group. Those of the classes of one observed group correspond one to one.
fn cells_of(model: &Model, group: usize) -> Range<usize> {
    let group = &model.groups[group];
    let start = group.instances.first().map_or(group.latent_cells.start, |i| i.cells.start);
    start..group.proportion_cell.map_or(group.latent_cells.end, |c| c + 1)
}

/// Whether exchanging two classes turns the parameter table into itself.
fn is_symmetric(model: &Model, (a, b): (usize, usize), with_starts: bool) -> bool {
    let table = &model.table;
    let mut image: Vec<Option<usize>> = vec![None; table.free.len()];
    for (g, group) in model.groups.iter().enumerate() {
        let swapped = match group.class {
            class if class == a => g - a + b,
            class if class == b => g - b + a,
            _ => g,
        };
        for (c, d) in cells_of(model, g).zip(cells_of(model, swapped)) {
            let same = match (table.slots[c], table.slots[d]) {
                (Slot::Fixed(c), Slot::Fixed(d)) => c == d,
                (Slot::Free(c), Slot::Free(d)) => {
                    *image[c].get_or_insert(d) == d && agree(&table.free[c], &table.free[d], with_starts)
                }
                _ => false,
            };
            if !same {
                return false;
            }
        }
    }
    true
}

fn agree(a: &FreeParameter, b: &FreeParameter, with_starts: bool) -> bool {
    (a.lower, a.upper, a.prior) == (b.lower, b.upper, b.prior) && (!with_starts || a.start == b.start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_members_of_a_set_change_places() {
        assert_eq!(by_size(&[1.0, 2.0, 3.0, 4.0], &[vec![0, 2], vec![1], vec![3]]), [2, 1, 0, 3]);
        assert_eq!(by_size(&[5.0, 5.0], &[vec![0, 1]]), [0, 1], "ties stay as they are");
    }
}
