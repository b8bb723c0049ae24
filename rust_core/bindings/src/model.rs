//! Models: a structure that lays out its parameters, and the structure with its parameter table.

use std::sync::Arc;

use mixirt_core::item::{self, Curves, Nodes};
use mixirt_core::params::{Cell, FreeParameter, ParameterTable, Slot};
use mixirt_core::prior::Prior;
use mixirt_core::quadrature::Quadrature;
use mixirt_core::spec::{GroupSpec, ItemSpec, Model, Spec};
use mixirt_core::{Error, feasible, latent, proportions, start};
use numpy::{
    IntoPyArray, PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2, PyUntypedArrayMethods,
};
use pyo3::prelude::*;

use crate::data::Data;
use crate::errors::to_python;

/// Items, groups, attributes and quadrature, checked. Immutable.
#[pyclass(frozen, module = "mixirt._core")]
pub(crate) struct Structure {
    spec: Spec,
}

/// The six parts of every cell's address, `(n_cells,)` each; -1 where a part does not apply.
type CellArrays<'py> = [Bound<'py, PyArray1<i64>>; 6];

/// Category probabilities `(M, n)` and information `(n,)`.
type CurveArrays<'py> = (Bound<'py, PyArray2<f64>>, Bound<'py, PyArray1<f64>>);

#[pymethods]
impl Structure {
    #[new]
    #[pyo3(signature = (*, item_names, families, category_scores, item_attributes, attribute_names, group_names,
                        group_items, group_attributes, n_classes, quadrature, n_quadrature, prune))]
    #[expect(clippy::too_many_arguments, reason = "keywords of a Python call")]
    fn new(
        item_names: Vec<String>,
        families: Vec<String>,
        category_scores: Vec<Vec<f64>>,
        item_attributes: Vec<Vec<usize>>,
        attribute_names: Vec<String>,
        group_names: Vec<String>,
        group_items: Vec<Vec<usize>>,
        group_attributes: Vec<Vec<usize>>,
        n_classes: usize,
        quadrature: String,
        n_quadrature: Option<Vec<usize>>,
        prune: Option<f64>,
    ) -> PyResult<Self> {
        let n_items = item_names.len();
        check_length("families", families.len(), n_items)?;
        check_length("category_scores", category_scores.len(), n_items)?;
        check_length("item_attributes", item_attributes.len(), n_items)?;
        check_length("group_items", group_items.len(), group_names.len())?;
        check_length("group_attributes", group_attributes.len(), group_names.len())?;
        let parts = item_names.into_iter().zip(families).zip(category_scores).zip(item_attributes);
        let items = parts.map(|(((name, family), scores), attributes)| {
            let family = item::family(&family).ok_or_else(|| Error::Spec(format!("unknown item family '{family}'")))?;
            Ok(ItemSpec { name, family, n_categories: scores.len(), scores, attributes })
        });
        let groups = group_names.into_iter().zip(group_items).zip(group_attributes);
        let spec = Spec {
            items: items.collect::<Result<_, Error>>().map_err(to_python)?,
            attributes: attribute_names,
            groups: groups.map(|((name, items), attributes)| GroupSpec { name, items, attributes }).collect(),
            n_classes,
            latent: latent::DISTRIBUTIONS[0],
            quadrature: Quadrature { rule: quadrature, n_points: n_quadrature.unwrap_or_default(), prune },
        };
        spec.cells().map_err(to_python)?;
        Ok(Self { spec })
    }

    /// The addresses of all parameters: kind, group, item, attribute, second attribute, category.
    fn cells<'py>(&self, py: Python<'py>) -> PyResult<CellArrays<'py>> {
        let cells = self.spec.cells().map_err(to_python)?;
        let optional = |x: Option<usize>| x.map_or(-1, |x| x as i64);
        let array = |part: &dyn Fn(&Cell) -> i64| cells.iter().map(part).collect::<Vec<i64>>().into_pyarray(py);
        Ok([
            array(&|c| c.kind as i64),
            array(&|c| c.group as i64),
            array(&|c| optional(c.item)),
            array(&|c| optional(c.attribute)),
            array(&|c| optional(c.attribute_2)),
            array(&|c| optional(c.category)),
        ])
    }
}

/// A structure with its parameter table. Immutable, shared between threads.
#[pyclass(frozen, module = "mixirt._core", name = "Model")]
pub(crate) struct PyModel {
    pub(crate) inner: Arc<Model>,
}

#[pymethods]
impl PyModel {
    #[new]
    #[pyo3(signature = (structure, *, slot, value, start, lower, upper, priors))]
    #[expect(clippy::too_many_arguments, reason = "keywords of a Python call")]
    fn new(
        py: Python<'_>,
        structure: &Structure,
        slot: PyReadonlyArray1<'_, i64>,
        value: PyReadonlyArray1<'_, f64>,
        start: PyReadonlyArray1<'_, f64>,
        lower: PyReadonlyArray1<'_, f64>,
        upper: PyReadonlyArray1<'_, f64>,
        priors: Vec<Option<(String, f64, f64)>>,
    ) -> PyResult<Self> {
        check_length("value", value.as_slice()?.len(), slot.as_slice()?.len())?;
        let n_free = start.as_slice()?.len();
        check_length("lower", lower.as_slice()?.len(), n_free)?;
        check_length("upper", upper.as_slice()?.len(), n_free)?;
        check_length("priors", priors.len(), n_free)?;
        let slots = slot.as_slice()?.iter().zip(value.as_slice()?);
        let slots = slots.map(|(&slot, &value)| usize::try_from(slot).map_or(Slot::Fixed(value), Slot::Free)).collect();
        let numbers = start.as_slice()?.iter().zip(lower.as_slice()?).zip(upper.as_slice()?);
        let free = numbers.zip(priors).map(|(((&start, &lower), &upper), prior)| {
            let prior = prior.map(|(name, first, second)| Prior::new(&name, first, second)).transpose()?;
            Ok(FreeParameter { start: (!start.is_nan()).then_some(start), lower, upper, prior })
        });
        let free = free.collect::<Result<Vec<_>, Error>>().map_err(to_python)?;
        let build = || Model::new(structure.spec.clone(), ParameterTable::new(structure.spec.cells()?, slots, free)?);
        // A large grid takes a while.
        Ok(Self { inner: Arc::new(py.detach(build).map_err(to_python)?) })
    }

    /// Number of free parameters.
    #[getter]
    fn n_free(&self) -> usize {
        self.inner.table.free.len()
    }

    /// Number of free parameters less the sum-to-one constraints on class proportions.
    #[getter]
    fn n_parameters(&self) -> usize {
        self.inner.table.free.len() - proportions::n_constraints(&self.inner)
    }

    /// The value of every cell when the free parameters are `x (n_free,)`.
    fn expand<'py>(&self, py: Python<'py>, x: PyReadonlyArray1<'py, f64>) -> PyResult<Bound<'py, PyArray1<f64>>> {
        Ok(self.inner.table.expand(self.checked(x.as_slice()?)?).into_pyarray(py))
    }

    /// Whether every item, distribution and proportion exists at the free parameters `x (n_free,)`, within bounds.
    fn is_feasible(&self, x: PyReadonlyArray1<'_, f64>) -> PyResult<bool> {
        Ok(feasible::is_feasible(&self.inner, self.checked(x.as_slice()?)?))
    }

    /// Start values `(n_free,)` for some data.
    fn start<'py>(&self, py: Python<'py>, data: &Data) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let x = py.detach(|| start::start(&self.inner, &data.inner.summaries())).map_err(to_python)?;
        Ok(x.into_pyarray(py))
    }

    /// How the attributes of each observed group are integrated over, in words.
    fn plan(&self) -> String {
        mixirt_core::plan::describe(&self.inner)
    }

    /// Quadrature points of every attribute; the most of all groups that have it.
    fn n_points(&self) -> Vec<usize> {
        let mut most = vec![0; self.inner.spec.attributes.len()];
        for (group, structure) in self.inner.spec.groups.iter().zip(&self.inner.structures) {
            for (&attribute, &n) in group.attributes.iter().zip(structure.n_points()) {
                most[attribute] = n.max(most[attribute]);
            }
        }
        most
    }

    /// Nodes of the largest grid.
    fn largest_grid(&self) -> usize {
        self.inner.structures.iter().map(|s| s.largest_grid()).max().unwrap_or(1)
    }

    /// Smallest conditional standard deviation of an attribute in each latent group, in steps of its grid `(G,)`.
    fn resolution(&self, x: PyReadonlyArray1<'_, f64>) -> PyResult<Vec<f64>> {
        let values = self.inner.table.expand(self.checked(x.as_slice()?)?);
        let groups = self.inner.groups.iter();
        Ok(groups.map(|g| self.inner.structures[g.observed].resolution(&values[g.latent_cells.clone()])).collect())
    }

    /// Category probabilities `(M, n)` and information about the linear predictor `(n,)` of the `index`-th item of a
    /// latent group, for attribute vectors `theta (n, J_g)` of the group's attributes.
    fn item_curves<'py>(
        &self,
        py: Python<'py>,
        x: PyReadonlyArray1<'py, f64>,
        group: usize,
        index: usize,
        theta: PyReadonlyArray2<'py, f64>,
    ) -> PyResult<CurveArrays<'py>> {
        let model = &*self.inner;
        let values = model.table.expand(self.checked(x.as_slice()?)?);
        let missing = |what: &str, at: usize, n: usize| {
            to_python(Error::Spec(format!("{what} {at} was asked for, but there are {n}, counted from 0")))
        };
        let group = model.groups.get(group).ok_or_else(|| missing("latent group", group, model.groups.len()))?;
        let instances = &group.instances;
        let instance = instances.get(index).ok_or_else(|| missing("item", index, instances.len()))?;
        let n_attributes = model.spec.groups[group.observed].attributes.len();
        let n = theta.shape()[0];
        if n == 0 {
            return Err(to_python(Error::Spec("theta has no rows: curves need one point at least".into())));
        }
        let theta = theta.as_array();
        if theta.ncols() != n_attributes {
            let message = format!("theta has {} columns for {n_attributes} attributes", theta.ncols());
            return Err(to_python(Error::Spec(message)));
        }
        let axes: Vec<f64> = model.dims(group, instance).iter().flat_map(|&j| theta.column(j).to_vec()).collect();
        let (nodes, eta) = (Nodes { theta: &axes, n_nodes: n }, &values[instance.cells.clone()]);
        let family = model.spec.items[instance.item].family;
        // Other threads draw their data sets meanwhile.
        let curves = py.detach(|| Curves::new(family, &instance.shape, eta, nodes));
        let probabilities = PyArray1::from_vec(py, curves.probabilities).reshape([instance.shape.n_categories, n])?;
        Ok((probabilities, curves.information.into_pyarray(py)))
    }
}

impl PyModel {
    /// Refuses parameter vectors of the wrong length.
    pub(crate) fn checked<'a>(&self, x: &'a [f64]) -> PyResult<&'a [f64]> {
        self.inner.table.check_length(x).map_err(to_python)?;
        Ok(x)
    }
}

/// Refuses a list that is not as long as the one it belongs to.
fn check_length(what: &str, found: usize, wanted: usize) -> PyResult<()> {
    if found == wanted {
        return Ok(());
    }
    Err(to_python(Error::Spec(format!("{what} has {found} entries where {wanted} are needed; give one for each"))))
}
