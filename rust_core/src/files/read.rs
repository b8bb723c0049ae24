//! From the content of a file to a model at its estimates.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::json::Value;
use super::section::Section;
use super::{Label, SavedModel};
use crate::encode::MAX_CATEGORIES;
use crate::error::Result;
use crate::feasible::is_feasible;
use crate::item::family;
use crate::latent::DISTRIBUTIONS;
use crate::params::{Cell, FreeParameter, Kind, ParameterTable, Slot};
use crate::quadrature::Quadrature;
use crate::spec::{Group, GroupSpec, ItemSpec, Model, Spec};

/// Limits that keep a small file from asking for much memory.
const MAX_ITEMS: usize = 65_535;
const MAX_ATTRIBUTES: usize = 1_000;
/// How far class proportions may be from a sum of 1: rounding in their last update.
const SUM_TOLERANCE: f64 = 1e-8;

/// The kinds of parameters by name.
const KINDS: [Kind; 6] = [Kind::Slope, Kind::Intercept, Kind::Guessing, Kind::Mean, Kind::Covariance, Kind::Proportion];

pub(super) fn model(content: &Value) -> Result<SavedModel> {
    let content = Section::new(content, "content");
    let parameters = Section::new(content.get("parameters")?, "content.parameters");
    let n_cells = parameters.list("kind")?.len();
    let design = Section::new(content.get("design")?, "content.design");
    let (spec, categories, groups) = structure(&design, n_cells)?;
    let cells = spec.cells()?;
    let order = order(&parameters, &cells, n_cells)?;
    let (table, x) = table(&parameters, cells, &order)?;
    if content.numbers("x", x.len(), None)? != x {
        return Err(content.wrong("x", "differs from the estimates"));
    }
    let model = Model::new(spec, table)?;
    let values = model.table.expand(&x);
    // A group without classes has one, and no cell for its proportion.
    let share = |class: &Group| class.proportion_cell.map_or(1.0, |cell| values[cell]);
    let mut sums = model.groups.chunks(model.spec.n_classes).map(|classes| classes.iter().map(share).sum::<f64>());
    if !is_feasible(&model, &x) || sums.any(|sum| (sum - 1.0).abs() > SUM_TOLERANCE) {
        return Err(parameters.wrong("estimate", "holds values that no model can have"));
    }
    Ok(SavedModel { model: Arc::new(model), x, categories, groups })
}

fn structure(design: &Section, n_cells: usize) -> Result<(Spec, Vec<Vec<Label>>, Vec<Label>)> {
    let (names, attributes) = (design.names("items")?, design.names("attributes")?);
    let (n_items, n_attributes) = (names.len(), attributes.len());
    if !(1..=MAX_ITEMS).contains(&n_items) || n_attributes > MAX_ATTRIBUTES {
        return Err(design.wrong("items", "and attributes must not be as many as these"));
    }
    let categories = design.entries("category_labels", n_items)?;
    let categories: Vec<Vec<Label>> =
        categories.iter().map(|own| labels(design, "category_labels", own)).collect::<Result<_>>()?;
    if categories.iter().any(|own| !(2..=MAX_CATEGORIES).contains(&own.len())) {
        return Err(design.wrong("category_labels", &format!("must hold lists of 2 to {MAX_CATEGORIES} labels")));
    }
    let groups = labels(design, "groups", design.get("groups")?)?;
    let n_classes = design.whole("n_classes", 1, i64::try_from(n_cells.max(1)).unwrap_or(i64::MAX))? as usize;
    if groups.is_empty() || groups.len().saturating_mul(n_items).saturating_mul(n_classes) > n_cells {
        return Err(design.wrong("groups", "must all have their parameters in the file"));
    }
    let measured = design.positions("item_attributes", n_items, n_attributes)?;
    let members = design.positions("group_items", groups.len(), n_items)?;
    let own = design.positions("group_attributes", groups.len(), n_attributes)?;
    if own.iter().map(|a| a.len() * (a.len() + 3) / 2).sum::<usize>().saturating_mul(n_classes) > n_cells {
        return Err(design.wrong("group_attributes", "must all have their parameters in the file"));
    }
    let items = items(design, names, measured, &categories)?;
    let quadrature = quadrature(design, n_attributes)?;
    let specs = groups.iter().zip(members).zip(own);
    let specs = specs.map(|((label, items), attributes)| GroupSpec { name: label.to_string(), items, attributes });
    let spec = Spec { items, attributes, groups: specs.collect(), n_classes, latent: DISTRIBUTIONS[0], quadrature };
    Ok((spec, categories, groups))
}

fn items(
    design: &Section,
    names: Vec<String>,
    measured: Vec<Vec<usize>>,
    categories: &[Vec<Label>],
) -> Result<Vec<ItemSpec>> {
    let families = design.entries("families", names.len())?;
    let scores = design.entries("category_scores", names.len())?;
    let mut items = Vec::with_capacity(names.len());
    for (i, (name, attributes)) in names.into_iter().zip(measured).enumerate() {
        let known = match &families[i] {
            Value::Text(text) => family(text),
            _ => None,
        };
        let family = known.ok_or_else(|| design.wrong("families", "has a name that this version does not know"))?;
        let Value::List(scores) = &scores[i] else { return Err(design.wrong("category_scores", "must be lists")) };
        let n_categories = categories[i].len();
        if scores.len() != n_categories {
            return Err(design.wrong("category_scores", &format!("must have one score per category of '{name}'")));
        }
        let scores = scores.iter().map(|s| design.number("category_scores", s, None)).collect::<Result<Vec<f64>>>()?;
        items.push(ItemSpec { name, family, n_categories, scores, attributes });
    }
    Ok(items)
}

fn quadrature(design: &Section, n_attributes: usize) -> Result<Quadrature> {
    let n_points = match design.get("n_quadrature")? {
        Value::Null => Vec::new(),
        _ => {
            let points = design.wholes("n_quadrature", n_attributes)?;
            let wrong = || design.wrong("n_quadrature", "must be whole numbers of at least 2");
            let point = |p: i64| usize::try_from(p).ok().filter(|p| *p >= 2).ok_or_else(wrong);
            points.into_iter().map(point).collect::<Result<_>>()?
        }
    };
    let prune = match design.get("prune")? {
        Value::Null => None,
        value => Some(design.number("prune", value, None)?),
    };
    Ok(Quadrature { rule: design.text("quadrature")?.to_owned(), n_points, prune })
}

fn labels(section: &Section, name: &str, value: &Value) -> Result<Vec<Label>> {
    let Value::List(values) = value else { return Err(section.wrong(name, "must be lists of labels")) };
    let label = |value: &Value| match value {
        Value::Text(text) => Ok(Label::Text(text.clone())),
        Value::Whole(x) => Ok(Label::Whole(*x)),
        Value::Number(x) => Ok(Label::Number(*x)),
        Value::Bool(x) => Ok(Label::Bool(*x)),
        _ => Err(section.wrong(name, "must be lists of text, numbers and truth values")),
    };
    // Labels are the same where they are written alike, but for the two zeros.
    let mut seen = HashSet::with_capacity(values.len());
    let is_new = |value: &Value| {
        let mut text = String::new();
        if matches!(value, Value::Number(0.0)) { Value::Number(0.0) } else { value.clone() }.write(&mut text);
        seen.insert(text)
    };
    if !values.iter().all(is_new) {
        return Err(section.wrong(name, "must not have a label twice"));
    }
    values.iter().map(label).collect()
}

/// Where each cell of the model is in the file.
fn order(section: &Section, cells: &[Cell], n: usize) -> Result<Vec<usize>> {
    let kinds = section.entries("kind", n)?.iter().map(|value| match value {
        Value::Text(name) => KINDS.iter().position(|kind| kind.name() == name).map(|kind| kind as i64),
        _ => None,
    });
    let wrong = || section.wrong("kind", "and the rest of the addresses are not those of the model");
    let mut columns = vec![kinds.collect::<Option<Vec<i64>>>().ok_or_else(wrong)?];
    for name in ["group", "item", "attribute", "attribute_2", "category"] {
        columns.push(section.wholes(name, n)?);
    }
    let address = |i: usize| -> Vec<i64> { columns.iter().map(|column| column[i]).collect() };
    let positions: HashMap<Vec<i64>, usize> = (0..n).map(|i| (address(i), i)).collect();
    let optional = |x: Option<usize>| x.map_or(-1, |x| x as i64);
    let wanted = |cell: &Cell| {
        let kind = KINDS.iter().position(|kind| *kind == cell.kind).map_or(-1, |kind| kind as i64);
        let rest = [cell.item, cell.attribute, cell.attribute_2, cell.category].map(optional);
        let address: Vec<i64> = [kind, cell.group as i64].into_iter().chain(rest).collect();
        positions.get(&address).copied()
    };
    let order = cells.iter().map(wanted).collect::<Option<Vec<usize>>>().ok_or_else(wrong)?;
    if positions.len() == n && cells.len() == n { Ok(order) } else { Err(wrong()) }
}

/// The parameter table and the estimates of the free parameters, numbered as the file does.
fn table(section: &Section, cells: Vec<Cell>, order: &[usize]) -> Result<(ParameterTable, Vec<f64>)> {
    let n = order.len();
    let slots = section.wholes("slot", n)?;
    let estimates = section.numbers("estimate", n, None)?;
    let fixed = section.numbers("fixed_value", n, Some(f64::NAN))?;
    let lower = section.numbers("lower", n, Some(f64::NEG_INFINITY))?;
    let upper = section.numbers("upper", n, Some(f64::INFINITY))?;
    let n_free = slots.iter().max().map_or(0, |last| usize::try_from(last + 1).unwrap_or(0));
    if slots.iter().any(|slot| *slot < -1) || n_free > n {
        return Err(section.wrong("slot", "must be -1 or the position of a free parameter"));
    }
    let mut x: Vec<Option<f64>> = vec![None; n_free];
    let mut free = vec![FreeParameter::default(); n_free];
    let mut own = Vec::with_capacity(n);
    for &i in order {
        let Ok(slot) = usize::try_from(slots[i]) else {
            if fixed[i] != estimates[i] {
                return Err(section.wrong("estimate", "differs from a fixed value"));
            }
            own.push(Slot::Fixed(fixed[i]));
            continue;
        };
        if !fixed[i].is_nan() {
            return Err(section.wrong("fixed_value", "must be a number just where slot is -1"));
        }
        if x[slot].is_some_and(|other| other.to_bits() != estimates[i].to_bits()) {
            return Err(section.wrong("estimate", "differs between tied parameters"));
        }
        x[slot] = Some(estimates[i]);
        (free[slot].lower, free[slot].upper) = (lower[i], upper[i]);
        own.push(Slot::Free(slot));
    }
    let x = x.into_iter().collect::<Option<Vec<f64>>>();
    let x = x.ok_or_else(|| section.wrong("slot", "leaves out a free parameter"))?;
    Ok((ParameterTable::new(cells, own, free)?, x))
}
