//! Searches on a line: where a function that decreases in the end changes its sign.

/// Where `slope` changes from not negative to negative, the nearest such point uphill of `start`: to the right where
/// `slope(start)` is not negative, else to the left. A slope smaller than `level` does not count as changed, since rounding
/// may have done it where the slope vanishes in the distance. `None` where it does not change before `lower` or `upper`, or is no
/// number on the way. `step` is the first stride.
pub(super) fn crossing(
    slope: impl Fn(f64) -> f64,
    start: f64,
    (step, level): (f64, f64),
    (lower, upper): (f64, f64),
) -> Option<f64> {
    const GROWTH: f64 = 1.6;
    let at_start = slope(start);
    if at_start.is_nan() {
        return None;
    }
    let rising = at_start >= 0.0;
    let (mut from, mut value, mut step) = (start, at_start, if rising { step } else { -step });
    while lower < from && from < upper {
        let to = (from + step).clamp(lower, upper);
        let next = slope(to);
        if next.is_nan() {
            return None;
        }
        match rising {
            true if next < -level => return Some(ridders(slope, (from, value), (to, next))),
            false if next > level => return Some(ridders(slope, (to, next), (from, value))),
            _ => (from, value, step) = (to, next, step * GROWTH),
        }
    }
    None
}

/// The root between `a`, where the slope is not negative, and `b`, where it is negative, by the method of Ridders (1979).
fn ridders(slope: impl Fn(f64) -> f64, mut a: (f64, f64), mut b: (f64, f64)) -> f64 {
    /// The interval at least halves each time, so this many are never needed.
    const MAX_ITERATIONS: usize = 100;
    const TOLERANCE: f64 = 1e-13;
    let mut root = f64::INFINITY;
    for _ in 0..MAX_ITERATIONS {
        if a.1 == 0.0 {
            return a.0;
        }
        let middle = 0.5 * (a.0 + b.0);
        let here = slope(middle);
        let next = middle + (middle - a.0) * here / (here * here - a.1 * b.1).sqrt();
        let moved = (next - root).abs();
        root = next;
        if here == 0.0 || moved <= TOLERANCE * (1.0 + root.abs()) {
            break;
        }
        let there = slope(root);
        for point in [(middle, here), (root, there)] {
            let between = (point.0 - a.0) * (point.0 - b.0) <= 0.0;
            match point.1 < 0.0 {
                _ if !between => {}
                true => b = point,
                false => a = point,
            }
        }
    }
    root
}

#[cfg(test)]
mod tests {
    use super::crossing;

    const BOUNDS: (f64, f64) = (-50.0, 50.0);
    const STEPS: (f64, f64) = (0.1, 1e-12);
    /// Ridders stops at a step of 1e-13.
    const ROOT: f64 = 1e-12;

    #[test]
    fn a_root_is_found_from_either_side() {
        for root in [-30.0, -0.3, 0.0, 4.0] {
            for start in [-6.0, 0.0, 6.0] {
                let found = crossing(|t: f64| (root - t).sinh(), start, STEPS, BOUNDS).unwrap();
                assert!((found - root).abs() < ROOT * 50.0, "{found} for {root} from {start}");
            }
        }
    }

    #[test]
    fn the_nearest_one_uphill_is_taken() {
        // Roots at -2, 0 and 2, the middle one a minimum of the integral.
        let slope = |t: f64| -(t - 2.0) * t * (t + 2.0);
        assert!((crossing(slope, 0.5, STEPS, BOUNDS).unwrap() - 2.0).abs() < ROOT);
        assert!((crossing(slope, -0.5, STEPS, BOUNDS).unwrap() + 2.0).abs() < ROOT);
    }

    #[test]
    fn a_slope_that_only_vanishes_has_no_root() {
        assert_eq!(crossing(|t: f64| (-40.0 * t).exp(), 0.0, STEPS, BOUNDS), None);
        assert_eq!(crossing(|t: f64| -(40.0 * t).exp(), 0.0, STEPS, BOUNDS), None);
        assert_eq!(crossing(|t: f64| if t > 1.0 { f64::NAN } else { 1.0 }, 0.0, STEPS, BOUNDS), None);
    }
}
