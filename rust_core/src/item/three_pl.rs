//! The three-parameter logistic function: a binary item that can be guessed.

use super::chain::slope_scores;
use super::logistic::{Logistic, Tails, attenuation};
use super::{AtPredictor, Derivatives, Family, ItemParameter, ItemShape, Nodes, slopes_then_intercepts};
use crate::lanes::sum;

/// Three-parameter logistic (Birnbaum 1968): `p_1 = c + (1 - c) sigma(x)` with `x = b + z`; its parameter is the logit
/// `c'` of `c`, where minus infinity stands for `c = 0` exactly.
///
/// With `t = sigma(x - log c)`, the probability that a correct answer was not guessed,
/// `log p_1 = log(c + e^x) - log(1 + e^x)` has derivatives `t - sigma(x)` in `x` and `(1 - t)(1 - c)` in `c'`, while
/// `log p_0 = log(1 - c) + log sigma(-x)` separates. (The derivative that the paper prints for an incorrect answer
/// lacks a factor.)
#[derive(Debug, Clone, Copy)]
pub struct ThreePl;

/// Guessing probability at the start.
const START_GUESSING: f64 = 0.15;
/// The largest share of the correct answers that the start puts down to guessing, where few are correct.
const MAX_START_SHARE: f64 = 0.5;

impl Family for ThreePl {
    fn name(&self) -> &'static str {
        "3pl"
    }

    fn max_categories(&self) -> usize {
        2
    }

    fn uses_scores(&self) -> bool {
        false
    }

    fn parameters(&self, shape: &ItemShape) -> Vec<ItemParameter> {
        let mut parameters = slopes_then_intercepts(shape);
        parameters.push(ItemParameter::Guessing);
        parameters
    }

    fn is_feasible(&self, shape: &ItemShape, eta: &[f64]) -> bool {
        let n_finite = shape.n_dims + 1;
        eta.len() == n_finite + 1 && eta[..n_finite].iter().all(|x| x.is_finite()) && eta[n_finite] < f64::INFINITY
    }

    fn probabilities(&self, shape: &ItemShape, eta: &[f64], nodes: Nodes, out: &mut [f64]) {
        let (slopes, curve) = Curve::split(shape, eta);
        let z = nodes.predictor(slopes);
        let mut tails = Tails::default();
        tails.at(curve.b, &z);
        let (incorrect, correct) = out.split_at_mut(z.len());
        for ((z, tail), (p0, p1)) in z.iter().zip(&tails.tail).zip(incorrect.iter_mut().zip(correct)) {
            [*p0, *p1] = curve.probabilities(Logistic::of(curve.b + z, *tail));
        }
    }

    fn expected_loglik(&self, shape: &ItemShape, eta: &[f64], nodes: Nodes, counts: &[f64]) -> f64 {
        let (slopes, curve) = Curve::split(shape, eta);
        let z = nodes.predictor(slopes);
        let (n_incorrect, n_correct) = counts.split_at(z.len());
        let terms = curve.at_all(&z).into_iter().zip(n_incorrect.iter().zip(n_correct));
        terms.map(|(at, (n0, n1))| at.loglik(&curve, *n0, *n1)).sum()
    }

    fn derivatives(&self, shape: &ItemShape, eta: &[f64], nodes: Nodes, counts: &[f64], out: &mut Derivatives) {
        out.clear();
        let (slopes, curve) = Curve::split(shape, eta);
        let z = nodes.predictor(slopes);
        let (n_incorrect, n_correct) = counts.split_at(z.len());
        let (mut first, mut second, mut mixed) = (vec![0.0; z.len()], vec![0.0; z.len()], vec![0.0; z.len()]);
        let (mut guessing, mut guessing_second) = (0.0, 0.0);
        for (l, at) in curve.at_all(&z).into_iter().enumerate() {
            let (n0, n1) = (n_incorrect[l], n_correct[l]);
            first[l] = n0 * at.first_incorrect() + n1 * at.first_correct(&curve);
            second[l] = n0 * at.second_incorrect() + n1 * at.second_correct();
            mixed[l] = -n1 * at.known.slope() * curve.c.lower;
            guessing += n1 * at.known.lower * curve.c.lower - n0 * curve.c.upper;
            guessing_second += n1 * at.guessing_second(&curve) - n0 * curve.c.slope();
            out.value += at.loglik(&curve, n0, n1);
        }
        let (b, c) = (shape.n_dims, shape.n_dims + 1);
        out.gradient[b] = sum(&first);
        out.gradient[c] = guessing;
        out.add_second(b, b, sum(&second));
        out.add_second(b, c, sum(&mixed));
        out.add_second(c, c, guessing_second);
        out.add_slopes_with(nodes, b, &second);
        out.add_slopes_with(nodes, c, &mixed);
        out.add_slopes(nodes, &first, &second);
        out.mirror();
    }

    fn scores(&self, shape: &ItemShape, eta: &[f64], nodes: Nodes, out: &mut [f64]) {
        let (slopes, curve) = Curve::split(shape, eta);
        let z = nodes.predictor(slopes);
        let n_cells = 2 * z.len();
        let (slope_tables, rest) = out.split_at_mut(shape.n_dims * n_cells);
        let (first, guessing) = rest.split_at_mut(n_cells);
        for (l, at) in curve.at_all(&z).into_iter().enumerate() {
            first[l] = at.first_incorrect();
            first[z.len() + l] = at.first_correct(&curve);
            guessing[l] = -curve.c.upper;
            guessing[z.len() + l] = at.known.lower * curve.c.lower;
        }
        slope_scores(nodes, first, slope_tables);
    }

    fn at_predictor(&self, shape: &ItemShape, eta: &[f64], z: f64, code: usize, at: &mut AtPredictor) -> f64 {
        let (_, curve) = Curve::split(shape, eta);
        let x = curve.b + z;
        let (w, known) = (Logistic::at(x), Logistic::at(x - curve.log_c));
        let here = CurveAt { x, log_c: curve.log_c, w, known, log_rest: [w.log_rest(), known.log_rest()] };
        at.set_binary(
            curve.probabilities(w),
            [here.first_incorrect(), here.first_correct(&curve)],
            [here.second_incorrect(), here.second_correct()],
        );
        if code == 0 { here.loglik(&curve, 1.0, 0.0) } else { here.loglik(&curve, 0.0, 1.0) }
    }

    /// Guessing takes curvature away: a quarter is the bound without it.
    fn curvature_bound(&self, _shape: &ItemShape) -> f64 {
        0.25
    }

    /// Takes the guessed answers out of the proportion correct, then stretches its logit by what a normal attribute
    /// flattens.
    fn start(&self, _shape: &ItemShape, proportions: &[f64], slopes: &[f64]) -> Vec<f64> {
        let (incorrect, correct) = (proportions[0], proportions[1]);
        let c = START_GUESSING.min(MAX_START_SHARE * correct);
        let b = attenuation(slopes) * ((correct - c) / incorrect).ln();
        let mut eta = slopes.to_vec();
        eta.extend([b, (c / (1.0 - c)).ln()]);
        eta
    }
}

/// Intercept and guessing parameter of an item.
struct Curve {
    b: f64,
    /// `c` and `1 - c`.
    c: Logistic,
    log_c: f64,
    /// `log(1 - c)`.
    log_rest: f64,
}

/// The curve at one node.
struct CurveAt {
    /// `x = b + z`.
    x: f64,
    log_c: f64,
    /// `sigma(x)`.
    w: Logistic,
    /// `t`: the probability that a correct answer was known rather than guessed.
    known: Logistic,
    /// [`Logistic::log_rest`] of both.
    log_rest: [f64; 2],
}

impl Curve {
    /// The slopes and the curve of the parameters `eta`.
    fn split<'a>(shape: &ItemShape, eta: &'a [f64]) -> (&'a [f64], Self) {
        let (slopes, rest) = eta.split_at(shape.n_dims);
        let (b, c_logit) = (rest[0], rest[1]);
        let c = Logistic::at(c_logit);
        let (log_c, log_rest) = c.logs(c_logit);
        (slopes, Self { b, c, log_c, log_rest })
    }

    /// Probabilities of both answers where the logistic curve is `w`.
    fn probabilities(&self, w: Logistic) -> [f64; 2] {
        [self.c.lower * w.lower, w.upper + self.c.upper * w.lower]
    }

    /// The curve at the predictors `z (K)`.
    fn at_all(&self, z: &[f64]) -> Vec<CurveAt> {
        let (mut w, mut known) = (Tails::default(), Tails::default());
        w.with_logs(self.b, z);
        known.with_logs(self.b - self.log_c, z);
        let at = |l: usize| {
            let x = self.b + z[l];
            CurveAt {
                x,
                log_c: self.log_c,
                w: Logistic::of(x, w.tail[l]),
                known: Logistic::of(x - self.log_c, known.tail[l]),
                log_rest: [w.log_rest[l], known.log_rest[l]],
            }
        };
        (0..z.len()).map(at).collect()
    }
}

impl CurveAt {
    /// `n0 log p_0 + n1 log p_1`.
    fn loglik(&self, curve: &Curve, n0: f64, n1: f64) -> f64 {
        let [log_rest, known_rest] = self.log_rest;
        let incorrect = curve.log_rest - self.x.max(0.0) - log_rest;
        // log(c + e^x) - log(1 + e^x), the maxima taken out of both sums first.
        let correct = self.x.max(self.log_c) - self.x.max(0.0) + known_rest - log_rest;
        n0 * incorrect + n1 * correct
    }

    fn first_incorrect(&self) -> f64 {
        -self.w.upper
    }

    fn second_incorrect(&self) -> f64 {
        -self.w.slope()
    }

    /// `t - sigma(x)`, without the subtraction.
    fn first_correct(&self, curve: &Curve) -> f64 {
        self.known.upper * curve.c.lower * self.w.lower
    }

    fn second_correct(&self) -> f64 {
        self.known.slope() - self.w.slope()
    }

    /// The second derivative of `log p_1` in `c'`.
    fn guessing_second(&self, curve: &Curve) -> f64 {
        let guessed = self.known.lower * curve.c.lower;
        guessed * (self.known.upper * curve.c.lower - curve.c.upper)
    }
}
