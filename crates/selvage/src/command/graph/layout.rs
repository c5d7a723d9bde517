//! Where nodes stand: a column for each layer, ordered so that few lines cross. A line that leads past a column has a passage of its own
//! there, so that it runs behind no box. Everything goes to the middle of its neighbours, a few times in both directions, and the order
//! with the fewest crossings is kept. Works on numbers, so that thousands of nodes are no matter.

use std::collections::BTreeMap;

use super::web::{Id, Layer, Web};

/// How often the columns are swept.
const SWEEPS: usize = 24;

/// What stands in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// A node by its number.
    Node(usize),
    /// Room for the line of this number.
    Passage(usize),
}

/// The order of everything.
#[derive(Debug, Default)]
pub(super) struct Layout<'w> {
    /// The nodes by their numbers.
    pub(super) nodes: Vec<&'w Id>,
    /// The lines by their numbers: from which node to which.
    pub(super) lines: Vec<(usize, usize)>,
    /// What stands in each layer from top to bottom; layers without nodes are left out.
    pub(super) columns: Vec<(Layer, Vec<Item>)>,
}

/// The order of a web.
pub(super) fn of(web: &Web) -> Layout<'_> {
    let nodes: Vec<&Id> = web.nodes.keys().collect();
    let numbers: BTreeMap<&Id, usize> = nodes.iter().enumerate().map(|(number, id)| (*id, number)).collect();
    let lines: Vec<(usize, usize)> =
        web.edges.keys().filter_map(|(from, to)| Some((*numbers.get(from)?, *numbers.get(to)?))).collect();
    let layers: Vec<Layer> = Layer::ALL.into_iter().filter(|layer| nodes.iter().any(|id| id.0 == *layer)).collect();
    let column_of: Vec<usize> =
        nodes.iter().map(|id| layers.iter().position(|layer| *layer == id.0).unwrap_or(0)).collect();
    let mut sorting = Sorting::of(&column_of, &lines, layers.len());
    sorting.sweep();
    let items = sorting.items;
    let shown = |column: Vec<usize>| column.into_iter().filter_map(|item| items.get(item).copied()).collect();
    Layout { nodes, lines, columns: layers.into_iter().zip(sorting.columns.into_iter().map(shown)).collect() }
}

/// Columns while they are ordered: numbers of items, and the pieces of lines between columns that are neighbours.
struct Sorting {
    items: Vec<Item>,
    columns: Vec<Vec<usize>>,
    /// For each gap, from which item on its left to which on its right.
    gaps: Vec<Vec<(usize, usize)>>,
}

impl Sorting {
    fn of(column_of: &[usize], lines: &[(usize, usize)], count: usize) -> Self {
        let mut items: Vec<Item> = (0..column_of.len()).map(Item::Node).collect();
        let mut columns: Vec<Vec<usize>> = vec![Vec::new(); count];
        let mut gaps: Vec<Vec<(usize, usize)>> = vec![Vec::new(); count.saturating_sub(1)];
        for (node, column) in column_of.iter().enumerate() {
            columns.get_mut(*column).into_iter().for_each(|column| column.push(node));
        }
        for (line, (from, to)) in lines.iter().enumerate() {
            let (Some(first), Some(last)) = (column_of.get(*from), column_of.get(*to)) else { continue };
            let mut left = *from;
            for column in *first..*last {
                let right = if column + 1 == *last { *to } else { items.len() };
                if right == items.len() {
                    items.push(Item::Passage(line));
                    columns.get_mut(column + 1).into_iter().for_each(|column| column.push(right));
                }
                gaps.get_mut(column).into_iter().for_each(|gap| gap.push((left, right)));
                left = right;
            }
        }
        Self { items, columns, gaps }
    }

    fn sweep(&mut self) {
        let mut best = (self.crossings(), self.columns.clone());
        let count = self.columns.len();
        for sweep in 0..SWEEPS {
            let from_left = sweep % 2 == 0;
            for step in 1..count {
                // Each column is put beside the one that is settled already.
                let column = if from_left { step } else { count - 1 - step };
                self.settle(column, from_left);
            }
            let crossed = self.crossings();
            if crossed < best.0 {
                best = (crossed, self.columns.clone());
            }
        }
        self.columns = best.1;
    }

    /// Where each item stands in its column: from 0 at the top to 1.
    fn places(&self) -> Vec<f64> {
        let mut places = vec![0.5; self.items.len()];
        for column in &self.columns {
            for (row, item) in column.iter().enumerate() {
                if let Some(place) = places.get_mut(*item) {
                    *place = (row as f64 + 0.5) / column.len() as f64;
                }
            }
        }
        places
    }

    /// Orders a column by the middle of its neighbours on one side; who has none stays about where it is.
    fn settle(&mut self, column: usize, from_left: bool) {
        let places = self.places();
        let mut sums = vec![(0.0, 0.0); self.items.len()];
        let gap = if from_left { column.checked_sub(1) } else { Some(column) };
        for (left, right) in gap.and_then(|gap| self.gaps.get(gap)).into_iter().flatten() {
            let (own, other) = if from_left { (*right, *left) } else { (*left, *right) };
            if let (Some(sum), Some(place)) = (sums.get_mut(own), places.get(other)) {
                *sum = (sum.0 + place, sum.1 + 1.0);
            }
        }
        let middle = |item: usize| match sums.get(item) {
            Some((sum, count)) if *count > 0.0 => sum / count,
            _ => places.get(item).copied().unwrap_or(0.5),
        };
        if let Some(items) = self.columns.get_mut(column) {
            items.sort_by(|one, other| middle(*one).total_cmp(&middle(*other)).then_with(|| one.cmp(other)));
        }
    }

    /// How many lines cross between the columns.
    fn crossings(&self) -> usize {
        let mut rows = vec![0; self.items.len()];
        for column in &self.columns {
            for (row, item) in column.iter().enumerate() {
                rows.get_mut(*item).into_iter().for_each(|place| *place = row);
            }
        }
        let row = |item: usize| rows.get(item).copied().unwrap_or(0);
        let of_gap = |gap: &Vec<(usize, usize)>| {
            let mut pieces: Vec<(usize, usize)> = gap.iter().map(|(left, right)| (row(*left), row(*right))).collect();
            pieces.sort_unstable();
            inversions(&pieces.into_iter().map(|(_, right)| right).collect::<Vec<_>>())
        };
        self.gaps.iter().map(of_gap).sum()
    }
}

/// How many pairs stand the other way round: each row counts those that went before it and stand further down.
fn inversions(rows: &[usize]) -> usize {
    let mut tree = vec![0_usize; rows.iter().max().map_or(0, |most| most + 2)];
    let (mut crossed, mut before) = (0, 0);
    for row in rows {
        let (mut at, mut above) = (row + 1, 0);
        while at > 0 {
            above += tree.get(at).copied().unwrap_or(0);
            at &= at - 1;
        }
        crossed += before - above;
        before += 1;
        at = row + 1;
        while let Some(count) = tree.get_mut(at) {
            *count += 1;
            at += at & at.wrapping_neg();
        }
    }
    crossed
}

#[cfg(test)]
mod tests {
    use super::super::web::Node;
    use super::*;

    type End = (Layer, &'static str);

    fn web(edges: &[(End, End)]) -> Web {
        let mut web = Web::default();
        for (from, to) in edges {
            let [from, to] = [from, to].map(|(layer, name)| (*layer, (*name).to_owned()));
            web.nodes.insert(from.clone(), Node::default());
            web.nodes.insert(to.clone(), Node::default());
            web.edges.entry((from, to)).or_default().insert("x".to_owned());
        }
        web
    }

    #[test]
    fn what_crosses_needlessly_is_put_right() {
        use Layer::{Consumer, Interface};
        let web = web(&[
            ((Consumer, "a"), (Interface, "z")),
            ((Consumer, "b"), (Interface, "y")),
            ((Consumer, "c"), (Interface, "x")),
        ]);
        let layout = of(&web);
        let names = |column: usize| -> Vec<&str> {
            let items = layout.columns[column].1.iter();
            items
                .filter_map(
                    |item| if let Item::Node(node) = item { Some(layout.nodes[*node].1.as_str()) } else { None },
                )
                .collect()
        };
        assert_eq!((names(0).concat(), names(1).concat()), ("abc".to_owned(), "zyx".to_owned()));
    }

    #[test]
    fn a_line_that_leads_past_a_column_has_room_there() {
        use Layer::{Interface, Object, System};
        let web = web(&[
            ((Interface, "a"), (Object, "o")),
            ((Object, "o"), (System, "s")),
            ((Interface, "b"), (System, "s")),
        ]);
        let layout = of(&web);
        let passages =
            |column: usize| layout.columns[column].1.iter().filter(|it| matches!(it, Item::Passage(_))).count();
        assert_eq!([passages(0), passages(1), passages(2)], [0, 1, 0]);
    }

    #[test]
    fn crossings_are_counted_as_pairs() {
        for (rows, crossed) in
            [(vec![], 0), (vec![0, 1, 2], 0), (vec![2, 1, 0], 3), (vec![1, 1, 0, 3], 2), (vec![0, 0], 0)]
        {
            assert_eq!(inversions(&rows), crossed, "{rows:?}");
        }
    }
}
