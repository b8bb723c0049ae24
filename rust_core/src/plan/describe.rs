//! The plan in words.

use super::{Cost, Elimination, nodes};
use crate::quadrature::Placement;
use crate::spec::{GroupSpec, Model, Structure};

/// What costs are counted in.
const WORK: &str = "multiplications expected in an E-step of 5,000 patterns";

/// How every observed group of a model is integrated over: a paragraph for each.
pub fn describe(model: &Model) -> String {
    let mut lines = Vec::new();
    for (group, structure) in model.spec.groups.iter().zip(&model.structures) {
        if model.spec.groups.len() > 1 {
            lines.push(format!("group '{}':", group.name));
        }
        lines.extend(match &structure.elimination {
            Some(elimination) => describe_elimination(model, group, structure, elimination),
            None => describe_dense(structure),
        });
    }
    lines.join("\n")
}

fn describe_dense(structure: &Structure) -> Vec<String> {
    let Cost { dense, eliminated } = structure.cost;
    let (n_dims, n_nodes) = (structure.standard.n_dims, structure.standard.n_nodes());
    let attributes = if n_dims == 1 { "1 attribute".to_owned() } else { format!("{n_dims} attributes") };
    let mut lines = vec![format!("whole grid: {n_nodes} nodes over {attributes}")];
    if eliminated.is_finite() && dense.is_finite() {
        lines.push(format!("  {WORK}: {dense:.1e}; by elimination: {eliminated:.1e}"));
    } else if n_dims > 1 && structure.standard.placement == Placement::Rotated {
        lines.push(
            "  a rotated grid: its nodes lie on no common axes, along which an attribute could be summed out".into(),
        );
    }
    lines
}

fn describe_elimination(
    model: &Model,
    group: &GroupSpec,
    structure: &Structure,
    elimination: &Elimination,
) -> Vec<String> {
    let name = |j: usize| model.spec.attributes[group.attributes[j]].as_str();
    let names = |dims: &[usize]| dims.iter().map(|&j| name(j)).collect::<Vec<_>>().join(", ");
    let outer = if elimination.outer.is_empty() { "no attribute".to_owned() } else { names(&elimination.outer) };
    let mut lines = vec![format!("common grid over {outer}: {} nodes", structure.standard.n_nodes())];
    for (e, items) in elimination.eliminated.iter().zip(&elimination.items) {
        let n_joint = nodes(&elimination.n_points, &e.neighbours) * elimination.n_points[e.attribute];
        let given = if e.neighbours.is_empty() { String::new() } else { format!(" given {}", names(&e.neighbours)) };
        let (name, n_items) = (name(e.attribute), items.own.len() + items.cross.len());
        lines.push(format!("  {name} summed out{given}: {n_joint} nodes for each answer to its {n_items} items"));
    }
    let Cost { dense, eliminated } = structure.cost;
    let whole = elimination.n_points.iter().map(|&n| n as f64).product::<f64>();
    lines.push(format!("  {WORK}: {eliminated:.1e}"));
    let instead = if dense.is_finite() { format!(": {dense:.1e}") } else { ", which is too large".to_owned() };
    lines.push(format!("  on the whole grid of {whole:.1e} nodes{instead}"));
    lines
}
