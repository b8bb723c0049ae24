//! Comparisons of arrays.

/// Every element within `tolerance` of the expected one, relative to the largest of all or to 1; what is no number has to
/// be none in both.
pub fn assert_close(actual: &[f64], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(actual.len(), expected.len(), "{what}");
    let scale = expected.iter().map(|x| x.abs()).fold(1.0, f64::max);
    for (i, (a, e)) in actual.iter().zip(expected).enumerate() {
        let same = a.is_nan() && e.is_nan() || (a - e).abs() <= tolerance * scale;
        assert!(same, "{what} {i}: {a} instead of {e} (largest {scale})");
    }
}
