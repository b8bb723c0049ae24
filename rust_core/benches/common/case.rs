//! Models with known parameters, and responses drawn from them.

use mixirt_core::data::{Data, Responses};
use mixirt_core::expected::Parameters;
use mixirt_core::item::{Nodes, family};
use mixirt_core::latent::DISTRIBUTIONS;
use mixirt_core::params::{Cell, FreeParameter, Kind, ParameterTable, Slot};
use mixirt_core::plan::Planning;
use mixirt_core::quadrature::Quadrature;
use mixirt_core::spec::{GroupSpec, ItemSpec, Model, Spec};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::plain::PlainKernel;

/// What is drawn.
#[derive(Clone)]
pub struct Design {
    pub name: &'static str,
    pub family: &'static str,
    pub n_respondents: usize,
    /// The attributes that each item measures.
    pub attributes: Vec<Vec<usize>>,
    pub n_categories: usize,
    pub n_classes: usize,
    /// Quadrature points of each attribute.
    pub n_points: usize,
    /// Covariance of every two attributes, whose variances are 1.
    pub covariance: f64,
    /// Share of the answers that are given at random.
    pub guessed: f64,
}

impl Design {
    /// Items of one attribute on 64 points.
    pub fn new(name: &'static str, family: &'static str, n_respondents: usize, n_items: usize) -> Self {
        let attributes = vec![vec![0]; n_items];
        let (n_categories, n_classes, n_points, covariance, guessed) = (2, 1, 64, 0.0, 0.0);
        Self { name, family, n_respondents, attributes, n_categories, n_classes, n_points, covariance, guessed }
    }
}

/// A model, its free parameters and responses.
pub struct Case {
    pub design: Design,
    spec: Spec,
    table: ParameterTable,
    pub x: Vec<f64>,
    /// `(N, I)`
    pub codes: Vec<u8>,
}

impl Case {
    pub fn draw(design: Design) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let spec = spec(&design);
        let cells = spec.cells().unwrap();
        let (mut x, mut slots) = (Vec::new(), Vec::new());
        for cell in &cells {
            slots.push(match free_value(&design, cell, &mut rng) {
                Ok(free) => {
                    x.push(free);
                    Slot::Free(x.len() - 1)
                }
                Err(fixed) => Slot::Fixed(fixed),
            });
        }
        let table = ParameterTable::new(cells, slots, vec![FreeParameter::default(); x.len()]).unwrap();
        let mut case = Self { design, spec, table, x, codes: Vec::new() };
        case.draw_codes(&mut rng);
        case
    }

    pub fn model(&self, planning: Planning) -> Model {
        Model::planned(self.spec.clone(), self.table.clone(), planning).unwrap()
    }

    pub fn data(&self, model: &Model) -> Data {
        let responses = Responses {
            codes: &self.codes,
            n_respondents: self.design.n_respondents,
            group: None,
            weights: None,
            known_class: None,
        };
        Data::new(model, &responses).unwrap()
    }

    fn draw_codes(&mut self, rng: &mut ChaCha8Rng) {
        let model = self.model(Planning::Automatic);
        let values = model.table.expand(&self.x);
        let (m, covariance) = (self.design.n_categories, self.design.covariance);
        // The sum of twelve uniform numbers less six is as good as normal here.
        let normal = |rng: &mut ChaCha8Rng| (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0;
        let mut p = vec![0.0; m];
        for _ in 0..self.design.n_respondents {
            let shared = normal(rng);
            let part = |own: f64| covariance.sqrt() * shared + (1.0 - covariance).sqrt() * own;
            let theta: Vec<f64> = self.spec.attributes.iter().map(|_| part(normal(rng))).collect();
            let class = rng.random_range(0..self.design.n_classes);
            for (instance, item) in model.groups[class].instances.iter().zip(&self.spec.items) {
                let own: Vec<f64> = item.attributes.iter().map(|&j| theta[j]).collect();
                let nodes = Nodes { theta: &own, n_nodes: 1 };
                item.family.probabilities(&instance.shape, &values[instance.cells.clone()], nodes, &mut p);
                let is_guessed = self.design.guessed > 0.0 && rng.random::<f64>() < self.design.guessed;
                self.codes.push(if is_guessed { rng.random_range(0..m as u8) } else { draw(&p, rng) });
            }
        }
    }

    /// The plain kernel over the whole grids of all classes, and the respondents with each pattern.
    pub fn plain(&self) -> (PlainKernel, Vec<f64>) {
        let model = self.model(Planning::Dense);
        let data = self.data(&model);
        let Parameters { values, placed } = Parameters::at(&model, &self.x);
        let n = placed.iter().map(|p| p.grid.n_nodes).sum::<usize>();
        let m = self.design.n_categories;
        let mut log_probabilities = vec![0.0; self.spec.items.len() * m * n];
        let mut log_prior = Vec::with_capacity(n);
        for (group, placed) in model.groups.iter().zip(&placed) {
            let (first, grid) = (log_prior.len(), &placed.grid);
            let proportion = group.proportion_cell.map_or(1.0, |cell| values[cell]);
            log_prior.extend(grid.weights.iter().map(|w| (proportion * w).ln()));
            let mut p = vec![0.0; m * grid.n_nodes];
            for (i, (item, instance)) in self.spec.items.iter().zip(&group.instances).enumerate() {
                let axes = item.attributes.iter().flat_map(|&j| &grid.theta[j * grid.n_nodes..][..grid.n_nodes]);
                let theta: Vec<f64> = axes.copied().collect();
                let nodes = Nodes { theta: &theta, n_nodes: grid.n_nodes };
                item.family.probabilities(&instance.shape, &values[instance.cells.clone()], nodes, &mut p);
                for (k, p) in p.chunks_exact(grid.n_nodes).enumerate() {
                    let to = &mut log_probabilities[(i * m + k) * n + first..][..grid.n_nodes];
                    to.iter_mut().zip(p).for_each(|(to, p)| *to = p.ln());
                }
            }
        }
        let codes = (0..data.n_patterns()).flat_map(|p| data.codes_of(0, p)).collect();
        let mut n_gp = vec![0.0; data.n_patterns()];
        data.respondents_of(0).for_each(|(_, pattern)| n_gp[pattern] += 1.0);
        let n_items = self.spec.items.len();
        (PlainKernel { codes, log_prior, log_probabilities, n_items, max_categories: m }, n_gp)
    }
}

fn spec(design: &Design) -> Spec {
    let item = |(i, attributes): (usize, &Vec<usize>)| ItemSpec {
        name: format!("i{i}"),
        family: family(design.family).unwrap(),
        n_categories: design.n_categories,
        scores: (0..design.n_categories).map(|m| m as f64).collect(),
        attributes: attributes.clone(),
    };
    let n_dims = design.attributes.iter().flatten().max().map_or(0, |j| j + 1);
    Spec {
        items: design.attributes.iter().enumerate().map(item).collect(),
        attributes: (0..n_dims).map(|j| format!("a{j}")).collect(),
        groups: vec![GroupSpec {
            name: String::new(),
            items: (0..design.attributes.len()).collect(),
            attributes: (0..n_dims).collect(),
        }],
        n_classes: design.n_classes,
        latent: DISTRIBUTIONS[0],
        quadrature: Quadrature { n_points: vec![design.n_points; n_dims], ..Quadrature::default() },
    }
}

/// The value of a free parameter, or that of a fixed one as the error.
fn free_value(design: &Design, cell: &Cell, rng: &mut ChaCha8Rng) -> Result<f64, f64> {
    match cell.kind {
        Kind::Slope => Ok(rng.random_range(0.7..1.8)),
        Kind::Intercept if design.family == "grm" => {
            let m = cell.category.unwrap_or(1) as f64;
            Ok((design.n_categories as f64 / 2.0 - m) * 0.9 + rng.random_range(-0.4..0.4))
        }
        Kind::Intercept => Ok(rng.random_range(-1.5..1.5)),
        Kind::Guessing => Ok(rng.random_range(-2.0..-1.0)),
        Kind::Proportion => Ok(1.0 / design.n_classes as f64),
        Kind::Covariance if cell.attribute == cell.attribute_2 => Err(1.0),
        Kind::Covariance if design.covariance != 0.0 => Ok(design.covariance),
        Kind::Covariance | Kind::Mean => Err(0.0),
    }
}

fn draw(p: &[f64], rng: &mut impl Rng) -> u8 {
    let u: f64 = rng.random();
    let cumulative = p.iter().scan(0.0, |sum, p| {
        *sum += p;
        Some(*sum)
    });
    cumulative.take_while(|sum| u > *sum).count().min(p.len() - 1) as u8
}
