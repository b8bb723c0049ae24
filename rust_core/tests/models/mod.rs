//! Models, data and fits for the tests of the loop, all through the public interface of the engine.
#![allow(dead_code, reason = "every test file uses a part of this")]
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot be set up must fail")]

use std::path::Path;
use std::sync::atomic::AtomicBool;

use mixirt_core::accelerate::acceleration;
use mixirt_core::data::{Data, Responses};
use mixirt_core::em::{EmFit, EmOptions, em};
use mixirt_core::feasible::is_feasible;
use mixirt_core::item::{Nodes, family};
use mixirt_core::latent::distribution;
use mixirt_core::params::{Cell, FreeParameter, Kind, ParameterTable, Slot};
use mixirt_core::patterns::MISSING;
use mixirt_core::quadrature::Quadrature;
use mixirt_core::spec::{GroupSpec, ItemSpec, Model, Spec};
use mixirt_core::start::{GroupSummary, start};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Never set.
pub static RUN_ON: AtomicBool = AtomicBool::new(false);

/// A model whose parameters are still being fixed and tied.
pub struct Sketch {
    pub spec: Spec,
    pub cells: Vec<Cell>,
    fixed: Vec<Option<f64>>,
    free: Vec<FreeParameter>,
    /// The first cell of the set of tied cells that each cell belongs to.
    root: Vec<usize>,
}

impl Sketch {
    /// Everything free.
    pub fn new(spec: Spec) -> Self {
        let cells = spec.cells().expect("the structure is sound");
        let n = cells.len();
        Self { spec, cells, fixed: vec![None; n], free: vec![FreeParameter::default(); n], root: (0..n).collect() }
    }

    fn matching(&self, which: impl Fn(&Cell) -> bool) -> Vec<usize> {
        (0..self.cells.len()).filter(|&c| which(&self.cells[c])).collect()
    }

    /// Fixes cells at a value.
    pub fn fix(mut self, which: impl Fn(&Cell) -> bool, value: f64) -> Self {
        self.matching(which).into_iter().for_each(|c| self.fixed[c] = Some(value));
        self
    }

    /// Frees cells.
    pub fn release(mut self, which: impl Fn(&Cell) -> bool) -> Self {
        self.matching(which).into_iter().for_each(|c| self.fixed[c] = None);
        self
    }

    /// Ties all these cells to one another.
    pub fn tie(mut self, which: impl Fn(&Cell) -> bool) -> Self {
        let set = self.matching(which);
        for &c in &set {
            let (old, new) = (self.root[c], self.root[set[0]]);
            let new = new.min(old);
            let first = self.root[set[0]];
            self.root.iter_mut().filter(|r| **r == old || **r == first).for_each(|r| *r = new);
        }
        self
    }

    /// Ties each of these cells to those that differ from it only in the group.
    pub fn tie_across_groups(mut self, which: impl Fn(&Cell) -> bool) -> Self {
        for c in self.matching(which) {
            let like = Cell { group: 0, ..self.cells[c] };
            self = self.tie(move |other| Cell { group: 0, ..*other } == like);
        }
        self
    }

    /// Changes start, bounds or prior of cells.
    pub fn edit(mut self, which: impl Fn(&Cell) -> bool, change: impl Fn(&mut FreeParameter)) -> Self {
        self.matching(which).into_iter().for_each(|c| change(&mut self.free[c]));
        self
    }

    /// Means 0, variances 1, covariances 0 in every group.
    pub fn standard(self) -> Self {
        self.fix(|c| matches!(c.kind, Kind::Mean | Kind::Covariance), 0.0).fix(Cell::is_variance, 1.0)
    }

    /// The model.
    pub fn build(self) -> Model {
        let mut free: Vec<FreeParameter> = Vec::new();
        let mut index = vec![None; self.cells.len()];
        let mut slots = Vec::new();
        for c in 0..self.cells.len() {
            let root = self.root[c];
            slots.push(match self.fixed[root] {
                Some(value) => Slot::Fixed(value),
                None => Slot::Free(*index[root].get_or_insert_with(|| {
                    free.push(self.free[root]);
                    free.len() - 1
                })),
            });
        }
        let table = ParameterTable::new(self.cells, slots, free).expect("the parameters are sound");
        Model::new(self.spec, table).expect("the model is sound")
    }
}

/// An item measuring these attributes, with scores 0, 1, 2 ...
pub fn item(family_name: &str, n_categories: usize, attributes: &[usize]) -> ItemSpec {
    ItemSpec {
        name: "item".into(),
        family: family(family_name).expect("the family is known"),
        n_categories,
        scores: (0..n_categories).map(|m| m as f64).collect(),
        attributes: attributes.to_vec(),
    }
}

/// Groups that all have all items and attributes; `n_points` per attribute.
pub fn spec(items: Vec<ItemSpec>, (n_groups, n_classes): (usize, usize), n_points: &[usize]) -> Spec {
    let n_items = items.len();
    let group = |g: usize| GroupSpec {
        name: format!("g{g}"),
        items: (0..n_items).collect(),
        attributes: (0..n_points.len()).collect(),
    };
    Spec {
        items,
        attributes: (0..n_points.len()).map(|j| format!("theta{j}")).collect(),
        groups: (0..n_groups).map(group).collect(),
        n_classes,
        latent: distribution("normal").expect("known"),
        quadrature: Quadrature { rule: "rectangular".into(), n_points: n_points.to_vec(), prune: None },
    }
}

/// Responses with what belongs to them.
#[derive(Clone)]
pub struct Sample {
    pub codes: Vec<u8>,
    pub n: usize,
    pub group: Option<Vec<u32>>,
    pub weights: Option<Vec<f64>>,
}

impl Sample {
    /// The patterns of the sample under a model.
    pub fn data(&self, model: &Model) -> Data {
        let responses = Responses {
            codes: &self.codes,
            n_respondents: self.n,
            group: self.group.as_deref(),
            weights: self.weights.as_deref(),
            ..Responses::default()
        };
        Data::new(model, &responses).expect("the data fit the model")
    }
}

/// Uniform numbers between 0 and 1.
pub struct Uniform(ChaCha8Rng);

impl Uniform {
    pub fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    pub fn next(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// About standard normal: the sum of twelve uniform numbers.
    pub fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.next()).sum::<f64>() - 6.0
    }
}

/// Responses drawn from a model at the free parameters `x`, its groups taking turns; a share of them missing. (The
/// attributes of a group are drawn independently: tests need responses of the right kind, not of a known correlation.)
pub fn simulate(model: &Model, x: &[f64], n: usize, missing: f64, seed: u64) -> Sample {
    let mut uniform = Uniform::new(seed);
    let values = model.table.expand(x);
    let n_groups = model.spec.groups.len();
    let mut codes = vec![MISSING; n * model.spec.items.len()];
    for (row, answers) in codes.chunks_exact_mut(model.spec.items.len()).enumerate() {
        let classes = model.classes_of(row % n_groups);
        let class = &classes[(uniform.next() * classes.len() as f64) as usize];
        let delta = &values[class.latent_cells.clone()];
        let attributes = &model.spec.groups[class.observed].attributes;
        let n_dims = attributes.len();
        let sd = |j: usize| delta[n_dims + j * (j + 1) / 2 + j].sqrt();
        let theta: Vec<f64> = (0..n_dims).map(|j| delta[j] + sd(j) * uniform.normal()).collect();
        for instance in &class.instances {
            let item = &model.spec.items[instance.item];
            let own: Vec<f64> =
                (0..n_dims).filter(|&j| item.attributes.contains(&attributes[j])).map(|j| theta[j]).collect();
            let mut p = vec![0.0; item.n_categories];
            let eta = &values[instance.cells.clone()];
            item.family.probabilities(&instance.shape, eta, Nodes { theta: &own, n_nodes: 1 }, &mut p);
            let mut u = uniform.next();
            let m = p.iter().position(|p| {
                u -= p;
                u < 0.0
            });
            if uniform.next() >= missing {
                answers[instance.item] = m.unwrap_or(item.n_categories - 1) as u8;
            }
        }
    }
    let group = (n_groups > 1).then(|| (0..n).map(|row| (row % n_groups) as u32).collect());
    Sample { codes, n, group, weights: None }
}

/// Parameters near what the engine starts from when it knows nothing of the data.
pub fn truth(model: &Model, spread: f64, seed: u64) -> Vec<f64> {
    let summary = |group: &GroupSpec| GroupSummary {
        category_counts: group.items.iter().map(|&i| vec![1.0; model.spec.items[i].n_categories]).collect(),
        ..GroupSummary::default()
    };
    let summaries: Vec<GroupSummary> = model.spec.groups.iter().map(summary).collect();
    perturbed(model, &start(model, &summaries).expect("the model has start values"), spread, seed)
}

/// `x` with noise on everything but class proportions, as far as the model allows.
pub fn perturbed(model: &Model, x: &[f64], spread: f64, seed: u64) -> Vec<f64> {
    let mut uniform = Uniform::new(seed);
    let table = &model.table;
    let is_proportion =
        |f: usize| table.cells.iter().zip(&table.slots).any(|(c, s)| c.kind == Kind::Proportion && *s == Slot::Free(f));
    let noise: Vec<f64> = (0..x.len()).map(|f| if is_proportion(f) { 0.0 } else { uniform.normal() }).collect();
    let moved = |length: f64| x.iter().zip(&noise).map(|(x, d)| x + length * d).collect::<Vec<_>>();
    (0..20)
        .map(|halvings| moved(spread * 0.5_f64.powi(halvings)))
        .find(|x| is_feasible(model, x))
        .expect("x is feasible")
}

/// The loop's options.
pub fn options(name: &str, max_cycles: usize, tolerance: f64) -> EmOptions {
    EmOptions {
        acceleration: acceleration(name).expect("known"),
        max_cycles,
        tol_parameter: tolerance,
        tol_deviance: tolerance,
        ..EmOptions::default()
    }
}

/// A whole fit from `start`.
pub fn fit_from(model: &Model, data: &Data, start: Vec<f64>, options: &EmOptions) -> EmFit {
    let mut worker = data.worker(model).expect("the data belong to the model");
    em(model, &mut worker, start, options, &mut |_| {}, &RUN_ON).expect("the model can be fitted")
}

/// A whole fit from the engine's start values.
pub fn fit(model: &Model, data: &Data, options: &EmOptions) -> EmFit {
    fit_from(model, data, start(model, &data.summaries()).expect("the model has start values"), options)
}

/// The first items of a data set of the package; codes are counted from the smallest of all.
pub fn data_set(name: &str, n_items: usize) -> Sample {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../python/mixirt/data/{name}.csv"));
    let text = std::fs::read_to_string(&path).expect("the data set is there");
    let row = |line: &str| line.split(',').take(n_items).map(|x| x.parse::<u8>().expect("a code")).collect::<Vec<_>>();
    let mut codes: Vec<u8> = text.lines().skip(1).flat_map(row).collect();
    let lowest = codes.iter().copied().min().unwrap_or_default();
    codes.iter_mut().for_each(|code| *code -= lowest);
    Sample { n: codes.len() / n_items, codes, group: None, weights: None }
}
