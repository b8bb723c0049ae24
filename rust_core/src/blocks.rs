//! Blocks of the M-step: connected components of items and distributions that free parameters tie together.
//!
//! A *component* is an item in a group, or a group's distribution: something with a value, a gradient and a Hessian in
//! its own few parameters. Components that share a free parameter must be maximised together; the rest must not. A
//! common slope across items, an item equal across groups and a covariance equal across classes need no special case.

use std::collections::BTreeMap;

use crate::spec::Model;

/// Something with parameters of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Component {
    /// The `index`-th item of a latent group.
    Item {
        /// The group.
        group: usize,
        /// Position in [`crate::spec::Group::instances`].
        index: usize,
    },
    /// The distribution of a latent group.
    Latent {
        /// The group.
        group: usize,
    },
}

/// Where one parameter of a component lies in its block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Fixed: nowhere.
    Fixed,
    /// In the member's own cluster.
    Own(usize),
    /// Among the shared parameters.
    Shared(usize),
}

/// A component within a block.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// Which one.
    pub component: Component,
    /// Its cluster.
    pub cluster: usize,
    /// Where each of its parameters lies.
    pub places: Vec<Place>,
}

/// Parameters that have to be maximised together.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// The free parameters: cluster by cluster, then the shared ones.
    pub free: Vec<usize>,
    /// Number of parameters of each cluster.
    pub cluster_sizes: Vec<usize>,
    /// Number of shared parameters.
    pub n_shared: usize,
    /// The components.
    pub members: Vec<Member>,
}

impl Block {
    /// Position of the first parameter of each cluster in the block, then of the first shared one.
    pub fn cluster_starts(&self) -> Vec<usize> {
        let mut starts = vec![0];
        for size in &self.cluster_sizes {
            starts.push(starts[starts.len() - 1] + size);
        }
        starts
    }

    /// Whether the block is made of distributions.
    pub fn is_latent(&self) -> bool {
        self.members.iter().any(|m| matches!(m.component, Component::Latent { .. }))
    }
}

/// Disjoint sets of numbers `0..n`.
struct Sets(Vec<usize>);

impl Sets {
    fn root(&mut self, mut i: usize) -> usize {
        while self.0[i] != i {
            self.0[i] = self.0[self.0[i]];
            i = self.0[i];
        }
        i
    }

    fn join(&mut self, i: usize, j: usize) {
        let (i, j) = (self.root(i), self.root(j));
        // The smaller root wins, so that blocks come in the order of their first component.
        self.0[i.max(j)] = i.min(j);
    }
}

/// A component and the free parameter behind each of its cells.
struct Listed {
    component: Component,
    item: Option<usize>,
    free: Vec<Option<usize>>,
}

/// Cuts the free parameters of a model into blocks.
pub fn blocks(model: &Model) -> Vec<Block> {
    let listed = list(model);
    let shared = shared(&listed, model.table.free.len());
    let whole = partition(&listed, |_| true);
    let clusters = partition(&listed, |f| !shared[f]);
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (c, &root) in whole.iter().enumerate() {
        if listed[c].free.iter().any(Option::is_some) {
            members.entry(root).or_default().push(c);
        }
    }
    members.values().map(|components| block(&listed, components, &clusters, &shared)).collect()
}

fn list(model: &Model) -> Vec<Listed> {
    let mut listed = Vec::new();
    for (g, group) in model.groups.iter().enumerate() {
        for (index, instance) in group.instances.iter().enumerate() {
            listed.push(Listed {
                component: Component::Item { group: g, index },
                item: Some(instance.item),
                free: model.table.free_of(instance.cells.clone()).collect(),
            });
        }
        listed.push(Listed {
            component: Component::Latent { group: g },
            item: None,
            free: model.table.free_of(group.latent_cells.clone()).collect(),
        });
    }
    listed
}

/// Which free parameters serve more than one item: those couple clusters.
fn shared(listed: &[Listed], n_free: usize) -> Vec<bool> {
    let mut first: Vec<Option<usize>> = vec![None; n_free];
    let mut shared = vec![false; n_free];
    for component in listed.iter().filter(|c| c.item.is_some()) {
        for &f in component.free.iter().flatten() {
            shared[f] |= first[f].is_some_and(|item| Some(item) != component.item);
            first[f] = first[f].or(component.item);
        }
    }
    shared
}

/// The set each component belongs to when the free parameters that `counts` admits connect them.
fn partition(listed: &[Listed], counts: impl Fn(usize) -> bool) -> Vec<usize> {
    let mut sets = Sets((0..listed.len()).collect());
    let mut owner: BTreeMap<usize, usize> = BTreeMap::new();
    for (c, component) in listed.iter().enumerate() {
        for &f in component.free.iter().flatten().filter(|&&f| counts(f)) {
            match owner.get(&f) {
                Some(&other) => sets.join(c, other),
                None => {
                    owner.insert(f, c);
                }
            }
        }
    }
    (0..listed.len()).map(|c| sets.root(c)).collect()
}

fn block(listed: &[Listed], components: &[usize], clusters: &[usize], shared: &[bool]) -> Block {
    let mut own: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let mut common: Vec<usize> = Vec::new();
    for &c in components {
        let cluster = own.entry(clusters[c]).or_default();
        for &f in listed[c].free.iter().flatten() {
            let list = if shared[f] { &mut common } else { &mut *cluster };
            list.push(f);
        }
    }
    for list in own.values_mut().chain([&mut common]) {
        list.sort_unstable();
        list.dedup();
    }
    let roots: Vec<usize> = own.keys().copied().collect();
    let place = |f: Option<usize>, cluster: usize| match f {
        None => Place::Fixed,
        Some(f) if shared[f] => Place::Shared(common.binary_search(&f).unwrap_or_default()),
        Some(f) => Place::Own(own[&roots[cluster]].binary_search(&f).unwrap_or_default()),
    };
    let members = components
        .iter()
        .map(|&c| {
            let cluster = roots.binary_search(&clusters[c]).unwrap_or_default();
            let places = listed[c].free.iter().map(|&f| place(f, cluster)).collect();
            Member { component: listed[c].component, cluster, places }
        })
        .collect();
    Block {
        cluster_sizes: own.values().map(Vec::len).collect(),
        n_shared: common.len(),
        members,
        free: own.into_values().flatten().chain(common).collect(),
    }
}
