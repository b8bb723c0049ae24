//! Puts graded intercepts in order where tied, fixed and given values have left them out of it.

use crate::params::{Kind, Slot};
use crate::spec::{Instance, Model};

/// Distance kept between neighbouring intercepts, where fixed ones leave room for it.
const GAP: f64 = 0.1;
/// Intercepts may be tied across items, so that ordering one item moves another.
const MAX_SWEEPS: usize = 10;

/// Moves the free intercepts of every item that is not feasible: sorted, then spread between the fixed ones. What
/// cannot be put in order is left to the check of all start values.
pub(super) fn order_graded_intercepts(model: &Model, x: &mut [f64]) {
    for _ in 0..MAX_SWEEPS {
        let mut moved = false;
        for instance in model.groups.iter().flat_map(|g| &g.instances) {
            let family = model.spec.items[instance.item].family;
            let eta: Vec<f64> = model.table.slots[instance.cells.clone()].iter().map(|slot| slot.value(x)).collect();
            if eta.iter().all(|v| v.is_finite()) && !family.is_feasible(&instance.shape, &eta) {
                order(model, instance, x);
                moved = true;
            }
        }
        if !moved {
            return;
        }
    }
}

/// Orders the intercepts of one item, run by run between its fixed ones.
fn order(model: &Model, instance: &Instance, x: &mut [f64]) {
    let table = &model.table;
    let intercepts: Vec<usize> = instance.cells.clone().filter(|&c| table.cells[c].kind == Kind::Intercept).collect();
    let mut ceiling = f64::INFINITY;
    let mut run: Vec<usize> = Vec::new();
    for &cell in &intercepts {
        match table.slots[cell] {
            Slot::Free(f) => run.push(f),
            Slot::Fixed(floor) => {
                spread(&run, ceiling, floor, x);
                run.clear();
                ceiling = floor;
            }
        }
    }
    spread(&run, ceiling, f64::NEG_INFINITY, x);
}

/// Makes the free parameters of a run strictly decrease between a ceiling and a floor.
fn spread(run: &[usize], ceiling: f64, floor: f64, x: &mut [f64]) {
    let gap = GAP.min((ceiling - floor) / (run.len() + 1) as f64);
    let mut values: Vec<f64> = run.iter().map(|&f| x[f]).collect();
    values.sort_by(|a, b| b.total_cmp(a));
    let mut above = ceiling;
    for v in &mut values {
        *v = v.min(above - gap);
        above = *v;
    }
    let mut below = floor;
    for v in values.iter_mut().rev() {
        *v = v.max(below + gap);
        below = *v;
    }
    run.iter().zip(values).for_each(|(&f, v)| x[f] = v);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_sorted_and_spread_between_their_neighbours() {
        let mut x = [-1.0, 3.0, 0.0, 9.0];
        spread(&[0, 1, 2], 2.0, -0.5, &mut x);
        assert_eq!(x[3], 9.0);
        assert!(2.0 > x[0] && x[0] > x[1] && x[1] > x[2] && x[2] > -0.5, "{x:?}");
        // Room for less than the gap.
        let mut x = [5.0, 5.0];
        spread(&[0, 1], 0.03, 0.0, &mut x);
        assert!(0.03 > x[0] && x[0] > x[1] && x[1] > 0.0, "{x:?}");
    }

    #[test]
    fn a_run_in_order_keeps_its_values() {
        let mut x = [1.0, 0.0, -2.0];
        spread(&[0, 1, 2], f64::INFINITY, f64::NEG_INFINITY, &mut x);
        assert_eq!(x, [1.0, 0.0, -2.0]);
    }
}
