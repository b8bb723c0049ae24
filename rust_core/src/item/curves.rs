//! What an item shows at given attributes: its category probabilities and its information.

use super::{Family, ItemShape, Nodes};

/// Curves of an item over some nodes.
#[derive(Debug, Clone, PartialEq)]
pub struct Curves {
    /// Category probabilities `(M, K)`.
    pub probabilities: Vec<f64>,
    /// Information about the linear predictor (`K`): the expectation of the squared derivative of `log p(m | z)`.
    pub information: Vec<f64>,
}

impl Curves {
    /// The curves of an item with parameters `eta`, which are feasible.
    pub fn new(family: &dyn Family, shape: &ItemShape, eta: &[f64], nodes: Nodes) -> Self {
        let n_cells = shape.n_categories * nodes.n_nodes;
        let mut probabilities = vec![0.0; n_cells];
        family.probabilities(shape, eta, nodes, &mut probabilities);
        let z = nodes.predictor(&eta[..shape.n_dims]);
        let (mut first, mut second) = (vec![0.0; n_cells], vec![0.0; n_cells]);
        family.predictor_derivatives(shape, eta, &z, &mut first, &mut second);
        let mut information = vec![0.0; nodes.n_nodes];
        for (p, d) in probabilities.chunks_exact(nodes.n_nodes).zip(first.chunks_exact(nodes.n_nodes)) {
            for (sum, (p, d)) in information.iter_mut().zip(p.iter().zip(d)) {
                // A category that cannot occur carries no information, whatever its derivative.
                *sum += if *p > 0.0 { p * d * d } else { 0.0 };
            }
        }
        Self { probabilities, information }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::{Gpcm, ThreePl};

    /// Rounding of a product of probabilities.
    const ROUNDING: f64 = 1e-15;

    #[test]
    fn information_is_that_of_the_textbook() {
        let shape = ItemShape { n_dims: 1, n_categories: 2, scores: vec![0.0, 1.0] };
        let theta = [-3.0, 0.0, 0.4, 2.0];
        let nodes = Nodes { theta: &theta, n_nodes: theta.len() };
        let two = Curves::new(&Gpcm, &shape, &[1.3, -0.2], nodes);
        let three = Curves::new(&ThreePl, &shape, &[1.3, -0.2, -1.5], nodes);
        let c = 1.0 / (1.0 + 1.5_f64.exp());
        for l in 0..theta.len() {
            let [q, p] = [two.probabilities[l], two.probabilities[theta.len() + l]];
            assert!((two.information[l] - p * q).abs() < ROUNDING, "{l}");
            let [q, p] = [three.probabilities[l], three.probabilities[theta.len() + l]];
            // Birnbaum (1968).
            let expected = q / p * ((p - c) / (1.0 - c)).powi(2);
            assert!((three.information[l] - expected).abs() < ROUNDING, "{l}");
        }
    }

    #[test]
    fn a_category_that_cannot_occur_carries_no_information() {
        let shape = ItemShape { n_dims: 1, n_categories: 3, scores: vec![0.0, 1.0, 2.0] };
        let nodes = Nodes { theta: &[900.0], n_nodes: 1 };
        assert_eq!(Curves::new(&Gpcm, &shape, &[1.0, 0.0, 0.0], nodes).information, [0.0]);
    }
}
