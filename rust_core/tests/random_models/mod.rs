//! Random models with several attributes, and responses to them.
#![allow(dead_code, reason = "every test file uses a part of this")]
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up must fail")]

use mixirt_core::data::{Data, Responses};
use mixirt_core::item::family;
use mixirt_core::latent::DISTRIBUTIONS;
use mixirt_core::params::{FreeParameter, Kind, ParameterTable, Slot};
use mixirt_core::patterns::MISSING;
use mixirt_core::plan::Planning;
use mixirt_core::quadrature::Quadrature;
use mixirt_core::spec::{GroupSpec, ItemSpec, Model, Spec};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What to draw a random model and data from.
#[derive(Debug, Clone)]
pub struct Recipe {
    pub seed: u64,
    pub n_dims: usize,
    pub n_items: usize,
    pub n_rows: usize,
    pub n_classes: usize,
    pub n_groups: usize,
    /// Probability that a pair of attributes covaries.
    pub covarying: f64,
    /// Probability that an item measures a second attribute.
    pub cross: f64,
    /// Whether all groups but the first lack the last attribute.
    pub fewer_attributes: bool,
    pub missing: f64,
    pub steepness: f64,
}

/// Two groups that differ in attributes, with a few items of every kind.
pub const RECIPE: Recipe = Recipe {
    seed: 5,
    n_dims: 3,
    n_items: 9,
    n_rows: 300,
    n_classes: 1,
    n_groups: 2,
    covarying: 0.4,
    cross: 0.4,
    fewer_attributes: true,
    missing: 0.1,
    steepness: 1.0,
};

/// A model at the free parameters `x`, with data.
pub struct Case {
    pub spec: Spec,
    pub table: ParameterTable,
    pub x: Vec<f64>,
    pub codes: Vec<u8>,
    pub group: Vec<u32>,
    pub weights: Vec<f64>,
    pub known_class: Vec<u16>,
}

/// Draws a model with data.
pub fn draw(recipe: &Recipe) -> Case {
    let mut rng = ChaCha8Rng::seed_from_u64(recipe.seed);
    let spec = draw_spec(recipe, &mut rng);
    let (table, x) = draw_parameters(recipe, &spec, &mut rng);
    let codes = draw_codes(recipe, &spec, &mut rng);
    let rows = 0..recipe.n_rows;
    let group = rows.clone().map(|_| rng.random_range(0..recipe.n_groups as u32)).collect();
    let weights = rows.clone().map(|_| [0.0, 0.5, 1.0, 3.0][rng.random_range(0..4)]).collect();
    let known_class =
        rows.map(|_| [0, 0, rng.random_range(0..=recipe.n_classes as u16)][rng.random_range(0..3)]).collect();
    Case { spec, table, x, codes, group, weights, known_class }
}

fn draw_spec(recipe: &Recipe, rng: &mut ChaCha8Rng) -> Spec {
    let n = recipe.n_dims;
    let item = |i: usize| {
        let mut attributes = vec![rng.random_range(0..n)];
        let other = rng.random_range(0..n);
        if rng.random_bool(recipe.cross) && !attributes.contains(&other) {
            attributes.push(other);
            attributes.sort_unstable();
        }
        let n_categories = rng.random_range(2..=4);
        let scores = (0..n_categories).map(f64::from).collect();
        let family = family("gpcm").unwrap();
        ItemSpec { name: format!("i{i}"), family, n_categories: n_categories as usize, scores, attributes }
    };
    let items = (0..recipe.n_items).map(item).collect();
    let group = |g: usize| GroupSpec {
        name: format!("g{g}"),
        items: (0..recipe.n_items).collect(),
        attributes: (0..if recipe.fewer_attributes && g > 0 { n - 1 } else { n }).collect(),
    };
    // Odd, so that no two nodes are equally probable without answers.
    let n_points = (0..n).map(|_| 2 * rng.random_range(1..=4) + 1).collect();
    Spec {
        items,
        attributes: (0..n).map(|j| format!("a{j}")).collect(),
        groups: (0..recipe.n_groups).map(group).collect(),
        n_classes: recipe.n_classes,
        latent: DISTRIBUTIONS[0],
        quadrature: Quadrature { n_points, ..Quadrature::default() },
    }
}

/// The parameter table, everything free but covariances that are drawn to be 0, and the free parameters.
fn draw_parameters(recipe: &Recipe, spec: &Spec, rng: &mut ChaCha8Rng) -> (ParameterTable, Vec<f64>) {
    let (n, c) = (recipe.n_dims, recipe.n_classes);
    let pairs: Vec<bool> = (0..n * n).map(|_| rng.random_bool(recipe.covarying)).collect();
    let (mut slots, mut x) = (Vec::new(), Vec::new());
    let cells = spec.cells().unwrap();
    for cell in &cells {
        let (a, b) = (cell.attribute.unwrap_or(0), cell.attribute_2.unwrap_or(0));
        let value = match cell.kind {
            Kind::Slope => recipe.steepness * rng.random_range(-0.5..1.5),
            Kind::Intercept => recipe.steepness * rng.random_range(-1.0..1.0),
            Kind::Mean => rng.random_range(-0.5..0.5),
            Kind::Covariance if a == b => rng.random_range(0.5..2.0),
            Kind::Covariance if !pairs[a * n + b] => 0.0,
            // Smaller than the smallest variance over the number of attributes: positive definite.
            Kind::Covariance => rng.random_range(-0.5..0.5) / n as f64,
            Kind::Guessing => f64::NEG_INFINITY,
            // 1, 2, ... of their sum: no two classes are equally probable without answers.
            Kind::Proportion => (cell.group % c + 1) as f64 / (c * (c + 1) / 2) as f64,
        };
        if value == 0.0 {
            slots.push(Slot::Fixed(0.0));
        } else {
            slots.push(Slot::Free(x.len()));
            x.push(value);
        }
    }
    (ParameterTable::new(cells, slots, vec![FreeParameter::default(); x.len()]).unwrap(), x)
}

/// Answers without regard to the model: some respondents answer like others, some answer nothing.
fn draw_codes(recipe: &Recipe, spec: &Spec, rng: &mut ChaCha8Rng) -> Vec<u8> {
    let code = |i: usize, rng: &mut ChaCha8Rng| match rng.random_bool(recipe.missing) {
        true => MISSING,
        false => rng.random_range(0..spec.items[i].n_categories) as u8,
    };
    let mut codes = Vec::new();
    for row in 0..recipe.n_rows {
        match row {
            0 => codes.extend(vec![MISSING; recipe.n_items]),
            _ if row % 3 == 0 => codes.extend_from_within((row - 2) * recipe.n_items..(row - 1) * recipe.n_items),
            _ => codes.extend((0..recipe.n_items).map(|i| code(i, rng))),
        }
    }
    codes
}

impl Case {
    /// The model, integrated over as `planning` says.
    pub fn model(&self, planning: Planning) -> Model {
        Model::planned(self.spec.clone(), self.table.clone(), planning).unwrap()
    }

    /// The same with every mean and variance held where it is: an identified model, where every attribute has items.
    pub fn with_scales_held(mut self) -> Self {
        let values = self.table.expand(&self.x);
        let (mut slots, mut x) = (self.table.slots.clone(), Vec::new());
        for ((slot, cell), value) in slots.iter_mut().zip(&self.table.cells).zip(values) {
            let is_variance = cell.is_variance();
            *slot = match *slot {
                Slot::Free(_) if is_variance || cell.kind == Kind::Mean => Slot::Fixed(value),
                Slot::Free(_) => {
                    x.push(value);
                    Slot::Free(x.len() - 1)
                }
                fixed => fixed,
            };
        }
        let free = vec![FreeParameter::default(); x.len()];
        self.table = ParameterTable::new(self.table.cells, slots, free).unwrap();
        Self { x, ..self }
    }

    /// The patterns of the responses.
    pub fn data(&self, model: &Model) -> Data {
        let responses = Responses {
            codes: &self.codes,
            n_respondents: self.weights.len(),
            group: Some(&self.group),
            weights: Some(&self.weights),
            known_class: Some(&self.known_class),
        };
        Data::new(model, &responses).unwrap()
    }
}
