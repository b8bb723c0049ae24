//! What an item shows at given attributes: its category probabilities and its information.

use super::{AtPredictor, Family, ItemShape, Nodes};

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
        let mut probabilities = vec![0.0; shape.n_categories * nodes.n_nodes];
        family.probabilities(shape, eta, nodes, &mut probabilities);
        let mut at = AtPredictor::default();
        let information = nodes.predictor(&eta[..shape.n_dims]).into_iter().map(|z| {
            family.at_predictor(shape, eta, z, 0, &mut at);
            // A category that cannot occur carries no information, whatever its derivative.
            let terms = at.probabilities.iter().zip(&at.first).filter(|(p, _)| **p > 0.0);
            terms.map(|(p, d)| p * d * d).sum()
        });
        Self { information: information.collect(), probabilities }
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
