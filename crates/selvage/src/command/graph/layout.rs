//! Where nodes stand: a column for each layer, ordered so that few lines cross. Each node goes to the middle of its neighbours, a few
//! times in both directions, and the order with the fewest crossings is kept.

use std::collections::BTreeMap;

use super::web::{Id, Layer, Web};

/// How often the columns are swept.
const SWEEPS: usize = 24;
/// Crossings are counted for graphs of up to so many lines; beyond, the last order is taken.
const MOST_COUNTED: usize = 3000;

/// The nodes of each layer from top to bottom; layers without nodes are left out.
pub(super) fn columns(web: &Web) -> Vec<(Layer, Vec<Id>)> {
    let mut columns: Vec<(Layer, Vec<Id>)> = Layer::ALL
        .iter()
        .map(|layer| (*layer, web.nodes.keys().filter(|id| id.0 == *layer).cloned().collect()))
        .filter(|(_, nodes): &(Layer, Vec<Id>)| !nodes.is_empty())
        .collect();
    let mut best = (crossings(web, &columns), columns.clone());
    for sweep in 0..SWEEPS {
        let count = columns.len();
        for index in 0..count {
            // From the left, then from the right.
            let index = if sweep % 2 == 0 { index } else { count - 1 - index };
            // Each column is put beside those that are settled already.
            let places = places(&columns);
            if let Some((layer, nodes)) = columns.get_mut(index) {
                settle(web, *layer, nodes, &places, sweep % 2 == 0);
            }
        }
        let crossed = crossings(web, &columns);
        if crossed < best.0 || web.edges.len() > MOST_COUNTED {
            best = (crossed, columns.clone());
        }
    }
    best.1
}

/// Where each node stands: from 0 at the top to 1.
fn places(columns: &[(Layer, Vec<Id>)]) -> BTreeMap<Id, f64> {
    let mut places = BTreeMap::new();
    for (_, nodes) in columns {
        let most = nodes.len().max(1) as f64;
        for (index, id) in nodes.iter().enumerate() {
            places.insert(id.clone(), (index as f64 + 0.5) / most);
        }
    }
    places
}

/// Orders a column by the middle of the neighbours on one side; who has none stays about where it is.
fn settle(web: &Web, layer: Layer, nodes: &mut [Id], places: &BTreeMap<Id, f64>, from_left: bool) {
    let mut sums: BTreeMap<&Id, (f64, f64)> = BTreeMap::new();
    for (from, to) in web.edges.keys() {
        for (own, other) in [(from, to), (to, from)] {
            if own.0 == layer && (other.0 < layer) == from_left {
                let sum = sums.entry(own).or_default();
                sum.0 += places.get(other).copied().unwrap_or(0.5);
                sum.1 += 1.0;
            }
        }
    }
    let middle = |id: &Id| match sums.get(id) {
        Some((sum, count)) if *count > 0.0 => sum / count,
        _ => places.get(id).copied().unwrap_or(0.5),
    };
    nodes.sort_by(|one, other| middle(one).total_cmp(&middle(other)).then_with(|| one.cmp(other)));
}

/// How many lines cross between neighbouring columns and beyond.
fn crossings(web: &Web, columns: &[(Layer, Vec<Id>)]) -> usize {
    if web.edges.len() > MOST_COUNTED {
        return 0;
    }
    let mut rank: BTreeMap<&Id, (usize, usize)> = BTreeMap::new();
    for (column, (_, nodes)) in columns.iter().enumerate() {
        for (row, id) in nodes.iter().enumerate() {
            rank.insert(id, (column, row));
        }
    }
    let lines: Vec<((usize, usize), (usize, usize))> =
        web.edges.keys().filter_map(|(from, to)| Some((*rank.get(from)?, *rank.get(to)?))).collect();
    let mut crossed = 0;
    for (index, (from, to)) in lines.iter().enumerate() {
        for (other_from, other_to) in lines.iter().skip(index + 1) {
            let same_gap = from.0 == other_from.0 && to.0 == other_to.0;
            if same_gap
                && (from.1 < other_from.1) != (to.1 < other_to.1)
                && from.1 != other_from.1
                && to.1 != other_to.1
            {
                crossed += 1;
            }
        }
    }
    crossed
}
